"""Who is who: poses of one image matched with the people seen before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.tracking.appearance import appearance_of, difference, mean_appearance
from blazepose_ros.core.tracking.body_scale import distance, middle, size_px
from blazepose_ros.core.tracking.smoothing import blend
from blazepose_ros.core.types import Frame, Pose

# The landmarks of one person move less than this between two images, in bodies, besides what
# their velocity foretells; somebody who hides walks 1.5 m in a second.
_REACH_BODIES = 0.35
_REACH_BODIES_PER_S = 0.75
# A person is not seen half or twice as large in the next image.
_MAX_GROWTH = 1.8
# Other clothes, from 0 for the same to 1 for black and white, count like a distance up to this one:
# less than the reach, so that somebody may turn around or step into the shade.
_CLOTHES_BODIES = 0.25
# The colours of clothes are a mean over about this time, and looked at no more often than that.
_CLOTHES_S = 0.5
_CLOTHES_STEP_S = 0.05
# While somebody covers them a person's landmarks fly about for some images: what is as near to
# them for so long is nobody new.
_GARBLED_BODIES = 0.5
_JUST_NOW_S = 0.2
# A reading that is further than this from everybody, and not much nearer to one than to another who
# is not seen besides, is made of both of them.
_UNCLEAR_BODIES = 0.2
_MIXED_BODIES = 0.1
# Two poses nearer than this are the same person seen twice.
_SAME_BODIES = 0.1
# The velocity is a mean over about this time, and foretells a place for no longer than this.
_VELOCITY_S = 0.2
_FORETOLD_S = 1.0
# People whose landmarks are nearer than this cover each other.
_ENTANGLED_BODIES = 0.5
_MIN_STEP_S = 1e-3  # between two images of one stamp
_NEVER = 1e6  # the cost of what cannot be


@dataclass(frozen=True)
class Clear:
    """A person as last seen away from others, whose landmarks and clothes get mixed with theirs.

    Attributes:
        screen: (33, 2), pixels.
        seen_ns: the stamp of that image.
        velocity_px_s: (2,), of the whole body.
        clothes: (2, 3), the colours of trunk and thighs, a mean over the last images.
        clothes_ns: the stamp of the last one that they were looked at in.
    """

    screen: NDArray
    seen_ns: int
    velocity_px_s: NDArray[np.float64]
    clothes: NDArray[np.float64]
    clothes_ns: int

    def foretold(self, stamp_ns: int) -> NDArray:
        """Return where the landmarks are at a time if the person goes on, (33, 2), pixels."""
        ahead_s = min((stamp_ns - self.seen_ns) / NS_PER_S, _FORETOLD_S)
        return self.screen + self.velocity_px_s * ahead_s


@dataclass(frozen=True)
class Track:
    """A person as last seen.

    Attributes:
        pose: unsmoothed.
        seen_ns: the stamp of that image.
        size_px: the size of a body there.
        clear: as last seen away from others.
    """

    pose: Pose
    seen_ns: int
    size_px: float
    clear: Clear


class Association:
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
        """Return the poses with the numbers of their people, each person once, less bad readings.

        Args:
            frame: the image, not older than the one before.
            poses: of the people in it.
            max_lost_s: who was not seen for longer than this has left.
        """
        self._end_lost(frame.stamp_ns, max_lost_s)
        seen = [_SeenPerson(pose, frame) for pose in poses]
        matches = self._match(seen, frame.stamp_ns)
        hidden = self._without(matches)
        people = []
        for index in _without_twins(seen, matches):
            if self._is_bad(seen[index], matches.get(index), hidden, frame.stamp_ns):
                continue
            number = matches[index].person_id if index in matches else self._next()
            person = replace(poses[index], person_id=number)
            alone = not self._is_entangled(number, seen[index])
            self._tracks[number] = _continued(self._tracks.get(number), seen[index], frame.stamp_ns, alone)
            people.append(person)
        return people

    def _without(self, matches: dict[int, _Match]) -> list[Track]:
        matched = {match.person_id for match in matches.values()}
        return [track for number, track in self._tracks.items() if number not in matched]

    def _is_bad(self, seen: _SeenPerson, match: _Match | None, hidden: list[Track], stamp_ns: int) -> bool:
        """Return whether a pose is a reading of somebody who is covered.

        Args:
            seen: the pose.
            match: who it is; None for somebody new.
            hidden: those who are nobody's match in the image.
            stamp_ns: when it was taken.
        """
        if match is None:
            return any(_is_garbled(track, seen, stamp_ns) for track in hidden)
        nearly = match.cost + _MIXED_BODIES
        unclear = match.cost > _UNCLEAR_BODIES
        return unclear and any(_cost(track, seen, stamp_ns) < nearly for track in hidden)

    def _is_entangled(self, number: int, seen: _SeenPerson) -> bool:
        others = (track for other, track in self._tracks.items() if other != number)
        screen, size = seen.pose.screen, seen.size_px
        return any(distance(screen, track.pose.screen, size) < _ENTANGLED_BODIES for track in others)

    def _next(self) -> int:
        self._newest += 1
        return self._newest

    def _end_lost(self, stamp_ns: int, max_lost_s: float) -> None:
        oldest_ns = stamp_ns - max_lost_s * NS_PER_S
        self._tracks = {n: track for n, track in self._tracks.items() if track.seen_ns >= oldest_ns}

    def _match(self, poses: Sequence[_SeenPerson], stamp_ns: int) -> dict[int, _Match]:
        """Return who each pose is that fits somebody known, by its index."""
        known = list(self._tracks.items())
        sole = len(known) == len(poses) == 1
        if not (known and poses):
            return {}
        costs = [[_cost(track, pose, stamp_ns, sole=sole) for _, track in known] for pose in poses]
        rows, columns = linear_sum_assignment(costs)
        return {
            row: _Match(known[column][0], costs[row][column])
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
            if costs[row][column] < _NEVER
        }


class _Match(NamedTuple):
    person_id: int
    cost: float


class _SeenPerson:
    """A pose that is somebody's."""

    def __init__(self, pose: Pose, frame: Frame) -> None:
        self.pose = pose
        self.size_px = size_px(pose)
        self._frame = frame

    @cached_property
    def clothes(self) -> NDArray[np.float64]:
        return appearance_of(self.pose, self._frame)


