# SPDX-License-Identifier: Apache-2.0
"""The URDF of a person, and the angles that lead its links to the landmarks."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from support.bodies import FACING_AXES, FACING_M
from support.kinematics import link_poses

from blazepose_ros.core.human_model import (
    HALF_HIPS,
    HALF_SHOULDERS,
    _xzy,
    _zxy,
    _zxz,
    human_urdf,
    joint_positions,
)
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.bone_length_range import FOREARM, SHANK, THIGH, TRUNK, UPPER_ARM

STATURE_M = 1.8
SEEN = np.ones(33)
ENDS = {part.lower(): part for part in ("SHOULDER", "ELBOW", "WRIST", "HIP", "KNEE", "ANKLE")}
QUARTERS = list(itertools.product((0, 90, 180, 270), repeat=3))
unit_vectors = st.integers(0, 2**32 - 1).map(
    lambda seed: (lambda vectors: vectors / np.linalg.norm(vectors, axis=1)[:, None])(
        np.random.default_rng(seed).normal(size=(8, 3))
    )
)


def body(directions: Any) -> Any:
    """Return the landmarks of a person of the model's proportions whose limbs point anywhere."""
    points = FACING_M @ FACING_AXES
    for side, sign, (upper, fore, thigh, shank) in zip(
        ("LEFT", "RIGHT"), (1, -1), np.split(directions, 2), strict=True
    ):
        chain = {
            "SHOULDER": np.array([0, sign * HALF_SHOULDERS, TRUNK]),
            "HIP": np.array([0, sign * HALF_HIPS, 0.0]),
        }
        chain["ELBOW"] = chain["SHOULDER"] + UPPER_ARM * upper
        chain["WRIST"] = chain["ELBOW"] + FOREARM * fore
        chain["KNEE"] = chain["HIP"] + THIGH * thigh
        chain["ANKLE"] = chain["KNEE"] + SHANK * shank
        for part, place in chain.items():
            points[Landmark[f"{side}_{part}"]] = STATURE_M * place
    return points


def named(positions: Any) -> Any:
    return {f"{joint}_b1": angle for joint, angle in positions.items()}


@settings(max_examples=30)
@given(unit_vectors)
def test_forward_kinematics_give_the_landmarks_back(directions: Any) -> None:
    points = body(directions)
    links = link_poses(human_urdf("b1", STATURE_M), named(joint_positions(points, SEEN, 0.5)))
    for letter, side in (("l", "LEFT"), ("r", "RIGHT")):
        for link, part in ENDS.items():
            found = links[f"{letter}_{link}_b1"][:3, 3]
            np.testing.assert_allclose(found, points[Landmark[f"{side}_{part}"]], atol=0.01)


@pytest.mark.parametrize(("function", "axes"), [(_zxz, "ZXZ"), (_zxy, "ZXY"), (_xzy, "XZY")])
def test_the_angles_are_those_of_the_rotation(function: Any, axes: str) -> None:
    turned = Rotation.random(50, random_state=0).as_matrix()
    quarters = np.array([Rotation.from_euler("xyz", each, degrees=True).as_matrix() for each in QUARTERS])
    for matrix in np.concatenate([turned, quarters]):
        back = Rotation.from_euler(axes, function(matrix)).as_matrix()
        np.testing.assert_allclose(back, matrix, atol=1e-5)


def test_a_person_at_rest_has_zeros() -> None:
    down = np.tile([0.0, 0.0, -1.0], (8, 1))
    positions = joint_positions(body(down), SEEN, 0.5)
    limbs = {joint: angle for joint, angle in positions.items() if not joint.endswith("head")}
    np.testing.assert_allclose(list(limbs.values()), 0.0, atol=1e-9)


def test_signs_are_those_of_the_human_description() -> None:
    """Elbows bend to positive, knees to negative angles; arms rise to positive ones on both sides."""
    directions = np.tile([0.0, 0.0, -1.0], (8, 1))
    directions[[1, 5]] = (1.0, 0.0, 0.0)  # forearms forward
    directions[[3, 7]] = (-1.0, 0.0, 0.0)  # shanks backward
    positions = joint_positions(body(directions), SEEN, 0.5)
    for side in "lr":
        assert positions[f"{side}_elbow"] == pytest.approx(np.pi / 2)
        assert positions[f"{side}_knee"] == pytest.approx(-np.pi / 2)
    directions = np.tile([0.0, 0.0, -1.0], (8, 1))
    directions[[0, 1]], directions[[4, 5]] = (0.0, 1.0, 0.0), (0.0, -1.0, 0.0)
    positions = joint_positions(body(directions), SEEN, 0.5)
    assert positions["l_p_shoulder"] == pytest.approx(np.pi / 2)
    assert positions["r_p_shoulder"] == pytest.approx(np.pi / 2)
    directions[[0, 1, 4, 5]] = (1.0, 0.0, 0.0)
    positions = joint_positions(body(directions), SEEN, 0.5)
    assert positions["l_p_shoulder"] == pytest.approx(positions["r_p_shoulder"]) == pytest.approx(np.pi / 2)
    assert positions["l_y_shoulder"] == pytest.approx(positions["r_y_shoulder"])


def test_a_limb_that_is_not_seen_has_no_angles() -> None:
    hidden = SEEN.copy()
    hidden[Landmark.LEFT_WRIST] = 0.1
    positions = joint_positions(FACING_M @ FACING_AXES, hidden, 0.5)
    assert np.isnan(positions["l_elbow"])
    assert not np.isnan(positions["r_elbow"])
    assert np.isnan(list(joint_positions(np.full((33, 3), np.nan), SEEN, 0.5).values())[1:]).all()


def test_the_model_has_the_persons_size() -> None:
    rest = dict.fromkeys(named(joint_positions(FACING_M @ FACING_AXES, SEEN, 0.5)), 0.0)
    for stature_m in (1.1, 1.9):
        links = link_poses(human_urdf("b1", stature_m), rest)
        height_m = links["head_b1"][2, 3] - links["l_ankle_b1"][2, 3]
        assert 0.85 * stature_m < height_m < 0.95 * stature_m  # less the soles and the top of the head
