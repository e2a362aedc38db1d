# SPDX-License-Identifier: Apache-2.0
"""What the node says on /tf and ~/joint_states, as others read it."""

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message
from rclpy.time import Time
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import JointState
from support.node_services import set_parameters
from support.photographs import PERSON
from support.pose_client import FRAME_ID, START_NS, image_message, world_array
from support.shared_nodes import SharedNodes

from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.tf_buffer import TfBuffer, remember
from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.joint_angles import JOINTS, joint_angles
from blazepose_ros.core.landmarks import Landmark

pytestmark = pytest.mark.usefixtures("models")

PERIOD_NS = 33_000_000
LATER_NS = START_NS + 10**12  # frames are published once for each stamp
SETTINGS = {"camera_frame": "unnamed_eye"}


@pytest.fixture(scope="module")
def person(data: Path) -> Any:
    return cv2.imread(str(data / PERSON))


def test_body_and_landmarks_are_looked_up_where_the_message_says(nodes: SharedNodes, person: Any) -> None:
    offsets_ns = [0, 1, 2, 2, 1, 3, 3, 4]  # in periods; some repeat, one is late
    with nodes.node("tf", **SETTINGS) as client:
        client.wait_for(lambda: client.node.count_publishers("/tf"), "the node's /tf")
        answers = [
            client.ask(image_message(person, "bgr8", START_NS + periods * PERIOD_NS))
            for periods in offsets_ns
        ]
        last_ns = START_NS + max(offsets_ns) * PERIOD_NS
        client.wait_for(
            lambda: any(stamp_ns(msg.transforms[0].header) == last_ns for msg in client.received["tf"]),
            "the last image's frames",
        )
    tree, parents, stamps_ns = TfBuffer(), defaultdict(set), []
    for msg in client.received["tf"]:
        remember(tree, serialize_message(msg), static=False)
        stamps_ns.append({stamp_ns(each.header) for each in msg.transforms})
        for each in msg.transforms:
            parents[each.child_frame_id].add(each.header.frame_id)
    assert all(len(each) == 1 for each in stamps_ns)
    assert all(np.diff([min(each) for each in stamps_ns]) > 0)
    assert all(len(each) == 1 for each in parents.values())

    (pose,) = answers[-1].poses
    world, center = world_array(pose), pose.hip_center.pose.position
    hips = np.array([center.x, center.y, center.z])
    body = tree.lookup(FRAME_ID, f"body_{pose.person_id}", last_ns)
    np.testing.assert_allclose(body.rotation, body_axes(world), atol=1e-6)
    np.testing.assert_allclose(body.translation, hips, atol=1e-6)
    for landmark in Landmark:
        if pose.screen_landmarks[landmark].visibility >= 0.5:
            found = tree.lookup(FRAME_ID, f"{landmark.frame_name}_{pose.person_id}", last_ns)
            np.testing.assert_allclose(found.translation, hips + world[landmark], atol=1e-6)


def stamp_of(answer: Any) -> Any:
    return Time.from_msg(answer.header.stamp)


def test_tf2_finds_the_body_and_every_landmark(nodes: SharedNodes, person: Any) -> None:
    """A listener such as any other node has, where tf2 is installed."""
    tf2_ros = pytest.importorskip("tf2_ros", reason="tf2_ros is not installed")
    with nodes.node(**SETTINGS) as client:
        buffer = tf2_ros.Buffer()
        listener = tf2_ros.TransformListener(buffer, client.node)
        client.wait_for(lambda: client.node.count_subscribers("/tf"), "the listener")
        stamps_ns = iter(range(START_NS, START_NS + 10**12, PERIOD_NS))
        answers = []

        def found() -> Any:
            """Ask again; meanwhile the frames of the answer before have come."""
            answers.append(client.ask(image_message(person, "bgr8", next(stamps_ns))))
            return answers[1:] and buffer.can_transform(FRAME_ID, "body_1", stamp_of(answers[-2]))

        client.wait_for(found, "body_1 in tf2")
        answer = answers[-2]
        stamp = stamp_of(answer)

        def look_up(frame: Any) -> Any:
            return buffer.lookup_transform(FRAME_ID, frame, stamp).transform

        (pose,) = answer.poses
        world, center = world_array(pose), pose.hip_center.pose.position
        hips = np.array([center.x, center.y, center.z])
        turn = look_up("body_1").rotation
        axes = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]).as_matrix()
        np.testing.assert_allclose(axes, body_axes(world), atol=1e-6)
        frames = {"body_1": hips, "hip_center_1": hips} | {
            f"{landmark.frame_name}_1": hips + world[landmark]
            for landmark in Landmark
            if pose.screen_landmarks[landmark].visibility >= 0.5
        }
        assert len(frames) > 30
        for frame, place in frames.items():
            offset = look_up(frame).translation
            np.testing.assert_allclose((offset.x, offset.y, offset.z), place, atol=1e-6)
        listener.unregister()


def test_frames_hang_on_each_images_own_frame_and_an_empty_one_has_a_name(
    nodes: SharedNodes, person: Any
) -> None:
    frame_ids = ["left_eye", "right_eye", ""]
    with nodes.node("tf", **SETTINGS) as client:
        client.wait_for(lambda: client.node.count_publishers("/tf"), "the node's /tf")
        for number, frame_id in enumerate(frame_ids):
            msg = image_message(person, "bgr8", LATER_NS + number * PERIOD_NS)
            msg.header.frame_id = frame_id
            assert client.ask(msg).header.frame_id == (frame_id or "unnamed_eye")
        client.wait_for(lambda: len(client.received["tf"]) == len(frame_ids), "all frames")
    parents = [msg.transforms[0].header.frame_id for msg in client.received["tf"]]
    assert parents == ["left_eye", "right_eye", "unnamed_eye"]


def test_joint_states_are_those_of_the_pose_and_off_by_default(nodes: SharedNodes, person: Any) -> None:
    for published in (False, True):
        states = []
        with nodes.node(**SETTINGS) as client:
            if published:
                assert set_parameters(client, publish_joint_states=True) == ""
            topic = "blazepose/joint_states"
            client.node.create_subscription(JointState, topic, states.append, QoSProfile(depth=10))
            client.wait_for(lambda: client.node.count_publishers("blazepose/joint_states"), topic)
            stamps = iter(range(START_NS, START_NS + 10**12, PERIOD_NS))
            for _ in range(3):
                answer = client.ask(image_message(person, "bgr8", next(stamps)))
            if published:
                client.wait_for(
                    lambda: any(each.header.stamp == answer.header.stamp for each in states),  # noqa: B023
                    "joint states",
                )
        assert bool(states) == published
    (pose,) = answer.poses
    visibility = np.array([each.visibility for each in pose.screen_landmarks])
    expected = joint_angles(world_array(pose), visibility, 0.5)
    assert states[-1].header == answer.header
    assert list(states[-1].name) == [f"{joint.name}_1" for joint in JOINTS]
    for name, value in zip(states[-1].name, states[-1].position, strict=True):
        wanted = expected[name.removesuffix("_1")]
        assert value == pytest.approx(wanted, abs=1e-5) or (math.isnan(value) and math.isnan(wanted))
