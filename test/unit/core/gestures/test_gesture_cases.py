# SPDX-License-Identifier: Apache-2.0
"""Gestures over time: they are debounced, kept apart by person, and end with what shows them."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support import figures
from support.figures import direction, figure

from blazepose_ros.core.body_view import UP_IN_IMAGES, UP_IN_WORLD, up_of_camera
from blazepose_ros.core.gestures.measures import turns
from blazepose_ros.core.gestures.recognizer import (
    Debounce,
    GestureRecognizer,
    Ray,
    ShownGesture,
    floor_point,
    pointing_ray,
)
from blazepose_ros.core.gestures.rules import ARM_RULES, BODY_RULES, GestureKind, Side
from blazepose_ros.core.landmarks import Landmark

STEP_NS = 10**8
RAISED = figure((direction(80, 90),) * 2, figures.HANGING_RIGHT)
STANDING = figure()
CROSSED = figure((direction(-60, 0), direction(10, -70)), (direction(-60, 0), direction(5, 70)))


def after(poses: Any, recognizer: Any = None, up: Any = UP_IN_IMAGES, start: int = 10) -> list[ShownGesture]:
    """Return what is shown after images of the same people, or of one after the other."""
    recognizer = recognizer or GestureRecognizer(0.5)
    for number, people in enumerate(poses):
        found = recognizer.update(people, up, (start + number) * STEP_NS)
    return found


def kinds(found: list[ShownGesture]) -> set[GestureKind]:
    return {each.kind for each in found}


def test_a_gesture_begins_when_it_has_been_there_for_a_moment() -> None:
    recognizer = GestureRecognizer(0.5)
    person = [figures.seen(RAISED)]
    assert kinds(after([person] * 3, recognizer)) == set()
    (raised,) = recognizer.update(person, UP_IN_IMAGES, 13 * STEP_NS + 1)
    assert (raised.kind, raised.side, raised.since_ns) == (GestureKind.HAND_RAISED, Side.LEFT, 10 * STEP_NS)
    assert raised.confidence == 1.0


def test_a_hand_that_passes_by_is_not_raised() -> None:
    up, down = [figures.seen(RAISED)], [figures.seen(STANDING)]
    assert GestureKind.HAND_RAISED not in kinds(after([down, down, up, up, down, down, up, up]))


def test_a_gesture_survives_one_image_that_fails_or_hides_it() -> None:
    recognizer = GestureRecognizer(0.5)
    hidden = figures.seen(RAISED)
    hidden.visibility[Landmark.LEFT_WRIST] = 0.0
    after([[figures.seen(RAISED)]] * 5, recognizer)
    for number, pose in enumerate((figures.seen(STANDING), figures.seen(RAISED), hidden), 15):
        assert GestureKind.HAND_RAISED in kinds(recognizer.update([pose], UP_IN_IMAGES, number * STEP_NS))
    assert GestureKind.HAND_RAISED not in kinds(after([[hidden]] * 4, recognizer, start=18))


def test_people_are_told_apart_and_their_order_does_not_matter() -> None:
    one, two = figures.seen(RAISED, person_id=1), figures.seen(STANDING, person_id=2)
    found = after([[one, two] if number % 2 else [two, one] for number in range(10)])
    assert {each.person_id for each in found if each.kind is GestureKind.HAND_RAISED} == {1}
    assert {each.person_id for each in found if each.kind is GestureKind.STANDING} == {1, 2}


def test_time_that_jumps_starts_anew() -> None:
    recognizer = GestureRecognizer(0.5)
    person = [figures.seen(RAISED)]
    after([person] * 10, recognizer)
    assert recognizer.update(person, UP_IN_IMAGES, 0) == []
    after([person] * 10, recognizer)
    assert recognizer.update(person, UP_IN_IMAGES, 10**12) == []


def test_landmarks_that_are_not_numbers_show_nothing() -> None:
    assert after([[figures.seen(np.full((33, 3), np.nan))]] * 10) == []
    assert after([[figures.seen(np.zeros((33, 3)))]] * 10) == []


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 3e38])
@pytest.mark.parametrize("landmark", [Landmark.LEFT_WRIST, Landmark.LEFT_SHOULDER, Landmark.LEFT_HIP])
def test_a_landmark_that_is_nowhere_raises_no_hand(value: float, landmark: Landmark) -> None:
    world = figures.seen(RAISED).world.astype(float)
    world[landmark] = value
    shown = after([[replace(figures.seen(RAISED), world=world)]] * 20)
    assert GestureKind.WAVING not in kinds(shown)
    assert all(0.0 <= each.confidence <= 1.0 for each in shown)


def test_what_may_be_furniture_shows_nothing() -> None:
    """A person has a presence of 0.99 in nearly every image; a backend that gives none is believed."""
    assert after([[figures.seen(STANDING, score=0.7)]] * 10) == []
    for score in (0.99, math.nan):
        assert kinds(after([[figures.seen(STANDING, score=score)]] * 10)) == {GestureKind.STANDING}


def test_what_is_outside_of_the_image_is_not_judged() -> None:
    near = figures.seen(figure(left_leg=(direction(0), direction(-90))), distance_m=1.0, fov_deg=40.0)
    assert near.visibility.min() < 0.5
    assert kinds(after([[near]] * 12)) == set()


def test_arms_are_crossed_in_a_portrait_that_ends_at_the_waist() -> None:
    portrait = figures.seen(CROSSED)
    portrait.visibility[Landmark.LEFT_HIP :] = 0.0
    assert kinds(after([[portrait]] * 10)) == {GestureKind.ARMS_CROSSED}


@pytest.mark.parametrize("tilt_deg", [30.0, 45.0])
def test_a_camera_that_looks_down_needs_to_be_told(tilt_deg: float) -> None:
    sitting = figures.seen(figure(left_leg=(direction(0), direction(-90))), tilt_deg=tilt_deg)
    assert kinds(after([[sitting]] * 12, up=up_of_camera(tilt_deg))) == {GestureKind.SITTING}
    standing = figures.seen(STANDING, tilt_deg=tilt_deg)
    assert kinds(after([[standing]] * 12, up=up_of_camera(tilt_deg))) == {GestureKind.STANDING}
    assert GestureKind.SITTING not in kinds(after([[standing]] * 12))


def test_fused_people_show_the_same() -> None:
    assert kinds(after([[figures.fused(figures.seen(RAISED))]] * 12, up=UP_IN_WORLD)) == {
        GestureKind.HAND_RAISED, GestureKind.STANDING,
    }  # fmt: skip


def test_every_threshold_has_hysteresis_and_every_gesture_a_rule() -> None:
    rules = (*ARM_RULES, *BODY_RULES)
    assert all(condition.begin != condition.end for rule in rules for condition in rule.conditions)
    derived = {GestureKind.BOTH_HANDS_RAISED, GestureKind.FALLEN}
    assert {rule.kind for rule in rules} | derived == set(GestureKind)


def test_a_state_between_the_thresholds_stays_what_it_was() -> None:
    state = Debounce(0.0, 0.0)
    for share, shown in ((0.5, False), (1.0, True), (0.1, True), (0.0, False), (0.9, False)):
        state.update(share, 0.0)
        assert state.shown is shown


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([], 0),
        ([0, 30, 60], 0),
        ([0, 30, 0], 1),
        ([0, 30, 0, 30, 0], 3),
        ([0, 19, 0, 19], 0),
        ([30, 0, 15, -5, 20], 1),
    ],
)
def test_turns_are_counted_after_a_change_to_each_side(values: list[float], count: int) -> None:
    assert turns(values, 20.0) == count


@pytest.mark.parametrize(("azimuth_deg", "elevation_deg"), [(0, -30), (40, -20), (-60, 0), (0, 20)])
def test_a_ray_goes_from_the_eyes_over_the_hand(azimuth_deg: float, elevation_deg: float) -> None:
    points = figure((direction(elevation_deg, azimuth_deg),) * 2)
    ray = pointing_ray(points, np.array([1.0, 2.0, 3.0]), Side.LEFT)
    eyes = points[[Landmark.LEFT_EYE, Landmark.RIGHT_EYE]].mean(axis=0)
    hand = points[Landmark.LEFT_INDEX]
    np.testing.assert_allclose(ray.origin, hand + np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(np.cross(ray.direction, hand - eyes), 0.0, atol=1e-12)
    assert np.linalg.norm(ray.direction) == pytest.approx(1.0)
    assert (floor_point(ray) is None) == (ray.direction[2] > -0.3)


@pytest.mark.parametrize(
    ("origin", "down", "expected"),
    [
        ((1, 2, 1), (0, 0, -1), (1, 2, 0)),
        ((0, 0, 1), (math.sqrt(0.5), 0, -math.sqrt(0.5)), (1, 0, 0)),
        ((0, 0, 1), (1, 0, 0), None),
        ((0, 0, 1), (0, 0, 1), None),
        ((0, 0, -1), (0, 0, -1), None),
        ((0, 0, 1), (0.999, 0, -0.04), None),
        ((math.nan, 0, 1), (math.nan, 0, math.nan), None),
    ],
)
def test_a_ray_meets_the_floor_before_it_and_not_far_away(origin: Any, down: Any, expected: Any) -> None:
    point = floor_point(Ray(np.array(origin, float), np.array(down, float)))
    if expected is None:
        assert point is None
    else:
        np.testing.assert_allclose(point, expected, atol=1e-12)
