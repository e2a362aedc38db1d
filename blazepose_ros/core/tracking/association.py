# SPDX-License-Identifier: Apache-2.0
"""Data association: which track each pose of an image continues."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from blazepose_ros.core.landmarks import MIRRORED
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.tracking.appearance import difference, distance
from blazepose_ros.core.tracking.track import Observation, Track

# The landmarks of one person move less than this between two images, in bodies, besides what
# their velocity predicts; a person who is hidden walks 1.5 m in a second.
_REACH_BODIES = 0.35
_REACH_BODIES_PER_S = 0.75
# A person is not seen half or twice as large in the next image.
_MAX_GROWTH = 1.8
# Another appearance, from 0 for the same to 1 for black and white, counts like a distance up to this
# one: less than the reach, so that a person may turn around or step into the shade.
_APPEARANCE_BODIES = 0.25
# While others cover them a person's landmarks fly about for some images: what is as near to
# them for so long is no new person.
_GARBLED_BODIES = 0.5
_JUST_NOW_S = 0.2
# A pose that is further than this from every track, and not much nearer to one than to a lost one,
# is made of both people.
_UNCLEAR_BODIES = 0.2
_MIXED_BODIES = 0.1
# Two poses nearer than this are the same person seen twice.
_SAME_BODIES = 0.1
# People whose landmarks are nearer than this cover each other.
_OCCLUDING_BODIES = 0.5
_NEVER = 1e6  # the cost of what cannot be


class Association(NamedTuple):
    """An observation and the track that it continues; None for a new person."""

    seen: Observation
    track: Track | None


def associate(tracks: Sequence[Track], observations: Sequence[Observation]) -> list[Association]:
    """Return the observations with their tracks, each track at most once, less twins and garbled poses.

    Args:
        tracks: of the people who are seen or may come back.
        observations: of one image, not older than what the tracks have seen.
    """
    matches = _match(tracks, observations)
    matched = {id(match.track) for match in matches.values()}
    unmatched = [track for track in tracks if id(track) not in matched]
    return [
        Association(observations[index], matches[index].track if index in matches else None)
        for index in _without_twins(observations, matches)
        if not _is_garbled(observations[index], matches.get(index), unmatched)
    ]


def is_occluded(seen: Observation, others: Iterable[Track]) -> bool:
    """Return whether other people are so near that they cover the one observed, or are covered."""
    screen, size = seen.pose.screen, seen.size_px
    return any(distance(screen, other.pose.screen, size) < _OCCLUDING_BODIES for other in others)


class _Match(NamedTuple):
    track: Track
    cost: float


def _match(tracks: Sequence[Track], observations: Sequence[Observation]) -> dict[int, _Match]:
    """Return the track of each observation that fits one, by the observation's index."""
    if not (tracks and observations):
        return {}
    sole = len(tracks) == len(observations) == 1
    costs = [[_cost(track, seen, sole=sole) for track in tracks] for seen in observations]
    return {
        row: _Match(tracks[column], costs[row][column])
        for row, column in _assignment(costs)
        if costs[row][column] < _NEVER
    }


def prepare_for_several_people() -> None:
    """Import what only several people need, which takes longer than an image may."""
    import scipy.optimize  # noqa: F401


def _assignment(costs: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Return row and column of the pairs that cost least in all."""
    if len(costs) == 1:
        return [(0, min(range(len(costs[0])), key=lambda column: costs[0][column]))]
    if len(costs[0]) == 1:
        return [(min(range(len(costs)), key=lambda row: costs[row][0]), 0)]
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(costs)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _cost(track: Track, seen: Observation, *, sole: bool = False) -> float:
    """Return how little an observation fits a track, in bodies; ``_NEVER`` where it cannot be that person.

    Args:
        track: the person.
        seen: the observation.
        sole: whether there is no other track and no other observation.
    """
    if not 1 / _MAX_GROWTH < seen.size_px / track.size_px < _MAX_GROWTH:
        return _NEVER
    unit = math.sqrt(seen.size_px * track.size_px)
    lost_s = (seen.stamp_ns - track.seen_ns) / NS_PER_S
    reach = _REACH_BODIES + _REACH_BODIES_PER_S * lost_s
    just_now = lost_s < _JUST_NOW_S
    distances = _distances(track, seen, unit)
    if sole and just_now:  # how near is of no matter then
        return next((apart for apart in distances if apart < reach), _NEVER)
    apart = min(distances)
    if not apart < reach:
        return _NEVER
    # Clothes do not change between two images: they tell who comes back, and which of two it is.
    cost = apart + min(difference(track.clear_view.appearance, seen.appearance), _APPEARANCE_BODIES)
    return cost if just_now or cost < reach else _NEVER


def _distances(track: Track, seen: Observation, unit_px: float) -> Iterator[float]:
    """Yield how far an observation is from where a track was and may be, also with sides exchanged."""
    for place in (track.pose.screen, track.clear_view.predicted(seen.stamp_ns)):
        yield distance(place, seen.pose.screen, unit_px)
        yield distance(place, seen.pose.screen[MIRRORED], unit_px)


def _is_garbled(seen: Observation, match: _Match | None, unmatched: Sequence[Track]) -> bool:
    """Return whether an observation is a bad pose of a person who is covered.

    Args:
        seen: the observation.
        match: what it fits; None for a new person.
        unmatched: the tracks that no observation of the image fits.
    """
    if match is None:
        return any(_was_just_there(track, seen) for track in unmatched)
    nearly = match.cost + _MIXED_BODIES
    unclear = match.cost > _UNCLEAR_BODIES
    return unclear and any(_cost(track, seen) < nearly for track in unmatched)


def _was_just_there(track: Track, seen: Observation) -> bool:
    """Return whether a tracked person was seen there a moment ago.

    Where stamps stand still nothing tells when that was: it would be just now for ever.
    """
    just_now = 0 < seen.stamp_ns - track.seen_ns < _JUST_NOW_S * NS_PER_S
    return just_now and distance(track.pose.screen, seen.pose.screen, track.size_px) < _GARBLED_BODIES


def _without_twins(observations: Sequence[Observation], matches: dict[int, _Match]) -> list[int]:
    """Return the indices of the observations, of people seen twice only the one that fits best."""
    kept: list[int] = []
    for index in sorted(range(len(observations)), key=lambda i: matches[i].cost if i in matches else _NEVER):
        screen, unit = observations[index].pose.screen, observations[index].size_px
        if all(distance(screen, observations[other].pose.screen, unit) > _SAME_BODIES for other in kept):
            kept.append(index)
    return kept
