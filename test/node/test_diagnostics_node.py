# SPDX-License-Identifier: Apache-2.0
"""What the node says of itself on /diagnostics: each level, provoked."""

from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from support.node_services import change_state, set_parameters
from support.photographs import PERSON
from support.pose_client import PoseClient, Stream, image_message
from support.processes import ros_arguments, running
from support.shared_nodes import SharedNodes

pytestmark = pytest.mark.usefixtures("models")
OK, WARN, ERROR, STALE = (bytes([level]) for level in range(4))


@pytest.fixture(scope="module")
def bgr(data: Path) -> Any:
    return cv2.imread(str(data / PERSON))


def status(client: Any, level: Any, message: Any, keep_on: Any = lambda: None) -> Any:
    """Wait for a status, doing something meanwhile."""

    def told() -> Any:
        keep_on()
        found = [msg.status[0] for msg in client.received["diagnostics"]]
        return [each for each in found if each.level == level and message in each.message]

    return client.wait_for(told, f"level {level} with {message!r}")[-1]


def values(found: Any) -> Any:
    return {pair.key: pair.value for pair in found.values}


def told_of(client: Any) -> Any:
    """Return the values of the newest status."""
    return values(client.received["diagnostics"][-1].status[0])


def calibration(bgr: Any) -> CameraInfo:
    height, width = bgr.shape[:2]
    info = CameraInfo(width=width, height=height, distortion_model="plumb_bob")
    info.k = np.array([width, 0, width / 2, 0, width, height / 2, 0, 0, 1], float)
    return info


def test_each_level_is_provoked_by_what_it_stands_for(nodes: SharedNodes, bgr: Any) -> None:
    with nodes.node("diagnostics", model_complexity=0) as client:
        stream = Stream(client, bgr, live=True)
        status(client, STALE, "no image on /image for")
        status(client, WARN, "not calibrated: distances rest on assumed_hfov_deg", stream.publish)

        def calibrated() -> None:
            client.camera_info.publish(calibration(bgr))
            stream.publish()

        well = status(client, OK, "working", calibrated)
        assert (well.name, well.hardware_id) == ("blazepose: images to people", "/image")
        told = values(well)
        assert float(told["images received per second"]) > 0
        assert 0 < float(told["processing median (ms)"]) <= float(told["processing 99 % (ms)"])
        assert float(told["last person (s ago)"]) < float(told["memory (MB)"])
        assert told["model"] == "LITE"
        assert told["calibration"] == "camera_info"
        assert told["people"].startswith("1: placed by mono")
        assert float(told["latency since stamp median (ms)"]) > 0
        old = Stream(client, bgr)
        status(client, WARN, "days behind the node's clock: set the clocks", old.publish)

        def all_old() -> bool:
            """A mean, in which images of before are for a while."""
            old.publish()
            return float(told_of(client)["stamps behind the node's clock (s)"]) > 10**9

        client.wait_for(all_old, "a mean of stamps of 1970 alone")

        def unknown() -> bool:
            old.publish()
            return bool(told_of(client)["latency since stamp median (ms)"] == "unknown")

        client.wait_for(unknown, "no latency of stamps of 1970")
        client.received["diagnostics"].clear()
        broken = image_message(bgr, "32FC1", 0)
        status(client, ERROR, "because it could not be read", lambda: client.image.publish(broken))


def test_several_cameras_and_stamps_that_jump_are_told_of(nodes: SharedNodes, bgr: Any) -> None:
    with nodes.node("diagnostics", model_complexity=0) as client:
        other = client.node.create_publisher(Image, "image", 10)
        early, late = image_message(bgr, "bgr8", 10**9), image_message(bgr, "bgr8", 10**18)

        def alternate() -> None:
            client.image.publish(early)
            other.publish(late)

        status(client, WARN, "2 publishers on /image, one is expected", alternate)
        found = status(client, WARN, "stamps went back or jumped", alternate)
        assert int(values(found)["stamps went back or jumped"]) > 0


def test_a_node_that_waits_is_in_order(ros: ModuleType, nodes: SharedNodes) -> None:
    nodes.close()
    client = PoseClient(ros)
    client.listen("diagnostics")
    try:
        with running("blazepose_node", *ros_arguments({"autostart": False, "model_complexity": 0})):
            assert values(status(client, OK, "unconfigured"))["model"] == "none"
            assert change_state(client, "configure")
            assert values(status(client, OK, "inactive"))["model"] == "LITE"
            assert change_state(client, "activate")
            status(client, OK, "no listeners")
    finally:
        client.close()


def test_an_incompatible_publisher_is_told_of_with_what_to_change(nodes: SharedNodes, bgr: Any) -> None:
    with nodes.node("diagnostics", model_complexity=0, image_reliability="auto") as client:
        client.node.destroy_publisher(client.image)
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        client.image = client.node.create_publisher(Image, "image", best_effort)
        assert set_parameters(client, image_reliability="reliable") == ""
        status(client, STALE, "Set image_reliability to auto or best_effort")
        assert set_parameters(client, image_reliability="best_effort") == ""
        stream = Stream(client, bgr)
        status(client, WARN, "not calibrated", stream.publish)
