# SPDX-License-Identifier: Apache-2.0
"""What other packages expect of a node: to be enabled, bonds, QoS overrides, detections, limbs' frames."""

import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_srvs.srv import SetBool
from support.node_services import call, change_state
from support.paths import ROOT
from support.photographs import PERSON
from support.pose_client import START_NS, Stream, image_message, pose_node
from support.processes import executable, ros_arguments
from vision_msgs.msg import Detection2DArray, Detection3DArray

from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.nodes.common.lifecycle import BOND_TIMEOUT_S
from blazepose_ros.nodes.fusion import node as fusion_node_module
from blazepose_ros.nodes.pose import node as pose_node_module

pytestmark = pytest.mark.usefixtures("models")
DEADLINE_S = 300.0
OVERRIDES = {
    "qos_overrides./blazepose/pose.publisher.reliability": "best_effort",
    "qos_overrides./blazepose/pose.publisher.depth": 1,
}


@pytest.fixture(scope="module")
def bgr(data: Path) -> Any:
    return cv2.imread(str(data / PERSON))


def heard(client: Any, message_type: Any, topic: str) -> Any:
    received: list[Any] = []
    client.node.create_subscription(message_type, topic, received.append, QoSProfile(depth=10))
    return received


def offered(client: Any, topic: str) -> Any:
    (info,) = client.node.get_publishers_info_by_topic(topic)
    return info.qos_profile.reliability


def test_a_node_does_what_other_packages_ask_for(ros: ModuleType, bgr: Any) -> None:
    """One node for all of it: starting one takes longer than each."""
    asked = {
        "publish_detections": True,
        "publish_limb_tf": True,
        "bond_heartbeat_period": 0.1,
        "anonymize": "face",
    }
    with pose_node(ros, "tf", "annotated_image", model_complexity=0, **asked, **OVERRIDES) as client:
        assert offered(client, "/blazepose/pose") is ReliabilityPolicy.BEST_EFFORT
        assert offered(client, "/blazepose/poses") is ReliabilityPolicy.RELIABLE
        boxes = heard(client, Detection2DArray, "blazepose/detections_2d")
        bodies = heard(client, Detection3DArray, "blazepose/detections_3d")
        stream = Stream(client, bgr)
        client.wait_for(
            lambda: stream.publish() or (boxes and bodies and client.received["annotated_image"]),
            "detections",
        )
        (box,), (body,) = boxes[-1].detections, bodies[-1].detections
        assert box.id == body.id == "1"
        assert 1.0 < body.results[0].pose.pose.position.z < 10.0
        children = {each.child_frame_id for msg in client.received["tf"] for each in msg.transforms}
        assert {"left_upper_arm_1", "trunk_1"} <= children
        gray = np.frombuffer(client.received["annotated_image"][-1].data, np.uint8).reshape(-1, 3)
        assert (gray == 128).all(axis=1).sum() > 500  # the head
        _is_enabled_and_not(client, stream)
        _has_a_bond(client)


def _is_enabled_and_not(client: Any, stream: Any) -> None:
    assert call(client, SetBool, "enable", SetBool.Request(data=False)).success
    client.wait_for(lambda: client.image.get_subscription_count() == 0, "the end of the subscription")
    assert call(client, SetBool, "enable", SetBool.Request(data=True)).success
    client.wait_for(lambda: client.image.get_subscription_count() == 1, "the subscription")
    assert client.wait_for(lambda: stream.publish() or client.received["poses"], "poses")


def _has_a_bond(client: Any) -> None:
    """It beats while the node is active, and says when it is not any more."""
    bond = pytest.importorskip("bond.msg")
    beats = heard(client, bond.Status, "bond")
    client.wait_for(lambda: len(beats) >= 3, "three heartbeats")
    assert {(beat.id, beat.active) for beat in beats} == {("blazepose", True)}
    assert len({beat.instance_id for beat in beats}) == 1
    assert change_state(client, "deactivate")
    client.wait_for(lambda: not beats[-1].active, "the end of the bond")


def test_a_node_that_is_asked_for_nothing_has_nothing_of_it(ros: ModuleType, bgr: Any) -> None:
    with pose_node(ros, "tf", model_complexity=0) as client:
        assert client.ask(image_message(bgr, "bgr8", START_NS)).poses
        topics = dict(client.node.get_topic_names_and_types())
        assert not {"/bond", "/blazepose/detections_2d", "/blazepose/detections_3d"} & topics.keys()
        client.wait_for(lambda: client.received["tf"], "frames")
        children = {each.child_frame_id for msg in client.received["tf"] for each in msg.transforms}
        assert "left_upper_arm_1" not in children


@pytest.mark.parametrize(
    ("policy", "value", "said"),
    [
        ("reliability", "perhaps", "takes one of"),
        ("depth", -1, "takes a number from 0"),
        ("color", "red", "no such policy"),
    ],
)
def test_an_override_that_does_not_exist_is_refused_with_the_choices(
    policy: str, value: Any, said: str
) -> None:
    name = f"qos_overrides./blazepose/poses.publisher.{policy}"
    command = [executable("blazepose_node"), *ros_arguments({"model_complexity": 0, name: value})]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    assert done.returncode == 1
    assert said in done.stdout + done.stderr
    assert policy in done.stdout + done.stderr


@pytest.mark.parametrize("name", [pose_node_module.DIAGNOSTIC_NAME, fusion_node_module.DIAGNOSTIC_NAME])
def test_the_analyzers_take_what_the_nodes_say(name: str) -> None:
    """As diagnostic_aggregator's GenericAnalyzer reads them: its node is called analyzers."""
    analyzers = yaml.safe_load((ROOT / "config" / "diagnostic_analyzers.yaml").read_text())
    parameters = analyzers["analyzers"]["ros__parameters"]
    (group,) = [each for each in parameters.values() if isinstance(each, dict)]
    assert group.keys() == {"type", "path", "contains", "timeout"}
    assert group["type"] == "diagnostic_aggregator/GenericAnalyzer"
    assert isinstance(group["timeout"], float)  # an integer is another type of parameter
    assert any(text in f"front/blazepose: {name}" for text in group["contains"])


def test_the_slowest_heartbeat_may_be_lost_once() -> None:
    assert BOND_TIMEOUT_S == 4.0  # DEFAULT_HEARTBEAT_TIMEOUT of bond/Constants, and Nav2's bond_timeout
    assert NodeSettings.parameters()["bond_heartbeat_period"].maximum <= BOND_TIMEOUT_S / 2
