# SPDX-License-Identifier: Apache-2.0
"""Where frames are in each other."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from blazepose_ros.conversions.tf_buffer import HISTORY_NS, Rigid, TfBuffer, TransformError

NOW_NS = 1_000_000_000_000
MS = 1_000_000


def rigid(x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw_deg: float = 0.0) -> Rigid:
    return Rigid(Rotation.from_euler("z", yaw_deg, degrees=True).as_matrix(), np.array([x, y, z]))


def same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found.rotation, expected.rotation, atol=1e-12)
    np.testing.assert_allclose(found.translation, expected.translation, atol=1e-12)


@pytest.fixture
def robot() -> TfBuffer:
    """A map, a base that drives along x and turns, a camera on its mast, a wheel."""
    tree = TfBuffer()
    for step in range(5):
        tree.insert("map", "base", rigid(x=step, yaw_deg=10 * step), NOW_NS + step * 100 * MS)
    tree.insert("base", "mast", rigid(z=1.0), None)
    tree.insert("mast", "camera", rigid(y=0.5, yaw_deg=90), None)
    tree.insert("base", "wheel", rigid(y=0.3), NOW_NS)
    return tree


def test_a_frame_in_itself_is_where_it_is() -> None:
    same(TfBuffer().lookup("eye", "eye", NOW_NS), rigid())


def test_a_chain_is_composed(robot: TfBuffer) -> None:
    expected = rigid(x=1, yaw_deg=10) @ rigid(z=1.0) @ rigid(y=0.5, yaw_deg=90)
    same(robot.lookup("map", "camera", NOW_NS + 100 * MS), expected)


def test_the_other_way_round_is_the_inverse(robot: TfBuffer) -> None:
    there, back = (
        robot.lookup(*frames, NOW_NS + 130 * MS) for frames in (("map", "camera"), ("camera", "map"))
    )
    same(there @ back, rigid())


def test_between_two_stamps_it_is_between_two_poses(robot: TfBuffer) -> None:
    same(robot.lookup("map", "base", NOW_NS + 250 * MS), rigid(x=2.5, yaw_deg=25))


def test_frames_of_one_branch_need_nothing_beyond_it(robot: TfBuffer) -> None:
    # The base's place in the map is not known then, and does not matter.
    same(robot.lookup("base", "camera", NOW_NS + 10_000 * MS), rigid(z=1.0) @ rigid(y=0.5, yaw_deg=90))


@pytest.mark.parametrize(
    ("frames", "at_ms", "complaint"),
    [
        (("map", "camera"), 450, "the image is 50 ms after the newest transform from map to base"),
        (("map", "camera"), -20, "the image is 20 ms before the oldest transform from map to base"),
        (("map", "moon"), 0, "no transform connects moon with map"),
        (("moon", "camera"), 0, "no transform connects camera with moon"),
    ],
)
def test_what_is_not_known_is_said(
    robot: TfBuffer, frames: tuple[str, str], at_ms: int, complaint: str
) -> None:
    with pytest.raises(TransformError, match=complaint):
        robot.lookup(*frames, NOW_NS + at_ms * MS)


def test_a_loop_of_frames_is_not_followed_for_ever() -> None:
    tree = TfBuffer()
    tree.insert("a", "b", rigid(x=1), None)
    tree.insert("b", "a", rigid(x=1), None)
    with pytest.raises(TransformError):
        tree.lookup("c", "a", NOW_NS)


def test_transforms_that_come_out_of_order_are_sorted() -> None:
    tree = TfBuffer()
    for step in (0, 2, 1, 1):
        tree.insert("map", "base", rigid(x=step), NOW_NS + step * 100 * MS)
    same(tree.lookup("map", "base", NOW_NS + 150 * MS), rigid(x=1.5))


def test_old_transforms_are_forgotten_and_a_jump_back_starts_again() -> None:
    tree = TfBuffer()
    for step in range(3):
        tree.insert("map", "base", rigid(x=step), NOW_NS + step * HISTORY_NS * 2 // 3)
    with pytest.raises(TransformError, match="before the oldest"):
        tree.lookup("map", "base", NOW_NS)
    tree.insert("map", "base", rigid(x=7), NOW_NS - HISTORY_NS)
    same(tree.lookup("map", "base", NOW_NS - HISTORY_NS), rigid(x=7))
    with pytest.raises(TransformError, match="after the newest"):
        tree.lookup("map", "base", NOW_NS + HISTORY_NS)


def test_a_frame_that_changes_its_parent_has_only_the_new_one() -> None:
    tree = TfBuffer()
    tree.insert("left_hand", "cup", rigid(x=1), NOW_NS)
    tree.insert("right_hand", "cup", rigid(x=2), NOW_NS)
    same(tree.lookup("right_hand", "cup", NOW_NS), rigid(x=2))
    with pytest.raises(TransformError):
        tree.lookup("left_hand", "cup", NOW_NS)


QUATERNIONS = arrays(float, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 0.1)
VECTORS = arrays(float, 3, elements=st.floats(-10, 10))


@given(QUATERNIONS, VECTORS)
def test_a_pose_and_its_inverse_undo_each_other(quaternion: Any, vector: Any) -> None:
    pose = Rigid(Rotation.from_quat(quaternion).as_matrix(), vector)
    same(pose @ pose.inverse(), rigid())
    same(pose.inverse() @ pose, rigid())
