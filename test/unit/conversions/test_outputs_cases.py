# SPDX-License-Identifier: Apache-2.0
"""Diagnostics, REP-155's messages, joint states and markers, field by field."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from rclpy.serialization import deserialize_message
from scipy.spatial.transform import Rotation
from std_msgs.msg import ColorRGBA, Header
from support.bodies import FACING_M, placed, pose_of
from support.hri import hri_msgs  # noqa: F401 -- a fixture
from support.transforms import serialized
from visualization_msgs.msg import Marker

from blazepose_ros.conversions.diagnostics import figures, to_diagnostic_array
from blazepose_ros.conversions.frames import markers_in_frame, poses_in_frame, to_tf_message
from blazepose_ros.conversions.hri import SKELETON_2D, HriMessages, hri_id
from blazepose_ros.conversions.markers import MarkerArrays
from blazepose_ros.conversions.pose33 import (
    from_pose33,
    serialize_pose33,
    serialize_pose33_array,
    to_joint_state,
)
from blazepose_ros.conversions.tf_buffer import TfBuffer, TransformError, remember
from blazepose_ros.core.diagnostics.health import Health
from blazepose_ros.core.diagnostics.statistics import Drop, Snapshot
from blazepose_ros.core.joint_angles import joint_angles
from blazepose_ros.core.landmarks import BONES, Landmark
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.core.types import Frame, ModelComplexity, Status
from blazepose_ros.core.visualization.palette import depth_colors
from blazepose_ros.msg import Pose33, Pose33Array

HEADER = Header(stamp=Time(sec=12, nanosec=345), frame_id="eye")
WIDTH, HEIGHT = 640, 480


def snapshot(**fields: Any) -> Snapshot:
    known = {
        "input_hz": 30.04, "processed_hz": 29.96, "dropped": Counter({Drop.BUSY: 3}),
        "processing_ms": (11.04, 22.06), "latency_ms": (33.0, 44.0), "last_image_age_s": 0.25,
        "last_person_age_s": math.inf, "time_jumps": 2, "unstamped": 1, "stamp_age_s": 0.02,
        "people": ("1: fine", "2: truncated"),
    }  # fmt: skip
    return Snapshot(**(known | fields))


def test_figures_are_named_and_rounded() -> None:
    drops = {f"images dropped because {why.value}": str(3 * (why is Drop.BUSY)) for why in Drop}
    assert figures(snapshot()) == {
        "images received per second": "30.0",
        "images processed per second": "30.0",
        **drops,
        "processing median (ms)": "11.0",
        "processing 99 % (ms)": "22.1",
        "latency since stamp median (ms)": "33.0",
        "latency since stamp 99 % (ms)": "44.0",
        "last image (s ago)": "0.2",
        "last person (s ago)": "unknown",
        "people": "1: fine; 2: truncated",
        "stamps went back or jumped": "2",
        "stamps behind the node's clock (s)": "0.0",
    }


def test_figures_that_are_not_known_are_unknown_and_without_people_there_are_none() -> None:
    none = snapshot(
        processing_ms=(math.nan,) * 2, latency_ms=(math.nan,) * 2, people=(), last_image_age_s=math.inf
    )
    shown = figures(none)
    assert shown["people"] == "none"
    assert [key for key, value in shown.items() if value == "unknown"] == [
        "processing median (ms)", "processing 99 % (ms)", "latency since stamp median (ms)",
        "latency since stamp 99 % (ms)", "last image (s ago)", "last person (s ago)",
    ]  # fmt: skip


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_diagnostic_message_has_one_status_with_all_values(level: int) -> None:
    health = Health(level, "as it is")
    msg = to_diagnostic_array("node: camera", "/image", health, {"b": "2", "a": "1"}, Time(sec=7))
    (status,) = msg.status
    assert (msg.header.stamp.sec, msg.header.frame_id) == (7, "")
    assert (status.level, status.name, status.message) == (bytes([level]), "node: camera", "as it is")
    assert status.hardware_id == "/image"
    assert [(value.key, value.value) for value in status.values] == [("b", "2"), ("a", "1")]


def spread(**fields: Any) -> Any:
    """Return a person whose landmarks are all apart from each other in the image."""
    screen = np.column_stack([np.linspace(30, 600, 33), np.linspace(20, 470, 33) ** 1.01, np.zeros(33)])
    return pose_of(FACING_M, screen, np.float64, visibility=np.linspace(0.9, 0.1, 33), person_id=7, **fields)


@pytest.mark.usefixtures("hri_msgs")
def test_a_skeleton_has_the_points_as_shares_of_the_image() -> None:
    pose = spread()
    msg = HriMessages().to_skeleton_2d(pose, WIDTH, HEIGHT, HEADER)
    assert msg.header == HEADER
    assert len(msg.skeleton) == len(SKELETON_2D) == 18
    for point, landmarks in zip(msg.skeleton, SKELETON_2D, strict=True):
        x, y = pose.screen[list(landmarks), :2].mean(axis=0)
        assert (point.x, point.y) == pytest.approx((x / WIDTH, y / HEIGHT))
        assert point.c == pytest.approx(min(pose.visibility[each] for each in landmarks))


def test_the_neck_is_between_the_shoulders_and_the_right_side_comes_first() -> None:
    shoulders = (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER)
    assert SKELETON_2D[:3] == ((Landmark.NOSE,), shoulders, (Landmark.RIGHT_SHOULDER,))


@pytest.mark.usefixtures("hri_msgs")
@pytest.mark.parametrize(("at", "shown"), [
    ((0, 0), (0, 0, 1)), ((640, 480), (1, 1, 1)), ((-1, 240), (0, 0.5, 0)), ((641, 240), (1, 0.5, 0)),
    ((320, -1), (0.5, 0, 0)), ((320, 481), (0.5, 1, 0)),
    ((math.nan, 240), (0, 0.5, 0)), ((320, math.nan), (0.5, 0, 0)),
])  # fmt: skip
def test_a_point_outside_of_the_image_is_at_its_edge_and_not_seen(at: Any, shown: Any) -> None:
    pose = pose_of(FACING_M, np.full((33, 3), (*at, 0.0)), np.float64)
    point = HriMessages().to_skeleton_2d(pose, WIDTH, HEIGHT, HEADER).skeleton[0]
    assert (point.x, point.y, point.c) == pytest.approx(shown)


@pytest.mark.usefixtures("hri_msgs")
def test_people_have_names_that_a_topic_may_have() -> None:
    messages = HriMessages()
    msg = messages.to_ids_list([spread(), placed(person_id=12)], HEADER)
    assert (msg.header, msg.ids) == (HEADER, ["b7", "b12"])
    assert hri_id(3) == "b3"
    assert (messages.ids_list.__name__, messages.skeleton_2d.__name__) == ("IdsList", "Skeleton2D")


def test_a_joint_state_names_the_angles_of_all_people() -> None:
    people = [placed(person_id=3), spread()]
    msg = to_joint_state(people, HEADER, 0.4)
    expected = {
        f"{name}_{pose.person_id}": angle
        for pose in people
        for name, angle in joint_angles(pose.world, pose.visibility, 0.4).items()
    }
    assert msg.header == HEADER
    assert list(msg.name) == list(expected)
    np.testing.assert_array_equal(msg.position, list(expected.values()))
    assert np.isnan(msg.position).sum() not in (0, len(expected))


@pytest.mark.parametrize("status", [Status.NONE, Status.TRUNCATED | Status.LOW_LIGHT, Status.TOO_FAR])
def test_a_status_comes_back_from_its_message(status: Any) -> None:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0)
    written = serialize_pose33(placed(status=status), HEADER, frame, ModelComplexity.HEAVY)
    back = from_pose33(deserialize_message(written, Pose33))
    assert back.status is status
    np.testing.assert_array_equal(back.hip_center.covariance, placed().hip_center.covariance)


def markers_of(pose: Any) -> Any:
    return {marker.id: marker for marker in MarkerArrays().update([pose], HEADER, 0.5).markers}


def test_an_ellipsoid_turns_with_its_covariance_and_never_mirrors() -> None:
    deviations = np.array([0.1, 0.2, 0.4])
    for seed in range(8):
        turn = Rotation.random(random_state=seed).as_matrix()
        covariance = turn @ np.diag(deviations**2) @ turn.T
        marker = markers_of(placed((0.5, 0.2, 4.0), covariance))[6]
        q, scale = marker.pose.orientation, np.array([marker.scale.x, marker.scale.y, marker.scale.z])
        axes = Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix()
        np.testing.assert_allclose(axes @ np.diag((scale / 2) ** 2) @ axes.T, covariance, atol=1e-9)
        at = marker.pose.position
        assert (at.x, at.y, at.z) == (0.5, 0.2, 4.0)


def test_the_label_is_white_and_the_ellipsoid_transparent() -> None:
    markers = markers_of(placed(person_id=3))
    assert markers[5].color == ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
    assert markers[5].scale.z == pytest.approx(0.1)
    assert (markers[6].type, markers[6].color.a) == (Marker.SPHERE, 0.25)
    joint = markers[0].colors[0]
    *channels, _ = depth_colors(np.zeros(1))[0]
    assert (markers[6].color.r, markers[6].color.g, markers[6].color.b) == pytest.approx(tuple(channels))
    assert joint.a == 1.0


def test_of_a_bone_of_which_one_end_is_missing_nothing_is_drawn() -> None:
    world = FACING_M.copy()
    world[Landmark.LEFT_WRIST, 1] = math.nan
    ends = {15}
    pose = placed(world=world)
    bones = markers_of(pose)[4].points
    whole = markers_of(placed())[4].points
    touched = sum(1 for start, end in BONES if {start, end} & ends)
    assert len(bones) == len(whole) - 2 * touched
    assert all(math.isfinite(point.y) for point in bones)


@pytest.mark.parametrize("hri", [False, True])
def test_frames_that_are_not_turned_have_the_unit_quaternion(hri: bool) -> None:
    msg = to_tf_message([placed(person_id=4)], HEADER, prefix="p/", landmark_visibility=0.5, hri=hri)
    frames = {each.child_frame_id: each for each in msg.transforms}
    assert len(frames) == 2 + hri + len(Landmark)
    for name, each in frames.items():
        assert each.header.stamp == HEADER.stamp
        q = each.transform.rotation
        if name != "p/body_4":
            assert (q.x, q.y, q.z, q.w) == (0.0, 0.0, 0.0, 1.0)
            assert each.header.frame_id == ("eye" if name == "p/hip_center_4" else "p/body_4")
    assert ("p/body_b4" in frames) is hri


def test_joints_are_as_high_and_as_deep_as_they_are_wide() -> None:
    for number, marker in markers_of(placed()).items():
        if number < 4:
            assert marker.scale.x == marker.scale.y == marker.scale.z > 0


def test_the_largest_number_of_a_person_is_written() -> None:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0)
    written = serialize_pose33(placed(person_id=2**32 - 1), HEADER, frame, ModelComplexity.LITE)
    assert deserialize_message(written, Pose33).person_id == 2**32 - 1


def test_in_another_frame_people_and_markers_keep_their_stamp_and_the_originals_their_place() -> None:
    turn = Rigid(Rotation.from_euler("z", 90, degrees=True).as_matrix(), np.array([1.0, 2.0, 3.0]))
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0)
    written = serialize_pose33_array([placed((0.5, 0.0, 4.0))], HEADER, frame, ModelComplexity.LITE)
    msg = deserialize_message(written, Pose33Array)
    moved = poses_in_frame(msg, "map", turn)
    at = moved.poses[0].hip_center.pose.position
    assert (at.x, at.y, at.z) == pytest.approx((1.0, 2.5, 7.0))
    for each in (moved, moved.poses[0]):
        assert (each.header.stamp, each.header.frame_id) == (HEADER.stamp, "map")
    assert (msg.poses[0].hip_center.pose.position.x, msg.poses[0].header.frame_id) == (0.5, "eye")
    markers = markers_in_frame(MarkerArrays().update([placed()], HEADER, 0.5), "map", turn)
    assert {(marker.header.stamp.sec, marker.header.frame_id) for marker in markers.markers} == {(12, "map")}


@pytest.mark.parametrize("static", [True, False])
def test_a_static_transform_holds_at_any_time_and_another_one_at_its_own(static: bool) -> None:
    msg = TransformStamped(header=Header(stamp=Time(sec=5), frame_id="/map"), child_frame_id="/eye")
    msg.transform.translation.x = 2.0
    tree = TfBuffer()
    remember(tree, serialized(msg), static=static)
    assert tree.lookup("map", "eye", 5 * 10**9).translation[0] == 2.0
    if static:
        assert tree.lookup("map", "eye", 9 * 10**9).translation[0] == 2.0
    else:
        with pytest.raises(TransformError):
            tree.lookup("map", "eye", 9 * 10**9)
