# SPDX-License-Identifier: Apache-2.0
"""For which times people are fused, and where the people of each camera are then.

The cameras take their images at different times; those that are late are waited for, but not for long.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from statistics import median_low
from typing import NamedTuple

from blazepose_ros.core.fusion.sightings import VELOCITY_NS, CameraView, PersonSighting, between
from blazepose_ros.core.timestamps import NS_PER_MS, NS_PER_S, is_restart

# A camera that was silent for so long, or for so many of its images, is not waited for.
SILENT_S = 0.5
SILENT_IMAGES = 3
MAX_SILENT_S = 3.0
# Stamps of cameras that are further apart are not of one clock: the delay of a slow one is less.
MAX_APART_NS = 2 * NS_PER_S


class _Arrival(NamedTuple):
    """A camera's newest image: its stamp, when it came, and how long after the one before."""

    stamp_ns: int
    at_s: float
    after_s: float

    def is_live(self, now_s: float) -> bool:
        """Tell whether its next image may still come in time."""
        patience_s = min(max(SILENT_S, SILENT_IMAGES * self.after_s), MAX_SILENT_S)
        return now_s - self.at_s <= patience_s


class _Waiting(NamedTuple):
    """A time of an output, and since when it waits for the cameras."""

    stamp_ns: int
    at_s: float


