# SPDX-License-Identifier: Apache-2.0
"""The node and the camera as processes, against the landmarks that MediaPipe finds."""

import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.own_data import WALK_CLIP, WALK_LANDMARKS, WALK_RATE
from support.photographs import PERSON, REFERENCE, clip_bgr, manifest, model_name
from support.pose_client import (
    START_NS,
    image_message,
    pose_from_camera,
    pose_node,
    screen_array,
    world_array,
)

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import ModelComplexity

# MediaPipe's own tests allow this much.
SCREEN_TOLERANCE = 0.03  # of the image's width and height
WORLD_TOLERANCE_M = 0.2

# The reference, and the one that `auto` prefers.
BACKENDS = ("mediapipe", "openvino")

MIRRORED = {  # pairs whose order in the image is plain: he faces us
    Landmark.LEFT_WRIST: Landmark.RIGHT_WRIST,
    Landmark.LEFT_ELBOW: Landmark.RIGHT_ELBOW,
    Landmark.LEFT_SHOULDER: Landmark.RIGHT_SHOULDER,
}


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("complexity", list(ModelComplexity))
@pytest.mark.parametrize("backend", BACKENDS)
def test_camera_and_node_reproduce_the_landmarks_that_mediapipe_finds(
    ros: ModuleType, data: Path, backend: str, complexity: ModelComplexity
) -> None:
    entry = next(entry for entry in manifest(data) if entry["file"] == str(PERSON))
    (known,) = entry[REFERENCE][model_name(complexity)]
    pose = pose_from_camera(ros, data / PERSON, complexity, backend=backend)
    screen, world = screen_array(pose), world_array(pose)
    normalised = screen[:, :2] / (pose.image_width, pose.image_height)
    np.testing.assert_allclose(normalised, np.array(known["n"])[:, :2], atol=SCREEN_TOLERANCE)
    np.testing.assert_allclose(world, known["w"], atol=WORLD_TOLERANCE_M)
    assert pose.model_complexity == complexity
    assert np.isnan(pose.score) if backend == "mediapipe" else pose.score > 0.9
    for left, right in MIRRORED.items():  # somebody who faces us has the left hand on our right
        assert screen[left, 0] > screen[right, 0]


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("backend", BACKENDS)
def test_landmarks_of_the_walk_stay_with_those_of_mediapipe(
    ros: ModuleType, data: Path, backend: str
) -> None:
    known = json.loads((data / "expected" / WALK_LANDMARKS.name).read_text())
    screen_errors, world_errors = [], []
    with pose_node(ros, backend=backend, smoothing=False) as client:
        for index, bgr in enumerate(clip_bgr(data / "videos" / f"{WALK_CLIP}.mp4")):
            stamp_ns = START_NS + index * 1_000_000_000 // WALK_RATE
            (pose,) = client.ask(image_message(bgr, "bgr8", stamp_ns)).poses
            for expected in (each for each in known if each["frame"] == index):
                apart = screen_array(pose)[:, :2] - expected["screen"]
                screen_errors.append(np.linalg.norm(apart, axis=1))
                world_errors.append(np.linalg.norm(world_array(pose) - expected["world"], axis=1))
    assert len(screen_errors) == len(known) == 10
    print(f"walk, {backend}: {np.mean(screen_errors):.2f} px, {100 * np.mean(world_errors):.2f} cm")  # noqa: T201
    assert np.mean(screen_errors) < 10
    assert np.mean(world_errors) < 0.05


@pytest.mark.usefixtures("models")
def test_nobody_gives_empty_poses_and_no_frames(ros: ModuleType, data: Path) -> None:
    nobody = sorted((data / "images").glob("nobody_*"))
    assert nobody
    for complexity in ModelComplexity:
        settings = {"model_complexity": int(complexity), "backend": "mediapipe"}
        with pose_node(ros, "tf", "markers", "pose", **settings) as client:
            for index, path in enumerate(nobody):
                for repeat in range(3):
                    stamp_ns = START_NS + (3 * index + repeat) * 100_000_000
                    answer = client.ask(image_message(cv2.imread(str(path)), "bgr8", stamp_ns))
                    assert not answer.poses, f"{complexity.name} sees somebody in {path.name}"
            assert not client.received["tf"]
            assert not client.received["pose"]
            assert not any(msg.markers for msg in client.received["markers"])