def _cost(track: Track, seen: _SeenPerson, stamp_ns: int, *, sole: bool = False) -> float:
    """Return how little a pose fits a person, in bodies; ``_NEVER`` where it cannot be them.

    Args:
        track: the person.
        seen: the pose.
        stamp_ns: when it was seen.
        sole: whether there is nobody else whom it could fit, and no other pose.
    """
    if not 1 / _MAX_GROWTH < seen.size_px / track.size_px < _MAX_GROWTH:
        return _NEVER
    unit = math.sqrt(seen.size_px * track.size_px)
    places = (track.pose.screen, track.clear.foretold(stamp_ns))
    apart = min(distance(place, seen.pose.screen, unit) for place in places)
    lost_s = (stamp_ns - track.seen_ns) / NS_PER_S
    reach = _REACH_BODIES + _REACH_BODIES_PER_S * lost_s
    just_now = lost_s < _JUST_NOW_S
    # Nobody changes clothes between two images: they tell who comes back, and which of two it is.
    if not apart < reach or (just_now and sole):
        return apart if apart < reach else _NEVER
    cost = apart + min(difference(track.clear.clothes, seen.clothes), _CLOTHES_BODIES)
    return cost if just_now or cost < reach else _NEVER


def _is_garbled(track: Track, seen: _SeenPerson, stamp_ns: int) -> bool:
    """Return whether a pose that fits nobody is a bad reading of a person seen there just now.

    Where stamps stand still nothing tells when that was: it would be just now for ever.
    """
    just_now = 0 < stamp_ns - track.seen_ns < _JUST_NOW_S * NS_PER_S
    return just_now and distance(track.pose.screen, seen.pose.screen, track.size_px) < _GARBLED_BODIES


def _without_twins(poses: Sequence[_SeenPerson], matches: dict[int, _Match]) -> list[int]:
    """Return the indices of the poses, of people seen twice only the one that fits best."""
    kept: list[int] = []
    for index in sorted(range(len(poses)), key=lambda i: matches[i].cost if i in matches else _NEVER):
        screen, unit = poses[index].pose.screen, poses[index].size_px
        if all(distance(screen, poses[other].pose.screen, unit) > _SAME_BODIES for other in kept):
            kept.append(index)
    return kept


def _continued(track: Track | None, seen: _SeenPerson, stamp_ns: int, alone: bool) -> Track:
    if track is None:
        clear = Clear(seen.pose.screen[:, :2], stamp_ns, np.zeros(2), seen.clothes, stamp_ns)
    else:
        clear = _move(track.clear, seen, stamp_ns) if alone else track.clear
    return Track(seen.pose, stamp_ns, seen.size_px, clear)


def _move(clear: Clear, seen: _SeenPerson, stamp_ns: int) -> Clear:
    step_s = max((stamp_ns - clear.seen_ns) / NS_PER_S, _MIN_STEP_S)
    screen = seen.pose.screen[:, :2]
    moved = middle(screen - clear.screen)
    velocity = blend(moved / step_s, clear.velocity_px_s, step_s / (step_s + _VELOCITY_S))
    clothes, clothes_ns = clear.clothes, clear.clothes_ns
    clothes_s = (stamp_ns - clothes_ns) / NS_PER_S
    if clothes_s >= _CLOTHES_STEP_S:
        clothes = mean_appearance(clothes, seen.clothes, clothes_s / (clothes_s + _CLOTHES_S))
        clothes_ns = stamp_ns
    return Clear(screen, stamp_ns, velocity, clothes, clothes_ns)
