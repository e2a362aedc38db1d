# SPDX-License-Identifier: Apache-2.0
"""People over time as the node publishes them."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from support.photographs import PERSON
from support.pose_client import START_NS, image_message, screen_array
from support.shared_nodes import SharedNodes

from blazepose_ros.core.tracking.primary_person import Primary
from blazepose_ros.msg import Pose33

PERIOD_NS = 100_000_000
SHIFT_PX = 8
SETTINGS = {"model_complexity": 0, "backend": "openvino"}


@pytest.fixture(scope="module")
def photograph(data: Path) -> Any:
    return cv2.imread(str(data / PERSON))


def shifted(photograph: Any, index: Any) -> Any:
    return np.roll(photograph, SHIFT_PX * index, axis=1)


def ask(client: Any, pixels: Any, index: Any) -> Any:
    return client.ask(image_message(pixels, "bgr8", START_NS + index * PERIOD_NS))


def set_parameter(client: Any, name: Any, value: Any) -> Any:
    service = client.node.create_client(SetParameters, "blazepose/set_parameters")
    client.wait_for(service.service_is_ready, "the service of parameters")
    request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
    future = service.call_async(request)
    client.wait_for(future.done, "the answer")
    return future.result().results[0]


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("backend", ["mediapipe", "openvino"])
def test_a_person_keeps_the_number_and_who_comes_back_late_gets_another(
    nodes: SharedNodes, photograph: Any, backend: str
) -> None:
    nobody = np.zeros_like(photograph)
    with nodes.node("pose", model_complexity=0, backend=backend) as client:
        for index in range(4):
            (pose,) = ask(client, shifted(photograph, index), index).poses
            assert (pose.person_id, pose.status) == (1, Pose33.UNCALIBRATED)
        assert not ask(client, nobody, 4).poses
        ask(client, shifted(photograph, 4), 5)
        (pose,) = ask(client, shifted(photograph, 4), 6).poses
        assert pose.person_id == 1
        assert not ask(client, nobody, 7).poses
        ask(client, nobody, 30)
        ask(client, shifted(photograph, 4), 31)
        (pose,) = ask(client, shifted(photograph, 4), 32).poses
        assert pose.person_id == 2
        client.wait_for(
            lambda: {message.person_id for message in client.received["pose"]} == {1, 2}, "the primary person"
        )


@pytest.mark.usefixtures("models")
def test_smoothing_is_switched_while_the_node_runs(nodes: SharedNodes, photograph: Any) -> None:
    with nodes.node(**SETTINGS) as client:
        moved_px = {}
        for enabled in (True, False):
            assert set_parameter(client, "smoothing.enabled", enabled).successful
            assert set_parameter(client, "smoothing.beta", 1.0).successful
            base = 0 if enabled else 1000
            (before,) = ask(client, photograph, base).poses
            ask(client, photograph, base + 1)
            (after,) = ask(client, np.roll(photograph, 40, axis=1), base + 2).poses
            moved_px[enabled] = np.median(screen_array(after)[:, 0] - screen_array(before)[:, 0])
        assert moved_px[True] < 25
        assert moved_px[False] == pytest.approx(40, abs=5)
        assert not set_parameter(client, "primary", "tallest").successful
        assert not set_parameter(client, "smoothing.beta", -1.0).successful


@pytest.mark.usefixtures("models")
def test_what_speaks_against_a_pose_is_published(nodes: SharedNodes, photograph: Any) -> None:
    height = photograph.shape[0]
    knees = photograph[: height * 6 // 10]
    with nodes.node(**SETTINGS) as client:
        assert set_parameter(client, "model_complexity", 1).successful
        (whole,) = ask(client, photograph, 0).poses
        assert whole.status == Pose33.UNCALIBRATED
        (cut,) = ask(client, np.ascontiguousarray(knees), 20).poses
        assert cut.status & Pose33.TRUNCATED
        (dark,) = ask(client, photograph // 6, 40).poses
        assert dark.status & Pose33.LOW_LIGHT


@pytest.mark.usefixtures("models")
def test_how_long_the_lost_are_waited_for_changes_while_the_node_runs(
    nodes: SharedNodes, photograph: Any
) -> None:
    nobody = np.zeros_like(photograph)
    with nodes.node(**SETTINGS) as client:
        numbers = []
        for start, max_lost_s in ((0, 5.0), (100, 0.5)):
            assert set_parameter(client, "max_lost_s", max_lost_s).successful
            for index in range(5):
                ask(client, photograph, start + index)
            assert not ask(client, nobody, start + 5).poses
            (back,) = ask(client, photograph, start + 25).poses
            numbers.append(back.person_id)
        assert numbers == [1, 3]
        assert not set_parameter(client, "max_lost_s", -1.0).successful


@pytest.fixture(scope="module")
def pair(data: Path) -> tuple[Any, tuple[Any, Any]]:
    """Somebody large on the left and somebody small in the middle, and the boxes of both."""
    photograph = cv2.imread(str(data / "images" / "walker_upright.png"))
    height, width = photograph.shape[:2]
    small = cv2.resize(photograph, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    canvas = np.full((height, 3 * width, 3), photograph[0, 0], np.uint8)
    canvas[:, :width] = photograph
    top, left = height // 4, 3 * width // 2 - width // 4
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    large_box = (width / 2, height / 2, width, height, 0.8)
    small_box = (3 * width / 2, height / 2, small.shape[1], small.shape[0], 0.9)
    return canvas, (large_box, small_box)


@pytest.mark.usefixtures("models")
def test_the_rule_of_the_primary_person_changes_while_the_node_runs(
    nodes: SharedNodes, pair: tuple[Any, tuple[Any, Any]]
) -> None:
    pytest.importorskip("vision_msgs", reason="vision_msgs is not installed")
    from rclpy.qos import QoSProfile
    from support.detections import detections
    from vision_msgs.msg import Detection2DArray

    pixels, boxes = pair
    large_x, small_x = (box[0] for box in boxes)
    chosen = {
        Primary.LARGEST: large_x,
        Primary.MOST_CENTRAL: small_x,
        Primary.NEAREST: large_x,
        Primary.FIRST: small_x,
    }
    with nodes.node("pose", **SETTINGS) as client:
        assert set_parameter(client, "num_poses", 2).successful
        assert set_parameter(client, "external_detections", True).successful
        detector = client.node.create_publisher(Detection2DArray, "detections", QoSProfile(depth=10))
        client.wait_for(detector.get_subscription_count, "the node's subscription")
        for turn, (rule, x) in enumerate(chosen.items()):
            assert set_parameter(client, "primary", rule.value).successful
            for index in range(20 * turn, 20 * turn + 20):
                detector.publish(detections(*boxes, stamp_ns=START_NS + index * PERIOD_NS))
                people = ask(client, pixels, index).poses
                if len(people) == 2:
                    break
            primary = client.wait_for(
                lambda stamp=people[0].header.stamp: [
                    pose for pose in client.received["pose"] if pose.header.stamp == stamp
                ],
                "the primary person",
            )[-1]
            assert primary.person_id == people[0].person_id
            assert abs(screen_array(primary)[[23, 24], 0].mean() - x) < pixels.shape[1] / 6
