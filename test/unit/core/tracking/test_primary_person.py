# SPDX-License-Identifier: Apache-2.0
"""One person is the primary one, by a rule, and stays it."""

from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, placed, seen_by

from blazepose_ros.core.tracking.primary_person import Primary, PrimarySelector
from blazepose_ros.core.types import Frame

FRAME = Frame(np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8), 0)
# 1: far but first; 2: near and aside; 3: in the middle.
FAR = seen_by(CAMERA, (-1.5, 0, 6.0), person_id=1)
NEAR = seen_by(CAMERA, (0.7, 0, 3.0), person_id=2)
MIDDLE = seen_by(CAMERA, (0.0, 0, 5.0), person_id=3)
PEOPLE = (FAR, NEAR, MIDDLE)
ALL = {1, 2, 3}


def ids(people: Any) -> Any:
    return [person.person_id for person in people]


@pytest.mark.parametrize(
    ("rule", "number"),
    [(Primary.FIRST, 1), (Primary.NEAREST, 2), (Primary.LARGEST, 2), (Primary.MOST_CENTRAL, 3)],
)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_each_rule_has_its_own_person(rule: Any, number: int, order: tuple[int, int, int]) -> None:
    people = PrimarySelector().apply([PEOPLE[i] for i in order], FRAME, rule, ALL)
    assert ids(people)[0] == number
    assert [person.primary for person in people] == [True, False, False]


def test_places_say_who_is_nearest() -> None:
    people = [placed((0, 0, 5.0), person_id=1), placed((0, 0, 4.0), person_id=2)]
    assert ids(PrimarySelector().apply(people, FRAME, Primary.NEAREST, {1, 2})) == [2, 1]


@pytest.mark.parametrize(("depth_m", "number"), [(4.6, 1), (2.0, 2)])
def test_another_takes_over_only_by_being_clearly_better(depth_m: float, number: int) -> None:
    choice = PrimarySelector()
    first = seen_by(CAMERA, (-0.5, 0, 5.0), person_id=1)
    choice.apply([first], FRAME, Primary.NEAREST, {1})
    other = seen_by(CAMERA, (0.5, 0, depth_m), person_id=2)
    assert ids(choice.apply([first, other], FRAME, Primary.NEAREST, {1, 2}))[0] == number


def test_while_the_primary_person_may_come_back_no_other_is() -> None:
    choice = PrimarySelector()
    choice.apply([NEAR, FAR], FRAME, Primary.LARGEST, {1, 2})
    assert not any(person.primary for person in choice.apply([FAR], FRAME, Primary.LARGEST, {1, 2}))
    assert choice.apply([FAR], FRAME, Primary.LARGEST, {1})[0].primary


def test_a_new_rule_holds_from_the_next_image_on() -> None:
    choice = PrimarySelector()
    choice.apply(PEOPLE, FRAME, Primary.NEAREST, ALL)
    assert ids(choice.apply(PEOPLE, FRAME, Primary.FIRST, ALL))[0] == 1


def test_without_people_there_is_no_primary_one() -> None:
    assert PrimarySelector().apply([], FRAME, Primary.FIRST, set()) == []
