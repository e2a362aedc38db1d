# SPDX-License-Identifier: Apache-2.0
"""Which of several people is the primary one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from enum import Enum

from blazepose_ros.core.tracking.appearance import box_px, size_px
from blazepose_ros.core.types import Frame, Pose

# Another person takes over only by being this much better: people of like size take no turns.
_CLEARLY = 0.8
# Closer to the middle of the image than this part of its width is close enough.
_CENTRAL = 0.1


class Primary(str, Enum):
    """The rules: whose pose is the primary one."""

    LARGEST = "largest"
    NEAREST = "nearest"
    MOST_CENTRAL = "most_central"
    FIRST = "first"


class PrimarySelector:
    """Chooses one person and stays with them while they are seen or may come back."""

    def __init__(self) -> None:
        self._person_id = 0

    def apply(self, people: Sequence[Pose], frame: Frame, rule: Primary, known: Set[int]) -> list[Pose]:
        """Return the people, the best by the rule first, the chosen one marked as primary.

        While the chosen one is lost but may come back, no one is primary.

        Args:
            people: of one image, with their identities and places.
            frame: the image.
            rule: what makes a person the primary one.
            known: the ids of the people who are seen or may come back.
        """
        ranks = _ranks(people, frame, rule)
        chosen = self._choose(ranks, known)
        ordered = sorted(
            people, key=lambda person: (person.person_id != chosen, ranks[person.person_id], person.person_id)
        )
        return [replace(person, primary=person.person_id == chosen) for person in ordered]

    def _choose(self, ranks: dict[int, float], known: Set[int]) -> int:
        current = self._person_id
        if current in known and current not in ranks:
            return current
        best = min(ranks, key=lambda number: (ranks[number], number), default=0)
        if current not in ranks or ranks[best] < _CLEARLY * ranks[current]:
            self._person_id = best
        return self._person_id


def _ranks(people: Sequence[Pose], frame: Frame, rule: Primary) -> dict[int, float]:
    """Return each person's rank by a rule, the less the better; one person alone is not ranked."""
    if len(people) == 1:
        return {people[0].person_id: 0.0}
    return {person.person_id: RULES[rule](person, frame) for person in people}


def _smallness(person: Pose, frame: Frame) -> float:
    left, top, right, bottom = box_px(person, frame.width, frame.height)
    return frame.width * frame.height / max((right - left) * (bottom - top), 1.0)


def _distance(person: Pose, frame: Frame) -> float:
    """The distance in meters, or what stands for it without a hip center: how small a body looks."""
    if person.hip_center is not None:
        return math.hypot(*person.hip_center.position.tolist())
    return max(frame.width, frame.height) / size_px(person)


def _eccentricity(person: Pose, frame: Frame) -> float:
    left, top, right, bottom = box_px(person, frame.width, frame.height)
    aside = abs((left + right) / 2 - frame.width / 2) / frame.width
    above = abs((top + bottom) / 2 - frame.height / 2) / frame.height
    return max(aside, above, _CENTRAL)


def _age(person: Pose, _frame: Frame) -> float:
    return float(person.person_id)


# rule -> what is least for the primary person
RULES: dict[Primary, Callable[[Pose, Frame], float]] = {
    Primary.LARGEST: _smallness,
    Primary.NEAREST: _distance,
    Primary.MOST_CENTRAL: _eccentricity,
    Primary.FIRST: _age,
}
