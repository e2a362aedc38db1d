# SPDX-License-Identifier: Apache-2.0
"""Cameras' places from a walker alone, and the joints that are fused with them, against measured ones."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.photographs import WALK_JOINTS, clip_bgr

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.estimation.runtimes.runtime import RuntimeOptions
from blazepose_ros.core.extrinsics.alignment import CameraPlace
from blazepose_ros.core.extrinsics.calibration import ExtrinsicCalibration, calibrate_cameras
from blazepose_ros.core.extrinsics.sightings import CameraSightings
from blazepose_ros.core.fusion.fusion_pipeline import FusionOptions, fuse
from blazepose_ros.core.fusion.sightings import CameraView
from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.core.types import Frame, ModelComplexity, Pose

CLIPS = ("pose2sim_cam01", "pose2sim_cam02", "pose2sim_cam04")
FPS, EVERY, START_NS = 60, 2, 1_000_000_000
WRONG_DEG, WRONG_M = 4.0, 0.10
# In the mean of the pairs, of none of them, and of three cameras.
PAIRS_CM, PAIR_CM, THREE_CM = 6.0, 7.0, 5.5


class SeenClip(NamedTuple):
    """What a camera sees of the walker, and what is true."""

    name: str
    lens: CameraModel
    people: dict[int, list[Pose]]
    truth: Any

    @property
    def place(self) -> CameraPlace:
        """Where it is, as the world sees it."""
        known = self.truth["world_to_camera"]
        return CameraPlace(np.array(known["R"]), np.array(known["t"]))

    @property
    def sightings(self) -> CameraSightings:
        return CameraSightings.of(self.name, self.lens, self.people)


@pytest.fixture(scope="module")
def clips(data: Path, models: dict[ModelComplexity, bytes]) -> list[SeenClip]:
    pytest.importorskip("openvino")
    return [seen(data, models[ModelComplexity.FULL], name) for name in CLIPS]


def seen(data: Path, model: bytes, name: str) -> SeenClip:
    truth = json.loads((data / "expected" / f"{name}_refined.json").read_text())
    estimator = choose_estimator("openvino", EstimatorOptions(model), RuntimeOptions()).estimator
    pipeline, people = PersonPipeline(PipelineOptions()), {}
    width, height = truth["image_size_px"]
    lens = CameraModel(width, height, np.array(truth["K"]), tuple(truth["distortion_plumb_bob"]))
    for index, bgr in enumerate(clip_bgr(data / "videos" / f"{name}.mp4")):
        if index % EVERY == 0:
            stamp_ns = START_NS + index * 1_000_000_000 // FPS
            frame = Frame(np.ascontiguousarray(bgr[:, :, ::-1]), stamp_ns)
            people[stamp_ns] = pipeline.update(frame, estimator.estimate(frame), FrameContext(lens))
    estimator.close()
    return SeenClip(name, lens, people, truth)


def wrong_guess(clips: Sequence[SeenClip], seed: int) -> dict[str, CameraPlace]:
    """Return places of which all but the first are wrong, each in a direction of its own."""
    rng, guess = np.random.default_rng(seed), {}
    for clip in clips:
        axis, off = (each / np.linalg.norm(each) for each in rng.normal(size=(2, 3)))
        is_first = clip is clips[0]
        turn = Rotation.from_rotvec((0.0 if is_first else np.radians(WRONG_DEG)) * axis).as_matrix()
        rotation = turn @ clip.place.rotation
        center = clip.place.center + (0.0 if is_first else WRONG_M * off)
        guess[clip.name] = CameraPlace(rotation, -rotation @ center)
    return guess


def joints_off_cm(clips: Sequence[SeenClip], places: Sequence[CameraPlace], clocks_s: Any) -> float:
    """Return how far fused joints are from the measured ones; the first camera is where it truly is."""
    first = clips[0].place
    views = []
    for clip, place, clock_s in zip(clips, places, clocks_s, strict=True):
        found = place.after(first)
        pose = Rigid(found.rotation, found.translation).inverse()
        for stamp_ns, people in clip.people.items():
            corrected_ns = stamp_ns - round(clock_s * 1e9)
            views.append(CameraView(clip.name, corrected_ns, pose, tuple(people), clip.lens))
    options = FusionOptions(rate_hz=0.0, reference_camera=clips[0].name, correct_clocks=False)
    inverse, errors = Rigid(first.rotation, first.translation).inverse(), []
    for fused in fuse(sorted(views, key=lambda view: view.stamp_ns), options):
        index = round((fused.stamp_ns - START_NS) * FPS / 1e9)
        for person in fused.people[:1]:
            assert person.hip_center is not None
            points = person.world + person.hip_center.position
            for name, landmark in WALK_JOINTS.items():
                true = np.array(clips[0].truth["joints_camera_m"][name][index])
                in_world = inverse.rotation @ true + inverse.translation
                errors.append(float(np.linalg.norm(points[landmark] - in_world)))
    return 100.0 * float(np.mean(errors))


def check(clips: Sequence[SeenClip], found: ExtrinsicCalibration, what: str) -> float:
    assert [camera.name for camera in found.cameras] == [clip.name for clip in clips]
    places = [camera.place for camera in found.cameras]
    off_cm = joints_off_cm(clips, places, [place.offset_s for place in places])
    names = "+".join(clip.name[-1] for clip in clips)
    print(f"cameras {names}, {what}: joints {off_cm:.1f} cm off")  # noqa: T201
    return off_cm


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_joints_are_where_they_are_by_the_places_that_were_found(
    clips: list[SeenClip], seed: int | None
) -> None:
    """From nothing, and from places that are 4 degrees and 10 cm wrong."""
    what = "from nothing" if seed is None else f"from {WRONG_DEG:g} degrees and {100 * WRONG_M:g} cm wrong"
    pairs = []
    for chosen in (*itertools.combinations(clips, 2), tuple(clips)):
        guess = None if seed is None else wrong_guess(chosen, seed)
        off_cm = check(chosen, calibrate_cameras([clip.sightings for clip in chosen], guess), what)
        if len(chosen) == 2:
            pairs.append(off_cm)
        else:
            assert off_cm <= THREE_CM
    assert np.mean(pairs) <= PAIRS_CM
    assert max(pairs) <= PAIR_CM


def test_what_wrong_places_cost_without_it(clips: list[SeenClip]) -> None:
    guess = wrong_guess(clips, 0)
    reference = guess[clips[0].name].inverse()
    places = [guess[clip.name].after(reference) for clip in clips]
    assert joints_off_cm(clips, places, [0.0] * 3) > THREE_CM + 2.0
