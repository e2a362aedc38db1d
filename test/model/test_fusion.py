# SPDX-License-Identifier: Apache-2.0
"""People whom several real cameras see, against places measured with four cameras."""

import itertools
import json
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.photographs import clip_bgr

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.estimation.runtimes.runtime import RuntimeOptions
from blazepose_ros.core.fusion.fusion_pipeline import FusedPeople, FusionOptions, FusionPipeline
from blazepose_ros.core.fusion.sightings import CameraView
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.core.types import Frame, ModelComplexity, Pose, covariance_matrices

CLIPS = ("cam01", "cam02", "cam04")
PAIRS = list(combinations(CLIPS, 2))
FPS, EVERY, START_NS = 60, 2, 1_000_000_000
LIMBS = ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")
JOINTS = {
    f"{side[0]}{limb}": Landmark[f"{side}_{limb}".upper()] for limb in LIMBS for side in ("LEFT", "RIGHT")
}
HIPS = ("LHip", "RHip")
WITH_IMAGES = FusionOptions(rate_hz=FPS / EVERY)


class Walk:
    """What Full sees in the clips, where the cameras are, and what is true."""

    def __init__(self, data: Path, model: bytes, clips: str = "pose2sim_{}", people: int = 1) -> None:
        self.views: list[CameraView] = []
        for name in CLIPS:
            truth = json.loads((data / "expected" / f"pose2sim_{name}_refined.json").read_text())
            width, height = truth["image_size_px"]
            lens = CameraModel(
                width, height, np.reshape(truth["K"], (3, 3)), tuple(truth["distortion_plumb_bob"])
            )
            rotation = np.array(truth["world_to_camera"]["R"]).T
            pose = Rigid(rotation, -rotation @ np.array(truth["world_to_camera"]["t"]))
            self.joints = {
                joint: np.array(truth["joints_camera_m"][joint]) @ rotation.T + pose.translation
                for joint in JOINTS
            }
            clip = data / "videos" / f"{clips.format(name)}.mp4"
            self.views += [
                CameraView(name, stamp_ns, pose, found, lens.scaled_to(*size))
                for stamp_ns, found, size in seen(clip, model, lens, people)
            ]

    def fused(
        self, *cameras: str, pipeline: FusionPipeline | None = None, **late_s: float
    ) -> list[FusedPeople]:
        """Return the fused people, of cameras whose stamps may be late."""
        pipeline = pipeline or FusionPipeline(WITH_IMAGES)
        views = [
            replace(view, stamp_ns=view.stamp_ns + round(1e9 * late_s.get(view.camera, 0.0)))
            for view in self.views
            if view.camera in cameras
        ]
        outputs = []
        for view in sorted(views, key=lambda each: each.stamp_ns):
            outputs += pipeline.update(view)
        return outputs + pipeline.finish()

    def errors(self, outputs: list[FusedPeople]) -> Iterator[tuple[Any, Any, Pose]]:
        """Yield where each joint of the only person is from where it was, (12, 3), that, and the person."""
        for fused in outputs:
            (person,) = fused.people
            at = (fused.stamp_ns - START_NS) * FPS / 1e9
            index = min(int(at), 98)
            true = np.array(
                [
                    points[index] + (at - index) * (points[index + 1] - points[index])
                    for points in self.joints.values()
                ]
            )
            assert person.hip_center is not None
            found = (person.world + person.hip_center.position)[list(JOINTS.values())]
            yield found - true, true, person


