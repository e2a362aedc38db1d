# SPDX-License-Identifier: Apache-2.0
"""Angles and distances are those of the body, with the deviation that errors of landmarks make."""

import math

import numpy as np
import pytest
from support import figures
from support.figures import direction, figure

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.measurements import JOINTS, angle_at, distance
from blazepose_ros.core.types import HipCenter, Placement

BENT = figure((direction(-90), direction(0)), left_leg=(direction(-30), direction(-90)))


@pytest.mark.parametrize("turn_deg", figures.SIDES_DEG)
def test_an_angle_is_the_bodys_from_every_side(turn_deg: float) -> None:
    pose = figures.seen(BENT, turn_deg)
    assert angle_at(pose, "left_elbow", 0.5).value == pytest.approx(90.0, abs=0.01)
    assert angle_at(pose, "left_knee", 0.5).value == pytest.approx(120.0, abs=0.01)
    assert angle_at(pose, "right_hip", 0.5).value == pytest.approx(120.0, abs=2.0)


def test_a_distance_is_the_bodys() -> None:
    measured = distance(figures.seen(BENT), Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER, 0.5)
    assert measured.value == pytest.approx(2 * figures.SHOULDER_M, abs=1e-6)


def test_the_deviation_is_that_of_landmarks_that_err() -> None:
    random = np.random.default_rng(0)
    pose = figures.seen(BENT)
    deviation = np.array([0.03, 0.03, 0.06])
    noisy = [figures.seen(BENT, errors_m=random.normal(size=(33, 3)) * deviation) for _ in range(400)]
    for function in (
        lambda each: angle_at(each, "left_elbow", 0.5),
        lambda each: distance(each, Landmark.LEFT_WRIST, Landmark.RIGHT_WRIST, 0.5),
    ):
        spread = np.std([function(each).value for each in noisy])
        assert function(pose).std == pytest.approx(spread, rel=0.25)


def test_what_is_hidden_is_less_certain_and_below_the_threshold_unknown() -> None:
    visible = figures.seen(BENT)
    hidden = figures.seen(BENT)
    hidden.visibility[Landmark.LEFT_ELBOW] = 0.6
    assert angle_at(hidden, "left_elbow", 0.5).std > angle_at(visible, "left_elbow", 0.5).std
    assert math.isnan(angle_at(hidden, "left_elbow", 0.7).value)
    broken = figures.seen(np.full((33, 3), np.nan))
    assert all(math.isnan(angle_at(broken, joint, 0.5).value) for joint in JOINTS)


def test_fused_people_are_as_certain_as_their_covariances() -> None:
    triangles = np.tile(np.float32([1e-4, 0, 0, 1e-4, 0, 1e-4]), (33, 1))
    hips = HipCenter(np.zeros(3), np.eye(3), Placement.FUSED)
    pose = figures.seen(BENT, hip_center=hips, landmark_covariances=triangles)
    measured = distance(pose, Landmark.LEFT_HIP, Landmark.RIGHT_HIP, 0.5)
    assert measured.std == pytest.approx(0.01 * math.sqrt(2), rel=0.01)
