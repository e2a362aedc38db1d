# SPDX-License-Identifier: Apache-2.0
"""Who is who across cameras, by how far the rays of two cameras pass by each other."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median, median_low

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from blazepose_ros.core.fusion.sightings import PersonSighting
from blazepose_ros.core.landmarks import MIRRORED, Landmark
from blazepose_ros.core.timestamps import NS_PER_MS, NS_PER_S

# What a camera does not see tells nothing of who it is.
MIN_VISIBILITY = 0.5
# As many as a body is placed by.
MIN_LANDMARKS = 6
# Where two rays are nearly parallel, or on one line, nothing tells how far away they meet.
MIN_SINE = 0.05

Pair = tuple[PersonSighting, PersonSighting]
_EACH = slice(None)
_NEXT, _AFTER_NEXT = [1, 2, 0], [2, 0, 1]


class RayPairs:
    """The rays of pairs of people, each of the two seen by a camera of its own.

    Attributes:
        normals: (pairs, 33, 3), unit vectors at right angles to both rays.
        distances: (pairs, 33), meters, signed, from the first one's ray to the other's along the normals.
        seen: (pairs, 33), whether both cameras see the landmark, and not on one line.
        usable: (pairs, 33), whether the rays meet in front of both cameras besides.

    Args:
        pairs: the pairs, one at least.
        names: what the second one's landmarks are taken to be: their indices in the order of the first's.
    """

    def __init__(self, pairs: Sequence[Pair], names: Sequence[int] | slice = _EACH) -> None:
        first = np.array([one.places - one.origin for one, _ in pairs])
        second = np.array([(other.places - other.origin)[names] for _, other in pairs])
        base = np.array([other.origin - one.origin for one, other in pairs])[:, None]
        normals = _cross(first, second)
        squares = _dot(normals, normals)
        lengths = np.sqrt(squares)
        long_enough = squares > MIN_SINE**2 * _dot(first, first) * _dot(second, second)
        lengths[lengths == 0.0] = np.inf
        self.normals = normals / lengths[..., None]
        self.distances = _dot(self.normals, base)
        visible = np.array([np.minimum(one.visibility, other.visibility[names]) for one, other in pairs])
        self.seen = (visible >= MIN_VISIBILITY) & long_enough
        # How far along its ray each is where they are nearest, but for a positive factor.
        along_first, along_second = _dot(_cross(base, second), normals), _dot(_cross(base, first), normals)
        self.usable = self.seen & (along_first > 0.0) & (along_second > 0.0)

    def medians_m(self) -> NDArray[np.float64]:
        """Return the medians of the distances in meters, (pairs,).

        NaN where too few landmarks are seen by both, infinite where most rays do not meet in front of
        both cameras.
        """
        counts = np.count_nonzero(self.seen, axis=1)
        apart = np.where(self.usable, np.abs(self.distances), np.inf)
        apart.sort(axis=1)  # what does not meet, or is not seen, comes last
        medians = apart[np.arange(len(apart)), counts // 2]
        return np.where(counts < MIN_LANDMARKS, np.nan, medians)


def distances_m(pairs: Sequence[Pair], near_m: float) -> NDArray[np.float64]:
    """Return how far the rays of two cameras' people are apart in the median, (pairs,), NaN for unknown.

    A camera may have exchanged left and right: that makes nobody another person.

    Args:
        pairs: the people; there may be none.
        near_m: those who are nearer are the same person with their landmarks as they are named.
    """
    if not pairs:
        return np.empty(0)
    medians = RayPairs(pairs).medians_m()
    far = np.flatnonzero(medians >= near_m)
    if far.size:
        mirrored = RayPairs([pairs[index] for index in far.tolist()], MIRRORED).medians_m()
        medians[far] = np.fmin(medians[far], mirrored)
    return medians


def _cross(first: NDArray, second: NDArray) -> NDArray[np.float64]:
    """Return the cross products, (..., 3); numpy's own takes several times as long for so few."""
    return first[..., _NEXT] * second[..., _AFTER_NEXT] - first[..., _AFTER_NEXT] * second[..., _NEXT]


def _dot(first: NDArray, second: NDArray) -> NDArray[np.float64]:
    return (first * second).sum(axis=-1)