def seen(clip: Path, model: bytes, lens: CameraModel, people: int) -> Iterator[Any]:
    """Yield stamp, people and size of every second image."""
    options = EstimatorOptions(model, num_poses=people)
    estimator = choose_estimator("openvino", options, RuntimeOptions()).estimator
    pipeline = PersonPipeline(PipelineOptions())
    for index, bgr in enumerate(clip_bgr(clip)):
        if index % EVERY == 0:
            frame = Frame(np.ascontiguousarray(bgr[:, :, ::-1]), START_NS + index * 1_000_000_000 // FPS)
            size = (frame.width, frame.height)
            found = pipeline.update(frame, estimator.estimate(frame), FrameContext(lens.scaled_to(*size)))
            yield frame.stamp_ns, tuple(found), size
    estimator.close()


@pytest.fixture(scope="module")
def walk(data: Path, models: dict[ModelComplexity, bytes]) -> Walk:
    pytest.importorskip("openvino")
    return Walk(data, models[ModelComplexity.FULL])


def joints_cm(walk: Walk, *cameras: str, **options: Any) -> float:
    off = [error for error, _, _ in walk.errors(walk.fused(*cameras, **options))]
    off_cm = 100.0 * float(np.linalg.norm(off, axis=2).mean())
    late = "".join(f", {name} late" for name in options if name in CLIPS)
    print(f"cameras {'+'.join(cameras)}{late}: joints {off_cm:.1f} cm off")  # noqa: T201
    return off_cm


def test_two_cameras_place_the_joints_within_centimeters(walk: Walk) -> None:
    errors = [joints_cm(walk, *pair) for pair in PAIRS]
    assert max(errors) < 7.0
    assert np.mean(errors) < 5.5


def test_three_cameras_do_so_better(walk: Walk) -> None:
    assert joints_cm(walk, *CLIPS) < 4.5


def test_the_hips_are_where_they_are_but_for_what_the_model_calls_a_hip(walk: Walk) -> None:
    indices = [list(JOINTS).index(hip) for hip in HIPS]
    for cameras in (*PAIRS, CLIPS):
        off = [error[indices].mean(axis=0) for error, _, _ in walk.errors(walk.fused(*cameras))]
        assert 100.0 * np.linalg.norm(off, axis=1).mean() < 4.5


def test_elbows_and_knees_bend_as_they_do(walk: Walk) -> None:
    pairs = []
    for cameras in (*PAIRS, CLIPS):
        off_deg = angles_off_deg(walk, *cameras)
        for limb, each in off_deg.items():
            print(  # noqa: T201
                f"cameras {'+'.join(cameras)}: {limb}s {np.median(each):.1f} degrees off in the median,"
                f" {each.mean():.1f} in the mean, {np.percentile(each, 90):.1f} at 90 %"
            )
        pairs.append({limb: (np.median(each), each.mean()) for limb, each in off_deg.items()})
    *two, three = pairs
    elbows, knees = (np.mean([each[limb] for each in two], axis=0) for limb in ("elbow", "knee"))
    assert elbows[0] < 6.0  # in the median
    assert elbows[1] < 6.5  # in the mean
    assert knees[1] < 8.0
    assert three["elbow"][1] < 5.0
    assert three["knee"][1] < 8.0


def angles_off_deg(walk: Walk, *cameras: str) -> dict[str, Any]:
    """Return how far the angles of elbows and knees are off, degrees."""
    pairs = [(true + off, true) for off, true, _ in walk.errors(walk.fused(*cameras))]
    chains = {"elbow": ("Shoulder", "Elbow", "Wrist"), "knee": ("Hip", "Knee", "Ankle")}
    return {
        limb: np.array(
            [
                abs(bend_deg(found, side, joints) - bend_deg(true, side, joints))
                for found, true in pairs
                for side in "LR"
            ]
        )
        for limb, joints in chains.items()
    }


def bend_deg(points: Any, side: str, joints: tuple[str, ...]) -> float:
    """Return the angle at the second of three joints of a side."""
    first, middle, last = (points[list(JOINTS).index(side + joint)] for joint in joints)
    one, other = first - middle, last - middle
    return float(np.degrees(np.arccos(one @ other / np.linalg.norm(one) / np.linalg.norm(other))))


def test_the_covariances_are_as_large_as_the_errors_are(walk: Walk) -> None:
    landmarks = list(JOINTS.values())
    for cameras in (*PAIRS, CLIPS):
        squares = []
        for off, _, person in walk.errors(walk.fused(*cameras)):
            covariances = covariance_matrices(person.landmark_covariances[landmarks].astype(float))
            squares.append(np.einsum("li,lij,lj->l", off, np.linalg.inv(covariances), off) / 3)
        assert 0.5 < np.mean(squares) < 2.0


def test_a_camera_that_is_late_costs_little_once_that_is_known(walk: Walk) -> None:
    for camera in ("cam02", "cam04"):
        in_time, pipeline = joints_cm(walk, "cam01", camera), FusionPipeline(WITH_IMAGES)
        walk.fused("cam01", camera, pipeline=pipeline, **{camera: 0.03})
        assert pipeline.offsets[camera].offset_s == pytest.approx(0.03, abs=0.01)
        assert joints_cm(walk, "cam01", camera, pipeline=pipeline, **{camera: 0.03}) < in_time + 0.5


def test_extrinsics_that_are_a_little_off_leave_one_person_within_reach(walk: Walk) -> None:
    rng = np.random.default_rng(7)
    wrong = {}
    for camera in CLIPS:
        turn, shift = (vector / np.linalg.norm(vector) for vector in rng.normal(size=(2, 3)))
        wrong[camera] = Rotation.from_rotvec(np.radians(0.5) * turn).as_matrix(), 0.01 * shift
    off = Walk.__new__(Walk)
    off.joints = walk.joints
    off.views = [
        replace(
            view,
            camera_pose=Rigid(
                view.camera_pose.rotation @ wrong[view.camera][0],
                view.camera_pose.translation + wrong[view.camera][1],
            ),
        )
        for view in walk.views
    ]
    assert np.mean([joints_cm(off, *pair) for pair in PAIRS]) < 8.5
    assert joints_cm(off, *CLIPS) < 6.5


@pytest.fixture(scope="module")
def two_people(data: Path, models: dict[ModelComplexity, bytes]) -> Walk:
    pytest.importorskip("openvino")
    return Walk(data, models[ModelComplexity.FULL], "pose2sim_two_{}", people=2)


@pytest.mark.parametrize("cameras", [*PAIRS, CLIPS], ids="+".join)
def test_two_people_are_two_and_each_is_who_they_were(two_people: Walk, cameras: tuple[str, ...]) -> None:
    views = {(view.camera, view.stamp_ns): view for view in two_people.views}
    called: dict[int, set[tuple[str, int]]] = {}
    for fused in two_people.fused(*cameras):
        assert len(fused.people) == 2
        for person in fused.people:
            for camera in cameras:
                if view := views.get((camera, fused.stamp_ns)):
                    called.setdefault(person.person_id, set()).add((camera, whose(person, view)))
    names = list(called.values())
    assert [len(each) for each in names] == [len(cameras)] * 2
    assert not names[0] & names[1]


STEP_M = 0.10


@pytest.mark.parametrize("cameras", [*PAIRS, CLIPS], ids="+".join)
def test_a_camera_that_calls_people_by_each_others_ids_moves_nobody(
    two_people: Walk, cameras: tuple[str, ...]
) -> None:
    """From the moment on, or of one whom it loses besides."""
    for camera, first_ns in itertools.product(cameras, (START_NS + 400_000_000, START_NS + 900_000_000)):
        for calls in ({1: 2, 2: 1}, {1: 2}, {2: 1}):
            exchanged = copy(two_people)
            exchanged.views = [
                called(view, calls) if view.camera == camera and view.stamp_ns >= first_ns else view
                for view in two_people.views
            ]
            last: dict[int, Any] = {}
            for fused in exchanged.fused(*cameras):
                assert len(fused.people) == 2
                hips = {each.person_id: each.hip_center.position for each in fused.people if each.hip_center}
                assert all(
                    np.linalg.norm(hips[number] - last.get(number, hips[number])) < STEP_M for number in hips
                )
                last = hips
            assert set(last) == {1, 2}


def called(view: CameraView, calls: dict[int, int]) -> CameraView:
    """Return an image whose people a camera calls by other ids, without those who are not named."""
    people = [each for each in view.people if each.person_id in calls]
    return replace(view, people=tuple(replace(each, person_id=calls[each.person_id]) for each in people))


def whose(person: Pose, view: CameraView) -> int:
    """Return the id of the camera's person who is where a fused one is in its image."""
    assert person.hip_center is not None
    assert view.lens is not None
    places = person.world + person.hip_center.position
    pixels = view.lens.project((places - view.camera_pose.translation) @ view.camera_pose.rotation)
    return min(
        view.people, key=lambda each: float(np.linalg.norm(each.screen[:, :2] - pixels, axis=1).mean())
    ).person_id
