# SPDX-License-Identifier: Apache-2.0
"""Where frames are in each other."""

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation
from support.transforms import STAMP_NS, serialized, transform

from blazepose_ros.conversions.cdr import CdrError
from blazepose_ros.conversions.tf_buffer import (
    FORGOTTEN_AFTER_S,
    HISTORY_NS,
    MAX_DEPTH,
    MAX_FRAMES,
    MAX_POSES,
    MAX_POSES_PER_FRAME,
    TfBuffer,
    Transform,
    TransformError,
    TransformFault,
    remember,
)
from blazepose_ros.core.transforms import Rigid

NOW_NS = 1_000_000_000_000
MS = 1_000_000


def rigid(x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw_deg: float = 0.0) -> Rigid:
    return Rigid(Rotation.from_euler("z", yaw_deg, degrees=True).as_matrix(), np.array([x, y, z]))


def same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found.rotation, expected.rotation, atol=1e-12)
    np.testing.assert_allclose(found.translation, expected.translation, atol=1e-12)


HERE = rigid()


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


def test_a_chain_is_walked_once_however_long_and_no_further_than_the_depth() -> None:
    tree = TfBuffer()
    tree.insert_all(Transform(f"f{n}", f"f{n + 1}", rigid(x=1), None) for n in range(3000))
    same(tree.lookup("f0", f"f{MAX_DEPTH}", NOW_NS), rigid(x=MAX_DEPTH))
    with pytest.raises(TransformError, match=f"more than {MAX_DEPTH} frames are between f3000 and f0") as err:
        tree.lookup("f0", "f3000", NOW_NS)
    assert err.value.fault is TransformFault.TOO_DEEP
    assert not tree.trouble


def test_a_flood_of_frames_takes_no_frame_away_that_is_looked_up(robot: TfBuffer) -> None:
    now_s = iter(np.arange(0, 1000, 0.5)).__next__
    robot._clock = now_s
    before = robot.lookup("map", "camera", NOW_NS)
    for flood in range(3):
        robot.insert_all(
            Transform("abyss", f"{flood}_{n}", HERE, None if flood else NOW_NS) for n in range(10_000)
        )
        same(robot.lookup("map", "camera", NOW_NS), before)
        assert len(robot) <= MAX_FRAMES
    assert "more than 4000 frames" in robot.trouble
    with pytest.raises(TransformError, match="no transform connects wheel with map; more than 4000 frames"):
        robot.lookup("map", "wheel", NOW_NS)


def test_the_number_of_transforms_is_bounded() -> None:
    now_s = 0.0
    tree = TfBuffer(lambda: now_s)
    frames = MAX_POSES // MAX_POSES_PER_FRAME + 1
    for n in range(frames):
        tree.insert_all(
            Transform("map", f"arm{n}", HERE, NOW_NS + t) for t in range(MAX_POSES_PER_FRAME + 50)
        )
    same(tree.lookup("map", "arm0", NOW_NS + MAX_POSES_PER_FRAME), rigid())
    with pytest.raises(TransformError, match="before the oldest"):
        tree.lookup("map", "arm0", NOW_NS)
    now_s = 2.0
    tree.insert("map", "arm0", rigid(), NOW_NS + MS)
    assert len(tree) == 1
    assert "transforms on /tf" in tree.trouble


def test_moving_frames_that_are_gone_are_forgotten_static_ones_are_not() -> None:
    now_s = 0.0
    tree = TfBuffer(lambda: now_s)
    tree.insert("base", "camera", rigid(y=1), None)
    for number in range(50):  # people come and go
        now_s += 1.0
        tree.insert("camera", f"body_{number}", rigid(), NOW_NS)
    assert len(tree) <= FORGOTTEN_AFTER_S + 2
    same(tree.lookup("base", "camera", NOW_NS), rigid(y=1))
    assert not tree.trouble


def test_a_look_up_waits_for_a_transform_that_is_late(robot: TfBuffer) -> None:
    late = Transform("map", "base", rigid(x=5, yaw_deg=50), NOW_NS + 500 * MS)
    threading.Timer(0.05, robot.insert_all, [[late]]).start()
    same(robot.lookup("map", "base", NOW_NS + 450 * MS, timeout_s=30.0), rigid(x=4.5, yaw_deg=45))


class Arriving:
    """A topic that has the next transform whenever it is asked."""

    def __init__(self, tree: TfBuffer) -> None:
        self.tree = tree
        self.asked = 0

    def poll(self) -> None:
        self.asked += 1
        self.tree.insert("map", "base", rigid(x=self.asked), NOW_NS + self.asked * MS)


