"""Who is who: poses of one image matched with the people seen before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from blazepose_ros.pose import Frame, Pose
from blazepose_ros.tracking.body import distance, size_px

NS_PER_S = 1e9
# The landmarks of one person move less than this between two images, in bodies, besides what
# their velocity foretells; somebody who hides may have walked a body's length in a second.
_REACH_BODIES = 0.35
_REACH_BODIES_PER_S = 1.0
# A person is not seen half or twice as large in the next image.
_MAX_GROWTH = 1.8
# Two poses nearer than this are the same person seen twice.
_SAME_BODIES = 0.1
# The velocity is a mean over about this time; foretelling further than it would lead astray.
_VELOCITY_S = 0.2
_NEVER = 1e6  # the cost of what cannot be


@dataclass(frozen=True)
class Track:
    """A person as last seen.

    Attributes:
        pose: unsmoothed.
        seen_ns: the stamp of that image.
        size_px: the size of a body there.
        velocity_px_s: (2,), of the whole body.
    """

    pose: Pose
    seen_ns: int
    size_px: float
    velocity_px_s: NDArray[np.float64]


class Identities:
    """Numbers people from 1 and keeps their numbers while they are seen, or lost for a short time.

    No number is given twice.
    """

    def __init__(self) -> None:
        self._tracks: dict[int, Track] = {}
        self._newest = 0

    @property
    def known(self) -> set[int]:
        """The numbers of those who are seen or may come back."""
        return set(self._tracks)

    def reset(self) -> None:
        """Forget everybody; their numbers stay taken."""
        self._tracks.clear()

    def update(self, frame: Frame, poses: Sequence[Pose], max_lost_s: float) -> list[Pose]:
        """Return the poses with the numbers of their people, each person once.

        Args:
            frame: the image, not older than the one before.
            poses: of the people in it.
            max_lost_s: who was not seen for longer than this has left.
        """
        self._end_lost(frame.stamp_ns, max_lost_s)
        matches = self._match(poses, frame.stamp_ns)
        people = []
        for index in _without_twins(poses, matches):
            number = matches[index].person_id if index in matches else self._next()
            person = replace(poses[index], person_id=number)
            self._tracks[number] = _follow(self._tracks.get(number), person, frame.stamp_ns)
            people.append(person)
        return people

    def _next(self) -> int:
        self._newest += 1
        return self._newest

    def _end_lost(self, stamp_ns: int, max_lost_s: float) -> None:
        oldest_ns = stamp_ns - max_lost_s * NS_PER_S
        self._tracks = {n: track for n, track in self._tracks.items() if track.seen_ns >= oldest_ns}

    def _match(self, poses: Sequence[Pose], stamp_ns: int) -> dict[int, _Match]:
        """Return who each pose is that fits somebody known, by its index."""
        known = list(self._tracks.items())
        costs = np.array([[_cost(track, pose, stamp_ns) for _, track in known] for pose in poses])
        if not costs.size:
            return {}
        pairs = zip(*linear_sum_assignment(costs), strict=True)
        return {
            int(row): _Match(known[column][0], float(costs[row, column]))
            for row, column in pairs
            if costs[row, column] < _NEVER
        }


class _Match(NamedTuple):
    person_id: int
    cost: float


def _cost(track: Track, pose: Pose, stamp_ns: int) -> float:
    """Return how little a pose fits a person, in bodies; ``_NEVER`` where it cannot be them."""
    size = size_px(pose)
    if not 1 / _MAX_GROWTH < size / track.size_px < _MAX_GROWTH:
        return _NEVER
    lost_s = (stamp_ns - track.seen_ns) / NS_PER_S
    foretold = track.pose.screen[:, :2] + track.velocity_px_s * min(lost_s, _VELOCITY_S)
    unit = math.sqrt(size * track.size_px)
    apart = min(distance(foretold, pose.screen, unit), distance(track.pose.screen, pose.screen, unit))
    return apart if apart < _REACH_BODIES + _REACH_BODIES_PER_S * lost_s else _NEVER


def _without_twins(poses: Sequence[Pose], matches: dict[int, _Match]) -> list[int]:
    """Return the indices of the poses, of people seen twice only the one that fits best."""
    kept: list[int] = []
    for index in sorted(range(len(poses)), key=lambda i: matches[i].cost if i in matches else _NEVER):
        screen, unit = poses[index].screen, size_px(poses[index])
        if all(distance(screen, poses[other].screen, unit) > _SAME_BODIES for other in kept):
            kept.append(index)
    return kept


def _follow(track: Track | None, pose: Pose, stamp_ns: int) -> Track:
    size = size_px(pose)
    if track is None:
        return Track(pose, stamp_ns, size, np.zeros(2))
    step_s = max((stamp_ns - track.seen_ns) / NS_PER_S, 1e-3)
    moved = np.median(pose.screen[:, :2] - track.pose.screen[:, :2], axis=0)
    weight = step_s / (step_s + _VELOCITY_S)
    velocity = weight * moved / step_s + (1 - weight) * track.velocity_px_s
    return Track(pose, stamp_ns, size, velocity)
