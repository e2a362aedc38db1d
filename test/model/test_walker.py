# SPDX-License-Identifier: Apache-2.0
"""One person of several: the node stays with the walker of a clip that has a bystander behind."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support.photographs import frames

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.pose_client import START_NS, image_message, pose_node, screen_array

from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.types import Frame, ModelComplexity

CLIP, FPS = "pose2sim_cam02", 60
BACKENDS = ("openvino", "mediapipe")
# The walker's hips are known to a few pixels; the bystander's are 200 and more away.
REACH_PX = 100
COVERED = range(70, 85)  # images in which the bystander is plain


@pytest.fixture(scope="module")
def hips_px(data: Path) -> Any:
    """Where the walker's hips are, (100, 2), pixels."""
    truth = json.loads((data / "expected" / f"{CLIP}_refined.json").read_text())
    points = np.array(truth["hip_center_camera_m"]) @ np.array(truth["K"]).T
    return points[:, :2] / points[:, 2:]


@pytest.fixture(scope="module")
def clip(data: Path) -> Any:
    return list(frames(data / "videos" / f"{CLIP}.mp4", FPS))


def is_walker(screen: Any, hips_px: Any) -> Any:
    return np.linalg.norm(screen[[23, 24], :2].mean(axis=0) - hips_px) < REACH_PX


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("complexity", "confidence"), [(ModelComplexity.LITE, 0.3), (ModelComplexity.FULL, 0.7)]
)
def test_the_node_stays_with_the_walker(
    ros: ModuleType, clip: Any, hips_px: Any, backend: str, complexity: ModelComplexity, confidence: float
) -> None:
    settings = {
        "model_complexity": int(complexity),
        "backend": backend,
        "min_detection_confidence": confidence,
    }
    right = 0
    with pose_node(ros, **settings) as client:
        for index, frame in enumerate(clip):
            poses = client.ask(image_message(frame.rgb, "rgb8", START_NS + frame.stamp_ns)).poses
            right += any(is_walker(screen_array(pose), hips_px[index]) for pose in poses)
    assert right >= 98


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_bystander_does_not_take_the_place_of_a_walker_who_is_covered(
    models: dict[ModelComplexity, bytes], clip: Any, hips_px: Any, backend: str
) -> None:
    pytest.importorskip("openvino" if backend == "openvino" else "mediapipe")
    options = EstimatorOptions(models[ModelComplexity.FULL], min_detection_confidence=0.3)
    estimator = choose_estimator(backend, options).estimator
    for index, frame in enumerate(clip[45:], start=45):
        poses = estimator.estimate(cover(frame, hips_px[index]) if index in COVERED else frame)
        assert all(is_walker(pose.screen, hips_px[index]) for pose in poses)
        assert poses or index in COVERED or index == COVERED.stop
    estimator.close()


def cover(frame: Any, hips_px: Any) -> Frame:
    """Return the image with the walker behind a grey board."""
    x, y = hips_px.astype(int)
    rgb = frame.rgb.copy()
    rgb[max(0, y - 700) : y + 700, max(0, x - 300) : x + 300] = 128
    return Frame(rgb, frame.stamp_ns)
