# SPDX-License-Identifier: Apache-2.0
"""A walker on a floor that the camera's place is known over, against places measured with four cameras."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.photographs import WALK_JOINTS, clip_bgr

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.estimation.runtimes.runtime import RuntimeOptions
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.placement import bone_length_range, hip_localizer
from blazepose_ros.core.placement.floor_range import Floor
from blazepose_ros.core.types import Frame, ModelComplexity, Pose, covariance_matrices

CLIPS = ("pose2sim_cam01", "pose2sim_cam02", "pose2sim_cam04")
FPS, EVERY = 60, 2  # images
# The walker's beam is so high above the floor: it is what the feet are on.
BEAM_M = 0.065
# The median and nine in ten images, in percent of the distance.
Limits = tuple[float, float]
ON_FLOOR: dict[ModelComplexity, Limits] = {
    ModelComplexity.LITE: (2.7, 5.5),
    ModelComplexity.FULL: (2.3, 4.5),
    ModelComplexity.HEAVY: (2.7, 5.5),
}
STRANGER = 0.5  # more
FEET = [landmark for landmark in Landmark if landmark >= Landmark.LEFT_ANKLE]
HIDDEN_FROM_S = 0.8
JUMP = range(40, 67)  # images of the clip: 0.45 s in the air
JUMP_M = 0.25

Change = Callable[[int, Pose], Pose]


@dataclass(frozen=True)
class Clip:
    """What a model sees in a clip, and what is true."""

    poses: dict[int, list[Pose]]
    camera: CameraModel
    truth: Any

    @property
    def up(self) -> Any:
        up = np.array(self.truth["up_in_camera"])
        return up / np.linalg.norm(up)

    def floor(self, tilt_deg: float = 0.0) -> Floor:
        up = Rotation.from_euler("x", tilt_deg, degrees=True).apply(self.up)
        return Floor(up, self.truth["camera_height_over_floor_m"] - BEAM_M)

    def hips(self, index: int) -> Any:
        return np.array(self.truth["hip_center_camera_m"][index])

    def people(
        self, complexity: ModelComplexity, floor: Floor | None, change: Change = lambda _, pose: pose
    ) -> dict[int, Pose]:
        """Return the placed person of each image in which there is one."""
        pipeline = PersonPipeline(PipelineOptions(model=complexity))
        gray = np.full((self.camera.height, self.camera.width, 3), 128, np.uint8)
        context, placed = FrameContext(self.camera, None, floor), {}
        for index, poses in self.poses.items():
            frame = Frame(gray, 1_000_000_000 + index * 1_000_000_000 // FPS)
            people = pipeline.update(frame, [change(index, pose) for pose in poses], context)
            if people:
                placed[index] = people[0]
        return placed

    def errors(self, people: dict[int, Pose], rise_m: Callable[[int], float] = lambda _: 0.0) -> list[float]:
        """Return the errors of the hips in percent of the distance."""
        percent = []
        for index, person in people.items():
            true_m = self.hips(index) + self.up * rise_m(index)
            assert person.hip_center is not None
            wrong = np.linalg.norm(person.hip_center.position - true_m)
            percent.append(100.0 * float(wrong / np.linalg.norm(true_m)))
        return percent

    def chi_square(self, people: dict[int, Pose]) -> float:
        """Return the mean of the normalised squared error over its expectation, 3 for 3 dimensions."""
        squares = []
        for index, person in people.items():
            assert person.hip_center is not None
            wrong = person.hip_center.position - self.hips(index)
            squares.append(wrong @ np.linalg.solve(person.hip_center.covariance, wrong))
        return float(np.mean(squares)) / 3.0


Clips = Callable[[ModelComplexity], list[Clip]]


@pytest.fixture(scope="module")
def clips(data: Path, models: dict[ModelComplexity, bytes]) -> Clips:
    """What a model sees in the clips, once it is asked for."""
    pytest.importorskip("openvino")
    return cache(lambda complexity: [seen(data, models[complexity], complexity, name) for name in CLIPS])


def seen(data: Path, model: bytes, complexity: ModelComplexity, name: str) -> Clip:
    truth = json.loads((data / "expected" / f"{name}_refined.json").read_text())
    options = EstimatorOptions(model, model_complexity=complexity)
    estimator = choose_estimator("openvino", options, RuntimeOptions()).estimator
    poses = {
        index: estimator.estimate(Frame(np.ascontiguousarray(bgr[:, :, ::-1]), index * 1_000_000_000 // FPS))
        for index, bgr in enumerate(clip_bgr(data / "videos" / f"{name}.mp4"))
        if index % EVERY == 0
    }
    estimator.close()
    width, height = truth["image_size_px"]
    k = np.reshape(truth["K"], (3, 3))
    return Clip(poses, CameraModel(width, height, k, tuple(truth["distortion_plumb_bob"])), truth)


def hide_feet(index: int, pose: Pose) -> Pose:
    if index < HIDDEN_FROM_S * FPS:
        return pose
    visibility = pose.visibility.copy()
    visibility[FEET] = 0.1
    return replace(pose, visibility=visibility)


def rise_m(index: int) -> float:
    """Return how high the walker is in the air, were they to jump."""
    share = (index - JUMP.start) / (len(JUMP) - 1)
    return JUMP_M * max(0.0, 4.0 * share * (1.0 - share))


def jump(clip: Clip) -> Change:
    """Return what moves a person in the image as a jump would."""

    def moved(index: int, pose: Pose) -> Pose:
        rays = clip.camera.normalize(pose.screen[:, :2] - 0.5)
        depths_m = clip.hips(index)[2] + pose.world[:, 2:]
        points = np.column_stack([rays, np.ones(len(rays))]) * depths_m + clip.up * rise_m(index)
        screen = pose.screen.copy()
        screen[:, :2] = clip.camera.project(points) + 0.5
        return replace(pose, screen=screen)

    return moved


@pytest.fixture
def mean_stature(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what changes how tall the mean person is held to be."""
    fractions = bone_length_range._LENGTHS_M / bone_length_range.MEAN_STATURE_M

    def change(stature_m: float) -> None:
        monkeypatch.setattr(bone_length_range, "_LENGTHS_M", fractions * stature_m)
        monkeypatch.setattr(hip_localizer, "MEAN_STATURE_M", stature_m)

    return change


