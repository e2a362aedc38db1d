# SPDX-License-Identifier: Apache-2.0
"""`blazepose_fusion` as a process: the poses of synthetic cameras over DDS in, fused people out."""

from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.fusion_client import NODE, THREE, CameraClient, fusion, is_fused, place, where
from support.node_services import set_parameters
from support.processes import ros_arguments, running
from support.several_cameras import CAMERAS
from support.transforms import vector

from blazepose_ros.conversions.markers import FRUSTUM_ID
from blazepose_ros.core.types import ImageSize, Placement

# A busy machine sends images late: between two that are far apart nobody walks straight.
pytestmark = pytest.mark.alone

STEP_M = 0.10
# Of an arm that swings between two images, the second of which a busy machine sends late.
SWINGING_M = 0.06


def test_people_of_three_cameras_are_fused_and_published_as_a_cameras_are(ros: ModuleType) -> None:
    with fusion(ros, "markers", "tf", "joint_states", "diagnostics", publish_joint_states=True) as client:
        received = client.received
        client.publish_until(
            THREE, lambda: len(received["poses"]) > 20 and is_fused(received["poses"][-1]), "people"
        )
        client.publish_until(THREE, lambda: received["markers"] and received["joint_states"], "markers")
        outputs = received["poses"][-8:]
        for message in outputs:
            assert message.frame_id == "map"
            np.testing.assert_allclose(place(message), where(message.stamp_ns / 1e9), atol=SWINGING_M)
            assert np.isnan(message.poses[0].screen).all()
            assert message.image == ImageSize(0, 0)
        assert {pose.person_id for message in outputs for pose in message.poses} == {1}
        markers = received["markers"][-1].markers
        assert {marker.header.frame_id for marker in markers} == {"map"}
        frusta = {marker.ns: marker.points[0] for marker in markers if marker.id == FRUSTUM_ID}
        for name in THREE:
            assert vector(frusta[f"camera_{name}"]) == pytest.approx(CAMERAS[name].translation)
        frames = {
            each.child_frame_id: each.header.frame_id for msg in received["tf"] for each in msg.transforms
        }
        assert frames["body_1"] == "map"
        assert frames["left_wrist_1"] == "body_1"
        state = received["joint_states"][-1]
        joints = dict(zip(state.name, state.position, strict=True))
        assert joints["trunk_flexion_1"] == pytest.approx(0.0, abs=0.05)  # upright in a frame whose z is up

        def reported() -> Any:
            statuses = [msg.status[0] for msg in received["diagnostics"] if NODE in msg.status[0].name]
            values = {each.key: each.value for each in statuses[-1].values} if statuses else {}
            is_working = statuses and statuses[-1].message == "working"
            return is_working and values["people"] == "1" and values

        values = client.publish_until(THREE, reported, "diagnostics")
        assert values["east: calibration"] == "camera_info"


def test_a_camera_that_is_gone_and_comes_again_makes_nobody_jump(ros: ModuleType) -> None:
    with fusion(ros, rate=20.0) as client:
        poses = client.received["poses"]
        client.publish_until(THREE, lambda: poses and is_fused(poses[-1]), "people")
        poses.clear()
        client.publish(THREE, 1.0)
        client.publish(("east", "south"), 1.5)
        client.publish(THREE, 1.0)
        client.wait_for(lambda: len(poses) > 50, "people all the time")
        outputs = [message for message in poses if message.poses]
        assert {pose.person_id for message in outputs for pose in message.poses} == {1}
        for before, after in pairwise(outputs):
            went = where(after.stamp_ns / 1e9) - where(before.stamp_ns / 1e9)
            assert np.abs(place(after) - place(before) - went).max() < STEP_M
        # The last one goes on alone, and then nobody is seen by anyone.
        assert len(outputs) > 0.9 * len(poses)


def test_cameras_are_named_and_changed_while_the_node_runs(ros: ModuleType) -> None:
    client = CameraClient(ros)
    client.place_cameras()
    client.listen("poses")
    poses = client.received["poses"]
    try:
        with running(NODE, *ros_arguments({"cameras": ["east", "/north/blazepose/poses"]})):
            heard = lambda: {name for name in THREE if client.poses[name].get_subscription_count()}  # noqa: E731
            client.wait_for(lambda: heard() == {"east", "north"}, "the two that were named")
            client.publish_until(THREE, lambda: poses and is_fused(poses[-1]), "people of two")
            assert set_parameters(client, cameras="south") == ""
            client.wait_for(lambda: heard() == {"south"}, "the third one alone")
            client.publish_until(
                THREE,
                lambda: poses[-1].poses and poses[-1].poses[0].placement is Placement.MONO,
                "people as it places them",
            )
            assert "takes a number from 0" in set_parameters(client, rate=-1.0)
    finally:
        client.close()


def test_cameras_are_subscribed_to_only_while_someone_listens(ros: ModuleType) -> None:
    client = CameraClient(ros)
    try:
        with running(NODE, *ros_arguments({})):
            client.wait_for(lambda: client.node.count_publishers(f"{NODE}/poses"), "the node")
            client.publish(THREE, 1.0)
            assert not any(publisher.get_subscription_count() for publisher in client.poses.values())
            client.listen("poses", "diagnostics")
            client.wait_for(lambda: client.poses["east"].get_subscription_count(), "it to listen")

            def told() -> bool:
                return any(
                    "no transform connects east with map" in msg.status[0].message
                    for msg in client.received["diagnostics"]
                )

            client.publish_until(THREE, told, "word of the transforms that are missing")
            client.place_cameras()
            poses = client.received["poses"]
            client.publish_until(THREE, lambda: poses and is_fused(poses[-1]), "people")
    finally:
        client.close()
