# SPDX-License-Identifier: Apache-2.0
"""The node and the camera as processes, against published landmarks and measured places."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.photographs import clip_bgr
from support.pose_client import START_NS, PoseClient, image_message, pose_node, screen_array, world_array
from support.processes import ros_arguments, running

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import ModelComplexity

# MediaPipe's own tests allow this much.
SCREEN_TOLERANCE = 0.03  # of the image's width and height
PIXEL_TOLERANCE = 15
WORLD_TOLERANCE_M = 0.2

# The reference, and the one that `auto` prefers.
BACKENDS = ("mediapipe", "openvino")

MIRRORED = {  # pairs whose order in the image is plain in mp_pose.jpg: arms spread, facing us
    Landmark.LEFT_WRIST: Landmark.RIGHT_WRIST,
    Landmark.LEFT_ELBOW: Landmark.RIGHT_ELBOW,
    Landmark.LEFT_ANKLE: Landmark.RIGHT_ANKLE,
}


@pytest.fixture(scope="module")
def published(data: Path) -> Any:
    return json.loads((data / "expected" / "official_landmarks.json").read_text())


def pose_from_camera(ros: ModuleType, source: Any, complexity: Any, **parameters: Any) -> Any:
    """Start camera and node as processes and return a pose of the camera's image."""
    client = PoseClient(ros)
    client.listen("poses")
    camera = ros_arguments({"source": source, "rate": 5.0}, {"image_raw": "image"})
    node = ros_arguments({"model_complexity": int(complexity), **parameters})
    try:
        with (
            running("blazepose_camera", *camera) as camera_process,
            running("blazepose_node", *node) as process,
        ):
            client.wait_for(
                lambda: sum(len(msg.poses) for msg in client.received["poses"]) >= 3, "three poses"
            )
        assert (camera_process.returncode, process.returncode) == (0, 0)
    finally:
        client.close()
    return client.received["poses"][-1].poses[0]


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("complexity", list(ModelComplexity))
@pytest.mark.parametrize("backend", BACKENDS)
def test_camera_and_node_reproduce_the_published_landmarks_of_the_pose_photograph(
    ros: ModuleType, data: Path, published: Any, backend: str, complexity: ModelComplexity
) -> None:
    pose = pose_from_camera(ros, data / "images" / "mp_pose.jpg", complexity, backend=backend)
    expected = published["mp_pose.jpg"]
    screen, world = screen_array(pose), world_array(pose)
    normalised = screen[:, :2] / (pose.image_width, pose.image_height)
    by_graph = np.array(expected["pose_landmarks.pbtxt [x,y,z,vis,pres] (tol 0.03 on x,y)"])
    np.testing.assert_allclose(normalised, by_graph[:, :2], atol=SCREEN_TOLERANCE)
    np.testing.assert_allclose(
        screen[:, :2], expected["pose_test.py pixels (tol 15 px)"], atol=PIXEL_TOLERANCE
    )
    np.testing.assert_allclose(world, expected["pose_test.py world m (tol 0.2)"], atol=WORLD_TOLERANCE_M)
    assert pose.model_complexity == complexity
    assert np.isnan(pose.score) if backend == "mediapipe" else pose.score > 0.9
    for left, right in MIRRORED.items():  # somebody who faces us has the left hand on our right
        assert screen[left, 0] > screen[right, 0]


# The published values of Lite come from another build of that model.
@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("complexity", [ModelComplexity.FULL, ModelComplexity.HEAVY])
def test_camera_and_node_reproduce_the_published_landmarks_of_each_model(
    ros: ModuleType, data: Path, published: Any, complexity: ModelComplexity
) -> None:
    pose = pose_from_camera(
        ros,
        data / "images" / "mp_ios_test_image.jpg",
        complexity,
        backend="mediapipe",
        min_detection_confidence=0.5,
    )
    normalised = screen_array(pose)[:, :2] / (pose.image_width, pose.image_height)
    expected = np.array(published["mp_ios_test_image.jpg [x,y,z]"][complexity.name.lower()])
    np.testing.assert_allclose(normalised, expected[:, :2], atol=SCREEN_TOLERANCE)


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("backend", BACKENDS)
def test_landmarks_of_the_squats_clip_stay_with_the_published_ones(
    ros: ModuleType, data: Path, backend: str
) -> None:
    screen_truth = json.loads((data / "expected" / "pose_squats.full.json").read_text())
    world_truth = json.loads((data / "expected" / "pose_squats_3d.full.json").read_text())
    screen_errors, world_errors = [], []
    with pose_node(ros, backend=backend) as client:
        for index, bgr in enumerate(clip_bgr(data / "videos" / "squats.mp4")):
            stamp_ns = START_NS + index * 1_000_000_000 // 30
            (pose,) = client.ask(image_message(bgr, "bgr8", stamp_ns)).poses
            expected = np.array(screen_truth[index])[:, :2]
            screen_errors.append(np.linalg.norm(screen_array(pose)[:, :2] - expected, axis=1))
            world_errors.append(np.linalg.norm(world_array(pose) - world_truth[index], axis=1))
    assert len(screen_errors) == len(screen_truth)
    print(f"squats, {backend}: {np.mean(screen_errors):.2f} px, {100 * np.mean(world_errors):.2f} cm")  # noqa: T201
    assert np.mean(screen_errors) < 10
    assert np.mean(world_errors) < 0.05


@pytest.mark.usefixtures("models")
def test_nobody_gives_empty_poses_and_no_frames(ros: ModuleType, data: Path) -> None:
    nobody = sorted((data / "images").glob("nobody_*.jpg"))
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