class OutputTimes:
    """Chooses the times of outputs, at a steady rate or with the images of a camera.

    Attributes:
        rate_hz: how many outputs a second; 0 for one with each image of the reference camera.
        max_wait_s: how long a time is waited with until all cameras have passed it.
        reference: the name of the reference camera; empty for the first by name that is not silent.
    """

    def __init__(self, rate_hz: float, max_wait_s: float, reference: str = "") -> None:
        self.rate_hz = rate_hz
        self.max_wait_s = max_wait_s
        self.reference = reference
        self._newest: dict[str, _Arrival] = {}
        self._waiting: deque[_Waiting] = deque()
        self._last_ns: int | None = None
        self._began_s: float | None = None

    def arrived(self, camera: str, stamp_ns: int, now_s: float) -> bool:
        """Take note of an image; return whether time starts again with it.

        It does where a camera of the right clock goes back, as in a recording that is played once more.

        Args:
            camera: whose image it is.
            stamp_ns: its stamp, corrected by what is known of the camera's clock.
            now_s: monotonic seconds.
        """
        before = self._newest.get(camera)
        after_s = 0.0 if before is None else now_s - before.at_s
        newest = self._newest[camera] = _Arrival(stamp_ns, now_s, after_s)
        if self.is_stray(camera, now_s):
            return False
        restarts = self._restarts(None if before is None else before.stamp_ns, stamp_ns)
        if restarts:
            self._newest = {camera: newest}
            self._waiting.clear()
            self._last_ns = self._began_s = None
        if self._began_s is None:
            self._began_s = now_s
        self._plan(camera, stamp_ns, now_s)
        return restarts

    def due(self, now_s: float) -> int | None:
        """Return the next time that all cameras have passed, or that has waited long enough; else None."""
        if not self._waiting:
            return None
        stamp_ns, since_s = self._waiting[0]
        if now_s - since_s < self.max_wait_s and not self._is_passed(stamp_ns, now_s):
            return None
        self._waiting.popleft()
        return stamp_ns

    def wait_s(self, now_s: float) -> float:
        """Return how long it is until the next time has waited long enough; infinite where none waits."""
        return max(0.0, self._waiting[0].at_s + self.max_wait_s - now_s) if self._waiting else math.inf

    def awaited(self, now_s: float) -> dict[str, int]:
        """Return which cameras have to go on, and up to which stamp, before the next output.

        Args:
            now_s: monotonic seconds.

        Returns:
            Stamps by the cameras' names; empty where any image may bring an output.
        """
        live = self.live(now_s)
        if self._began_s is None or now_s - self._began_s < self.max_wait_s or not (live and self.max_wait_s):
            return {}
        if self._waiting:
            target_ns = self._waiting[0].stamp_ns
        elif self.rate_hz and self._last_ns is not None:
            target_ns = round((round(self._last_ns * self.rate_hz / NS_PER_S) + 1) * NS_PER_S / self.rate_hz)
        else:
            leader = self._leader(live)
            return {leader: self._newest[leader].stamp_ns + 1}
        right_ns = self._right_ns(live)
        newest_ns = {camera: self._newest[camera].stamp_ns for camera in live}
        return {
            camera: target_ns
            for camera, stamp_ns in newest_ns.items()
            if stamp_ns < target_ns and not _are_apart(stamp_ns, right_ns)
        }

    def forget(self, camera: str) -> None:
        """Forget a camera that is fused no more."""
        self._newest.pop(camera, None)

    def live(self, now_s: float) -> list[str]:
        """Return the cameras that are not silent, by name."""
        return sorted(camera for camera, newest in self._newest.items() if newest.is_live(now_s))

    def is_stray(self, camera: str, now_s: float) -> bool:
        """Tell whether a camera's stamps are far from those of the others: its clock is another one."""
        live = self.live(now_s)
        return bool(live) and _are_apart(self._newest[camera].stamp_ns, self._right_ns(live))

    def strays(self, now_s: float) -> list[str]:
        """Return the cameras that are not silent and whose clock is another one, by name."""
        if not (live := self.live(now_s)):
            return []
        right_ns = self._right_ns(live)
        return [camera for camera in live if _are_apart(self._newest[camera].stamp_ns, right_ns)]

    def _right_ns(self, live: Sequence[str]) -> int:
        """Return about what the time is: the reference camera's, else that of half of the cameras.

        A camera that joins, or whose clock jumps, is not right where another one goes on as before.
        """
        if self.reference in live:
            return self._newest[self.reference].stamp_ns
        stamps_ns = [self._newest[each].stamp_ns for each in live]
        if self._last_ns is not None:
            going_on = sum(not _are_apart(each, self._last_ns) for each in stamps_ns)
            if 2 * going_on >= len(stamps_ns):
                return self._last_ns
        return median_low(stamps_ns)

    def _restarts(self, before_ns: int | None, stamp_ns: int) -> bool:
        """Tell whether time goes back with a camera: from its last image, or far behind the outputs."""
        is_behind = self._last_ns is not None and self._last_ns - stamp_ns > MAX_APART_NS
        return is_behind or (is_restart(before_ns, stamp_ns) and is_restart(self._last_ns, stamp_ns))

    def _is_passed(self, stamp_ns: int, now_s: float) -> bool:
        """Tell whether all cameras have passed a time; at the start it is not known yet which there are."""
        assert self._began_s is not None
        if now_s - self._began_s < self.max_wait_s:
            return False
        live = self.live(now_s)
        behind_ns = [each for camera in live if (each := self._newest[camera].stamp_ns) < stamp_ns]
        return not behind_ns or all(_are_apart(each, self._right_ns(live)) for each in behind_ns)

    def _plan(self, camera: str, stamp_ns: int, now_s: float) -> None:
        """Add the times that are passed with an image."""
        if not self.rate_hz:
            times_ns = [stamp_ns] if camera == self._leader(self.live(now_s)) else []
        else:
            times_ns = self._grid(stamp_ns)
        for time_ns in times_ns:
            if self._last_ns is None or time_ns > self._last_ns:
                self._last_ns = time_ns
                self._waiting.append(_Waiting(time_ns, now_s))

    def _leader(self, live: Sequence[str]) -> str:
        """Return the camera with whose images there are outputs, where there is no rate."""
        return self.reference if self.reference in live else live[0]

    def _grid(self, stamp_ns: int) -> list[int]:
        """Return the multiples of the period since the last output; after a gap the newest alone."""
        newest = int(stamp_ns * self.rate_hz // NS_PER_S)
        first = newest
        if self._last_ns is not None and stamp_ns - self._last_ns <= MAX_APART_NS:
            first = round(self._last_ns * self.rate_hz / NS_PER_S) + 1
        return [round(number * NS_PER_S / self.rate_hz) for number in range(first, newest + 1)]


def _are_apart(one_ns: int, other_ns: int) -> bool:
    return abs(one_ns - other_ns) > MAX_APART_NS


# Where a camera's next image does not come, people are taken to go on for so long; a landmark of a walker
# is then off by about a step's irregularity, some centimeters.
MAX_AHEAD_NS = 100 * NS_PER_MS
# Between two images that are further apart, people may have been anywhere.
MAX_BETWEEN_NS = 300 * NS_PER_MS
# How much is remembered of each camera: the wait for the others, their offsets, and a velocity.
KEPT_NS = NS_PER_S
MAX_IMAGES = 240


class CameraHistory:
    """The last images of one camera, with the people in them."""

    def __init__(self) -> None:
        self._stamps_ns: deque[int] = deque(maxlen=MAX_IMAGES)
        self._people: deque[dict[int, PersonSighting]] = deque(maxlen=MAX_IMAGES)

    @property
    def newest_ns(self) -> int | None:
        """The stamp of the newest image, by the camera's clock; None before the first."""
        return self._stamps_ns[-1] if self._stamps_ns else None

    def add(self, view: CameraView) -> bool:
        """Take the next image; return false for one that repeats a stamp or comes too late.

        Where time starts again, as in a recording that is played once more, so does the history.
        """
        newest_ns = self.newest_ns
        if is_restart(newest_ns, view.stamp_ns):
            self._stamps_ns.clear()
            self._people.clear()
        elif newest_ns is not None and view.stamp_ns <= newest_ns:
            return False
        people = {each.person.person_id: self._moving(each, view.stamp_ns) for each in view.sightings()}
        self._stamps_ns.append(view.stamp_ns)
        self._people.append(people)
        while self._stamps_ns[0] < view.stamp_ns - KEPT_NS:
            self._stamps_ns.popleft()
            self._people.popleft()
        return True

    def at(self, stamp_ns: int) -> list[PersonSighting]:
        """Return the people at a time: between two images, or shortly after the newest.

        Args:
            stamp_ns: the time by the camera's clock.
        """
        later = bisect_right(self._stamps_ns, stamp_ns)
        if later == 0:
            return []
        since_ns = stamp_ns - self._stamps_ns[later - 1]
        before = self._people[later - 1]
        if since_ns == 0:
            return list(before.values())
        if later == len(self._stamps_ns):
            if since_ns > MAX_AHEAD_NS:
                return []
            return [each.shifted(since_ns / NS_PER_S) for each in before.values()]
        gap_ns = self._stamps_ns[later] - self._stamps_ns[later - 1]
        if gap_ns > MAX_BETWEEN_NS:
            return []
        after, share = self._people[later], since_ns / gap_ns
        return [between(before[number], after[number], share) for number in before if number in after]

    def _moving(self, sighting: PersonSighting, stamp_ns: int) -> PersonSighting:
        """Return a sighting with velocities, where the person was seen a moment before."""
        first = bisect_right(self._stamps_ns, stamp_ns - VELOCITY_NS - 1)
        for index in range(first, len(self._stamps_ns)):
            earlier = self._people[index].get(sighting.person.person_id)
            if earlier is not None:
                return sighting.moving(earlier, (stamp_ns - self._stamps_ns[index]) / NS_PER_S)
        return sighting