# The rays of one person's landmarks are 1 to 2 cm apart, in nine of ten images 3 to 5; those of two people
# 26 to 62 cm, but 8 to 12 where two people and two cameras are in one plane.
SAME_PERSON_M = 0.10
# Those who were one person remain it, unless another one is nearer by more than this.
STAY_M = 0.05
# A distance counts with those of so long a time.
VOTE_NS = 500 * NS_PER_MS
# People move little in this time: more votes would say the same.
VOTE_PERIOD_NS = 50 * NS_PER_MS
# A person whom no camera sees keeps the id for so long, where a camera knows them again by its own.
KEEP_NS = 10 * NS_PER_S
_NEVER = 1e6  # the cost of what cannot be

_HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]

# A camera's name and the id that it gives a person.
Key = tuple[str, int]


@dataclass(frozen=True)
class MatchedPerson:
    """One person as all cameras see them at a time.

    Attributes:
        person_id: from 1, the same as long as anyone sees the person, never given twice.
        sightings: one for each camera that sees them, in the order of the cameras' names.
    """

    person_id: int
    sightings: tuple[PersonSighting, ...]


@dataclass
class _Known:
    """A person who was seen.

    Attributes:
        members: what each camera calls them, and when it saw them last.
        hips: x, y and z, meters, where they were.
    """

    members: dict[str, tuple[int, int]] = field(default_factory=dict)
    hips: tuple[float, ...] = (0.0, 0.0, 0.0)


