# SPDX-License-Identifier: Apache-2.0
"""People who are hidden in images."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bodies import CAMERA, FACING_M, seen_by

from blazepose_ros.core.estimation.person_detector import DetectedBody
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import Frame
from blazepose_ros.core.visualization.anonymizer import COLOR, HOLD_S, Anonymize, Anonymizer

WIDTH, HEIGHT = 640, 480
SECOND_NS = 1_000_000_000
POSITION = (0.0, 0.0, 3.0)
FACE, BODY = Anonymize.FACE, Anonymize.BODY


def noise(seed: int = 0, stamp_ns: int = 0) -> Frame:
    """Return an image in which no pixel has the color of what is hidden."""
    pixels = np.random.default_rng(seed).integers(0, 120, (HEIGHT, WIDTH, 3), np.uint8)
    return Frame(pixels, stamp_ns)


def person(position: Any = POSITION) -> Any:
    return seen_by(CAMERA, position)


def detected(position: Any = POSITION, confidence: float = 0.9) -> DetectedBody:
    """Return what the detector says of the same person."""
    screen = person(position).screen[:, :2]
    hips = screen[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP]].mean(axis=0)
    shoulders = screen[[Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]].mean(axis=0)
    top = hips - (0.0, 0.92 * CAMERA.k[1, 1] / position[2])
    return DetectedBody(confidence, hips, top, shoulders)


def head_px(position: Any = POSITION) -> Any:
    """Return pixels of a head: vertex, chin, both sides and the face."""
    extremes = np.array([(0, -0.75, 0), (0, -0.53, -0.09), (-0.08, -0.64, 0), (0.08, -0.64, 0)])
    points = np.concatenate([extremes, FACING_M[: Landmark.LEFT_SHOULDER]]) + np.asarray(position)
    return CAMERA.project(points).astype(int)


def is_hidden(rgb: Any, points: Any) -> Any:
    inside = ((points >= 0) & (points < (WIDTH, HEIGHT))).all(axis=1)
    x, y = points[inside].T
    return (rgb[y, x] == COLOR).all()


@pytest.mark.parametrize("distance_m", [1.5, 3.0, 8.0])
@pytest.mark.parametrize("source", ["landmarks", "detector"])
def test_a_head_is_hidden_and_the_feet_are_not(distance_m: float, source: str) -> None:
    position = (0.3, 0.2, distance_m)
    people = [person(position)] if source == "landmarks" else []
    bodies = [] if people else [detected(position)]
    hidden = Anonymizer().hide(noise(), people, bodies, FACE)
    assert is_hidden(hidden, head_px(position))
    feet = CAMERA.project(FACING_M[Landmark.LEFT_ANKLE :] + position).astype(int)
    feet = feet[(feet >= 0).all(axis=1) & (feet < (WIDTH, HEIGHT)).all(axis=1)]
    assert not len(feet) or not is_hidden(hidden, feet)


@pytest.mark.parametrize("source", ["landmarks", "detector"])
def test_a_whole_body_is_hidden(source: str) -> None:
    people = [person()] if source == "landmarks" else []
    hidden = Anonymizer().hide(noise(), people, [] if people else [detected()], BODY)
    assert is_hidden(hidden, CAMERA.project(FACING_M + POSITION).astype(int))
    assert not is_hidden(hidden, np.array([[5, 5]]))


@settings(max_examples=15)
@given(seed=st.integers(1, 1000), anonymize=st.sampled_from([FACE, BODY]))
def test_nothing_of_what_is_hidden_is_left(seed: int, anonymize: Anonymize) -> None:
    """Another picture below what is hidden gives the same image."""
    plain = Anonymizer().hide(noise(), [person()], [], anonymize)
    covered = (plain == COLOR).all(axis=2)
    other = noise(seed).rgb
    mixed = Frame(np.where(covered[..., None], other, noise().rgb), 0)
    np.testing.assert_array_equal(Anonymizer().hide(mixed, [person()], [], anonymize), plain)


def test_the_image_itself_is_not_changed() -> None:
    frame = noise()
    Anonymizer().hide(frame, [person()], [], BODY)
    np.testing.assert_array_equal(frame.rgb, noise().rgb)


def test_one_who_is_not_found_for_a_moment_stays_hidden_even_while_walking() -> None:
    anonymizer = Anonymizer()
    anonymizer.hide(noise(), [person()], [], FACE)
    for share in (0.2, 0.6, 1.0):
        stamp_ns = int(share * HOLD_S * SECOND_NS)
        hidden = anonymizer.hide(noise(stamp_ns=stamp_ns), [], [], FACE)
        walked = (0.8 * share * HOLD_S, 0.0, 3.0)
        assert is_hidden(hidden, head_px(walked))


def test_after_a_while_nothing_is_hidden_any_more() -> None:
    anonymizer = Anonymizer()
    anonymizer.hide(noise(), [person()], [], FACE)
    frame = noise(stamp_ns=int(HOLD_S * SECOND_NS) + 1)
    np.testing.assert_array_equal(anonymizer.hide(frame, [], [], FACE), frame.rgb)


@pytest.mark.parametrize("stamp_ns", [-SECOND_NS, 100 * SECOND_NS])
def test_after_a_jump_in_time_nothing_is_remembered(stamp_ns: int) -> None:
    anonymizer = Anonymizer()
    anonymizer.hide(noise(), [person()], [], FACE)
    frame = noise(stamp_ns=stamp_ns)
    np.testing.assert_array_equal(anonymizer.hide(frame, [], [], FACE), frame.rgb)


def test_one_who_walks_and_is_found_leaves_nothing_hidden_behind() -> None:
    anonymizer = Anonymizer()
    for step in range(10):
        position = (-0.6 + 0.12 * step, 0.0, 3.0)
        bodies = [detected(position), detected(np.add(position, (0.05, 0.02, 0.0)))]
        frame = noise(stamp_ns=step * SECOND_NS // 10)
        hidden = anonymizer.hide(frame, [person(position)], bodies, FACE)
        alone = Anonymizer().hide(frame, [person(position)], bodies, FACE)
        np.testing.assert_array_equal(hidden, alone)


def test_of_two_people_side_by_side_the_one_who_is_lost_stays_hidden() -> None:
    left, right = (-0.3, 0.0, 3.0), (0.3, 0.0, 3.0)
    anonymizer = Anonymizer()
    anonymizer.hide(noise(), [person(left)], [detected(right)], FACE)
    hidden = anonymizer.hide(noise(stamp_ns=SECOND_NS // 30), [person(left)], [], FACE)
    assert is_hidden(hidden, head_px(left))
    assert is_hidden(hidden, head_px(right))


def test_what_is_hardly_a_person_is_hidden_for_as_long() -> None:
    anonymizer = Anonymizer()
    assert is_hidden(anonymizer.hide(noise(), [], [detected(confidence=0.35)], FACE), head_px())
    for bodies in ([detected(confidence=0.35)], []):
        hidden = anonymizer.hide(noise(stamp_ns=int(0.8 * SECOND_NS)), [], bodies, FACE)
        assert is_hidden(hidden, head_px())
    frame = noise(stamp_ns=2 * SECOND_NS)
    np.testing.assert_array_equal(anonymizer.hide(frame, [], [], FACE), frame.rgb)


def test_reset_forgets() -> None:
    anonymizer = Anonymizer()
    anonymizer.hide(noise(), [person()], [], FACE)
    anonymizer.reset()
    np.testing.assert_array_equal(anonymizer.hide(noise(), [], [], FACE), noise().rgb)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_landmarks_that_are_not_known_hide_what_the_others_tell(bad: float) -> None:
    pose = person()
    screen = pose.screen.copy()
    screen[Landmark.LEFT_EYE] = bad
    assert is_hidden(Anonymizer().hide(noise(), [seen_with(pose, screen)], [], FACE), head_px()[4:5])
    nothing = Anonymizer().hide(noise(), [seen_with(pose, np.full_like(screen, bad))], [], FACE)
    np.testing.assert_array_equal(nothing, noise().rgb)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_a_body_without_a_size_hides_nothing(bad: float) -> None:
    points = np.full(2, bad)
    hidden = Anonymizer().hide(noise(), [], [DetectedBody(0.9, points, points, points)], BODY)
    np.testing.assert_array_equal(hidden, noise().rgb)


@settings(max_examples=15)
@given(st.lists(st.floats(-1e9, 1e9), min_size=6, max_size=6))
def test_no_detection_is_too_odd(numbers: Any) -> None:
    body = DetectedBody(0.9, *np.array(numbers).reshape(3, 2))
    for anonymize in (FACE, BODY):
        Anonymizer().hide(noise(), [], [body], anonymize)


def seen_with(pose: Any, screen: Any) -> Any:
    return replace(pose, screen=screen)
