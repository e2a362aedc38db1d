# SPDX-License-Identifier: Apache-2.0
"""Whether whom a camera sees can be the person that it says."""

from typing import Any

import numpy as np
import pytest
from support.several_cameras import CAMERAS, view, walker

from blazepose_ros.core.fusion.clock_offset import UNKNOWN, Offset
from blazepose_ros.core.fusion.identity_gate import FITTING, ExpectedPerson, deviations
from blazepose_ros.core.landmarks import MIRRORED

STD_M = 0.05
KNOWN = {"east": Offset(0.0, 0.001)}
# Of a camera that looks along x, and downwards.
SIDEWAYS = np.cross(CAMERAS["east"].rotation[:, 2], (0.0, 0.0, 1.0))
SIDEWAYS /= np.linalg.norm(SIDEWAYS)


def expected(speed_mps: float = 0.0) -> ExpectedPerson:
    return ExpectedPerson(walker(0.0), np.tile(STD_M**2 * np.eye(3), (33, 1, 1)), speed_mps)


def is_fitting(places: Any, where: Any = None, offsets: Any = KNOWN, **options: Any) -> bool:
    (seen,) = view("east", 0.0, {1: places}, **options).sightings()
    (square,) = deviations(where or expected(), [seen], offsets)
    return square < FITTING


@pytest.mark.parametrize(("deviations", "fitting"), [(0.0, True), (3.4, True), (4.0, False), (9.0, False)])
def test_a_person_fits_within_so_many_deviations_across_the_ray(deviations: float, fitting: bool) -> None:
    assert 3.4**2 < FITTING < 4.0**2
    assert is_fitting(walker(0.0) + deviations * STD_M * SIDEWAYS) == fitting


def test_how_far_away_a_camera_places_them_says_nothing() -> None:
    assert is_fitting(walker(0.0), scale=1.3)


def test_left_and_right_may_be_exchanged() -> None:
    assert is_fitting(
        walker(0.0, turned_deg=70.0)[MIRRORED], expected()._replace(places=walker(0.0, turned_deg=70.0))
    )


def test_what_is_hardly_seen_may_be_anybody() -> None:
    aside = walker(0.0) + SIDEWAYS
    visibility = np.where(np.arange(33) < 5, 1.0, 0.1)
    assert not is_fitting(aside)
    assert is_fitting(aside, visibility=visibility)


def test_a_clock_that_is_not_known_lets_who_walks_be_ahead() -> None:
    aside = walker(0.0) + 0.25 * SIDEWAYS
    walking = expected(speed_mps=1.2)
    assert not is_fitting(aside, walking)
    assert is_fitting(aside, walking, {"east": UNKNOWN})
    assert not is_fitting(aside, expected(speed_mps=0.1), {"east": UNKNOWN})