def check(name: str, complexity: ModelComplexity, errors: list[list[float]], limits: Limits) -> None:
    """Print the figures of each camera, and hold those of all together against limits."""
    everything = [each for camera in errors for each in camera]
    figures = [np.percentile(each, [50, 90]).tolist() for each in (*errors, everything)]
    *cameras, (median, most) = figures
    single = ", ".join(f"{low:.1f} / {high:.1f}" for low, high in cameras)
    print(f"{complexity.name}, {name}: {median:.1f} / {most:.1f} % of the distance ({single})")  # noqa: T201
    assert median <= limits[0]
    assert most <= limits[1]


@pytest.mark.parametrize("complexity", ModelComplexity)
@pytest.mark.parametrize("stature_m", [1.40, 1.70, 2.05])
def test_on_a_floor_everybody_is_where_they_are_however_tall_the_mean_person(
    clips: Clips, mean_stature: Any, complexity: ModelComplexity, stature_m: float
) -> None:
    mean_stature(stature_m)
    errors, statures_m = [], []
    for clip in clips(complexity):
        people = clip.people(complexity, clip.floor())
        errors.append(clip.errors(people))
        last = people[max(people)]
        statures_m.append(last.stature_m)
        assert abs(last.stature_m - 1.68) < 2.5 * last.stature_std_m < 0.2
    median, most = ON_FLOOR[complexity]
    more = 0.0 if stature_m == 1.70 else STRANGER
    found = ", ".join(f"{each:.2f}" for each in statures_m)
    check(f"mean {stature_m} m, found {found} m", complexity, errors, (median + more, most + more))


@pytest.mark.parametrize("complexity", ModelComplexity)
@pytest.mark.parametrize("tilt_deg", [-0.5, 0.5])
def test_a_plane_that_is_tilted_by_half_a_degree_does_little_harm(
    clips: Clips, complexity: ModelComplexity, tilt_deg: float
) -> None:
    errors = [clip.errors(clip.people(complexity, clip.floor(tilt_deg))) for clip in clips(complexity)]
    # By the floor Heavy puts the walker 1.5 % too near, and half a degree adds to that.
    median = 3.5 if complexity is ModelComplexity.HEAVY else 3.0
    check(f"tilted by {tilt_deg} degrees", complexity, errors, (median, 5.5))


@pytest.mark.parametrize("complexity", ModelComplexity)
@pytest.mark.parametrize("stature_m", [1.40, 1.70, 2.05])
def test_when_feet_are_hidden_the_stature_is_known(
    clips: Clips, mean_stature: Any, complexity: ModelComplexity, stature_m: float
) -> None:
    mean_stature(stature_m)
    errors = []
    for clip in clips(complexity):
        people = clip.people(complexity, clip.floor(), hide_feet)
        hidden = {index: person for index, person in people.items() if index >= HIDDEN_FROM_S * FPS}
        errors.append(clip.errors(hidden))
    more = 0.0 if stature_m == 1.70 else STRANGER
    check(f"feet hidden, mean {stature_m} m", complexity, errors, (3.0 + more, 6.0 + more))