class PersonMatcher:
    """Tells which people of several cameras are the same, from moment to moment."""

    def __init__(self) -> None:
        self._votes: dict[tuple[Key, Key], deque[tuple[int, float]]] = {}
        self._medians: dict[tuple[Key, Key], float] = {}  # of the votes
        self._known: dict[int, _Known] = {}
        self._last_id = 0

    def update(self, sightings: Sequence[PersonSighting], stamp_ns: int) -> list[MatchedPerson]:
        """Return the people at a time, the one known longest first.

        Args:
            sightings: of all cameras, at that time.
            stamp_ns: the time.
        """
        ordered = sorted(sightings, key=lambda each: each.key)
        self._vote(ordered, stamp_ns)
        groups = self._groups(ordered)
        people = [
            MatchedPerson(person_id, tuple(group))
            for person_id, group in zip(self._identify(groups), groups, strict=True)
        ]
        for person in people:
            self._remember(person, stamp_ns)
        self._forget(stamp_ns)
        return sorted(people, key=lambda person: person.person_id)

    def correct(self, people: Iterable[MatchedPerson], stamp_ns: int) -> None:
        """Take over who is who from better evidence than votes, for the people of the last update.

        Whom a camera calls by another's id is judged anew from now on: what was voted on belongs to others.

        Args:
            people: as they are; who is missing stays who they were.
            stamp_ns: the time of the last update.
        """
        people = list(people)
        moved = {
            sighting.key
            for person in people
            for sighting in person.sightings
            if not _has(self._known.get(person.person_id, _Known()), sighting)
        }
        if not moved:
            return
        self._votes = {pair: votes for pair, votes in self._votes.items() if moved.isdisjoint(pair)}
        self._medians = {pair: apart for pair, apart in self._medians.items() if moved.isdisjoint(pair)}
        for person in people:
            self._remember(person, stamp_ns)

    def _vote(self, sightings: Sequence[PersonSighting], stamp_ns: int) -> None:
        pairs = [
            (one, other)
            for one, other in combinations(sightings, 2)
            if one.camera != other.camera and self._is_due((one.key, other.key), stamp_ns)
        ]
        for (one, other), apart in zip(pairs, distances_m(pairs, SAME_PERSON_M).tolist(), strict=True):
            if not math.isnan(apart):
                self._votes.setdefault((one.key, other.key), deque()).append((stamp_ns, apart))
                self._medians.pop((one.key, other.key), None)
        for pair, votes in self._votes.items():
            while votes and not 0 <= stamp_ns - votes[0][0] <= VOTE_NS:
                votes.popleft()
                self._medians.pop(pair, None)
        self._votes = {pair: votes for pair, votes in self._votes.items() if votes}

    def _is_due(self, pair: tuple[Key, Key], stamp_ns: int) -> bool:
        votes = self._votes.get(pair)
        return not votes or not 0 <= stamp_ns - votes[-1][0] < VOTE_PERIOD_NS

    def _apart(self, one: PersonSighting, other: PersonSighting) -> float:
        """Return how far two are apart by the votes of the last moments, NaN where there are none."""
        pair = (one.key, other.key)
        if pair not in self._medians and pair in self._votes:
            self._medians[pair] = median(apart for _, apart in self._votes[pair])
        return self._medians.get(pair, math.nan)

    def _groups(self, sightings: Iterable[PersonSighting]) -> list[list[PersonSighting]]:
        """Return the sightings of each person, camera after camera joined to those before it."""
        by_camera: dict[str, list[PersonSighting]] = {}
        for sighting in sightings:
            by_camera.setdefault(sighting.camera, []).append(sighting)
        groups: list[list[PersonSighting]] = []
        for people in by_camera.values():
            costs = np.array([[self._cost(group, each) for group in groups] for each in people])
            joined = _assigned(costs) if groups else {}
            alone = [each for index, each in enumerate(people) if index not in joined]
            for index, group in joined.items():
                groups[group].append(people[index])
            groups += [[each] for each in alone]
        return groups

    def _cost(self, group: Sequence[PersonSighting], sighting: PersonSighting) -> float:
        """Return how little a person of a camera fits those of others; ``_NEVER`` for another person.

        Half of the others have to agree; where no landmark is seen by both, it is as before.
        """
        known = [apart for each in group if not math.isnan(apart := self._apart(each, sighting))]
        were_one = any(self._were_one(each, sighting) for each in group)
        apart = median_low(known) if known else (0.0 if were_one else math.inf)
        if not apart < SAME_PERSON_M:
            return _NEVER
        return apart - STAY_M if were_one else apart

    def _were_one(self, one: PersonSighting, other: PersonSighting) -> bool:
        return any(_has(known, one) and _has(known, other) for known in self._known.values())

    def _identify(self, groups: Sequence[Sequence[PersonSighting]]) -> list[int]:
        """Return the id of each group: that which most of it had, else that of the nearest place."""
        ids = list(self._known)
        costs = np.array([_strangeness(self._known.values(), group) for group in groups])
        continued = _assigned(costs) if groups and ids else {}
        return [
            ids[continued[index]] if index in continued else self._next_id() for index in range(len(groups))
        ]

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _remember(self, person: MatchedPerson, stamp_ns: int) -> None:
        """Note what the cameras call a person; what was another person's name is so no more."""
        for sighting in person.sightings:
            for known in self._known.values():
                if _has(known, sighting):
                    del known.members[sighting.camera]
        known = self._known.setdefault(person.person_id, _Known())
        for sighting in person.sightings:
            known.members[sighting.camera] = sighting.person.person_id, stamp_ns
        known.hips = tuple(_middle(person.sightings).tolist())

    def _forget(self, stamp_ns: int) -> None:
        for known in self._known.values():
            known.members = {
                camera: (number, seen_ns)
                for camera, (number, seen_ns) in known.members.items()
                if 0 <= stamp_ns - seen_ns <= KEEP_NS
            }
        self._known = {number: known for number, known in self._known.items() if known.members}


def _has(known: _Known, sighting: PersonSighting) -> bool:
    return known.members.get(sighting.camera, (None, 0))[0] == sighting.person.person_id


def _middle(sightings: Sequence[PersonSighting]) -> NDArray[np.float64]:
    """Return about where a person is, (3,): the mean of what the cameras say."""
    hips = [sighting.places[hip] for sighting in sightings for hip in _HIPS]
    return np.add.reduce(np.array(hips)) / len(hips)


def _strangeness(known: Iterable[_Known], group: Sequence[PersonSighting]) -> list[float]:
    """Return how little a group is each who is known: less by 1 for each camera that calls them so."""
    middle = _middle(group).tolist()
    costs = []
    for each in known:
        votes = sum(_has(each, sighting) for sighting in group)
        apart = math.dist(each.hips, middle)
        costs.append(-votes + apart / (1.0 + apart) if votes else _NEVER)
    return costs


def _assigned(costs: NDArray[np.float64]) -> dict[int, int]:
    """Return the column of each row that has one, at the least cost in all."""
    if costs.size == 1:
        return {0: 0} if costs[0, 0] < _NEVER else {}
    rows, columns = linear_sum_assignment(costs)
    return {
        row: column
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if costs[row, column] < _NEVER
    }
