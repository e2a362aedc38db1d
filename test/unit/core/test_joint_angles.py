# SPDX-License-Identifier: Apache-2.0
"""The angles of joints: their zeros and signs."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header
from support.bodies import FACING_AXES, FACING_M, placed

from blazepose_ros.conversions.pose33 import to_joint_state
from blazepose_ros.core.joint_angles import JOINTS, joint_angles
from blazepose_ros.core.landmarks import Landmark

SEEN = np.ones(33)
# In optical axes, of a body that faces the camera.
FORWARD, LEFT, UP = np.array([0.0, 0, -1]), np.array([1.0, 0, 0]), np.array([0.0, -1, 0])


def attention() -> np.ndarray:
    """Return a body, (33, 3), that stands upright with hanging arms and all joints straight."""
    world = np.zeros((33, 3))
    for side, out in (("LEFT_", LEFT), ("RIGHT_", -LEFT)):
        heights_m = {"HIP": 0.0, "KNEE": -0.4, "ANKLE": -0.8, "HEEL": -0.8, "SHOULDER": 0.5}
        heights_m |= {"ELBOW": 0.2, "WRIST": -0.05, "EAR": 0.65}
        for part, height_m in heights_m.items():
            width_m = 0.2 if part in ("SHOULDER", "ELBOW", "WRIST") else 0.1
            world[Landmark[side + part]] = width_m * out + height_m * UP
        world[Landmark[side + "FOOT_INDEX"]] = world[Landmark[side + "ANKLE"]] + 0.2 * FORWARD
    return world


def moved(*moves: Any) -> Any:
    """Return that body with landmarks turned about others: (pivot, landmarks, axis, angle)."""
    world = attention()
    for pivot, landmarks, axis, angle in moves:
        turn = Rotation.from_rotvec(angle * axis)
        indices = [Landmark[name] for name in landmarks]
        center = world[Landmark[pivot]]
        world[indices] = center + turn.apply(world[indices] - center)
    return world


def angles(world: Any) -> Any:
    return joint_angles(world, SEEN, 0.5)


LEFT_FOREARM, RIGHT_FOREARM = ["LEFT_WRIST"], ["RIGHT_WRIST"]
LEFT_ARM, RIGHT_ARM = ["LEFT_ELBOW", "LEFT_WRIST"], ["RIGHT_ELBOW", "RIGHT_WRIST"]
LEFT_LEG = ["LEFT_KNEE", "LEFT_ANKLE", "LEFT_FOOT_INDEX"]
LEFT_SHANK = LEFT_LEG[1:]

# What raises a hanging limb forwards, to the person's left, or backwards.
FORWARDS, TO_THE_LEFT, BACKWARDS = -LEFT, FORWARD, LEFT

MOVES = {
    "left_elbow_flexion": ("LEFT_ELBOW", LEFT_FOREARM, FORWARDS, 1.2, 1.2),
    "right_elbow_flexion": ("RIGHT_ELBOW", RIGHT_FOREARM, FORWARDS, 2.0, 2.0),
    "left_shoulder_flexion": ("LEFT_SHOULDER", LEFT_ARM, FORWARDS, 1.3, 1.3),
    "right_shoulder_flexion": ("RIGHT_SHOULDER", RIGHT_ARM, BACKWARDS, 0.5, -0.5),
    "left_shoulder_abduction": ("LEFT_SHOULDER", LEFT_ARM, TO_THE_LEFT, 1.0, 1.0),
    "right_shoulder_abduction": ("RIGHT_SHOULDER", RIGHT_ARM, TO_THE_LEFT, -1.0, 1.0),
    "left_hip_flexion": ("LEFT_HIP", LEFT_LEG, FORWARDS, 0.7, 0.7),
    "left_hip_abduction": ("LEFT_HIP", LEFT_LEG, TO_THE_LEFT, 0.4, 0.4),
    "left_knee_flexion": ("LEFT_KNEE", LEFT_SHANK, BACKWARDS, 1.1, 1.1),
    "left_ankle_flexion": ("LEFT_ANKLE", ["LEFT_FOOT_INDEX"], FORWARDS, 0.3, 0.3),
    "neck_flexion": ("LEFT_SHOULDER", ["LEFT_EAR", "RIGHT_EAR"], BACKWARDS, 0.4, 0.4),
}


def test_a_person_who_stands_at_attention_has_zeros() -> None:
    np.testing.assert_allclose(list(angles(attention()).values()), 0.0, atol=1e-9)


@pytest.mark.parametrize("name", MOVES)
def test_a_joint_that_moves_has_its_angle_and_the_others_have_none(name: str) -> None:
    pivot, landmarks, axis, turn, expected = MOVES[name]
    found = angles(moved((pivot, landmarks, axis, turn)))
    assert found.pop(name) == pytest.approx(expected, abs=1e-9)
    np.testing.assert_allclose(list(found.values()), 0.0, atol=1e-9)


@pytest.mark.parametrize(("turn", "expected"), [(0.6, 0.6), (-0.3, -0.3)])
def test_a_trunk_that_bends_forwards_is_positive(turn: float, expected: float) -> None:
    bent = attention() @ Rotation.from_rotvec(turn * BACKWARDS).as_matrix().T
    found = angles(bent)
    assert found.pop("trunk_flexion") == pytest.approx(expected)
    np.testing.assert_allclose(list(found.values()), 0.0, atol=1e-9)


@given(arrays(float, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_the_joints_do_not_depend_on_which_way_the_body_is_turned(quaternion: Any) -> None:
    straight, turned = (
        {name: value for name, value in angles(world).items() if name != "trunk_flexion"}
        for world in (FACING_M, FACING_M @ Rotation.from_quat(quaternion).as_matrix().T)
    )
    for name, value in straight.items():
        assert turned[name] == pytest.approx(value, abs=1e-7), name


def test_a_limb_that_is_not_seen_has_no_angle() -> None:
    visibility = SEEN.copy()
    visibility[Landmark.LEFT_WRIST] = 0.4
    found = joint_angles(FACING_M, visibility, 0.5)
    assert [name for name, value in found.items() if math.isnan(value)] == ["left_elbow_flexion"]


def test_an_arm_that_points_forwards_is_not_raised_sidewards_at_any_angle() -> None:
    found = angles(moved(("LEFT_SHOULDER", LEFT_ARM, FORWARDS, math.pi / 2)))
    assert found["left_shoulder_flexion"] == pytest.approx(math.pi / 2)
    assert math.isnan(found["left_shoulder_abduction"])


def test_a_body_without_axes_has_no_angles() -> None:
    assert all(math.isnan(value) for value in angles(np.full((33, 3), np.nan)).values())


@given(arrays(np.float32, (33, 3), elements=st.floats(-2, 2, width=32)))
def test_angles_are_angles_or_nan(world: Any) -> None:
    for value in angles(world).values():
        assert math.isnan(value) or -math.pi <= value <= math.pi


def test_the_message_names_each_joint_of_each_person() -> None:
    header = Header(frame_id="eye")
    msg = to_joint_state([placed(person_id=3), placed(person_id=7)], header, 0.5)
    assert msg.header == header
    assert list(msg.name) == [f"{joint.name}_{number}" for number in (3, 7) for joint in JOINTS]
    assert len(msg.position) == len(msg.name)
    assert msg.position[msg.name.index("left_elbow_flexion_7")] == pytest.approx(
        angles(FACING_M)["left_elbow_flexion"], abs=1e-6
    )


def test_upwards_is_where_it_is_said_to_be() -> None:
    upright = FACING_M @ FACING_AXES  # z is up
    visible = np.ones(len(Landmark))
    assert joint_angles(upright, visible, 0.5, up=(0.0, 0.0, 1.0))["trunk_flexion"] == pytest.approx(
        0, abs=1e-6
    )
