# SPDX-License-Identifier: Apache-2.0
"""The node as a process, against places that were measured with several cameras."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from sensor_msgs.msg import CameraInfo
from support.photographs import clip_bgr
from support.pose_client import FRAME_ID, START_NS, image_message, pose_node, world_array

from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.types import ModelComplexity

CLIPS = ("pose2sim_cam01", "pose2sim_cam02")

# The hip centre is within these shares of its distance, in the median and in nine of ten images.
MEDIAN, NINE_IN_TEN = 0.025, 0.06

# The person is in every image; a backend may take the bystander for it, whom the node leaves out.
LEAST_SEEN = 0.98

# A trunk that leans less than this in both images is upright.
UPRIGHT_DEG = 12.0


@dataclass
class Answers:
    """What the node said of a clip: in which images it saw somebody, and one row for each of them."""

    seen: np.ndarray
    positions: np.ndarray
    covariances: np.ndarray
    worlds: np.ndarray


def truth_of(data: Any, clip: Any) -> Any:
    return json.loads((data / "expected" / f"{clip}_refined.json").read_text())


def camera_info(truth: Any) -> CameraInfo:
    """Return the calibration that comes with a clip."""
    width, height = truth["image_size_px"]
    msg = CameraInfo(width=width, height=height, distortion_model="plumb_bob")
    msg.header.frame_id = FRAME_ID
    msg.k = np.ravel(truth["K"])
    msg.d = truth["distortion_plumb_bob"]
    return msg


def watch(ros: ModuleType, data: Any, clip: Any, **parameters: Any) -> Answers:
    """Show a clip to a node and return its answers."""
    truth = truth_of(data, clip)
    seen, positions, covariances, worlds = [], [], [], []
    with pose_node(ros, **parameters) as client:
        client.wait_for(client.camera_info.get_subscription_count, "the node's camera_info")
        for index, bgr in enumerate(clip_bgr(data / "videos" / f"{clip}.mp4")):
            client.camera_info.publish(camera_info(truth))
            stamp_ns = START_NS + index * 1_000_000_000 // truth["fps"]
            poses = client.ask(image_message(bgr, "bgr8", stamp_ns)).poses
            seen.append(bool(poses))
            if not poses:
                continue
            (pose,) = poses
            assert pose.placement == pose.MONO
            position = pose.hip_center.pose.position
            positions.append((position.x, position.y, position.z))
            covariances.append(np.reshape(pose.hip_center.covariance, (6, 6))[:3, :3])
            worlds.append(world_array(pose))
    assert np.mean(seen) >= LEAST_SEEN
    return Answers(np.array(seen), np.array(positions), np.array(covariances), np.array(worlds))


def relative_errors(answers: Any, truth: Any) -> Any:
    measured = np.array(truth["hip_center_camera_m"])[answers.seen]
    return np.linalg.norm(answers.positions - measured, axis=1) / np.linalg.norm(measured, axis=1)


def chi_square_ratio(answers: Any, truth: Any) -> Any:
    """Return the mean of the normalised squared error over its expectation, 3 for 3 dimensions."""
    errors = answers.positions - np.array(truth["hip_center_camera_m"])[answers.seen]
    squares = [
        error @ np.linalg.solve(covariance, error)
        for error, covariance in zip(errors, answers.covariances, strict=True)
    ]
    return np.mean(squares) / 3


def lean_deg(truth: Any) -> Any:
    """Return how far the trunk leans from the vertical in each image."""
    joints = {name: np.array(pixels) for name, pixels in truth["joints_px"].items()}
    trunk = (joints["LShoulder"] + joints["RShoulder"] - joints["LHip"] - joints["RHip"]) / 2
    hips, up = np.array(truth["hip_center_camera_m"]), np.array(truth["up_in_camera"])
    vertical = up[:2] - hips[:, :2] * up[2] / hips[:, 2:]  # where a step upwards goes in the image
    cosine = (trunk * vertical).sum(axis=1) / np.linalg.norm(trunk, axis=1) / np.linalg.norm(vertical, axis=1)
    return np.degrees(np.arccos(cosine))


def up_errors_deg(answers: Any, truth: Any) -> Any:
    """Return how far the frames' z axes are from the vertical; whoever is placed has a frame."""
    z_axes = np.array([body_axes(world)[:, 2] for world in answers.worlds])
    return np.degrees(np.arccos(z_axes @ np.array(truth["up_in_camera"])))


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("backend", ["mediapipe", "openvino"])
def test_the_hip_centre_is_where_it_was_measured(
    ros: ModuleType, data: Path, backend: str, clip: str
) -> None:
    truth = truth_of(data, clip)
    upright = np.max([lean_deg(truth_of(data, each)) for each in CLIPS], axis=0) < UPRIGHT_DEG
    assert upright.sum() > 10
    answers = watch(ros, data, clip, backend=backend)
    median, most = np.percentile(relative_errors(answers, truth), [50, 90])
    ratio = chi_square_ratio(answers, truth)
    up_deg = np.median(up_errors_deg(answers, truth)[upright[answers.seen]])
    print(  # noqa: T201
        f"{clip}, {backend}: {100 * median:.2f} % of the distance, 90 % within {100 * most:.2f} %;"
        f" chi-square {ratio:.2f} of its expectation; up within {up_deg:.1f} degrees"
    )
    assert median <= MEDIAN
    assert most <= NINE_IN_TEN
    assert 0.5 <= ratio <= 2
    assert up_deg <= UPRIGHT_DEG


@pytest.mark.thorough
@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("complexity", [ModelComplexity.LITE, ModelComplexity.HEAVY])
def test_the_other_models_place_it_no_worse(
    ros: ModuleType, data: Path, complexity: ModelComplexity, clip: str
) -> None:
    truth = truth_of(data, clip)
    answers = watch(ros, data, clip, model_complexity=int(complexity))
    median, most = np.percentile(relative_errors(answers, truth), [50, 90])
    print(  # noqa: T201
        f"{clip}, {complexity.name}: {100 * median:.2f} % of the distance, 90 % within {100 * most:.2f} %;"
        f" chi-square {chi_square_ratio(answers, truth):.2f} of its expectation"
    )
    assert median <= MEDIAN
    assert most <= NINE_IN_TEN