def test_a_look_up_asks_what_has_come_as_long_as_it_waits() -> None:
    tree = TfBuffer()
    topic = Arriving(tree)
    tree.polled.append(topic)
    same(tree.lookup("map", "base", NOW_NS + MS), rigid(x=1))
    assert topic.asked == 1
    same(tree.lookup("map", "base", NOW_NS + 4 * MS, timeout_s=30.0), rigid(x=4))
    assert topic.asked == 4


def test_a_look_up_waits_no_longer_than_it_may() -> None:
    now_s = 0.0
    tree = TfBuffer(lambda: now_s)
    tree.insert("map", "base", rigid(), NOW_NS)

    def pass_time() -> None:
        nonlocal now_s
        now_s = 1.0
        tree.insert("map", "wheel", rigid(), NOW_NS)  # of another frame

    threading.Timer(0.05, pass_time).start()
    with pytest.raises(TransformError, match="after the newest") as err:
        tree.lookup("map", "base", NOW_NS + MS, timeout_s=0.5)
    assert err.value.fault is TransformFault.NOT_YET


@pytest.mark.parametrize(("frames", "at_ms"), [(("map", "camera"), -20), (("map", "moon"), 0)])
def test_a_look_up_does_not_wait_for_what_cannot_come(
    robot: TfBuffer, frames: tuple[str, str], at_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("time.sleep")
    with pytest.raises(TransformError):
        robot.lookup(*frames, NOW_NS + at_ms * MS, timeout_s=1e9)


def test_transforms_are_read_as_they_come_over_the_wire() -> None:
    turn = Rotation.from_euler("zyx", [100, -20, 95], degrees=True)
    odd = (
        transform("/map", "base", (1, 2, 3), 1.005 * turn.as_quat()),
        transform("map", "bad", (np.nan, 0, 0)),
    )
    tree = TfBuffer()
    remember(tree, serialized(*odd), static=False)
    same(tree.lookup("map", "base", STAMP_NS), Rigid(turn.as_matrix(), np.array([1.0, 2, 3])))
    assert len(tree) == 1
    with pytest.raises(TransformError, match="after the newest"):
        tree.lookup("map", "base", STAMP_NS + 1)
    with pytest.raises(CdrError):
        remember(tree, serialized(*odd)[:-1], static=False)


def test_of_a_huge_message_only_so_much_is_read() -> None:
    tree = TfBuffer()
    tree.insert("map", "eye", rigid(x=1), None)
    tree.lookup("map", "eye", NOW_NS)
    remember(
        tree,
        serialized(*(transform("abyss", f"f{n}", (0, 0, 0)) for n in range(MAX_FRAMES + 500))),
        static=True,
    )
    assert len(tree) <= MAX_FRAMES
    assert tree.trouble
    same(tree.lookup("map", "eye", NOW_NS), rigid(x=1))


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


def test_frames_are_static_to_each_other_where_nothing_between_them_moves() -> None:
    tree = TfBuffer()
    tree.insert("map", "wall", HERE, None)
    tree.insert("wall", "camera", HERE, None)
    tree.insert("map", "robot", HERE, NOW_NS)
    tree.insert("robot", "hand", HERE, None)
    assert tree.is_static("map", "camera")
    assert tree.is_static("camera", "map")
    assert tree.is_static("robot", "hand")
    assert not tree.is_static("map", "hand")
    assert not tree.is_static("map", "nowhere")


def test_a_static_transform_that_is_sent_anew_counts_from_then_on() -> None:
    buffer = TfBuffer()
    for x in (1.0, 2.0):
        buffer.insert("map", "wall", Rigid(np.eye(3), np.array([x, 0.0, 0.0])), None)
        buffer.insert("wall", "eye", Rigid(np.eye(3), np.array([0.0, 1.0, 0.0])), None)
        for _ in range(2):
            assert buffer.lookup("map", "eye", 5).translation.tolist() == [x, 1.0, 0.0]


def test_a_frame_that_was_static_may_move() -> None:
    buffer = TfBuffer()
    buffer.insert("map", "eye", rigid(), None)
    assert buffer.lookup("map", "eye", 5) is buffer.lookup("map", "eye", 6)
    buffer.insert("map", "eye", rigid(), 10)
    with pytest.raises(TransformError):
        buffer.lookup("map", "eye", 5)
