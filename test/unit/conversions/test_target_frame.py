# SPDX-License-Identifier: Apache-2.0
"""People in a frame of the robot's."""

from typing import Any

import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header
from support.bodies import fully_known, placed
from support.transforms import STAMP_NS, serialized, transform, vector

from blazepose_ros.conversions.frames import markers_in_frame, poses_in_frame
from blazepose_ros.conversions.markers import MarkerArrays
from blazepose_ros.conversions.pose33 import serialize_pose33
from blazepose_ros.conversions.tf_buffer import TfBuffer, TransformError, remember
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.core.types import Frame, ModelComplexity, covariance_matrices
from blazepose_ros.msg import Pose33, Pose33Array

TURN = Rotation.from_euler("zyx", [100, -20, 95], degrees=True)
CAMERA_IN_MAP = Rigid(TURN.as_matrix(), np.array([1.0, 2, 3]))
COVARIANCE = np.array([[1.0, 0.1, 0.2], [0.1, 2.0, 0.3], [0.2, 0.3, 3.0]])
FRAME = Frame(np.zeros((4, 4, 3), np.uint8), 0)
HEADER = Header(frame_id="eye")


def message(**fields: Any) -> Any:
    pose = placed((0.5, -0.25, 4.0), COVARIANCE, **fields)
    return deserialize_message(serialize_pose33(pose, HEADER, FRAME, ModelComplexity.FULL), Pose33)


def moved_to_map(msg: Any) -> Any:
    moved = poses_in_frame(Pose33Array(header=msg.header, poses=[msg]), "map", CAMERA_IN_MAP)
    assert moved.header == Header(stamp=msg.header.stamp, frame_id="map")
    return moved.poses[0]


def test_landmarks_of_a_moved_person_are_where_the_camera_saw_them() -> None:
    before, after = message(), moved_to_map(message())
    for there, here in zip(before.world_landmarks, after.world_landmarks, strict=True):
        in_camera = vector(there) + vector(before.hip_center.pose.position)
        in_map = vector(here) + vector(after.hip_center.pose.position)
        expected = CAMERA_IN_MAP.rotation @ in_camera + CAMERA_IN_MAP.translation
        np.testing.assert_allclose(in_map, expected, atol=1e-6)


def test_the_covariance_turns_with_the_axes_and_the_rest_stays() -> None:
    before, after = message(), moved_to_map(message())
    turn = CAMERA_IN_MAP.rotation
    old, new = (np.reshape(each.hip_center.covariance, (6, 6)) for each in (before, after))
    for block in (slice(0, 3), slice(3, 6)):
        np.testing.assert_allclose(new[block, block], turn @ old[block, block] @ turn.T, atol=1e-9)
    assert after.header.frame_id == "map"
    assert before.header.frame_id == "eye"
    assert after.screen_landmarks == before.screen_landmarks
    assert after.hip_center.pose.orientation == before.hip_center.pose.orientation


def test_the_velocity_and_all_covariances_turn_with_the_axes() -> None:
    pose = fully_known()
    before = deserialize_message(serialize_pose33(pose, HEADER, FRAME, ModelComplexity.FULL), Pose33)
    after = moved_to_map(before)
    turn = CAMERA_IN_MAP.rotation
    np.testing.assert_allclose(vector(after.hip_velocity), turn @ pose.hip_center.velocity, atol=1e-6)
    moved = covariance_matrices(np.reshape(after.landmark_covariances, (33, 6)))
    expected = turn @ covariance_matrices(pose.landmark_covariances) @ turn.T
    np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-4)
    moved = covariance_matrices(after.hip_velocity_covariance)
    np.testing.assert_allclose(moved, turn @ pose.hip_center.velocity_covariance @ turn.T, rtol=1e-5)
    assert (after.stature, after.stature_std) == (before.stature, before.stature_std)


def test_a_person_without_a_position_stays_without() -> None:
    nowhere = message()
    nowhere.placement = Pose33.NONE
    after = moved_to_map(nowhere)
    assert after.placement == Pose33.NONE
    assert after.hip_center == nowhere.hip_center


def test_markers_move_as_a_whole() -> None:
    markers = MarkerArrays().update([placed((0.5, -0.25, 4.0))], HEADER, 0.5)
    moved = markers_in_frame(markers, "map", CAMERA_IN_MAP)
    for before, after in zip(markers.markers, moved.markers, strict=True):
        assert (before.header.frame_id, after.header.frame_id) == ("eye", "map")
        assert (after.ns, after.id, after.points, after.colors) == (
            before.ns, before.id, before.points, before.colors,
        )  # fmt: skip
        np.testing.assert_allclose(turn(after), CAMERA_IN_MAP.rotation @ turn(before), atol=1e-9)
        place = CAMERA_IN_MAP.rotation @ vector(before.pose.position) + CAMERA_IN_MAP.translation
        np.testing.assert_allclose(vector(after.pose.position), place)


def turn(marker: Any) -> Any:
    """Return a marker's rotation as a matrix; an orientation of zeros is none."""
    q = marker.pose.orientation
    parts = (q.x, q.y, q.z, q.w)
    return Rotation.from_quat(parts).as_matrix() if any(parts) else np.eye(3)


def test_messages_of_tf_are_remembered() -> None:
    tree = TfBuffer()
    remember(tree, serialized(transform("map", "base", (1, 0, 0))), static=False)
    remember(tree, serialized(transform("/base", "/eye", (0, 1, 0))), static=True)
    found = tree.lookup("map", "eye", STAMP_NS)
    np.testing.assert_allclose(found.translation, (1, 1, 0))


@pytest.mark.parametrize(
    "wrong",
    [{"translation": (np.nan, 0, 0)}, {"quaternion": (0, 0, 0, 0)}, {"quaternion": (0, 0, 0, np.inf)}],
)
def test_a_transform_that_is_none_is_passed_over(wrong: Any) -> None:
    tree = TfBuffer()
    fields = {"translation": (0, 0, 0)} | wrong
    remember(tree, serialized(transform("map", "eye", **fields)), static=True)
    with pytest.raises(TransformError):
        tree.lookup("map", "eye", STAMP_NS)
