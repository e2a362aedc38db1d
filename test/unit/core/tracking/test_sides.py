# SPDX-License-Identifier: Apache-2.0
"""Left and right of a person stay where they are, and turn around with the person."""

import math
from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, FACING_M, seen_by

from blazepose_ros.core.landmarks import MIRRORED, Landmark
from blazepose_ros.core.tracking.sides import SideKeeper, Verdict, exchange_sides
from blazepose_ros.core.tracking.smoothing import PoseSmoother, SmoothingOptions

STEP_S = 1 / 30
SECOND = 30
PLACE_M = (0.0, 0.0, 4.0)
UP = np.array([0.0, -1.0, 0.0])
# A camera that looks down by this much sees which way the toes point.
TILT_RAD = 0.3


def facing(yaw_rad: float, tilt_rad: float = TILT_RAD) -> Any:
    """Return a person who has turned from facing a camera that looks down."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    turned = FACING_M @ np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    cos, sin = math.cos(tilt_rad), math.sin(tilt_rad)
    return seen_by(CAMERA, PLACE_M, turned @ np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]]))


def swapped(pose: Any) -> Any:
    """Return what a model says that takes the front for the back."""
    return exchange_sides(pose, UP)


def without_feet(pose: Any) -> Any:
    pose.visibility[Landmark.LEFT_HEEL :] = 0.1
    return pose


def kept(poses: Any, step_s: float = STEP_S) -> Any:
    """Return what a keeper makes of poses: the poses and the verdicts."""
    keeper = SideKeeper()
    return zip(*(keeper.apply(pose, step_s) for pose in poses), strict=True)


def same_names(pose: Any, expected: Any) -> Any:
    apart = np.abs(pose.screen[:, :2] - expected.screen[:, :2]).max()
    return apart < np.abs(pose.screen[MIRRORED, :2] - expected.screen[:, :2]).max()


def test_every_landmark_has_a_counterpart_on_the_other_side() -> None:
    assert MIRRORED[Landmark.NOSE] == Landmark.NOSE
    assert MIRRORED[Landmark.MOUTH_LEFT] == Landmark.MOUTH_RIGHT
    assert [MIRRORED[other] for other in MIRRORED] == list(Landmark)


def test_a_person_from_behind_is_one_from_in_front_with_the_sides_exchanged() -> None:
    front, back = facing(0.0, 0.0), facing(math.pi, 0.0)
    exchanged = exchange_sides(front, UP)
    np.testing.assert_allclose(exchanged.world, back.world, atol=0.01)
    np.testing.assert_array_equal(exchanged.screen[:, :2], front.screen[MIRRORED, :2])


@pytest.mark.parametrize("yaw_rad", [0.0, 0.6, math.pi - 0.4, math.pi])
@pytest.mark.parametrize("feet", [True, False])
def test_a_swap_is_undone_and_the_way_back_changes_nothing(yaw_rad: float, feet: bool) -> None:
    person = facing(yaw_rad) if feet else without_feet(facing(yaw_rad))
    says = [person] * SECOND + [swapped(person)] * 4 + [person] * 4
    poses, verdicts = kept(says)
    assert all(same_names(pose, person) for pose in poses)
    assert verdicts[0] is Verdict.RESTARTED
    assert set(verdicts[1:]) == {Verdict.KEPT}


def test_a_track_that_starts_on_the_wrong_side_finds_the_right_one() -> None:
    person = facing(0.0)
    poses, verdicts = kept([swapped(person)] * 5 + [person] * 30)
    assert all(same_names(pose, person) for pose in poses[10:])
    assert verdicts[1:].count(Verdict.RESTARTED) == 1


@pytest.mark.parametrize("feet", [True, False])
def test_what_the_model_says_for_a_second_is_believed(feet: bool) -> None:
    person = facing(0.0) if feet else without_feet(facing(0.0))
    other = swapped(person)
    poses, _ = kept([person] * 5 * SECOND + [other] * 2 * SECOND)
    assert same_names(poses[5 * SECOND + 3], person)
    assert all(same_names(pose, other) for pose in poses[6 * SECOND :])


@pytest.mark.parametrize("turn_s", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("rate_hz", [10, 30, 60])
def test_who_turns_around_has_left_on_the_other_side(turn_s: float, rate_hz: int) -> None:
    images = round(turn_s * rate_hz)
    turning = [facing(math.pi * index / images) for index in range(images + 1)]
    says = [turning[0]] * rate_hz + turning + [turning[-1]] * rate_hz
    poses, verdicts = kept(says, 1 / rate_hz)
    assert all(same_names(pose, said) for pose, said in zip(poses, says, strict=True))
    assert Verdict.BLENDED not in verdicts


def test_a_slow_camera_is_believed() -> None:
    front, back = facing(0.0), facing(math.pi)
    poses, verdicts = kept([front, front, back, back], 0.5)
    assert same_names(poses[2], back)
    assert verdicts == (Verdict.RESTARTED, Verdict.KEPT, Verdict.RESTARTED, Verdict.KEPT)


def test_half_a_swap_is_no_body() -> None:
    person = facing(0.0)
    other = swapped(person)
    half = seen_by(CAMERA, PLACE_M, (person.world + other.world) / 2)
    poses, verdicts = kept([person] * SECOND + [half, person])
    assert verdicts[-2:] == (Verdict.BLENDED, Verdict.KEPT)
    assert same_names(poses[-1], person)


def test_the_smoother_ties_no_knot() -> None:
    person = facing(0.0)
    other = swapped(person)
    half = seen_by(CAMERA, PLACE_M, (person.world + other.world) / 2)
    smoother = PoseSmoother()
    says = [person] * SECOND + [other, half, person, half, other, other, person]
    for number, pose in enumerate(says):
        smooth = smoother.apply(pose, round(number * STEP_S * 1e9), SmoothingOptions())
        np.testing.assert_allclose(smooth.screen[:, :2], person.screen[:, :2], atol=3.0)
        assert smooth.world[Landmark.LEFT_SHOULDER, 0] > 0.1


def test_where_the_sides_do_change_the_smoother_restarts() -> None:
    person = facing(0.0)
    other = swapped(person)
    smoother = PoseSmoother()
    for number in range(3 * SECOND):
        pose = person if number < SECOND else other
        smooth = smoother.apply(pose, round(number * STEP_S * 1e9), SmoothingOptions())
        apart = [np.abs(smooth.screen - each.screen)[:, :2].max() for each in (person, other)]
        assert min(apart) < 1.0


def test_a_blended_pose_is_the_last_body_where_the_person_is() -> None:
    person = facing(0.0)
    half = seen_by(CAMERA, (0.1, 0.0, 4.0), (person.world + swapped(person).world) / 2)
    smoother = PoseSmoother()
    for number in range(SECOND):
        smoother.apply(person, round(number * STEP_S * 1e9), SmoothingOptions())
    held = smoother.apply(half, round(STEP_S * SECOND * 1e9), SmoothingOptions())
    moved_px = held.screen[:, 0] - person.screen[:, 0]
    np.testing.assert_allclose(moved_px, CAMERA.k[0, 0] * 0.1 / 4, atol=1.5)
    np.testing.assert_allclose(held.world, person.world, atol=1e-3)


@pytest.mark.parametrize("unknown", [np.nan, np.inf])
def test_unknown_landmarks_tell_nothing_and_do_no_harm(unknown: float) -> None:
    person = facing(0.0)
    garbled = facing(0.0)
    garbled.screen[Landmark.LEFT_WRIST] = unknown
    garbled.world[Landmark.LEFT_HIP] = unknown
    poses, _ = kept([person] * SECOND + [garbled, swapped(person), person])
    assert poses[SECOND] is garbled
    assert same_names(poses[-1], person)
    assert same_names(poses[-2], person)
