# SPDX-License-Identifier: Apache-2.0
"""BlazePose's own pipeline finds what MediaPipe finds, on every backend there is."""

import importlib.util
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.photographs import (
    as_pose,
    frames,
    labelled_people,
    model_name,
    passage,
    read_rgb,
    reference_poses,
)

from blazepose_ros.cli.eval.pdj import WITHOUT_VISIBILITY, detected_joints, nearest_person
from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.types import Frame, ModelComplexity

LIBRARIES = {"openvino": "openvino", "litert": "ai_edge_litert"}
REFERENCE_SIDE_PX = 640  # distances are those in an image with this longer side
FULL = ModelComplexity.FULL


@pytest.fixture(scope="module", params=LIBRARIES)
def backend(request: pytest.FixtureRequest) -> Any:
    if importlib.util.find_spec(LIBRARIES[request.param]) is None:
        pytest.skip(f"{request.param} is not installed")
    return request.param


@pytest.fixture(scope="module", params=ModelComplexity, ids=model_name)
def complexity(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def make(models: dict[ModelComplexity, bytes]) -> Iterator[Any]:
    """Create estimators and close them after the test."""
    created = []

    def create(backend: Any, complexity: Any, **options: Any) -> Any:
        estimator = choose_estimator(backend, EstimatorOptions(models[complexity], **options)).estimator
        created.append(estimator)
        return estimator

    yield create
    for estimator in created:
        estimator.close()


def distances_px(pose: Any, other: Any, frame: Any) -> Any:
    scale = REFERENCE_SIDE_PX / max(frame.width, frame.height)
    return np.linalg.norm(pose.screen[:, :2] - other.screen[:, :2], axis=1) * scale


def one_frame(estimator: Any, frame: Any) -> Any:
    """Return the people in a frame that has nothing to do with the one before."""
    estimator.reset()
    return estimator.estimate(frame)


def test_every_photograph_gives_the_poses_that_mediapipe_gives(
    backend: Any, complexity: Any, make: Any, data: Path
) -> None:
    estimator = make(backend, complexity, min_detection_confidence=0.5, sure_confidence=0.5)
    people = 0
    for file, by_model in reference_poses(data).items():
        frame = Frame(read_rgb(data / file), 0)
        poses, reference = one_frame(estimator, frame), by_model[model_name(complexity)]
        assert len(poses) == len(reference), file
        for pose, expected in zip(poses, (as_pose(found, frame) for found in reference), strict=True):
            people += 1
            visible = distances_px(pose, expected, frame)[expected.visibility > 0.5]
            assert np.median(visible) < 0.5, file
            assert visible.max() < 6, file
            assert np.median(np.linalg.norm(pose.world - expected.world, axis=1)) < 0.005, file
            np.testing.assert_allclose(pose.visibility, expected.visibility, atol=0.03, err_msg=file)
            np.testing.assert_allclose(pose.presence, expected.presence, atol=0.03, err_msg=file)
            assert 0.5 < pose.score <= 1
    assert people >= 10


def joints_found(pose: Any, people: Any) -> Any:
    return detected_joints(pose, nearest_person(pose, people), WITHOUT_VISIBILITY)


def test_no_joint_is_lost_to_mediapipe(backend: Any, complexity: Any, make: Any, data: Path) -> None:
    estimator = make(backend, complexity, min_detection_confidence=0.5, sure_confidence=0.5)
    references, ours, theirs = reference_poses(data), [], []
    for file, people in labelled_people(data).items():
        frame = Frame(read_rgb(data / file), 0)
        reference = references[file][model_name(complexity)]
        if reference:
            ours.append(joints_found(one_frame(estimator, frame)[0], people))
            theirs.append(joints_found(as_pose(reference[0], frame), people))
    assert len(ours) >= 7
    assert np.concatenate(ours).mean() >= np.concatenate(theirs).mean() > 0.6


def two_apart(data: Path) -> Any:
    """Return an image of two people beside each other."""
    rgb = read_rgb(data / "images" / "walker_upright.png")
    return np.hstack([rgb, np.full_like(rgb, 127), rgb])


def test_several_people_and_their_masks_are_those_of_mediapipe(backend: Any, make: Any, data: Path) -> None:
    frame = Frame(two_apart(data), 0)
    options = {"num_poses": 3, "min_detection_confidence": 0.6, "enable_segmentation": True}
    ours, theirs = (make(name, FULL, **options).estimate(frame) for name in (backend, "mediapipe"))
    assert len(ours) == len(theirs) == 2
    for pose, expected in zip(ours, theirs, strict=True):
        assert np.median(distances_px(pose, expected, frame)) < 0.5
        assert np.abs(pose.mask - expected.mask).mean() < 1e-3
        assert expected.mask.max() > 0.9


@pytest.mark.parametrize(
    ("clip", "fps", "count"),
    [("pose2sim_cam01", 60, 60), ("pose2sim_cam02", 60, 60), ("pose2sim_cam04", 60, 60)],
)
def test_people_in_motion_are_where_mediapipe_sees_them(
    backend: Any, clip: str, fps: int, count: int, make: Any, data: Path
) -> None:
    ours, reference = make(backend, FULL), make("mediapipe", FULL)
    apart = []
    for frame in itertools.islice(frames(data / "videos" / f"{clip}.mp4", fps), count):
        (pose,), (expected,) = ours.estimate(frame), reference.estimate(frame)
        apart.append(np.median(distances_px(pose, expected, frame)))
    assert np.median(apart) < 3


def test_people_come_and_go_in_the_frames_in_which_they_do_for_mediapipe(make: Any, data: Path) -> None:
    pytest.importorskip("openvino")
    # Keeping the place of the lost is this package's own: MediaPipe does not know it.
    ours, reference = (make(name, FULL, max_lost_s=0.0) for name in ("openvino", "mediapipe"))
    clip = passage(data)
    differ = sum(len(ours.estimate(frame)) != len(reference.estimate(frame)) for frame in clip)
    assert len(clip) == 230
    assert differ <= 0.02 * len(clip)
