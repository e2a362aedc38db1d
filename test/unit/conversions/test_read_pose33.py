# SPDX-License-Identifier: Apache-2.0
"""A Pose33Array is read from its bytes as rclpy and `from_pose33` read it."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import deserialize_message
from support.bodies import fully_known, placed, pose_of

from blazepose_ros.conversions.cdr import CdrError, header_message
from blazepose_ros.conversions.pose33 import from_pose33, read_pose33_array, serialize_pose33_array
from blazepose_ros.core.types import ImageSize, ModelComplexity, Pose
from blazepose_ros.msg import Pose33Array

IMAGE = ImageSize(640, 480)
PEOPLE = [fully_known(), placed((0.5, 0.1, 2.0), person_id=7), pose_of(person_id=9)]


def written(people: list[Pose]) -> bytes:
    return serialize_pose33_array(people, header_message(1_500_000_000, "eye"), IMAGE, ModelComplexity.HEAVY)


def test_it_holds_what_the_message_objects_hold() -> None:
    read = read_pose33_array(written(PEOPLE))
    assert (read.stamp_ns, read.frame_id, read.image) == (1_500_000_000, "eye", IMAGE)
    assert read.complexity is ModelComplexity.HEAVY
    for pose, message in zip(
        read.poses, deserialize_message(written(PEOPLE), Pose33Array).poses, strict=True
    ):
        expected = from_pose33(message)
        for name in ("screen", "visibility", "presence", "world", "landmark_covariances"):
            np.testing.assert_array_equal(getattr(pose, name), getattr(expected, name))
        for name in ("person_id", "status", "score", "stature_m", "stature_std_m", "placement"):
            np.testing.assert_equal(getattr(pose, name), getattr(expected, name))
        if expected.hip_center is not None:
            for name, value in vars(expected.hip_center).items():
                np.testing.assert_array_equal(getattr(pose.hip_center, name), value)


def test_nobody_is_nobody() -> None:
    assert read_pose33_array(written([])).poses == ()


def test_of_too_many_people_only_so_many_are_read() -> None:
    read = read_pose33_array(written(PEOPLE), most=2)
    assert [pose.person_id for pose in read.poses] == [each.person_id for each in PEOPLE[:2]]
    assert read.unread == 1
    assert read_pose33_array(written(PEOPLE), most=3).unread == 0


@pytest.mark.parametrize("length", [0, 3, 20, 400])
def test_a_message_that_ends_too_early_is_refused(length: int) -> None:
    with pytest.raises(CdrError):
        read_pose33_array(written(PEOPLE)[:length])


def test_a_placement_that_does_not_exist_is_refused() -> None:
    message = bytearray(written([placed()]))
    changed = bytes(b if index != _placement_at() else 99 for index, b in enumerate(message))
    with pytest.raises(CdrError, match="99"):
        read_pose33_array(changed)


def _placement_at() -> int:
    """Return where the placement stands: the first byte that differs between two that differ in it alone."""
    none, mono = written([pose_of(person_id=1)]), written([placed()])
    return next(index for index, (one, other) in enumerate(zip(none, mono, strict=True)) if one != other)
