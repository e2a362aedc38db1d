# SPDX-License-Identifier: Apache-2.0
"""Who is the primary person, in images that are not square and at the limits of each rule."""

from typing import Any

import numpy as np
import pytest
from support.bodies import placed, pose_of

from blazepose_ros.core.tracking.primary_person import Primary, PrimarySelector
from blazepose_ros.core.types import Frame

PORTRAIT, LANDSCAPE = (480, 640), (640, 480)


def frame(width: Any, height: Any) -> Frame:
    return Frame(np.zeros((height, width, 3), np.uint8), 0)


def boxed(person_id: Any, center: Any, size: Any = (100, 100)) -> Any:
    """Return a person whose landmarks span a box on the screen."""
    screen = np.full((33, 3), (*center, 0.0))
    screen[0, :2] -= np.array(size) / 2
    screen[1, :2] += np.array(size) / 2
    return pose_of(screen=screen, dtype=np.float64, person_id=person_id)


def first(people: Any, rule: Any, size: Any = LANDSCAPE, choice: Any = None) -> Any:
    known = {person.person_id for person in people}
    ordered = (choice or PrimarySelector()).apply(people, frame(*size), rule, known)
    assert [person.primary for person in ordered] == [True] + [False] * (len(people) - 1)
    return ordered[0].person_id


@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE])
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("across", "down", "number"), [(0.30, 0.35, 1), (0.35, 0.30, 2)])
def test_the_most_central_is_nearest_to_the_middle_by_width_and_by_height(
    size: Any, sign: int, across: float, down: float, number: int
) -> None:
    aside = boxed(1, ((0.5 + sign * across) * size[0], 0.5 * size[1]), (10, 10))
    above = boxed(2, (0.5 * size[0], (0.5 + sign * down) * size[1]), (10, 10))
    assert first([aside, above], Primary.MOST_CENTRAL, size) == number
    assert first([above, aside], Primary.MOST_CENTRAL, size) == number


def test_the_worse_of_both_directions_counts() -> None:
    diagonal = boxed(1, (0.7 * 640, 0.8 * 480), (10, 10))  # 0.2 and 0.3
    aside = boxed(2, (0.75 * 640, 0.5 * 480), (10, 10))  # 0.25
    assert first([diagonal, aside], Primary.MOST_CENTRAL) == 2


@pytest.mark.parametrize(("across", "number"), [(0.09, 1), (0.13, 2)])
def test_within_a_tenth_of_the_middle_all_are_central_and_the_first_of_them_is_primary(
    across: float, number: int
) -> None:
    people = [boxed(1, ((0.5 + across) * 640, 240), (10, 10)), boxed(2, (320, 240), (10, 10))]
    assert first(people, Primary.MOST_CENTRAL) == number


def test_the_middle_of_a_box_is_halfway_between_its_sides() -> None:
    wide = boxed(1, (0.3 * 640, 240), (0.5 * 640, 10))
    narrow = boxed(2, (0.65 * 640, 240), (0.1 * 640, 10))
    assert first([wide, narrow], Primary.MOST_CENTRAL) == 2


@pytest.mark.parametrize(("first_size", "second_size", "number"), [
    ((100, 100), (90, 120), 2), ((100, 100), (99, 100), 1),
    ((200, 50), (100, 90), 1), ((10, 400), (70, 60), 2),
])  # fmt: skip
def test_the_largest_has_the_largest_box(
    first_size: tuple[int, int], second_size: tuple[int, int], number: int
) -> None:
    people = [boxed(1, (200, 240), first_size), boxed(2, (450, 240), second_size)]
    assert first(people, Primary.LARGEST) == number


def test_only_what_is_inside_of_the_image_is_large() -> None:
    people = [boxed(1, (0, 240), (200, 100)), boxed(2, (450, 240), (110, 100))]
    assert first(people, Primary.LARGEST) == 2


def test_people_without_extent_are_small_and_no_trouble() -> None:
    people = [boxed(1, (200, 240), (0, 0)), boxed(2, (450, 240), (2, 2))]
    assert first(people, Primary.LARGEST) == 2


def test_the_nearest_is_so_along_the_ray() -> None:
    people = [placed((2.0, 0, 3.0), person_id=1), placed((0.0, 0.1, 3.4), person_id=2)]
    assert first(people, Primary.NEAREST) == 2


def test_beside_a_placed_person_size_tells_how_far_the_others_are() -> None:
    """A body of 2 m that is as large as the image is one away."""
    body = np.zeros((33, 3))
    body[11:, 1] = np.linspace(-1.0, 1.0, 22)
    screen = np.full((33, 3), (320.0, 240.0, 0.0))
    screen[:, 1] += body[:, 1] * 160  # two meters are 320 pixels, half of the image's longer side
    unplaced = pose_of(body, screen, np.float64, person_id=1)
    for z_m, number in ((1.9, 2), (2.1, 1)):
        assert first([unplaced, placed((0, 0, z_m), person_id=2)], Primary.NEAREST) == number


def test_the_first_is_who_has_the_lowest_number() -> None:
    assert first([boxed(5, (100, 100)), boxed(3, (300, 300)), boxed(9, (200, 200))], Primary.FIRST) == 3


@pytest.mark.parametrize(("area", "number"), [(1.24, 1), (1.26, 2)])
def test_another_must_be_better_by_a_fifth(area: float, number: int) -> None:
    choice = PrimarySelector()
    holder = boxed(1, (200, 240), (100, 100))
    first([holder], Primary.LARGEST, choice=choice)
    assert first([holder, boxed(2, (450, 240), (100, 100 * area))], Primary.LARGEST, choice=choice) == number


def test_others_follow_by_rank_and_then_by_number() -> None:
    people = [boxed(1, (100, 100), (50, 50)), boxed(2, (300, 300), (90, 90)), boxed(3, (400, 300), (60, 60))]
    people.append(boxed(4, (500, 100), (50, 50)))
    ordered = PrimarySelector().apply(people[::-1], frame(*LANDSCAPE), Primary.LARGEST, {1, 2, 3, 4})
    assert [person.person_id for person in ordered] == [2, 3, 1, 4]


def test_the_chosen_one_comes_first_though_another_is_larger() -> None:
    choice = PrimarySelector()
    first([boxed(2, (200, 240), (100, 100))], Primary.LARGEST, choice=choice)
    people = [boxed(1, (450, 240), (100, 110)), boxed(2, (200, 240), (100, 100))]
    assert first(people, Primary.LARGEST, choice=choice) == 2


def test_a_person_who_may_come_back_leaves_no_place_and_who_is_gone_does() -> None:
    choice = PrimarySelector()
    one, two = boxed(1, (200, 240)), boxed(2, (450, 240))
    choice.apply([one, two], frame(*LANDSCAPE), Primary.FIRST, {1, 2})
    (alone,) = choice.apply([two], frame(*LANDSCAPE), Primary.FIRST, {1, 2})
    assert not alone.primary
    assert choice.apply([], frame(*LANDSCAPE), Primary.FIRST, {2}) == []
    (alone,) = choice.apply([two], frame(*LANDSCAPE), Primary.FIRST, {2})
    assert alone.primary
    assert choice.apply([one, two], frame(*LANDSCAPE), Primary.LARGEST, {1, 2})[0].person_id == 2
