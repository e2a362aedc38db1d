# SPDX-License-Identifier: Apache-2.0
"""Synthetic people show each gesture, from eight sides at 1 to 4 m, and nothing else is seen."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from support import figures
from support.figures import direction, figure, lying

from blazepose_ros.core.body_view import UP_IN_IMAGES
from blazepose_ros.core.gestures.recognizer import GestureRecognizer
from blazepose_ros.core.gestures.rules import GestureKind, Side

RATE_HZ = 10.0
SECONDS = 1.6
COUNT = int(RATE_HZ * SECONDS)
SEEDS = range(1)
NEEDED, ALLOWED = 0.95, 0.02
WIDE_DEG = 140.0

CHAIR = (direction(0), direction(-90))
STRETCHED = (direction(-5, 20),) * 2
UP = (direction(80, 90), direction(85, 90))
BENT_UP = (direction(0, 80), direction(80, 60))
CROSSED = (direction(-60, 0), direction(10, -70))
CROSSED_RIGHT = (direction(-60, 0), direction(5, 70))
ON_THE_BACK = (direction(-70, -170), direction(5, 120))
DRAWN_UP = (direction(35), direction(-40))
AT_THE_KNEES = (direction(-60, 0), direction(0, -10))
PROPPED = (direction(-70, 165),) * 2


def still(points: np.ndarray) -> Sequence[np.ndarray]:
    return figures.held(points, COUNT)


def waving() -> Sequence[np.ndarray]:
    """Return a forearm that swings by 35 degrees to each side, 1.5 times a second."""
    swings = [35 * math.sin(2 * math.pi * 1.5 * number / RATE_HZ) for number in range(COUNT)]
    return [
        figure(
            (direction(0, 80), direction(90 - abs(swing), 90 if swing > 0 else -90)), figures.HANGING_RIGHT
        )
        for swing in swings
    ]


def falling() -> Sequence[np.ndarray]:
    """Return someone who stands for a second and lies on the back 0.8 s later."""
    pitches = np.interp(np.arange(COUNT + 10) / RATE_HZ, [1.0, 1.8], [0.0, -90.0])
    return [lying(figure(), pitch) for pitch in pitches]


def lying_down() -> Sequence[np.ndarray]:
    """Return someone who stands, sits down on the floor in two seconds and a half, and lies back."""
    floor = (direction(0), direction(0))
    seat = figure((direction(0), direction(0)), left_leg=floor)
    down = figures.moving(figure(), seat, int(2.5 * RATE_HZ))
    leans = np.linspace(0.0, -90.0, int(1.5 * RATE_HZ))
    back = [figure((direction(0), direction(0)), left_leg=floor, lean_deg=lean) for lean in leans]
    return [*still(figure()), *down, *back, *[back[-1]] * int(RATE_HZ)]


STANDING = (GestureKind.STANDING, Side.NONE)
SITTING = (GestureKind.SITTING, Side.NONE)
CASES: dict[str, tuple[Callable[[], Sequence[np.ndarray]], set[Any]]] = {
    "hanging arms": (lambda: still(figure()), {STANDING}),
    "a straight raised arm": (
        lambda: still(figure(UP, figures.HANGING_RIGHT)),
        {STANDING, (GestureKind.HAND_RAISED, Side.LEFT)},
    ),
    "a bent raised arm": (
        lambda: still(figure(BENT_UP, figures.HANGING_RIGHT)),
        {STANDING, (GestureKind.HAND_RAISED, Side.LEFT)},
    ),
    "both hands": (lambda: still(figure(UP)), {STANDING, (GestureKind.BOTH_HANDS_RAISED, Side.BOTH)}),
    "waving": (waving, {STANDING, (GestureKind.WAVING, Side.LEFT), (GestureKind.HAND_RAISED, Side.LEFT)}),
    "pointing": (
        lambda: still(figure(STRETCHED, figures.HANGING_RIGHT)),
        {STANDING, (GestureKind.POINTING, Side.LEFT)},
    ),
    "pointing to the floor": (
        lambda: still(figure((direction(-30, 45),) * 2, figures.HANGING_RIGHT)),
        {STANDING, (GestureKind.POINTING, Side.LEFT)},
    ),
    "arms crossed": (
        lambda: still(figure(CROSSED, CROSSED_RIGHT)),
        {STANDING, (GestureKind.ARMS_CROSSED, Side.NONE)},
    ),
    "an arm on the chest, one on the back": (lambda: still(figure(CROSSED, ON_THE_BACK)), {STANDING}),
    "sitting": (lambda: still(figure(left_leg=CHAIR)), {SITTING}),
    "holding drawn-up knees": (lambda: still(figure(AT_THE_KNEES, left_leg=DRAWN_UP)), {SITTING}),
    "propped on the hands": (lambda: still(figure(PROPPED, left_leg=DRAWN_UP, lean_deg=-30)), {SITTING}),
    "a jump with drawn-up knees": (lambda: still(figure((direction(0, 60),) * 2, left_leg=DRAWN_UP)), set()),
    "lying on the back": (lambda: still(lying(figure())), {(GestureKind.LYING, Side.NONE)}),
    "lying face down": (lambda: still(lying(figure(), 90)), {(GestureKind.LYING, Side.NONE)}),
    "falling": (falling, {(GestureKind.LYING, Side.NONE), (GestureKind.FALLEN, Side.NONE)}),
    "lying down slowly": (lying_down, {(GestureKind.LYING, Side.NONE)}),
    "a half squat": (lambda: still(figure(left_leg=(direction(-10), direction(-115)), lean_deg=45)), set()),
    "arms to the sides": (lambda: still(figure((direction(0, 90),) * 2)), {STANDING}),
    "bending down": (lambda: still(figure((figures.DOWN, figures.DOWN), lean_deg=85)), set()),
    "a push-up": (lambda: still(lying(figure((direction(0),) * 2), 70)), set()),
}


def mirrored(expected: set[Any]) -> set[Any]:
    other = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}
    return {(kind, other.get(side, side)) for kind, side in expected}


def shown(recognizer: GestureRecognizer, bodies: Any, up: Any = UP_IN_IMAGES, **view: Any) -> set[Any]:
    """Return the gestures of the last image."""
    seed = view.pop("seed", None)
    errors = [None] * len(bodies) if seed is None else figures.errors(seed, len(bodies))
    for number, (points, error) in enumerate(zip(bodies, errors, strict=True)):
        pose = figures.seen(points, errors_m=error, **view)
        found = recognizer.update([pose], up, round(1e9 * (1 + number / RATE_HZ)))
    return {(each.kind, each.side) for each in found}


def trials(name: str) -> list[tuple[set[Any], set[Any]]]:
    """Return what is expected and what is shown from all sides, of both bodies, with landmarks that err."""
    make, expected = CASES[name]
    bodies = make()
    return [
        (
            mirrored(expected) if is_mirrored else expected,
            shown(
                GestureRecognizer(0.5),
                [figures.exchanged(points) for points in bodies] if is_mirrored else bodies,
                turn_deg=turn_deg,
                distance_m=distance_m,
                fov_deg=WIDE_DEG,
                seed=(seed, turn_deg, is_mirrored, int(distance_m)),
            ),
        )
        for turn_deg in figures.SIDES_DEG
        for distance_m in figures.DISTANCES_M
        for is_mirrored in (False, True)
        for seed in SEEDS
    ]


@pytest.mark.parametrize("name", CASES)
def test_a_gesture_is_seen_from_eight_sides_and_no_other(name: str) -> None:
    results = trials(name)
    right = sum(expected <= found for expected, found in results) / len(results)
    wrong = sum(bool(found - expected) for expected, found in results) / len(results)
    assert right >= NEEDED
    assert wrong <= ALLOWED
