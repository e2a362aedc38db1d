# SPDX-License-Identifier: Apache-2.0
"""Each angle needs every landmark that it is made of, and no other."""

import math
from typing import Any

import numpy as np
import pytest
from support.bodies import FACING_M

from blazepose_ros.core.joint_angles import JOINTS, joint_angles
from blazepose_ros.core.landmarks import Landmark

PARTS = {
    "shoulder_flexion": ("SHOULDER", "ELBOW"),
    "shoulder_abduction": ("SHOULDER", "ELBOW"),
    "elbow_flexion": ("SHOULDER", "ELBOW", "WRIST"),
    "hip_flexion": ("HIP", "KNEE"),
    "hip_abduction": ("HIP", "KNEE"),
    "knee_flexion": ("HIP", "KNEE", "ANKLE"),
    "ankle_flexion": ("KNEE", "ANKLE", "FOOT_INDEX"),
}
NEEDS = {
    f"{side}_{name}": {Landmark[f"{side}_{part}".upper()] for part in parts}
    for side in ("left", "right")
    for name, parts in PARTS.items()
}
NEEDS["neck_flexion"] = {
    Landmark.LEFT_EAR,
    Landmark.RIGHT_EAR,
    Landmark.LEFT_SHOULDER,
    Landmark.RIGHT_SHOULDER,
}
NEEDS["trunk_flexion"] = {
    Landmark.LEFT_HIP,
    Landmark.RIGHT_HIP,
    Landmark.LEFT_SHOULDER,
    Landmark.RIGHT_SHOULDER,
}


def test_these_are_all_angles() -> None:
    assert {joint.name for joint in JOINTS} == set(NEEDS)


@pytest.mark.parametrize("landmark", Landmark)
@pytest.mark.parametrize(("visibility", "seen"), [(0.5, True), (0.499, False)])
def test_an_angle_is_unknown_where_one_of_its_landmarks_is_not_seen(
    landmark: Any, visibility: float, seen: bool
) -> None:
    """Toes, say: the angle of an ankle without them would be that of a guess."""
    values = np.ones(33)
    values[landmark] = visibility
    angles = joint_angles(FACING_M, values, 0.5)
    unknown = {name for name, angle in angles.items() if math.isnan(angle)}
    assert unknown == (set() if seen else {name for name, needs in NEEDS.items() if landmark in needs})
