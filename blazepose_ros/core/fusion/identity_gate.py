# SPDX-License-Identifier: Apache-2.0
"""Whether whom a camera calls by an id is still the same person: by where that person has to be by now.

Votes over half a second tell who is who; a camera that gives an id to someone else is found out by them after
a quarter of a second. Until then, what cannot be the person is left out, or is the person whom it fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.fusion.clock_offset import UNKNOWN, Offset
from blazepose_ros.core.fusion.matching import MIN_LANDMARKS, MIN_VISIBILITY, VOTE_NS, Key, MatchedPerson
from blazepose_ros.core.fusion.sightings import PersonSighting
from blazepose_ros.core.landmarks import MIRRORED

# Of two directions across a ray, 999 of 1000 squared deviations are below this (chi-square).
FITTING = 13.8
# Who fitted a moment ago and is twice as far off now is someone else; what is between tells nothing.
STRANGE = 4.0 * FITTING
# How late or early stamps are of which nothing is known yet: drivers are some ten milliseconds late.
CLOCK_STD_S = 0.05


class ExpectedPerson(NamedTuple):
    """Where someone has to be at a time, by where several cameras saw them last.

    Attributes:
        places: (33, 3), meters.
        covariances: (33, 3, 3), square meters, of the places and of what a camera sees across its rays.
        speed_mps: how fast they go.
    """

    places: NDArray[np.float64]
    covariances: NDArray[np.float64]
    speed_mps: float


class IdentityGate:
    """Puts what cameras call by another's id where it belongs; used from one thread at a time."""

    def __init__(self) -> None:
        self._agreed_ns: dict[tuple[int, Key], int] = {}

    def sorted_out(
        self,
        people: Sequence[MatchedPerson],
        expected: Mapping[int, ExpectedPerson],
        offsets: Mapping[str, Offset],
        stamp_ns: int,
    ) -> list[MatchedPerson]:
        """Return the people without the sightings of others.

        A sighting is no longer believed if it does not fit and has done so within the time of the votes,
        while another camera's fits. What never fitted, as where the places of cameras are wrong, stays. It is
        of another person whom it fits and whom its camera does not see besides.

        Args:
            people: by the votes.
            expected: where those are expected of whom that is known, by their ids.
            offsets: of the cameras' clocks, which move the people whom a camera sees.
            stamp_ns: the time.
        """
        self._agreed_ns = {
            key: seen_ns for key, seen_ns in self._agreed_ns.items() if 0 <= stamp_ns - seen_ns <= VOTE_NS
        }
        strangers = {
            person.person_id: list(self._strangers(person, expected, offsets, stamp_ns)) for person in people
        }
        # Who takes over an id leaves another person to a new one.
        newcomers = [
            person.sightings[0]
            for person in people
            if person.person_id not in expected and len(person.sightings) == 1
        ]
        homeless = [each for out in strangers.values() for each in out] + newcomers
        if not homeless:
            return list(people)
        known = [
            self._joined(_without(person, strangers[person.person_id]), homeless, where, offsets)
            for person in people
            if (where := expected.get(person.person_id)) is not None
        ]
        housed = {each.key for person in known for each in person.sightings}
        # Who is somebody else now is not the person again, even if the votes never tell the two apart.
        for number, out in strangers.items():
            self._agreed_ns |= {(number, each.key): stamp_ns for each in out if each.key in housed}
        others = [person for person in people if person.person_id not in expected]
        alone = [person for person in others if person.sightings[0].key not in housed]
        return sorted(known + alone, key=lambda person: person.person_id)

    def _strangers(
        self,
        person: MatchedPerson,
        expected: Mapping[int, ExpectedPerson],
        offsets: Mapping[str, Offset],
        stamp_ns: int,
    ) -> Iterator[PersonSighting]:
        """Yield the sightings that cannot be a person, and note which agree."""
        where = expected.get(person.person_id)
        if where is None or len(person.sightings) < 2:
            return
        squares = deviations(where, person.sightings, offsets)
        for each, square in zip(person.sightings, squares, strict=True):
            key = person.person_id, each.key
            if square < FITTING:
                self._agreed_ns[key] = stamp_ns
            elif square > STRANGE and key in self._agreed_ns and min(squares) < FITTING:
                yield each

    def _joined(
        self,
        person: MatchedPerson,
        homeless: Sequence[PersonSighting],
        expected: ExpectedPerson,
        offsets: Mapping[str, Offset],
    ) -> MatchedPerson:
        """Return a person with those who fit, of cameras that saw the person lately and now do not."""
        lately = {key[0] for number, key in self._agreed_ns if number == person.person_id}
        seen = {each.camera: each for each in person.sightings}
        for each in homeless:
            is_free = each.camera in lately - seen.keys()
            if is_free and deviations(expected, [each], offsets)[0] < FITTING:
                seen[each.camera] = each
        return replace(person, sightings=tuple(seen[camera] for camera in sorted(seen)))


def _without(person: MatchedPerson, strangers: Sequence[PersonSighting]) -> MatchedPerson:
    cameras = {each.camera for each in strangers}
    return replace(person, sightings=tuple(each for each in person.sightings if each.camera not in cameras))


def deviations(
    expected: ExpectedPerson, sightings: Sequence[PersonSighting], offsets: Mapping[str, Offset]
) -> list[float]:
    """Return by how many deviations, squared, each sighting is not of a person; 0 for too few landmarks.

    Args:
        expected: where the person has to be.
        sightings: what cameras say, one at least.
        offsets: of their clocks.
    """
    medians = _medians(expected, sightings, offsets)
    # A camera may have exchanged left and right: that makes nobody another person.
    return [
        median if median < FITTING else min(median, *_medians(_mirrored(expected), [each], offsets))
        for each, median in zip(sightings, medians, strict=True)
    ]


def _mirrored(expected: ExpectedPerson) -> ExpectedPerson:
    return expected._replace(places=expected.places[MIRRORED], covariances=expected.covariances[MIRRORED])


def _medians(
    expected: ExpectedPerson, sightings: Sequence[PersonSighting], offsets: Mapping[str, Offset]
) -> list[float]:
    """Return how many deviations, squared, a person is away from the rays of each camera's in the median.

    The deviation is that along the shortest way from the ray to the landmark. It is 0 for too few landmarks.
    """
    origins = np.array([each.origin for each in sightings])[:, None]
    rays = np.array([each.places for each in sightings]) - origins
    is_seen = np.array([each.visibility for each in sightings]) >= MIN_VISIBILITY
    late_m = [[_late_m(expected, offsets.get(each.camera, UNKNOWN))] for each in sightings]
    away = expected.places - origins
    off = away - (_dot(away, rays) / _dot(rays, rays))[..., None] * rays
    squares = _dot(off, off)
    variances = np.einsum("cli,lij,clj->cl", off, expected.covariances, off) + np.square(late_m) * squares
    deviations = np.where(is_seen, squares**2 / np.maximum(variances, np.finfo(float).tiny), np.inf)
    deviations.sort(axis=1)  # what is not seen comes last
    counts = np.count_nonzero(is_seen, axis=1).tolist()
    return [
        float(row[count // 2]) if count >= MIN_LANDMARKS else 0.0
        for row, count in zip(deviations, counts, strict=True)
    ]


def _dot(first: NDArray, second: NDArray) -> NDArray[np.float64]:
    return np.einsum("cli,cli->cl", first, second)


def _late_m(expected: ExpectedPerson, offset: Offset) -> float:
    """Return how far a person may have gone by what is not known of a camera's clock, one deviation."""
    return expected.speed_mps * min(offset.std_s, CLOCK_STD_S)