@pytest.mark.parametrize("complexity", ModelComplexity)
def test_a_jump_is_no_step_back(clips: Clips, complexity: ModelComplexity) -> None:
    errors = []
    for clip in clips(complexity):
        people = clip.people(complexity, clip.floor(), jump(clip))
        errors.append(clip.errors({index: people[index] for index in JUMP if index in people}, rise_m))
    check("in the air", complexity, errors, (4.0, 7.5))


@pytest.mark.parametrize("complexity", ModelComplexity)
def test_covariances_of_hips_hold_with_and_without_the_floor(
    clips: Clips, complexity: ModelComplexity
) -> None:
    for name, clip in zip(CLIPS, clips(complexity), strict=True):
        ratios = [clip.chi_square(clip.people(complexity, floor)) for floor in (None, clip.floor())]
        print(  # noqa: T201
            f"{complexity.name}, {name}: chi-square {ratios[0]:.2f} of its expectation, with the floor"
            f" {ratios[1]:.2f}"
        )
        # Lite on camera 4 is better than it knows: the hips are 1.4 cm off across the ray.
        least = 0.35 if (complexity, name) == (ModelComplexity.LITE, CLIPS[2]) else 0.5
        assert all(least <= ratio <= 2.0 for ratio in ratios)


@pytest.mark.parametrize(
    ("complexity", "clip_number"),
    [
        # On camera 2 Lite and Full exchange left and right.
        *((each, number) for each in ModelComplexity for number in (0, 2)),
        (ModelComplexity.HEAVY, 1),
    ],
)
def test_covariances_of_landmarks_in_space_hold(
    clips: Clips, complexity: ModelComplexity, clip_number: int
) -> None:
    clip = clips(complexity)[clip_number]
    members, ratios = list(WALK_JOINTS.values()), []
    for floor in (None, clip.floor()):
        squares = []
        for index, person in clip.people(complexity, floor).items():
            assert person.hip_center is not None
            true_m = np.array([clip.truth["joints_camera_m"][name][index] for name in WALK_JOINTS])
            wrong = (person.world + person.hip_center.position)[members] - true_m
            covariances = covariance_matrices(person.landmark_covariances[members].astype(float))
            squared = np.einsum("ni,nij,nj->n", wrong, np.linalg.inv(covariances), wrong)
            squares += squared[person.visibility[members] > 0.5].tolist()
        ratios.append(float(np.mean(squares)) / 3.0)
    print(f"{complexity.name}, {CLIPS[clip_number]}: landmarks' chi-square {ratios} of its expectation")  # noqa: T201
    assert all(0.5 <= ratio <= 2.0 for ratio in ratios)


def test_half_a_degree_is_what_the_covariance_allows_for(clips: Clips) -> None:
    for clip in clips(ModelComplexity.FULL):
        for tilt_deg in (-0.5, 0.5):
            ratio = clip.chi_square(clip.people(ModelComplexity.FULL, clip.floor(tilt_deg)))
            assert 0.5 <= ratio <= 2.0
    assert math.isclose(clips(ModelComplexity.FULL)[0].floor().tilt_std, math.radians(0.5))


@pytest.mark.parametrize("complexity", ModelComplexity)
def test_the_velocity_of_hips_is_within_its_covariance(clips: Clips, complexity: ModelComplexity) -> None:
    """The truth is a mean over 0.2 s; the first half second is left out."""
    squares, wrong_m_s = [], []
    for clip in clips(complexity):
        for index, person in clip.people(complexity, clip.floor()).items():
            if index < 30 or index >= 94:
                continue
            assert person.hip_center is not None
            true_m_s = (clip.hips(index + 6) - clip.hips(index - 6)) * FPS / 12
            wrong = person.hip_center.velocity - true_m_s
            wrong_m_s.append(np.linalg.norm(wrong))
            squares.append(wrong @ np.linalg.solve(person.hip_center.velocity_covariance, wrong))
    ratio = float(np.mean(squares)) / 3.0
    print(f"{complexity.name}: velocity off by {np.median(wrong_m_s):.2f} m/s, chi-square {ratio:.2f}")  # noqa: T201
    assert np.median(wrong_m_s) < 0.4
    assert 0.5 <= ratio <= 2.0
