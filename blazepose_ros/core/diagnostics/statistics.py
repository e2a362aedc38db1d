# SPDX-License-Identifier: Apache-2.0
"""What has become of the images of the last seconds."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

import numpy as np

from blazepose_ros.core.timestamps import NS_PER_S, is_time_jump
from blazepose_ros.core.types import Pose, Status

# Long enough for a rate of a slow camera, short enough to see what happens now.
WINDOW_S = 5.0

MS_PER_S = 1000.0
# What Timing.msg divides an image's way through the node into, in its order.
STAGES = ("transport", "waiting", "decoding", "inference", "publishing")
# An image that is older when it arrives comes from a recording, or from another clock.
OF_TODAY_MS = 10_000.0


class Drop(Enum):
    """Why an image was not processed."""

    BUSY = "a newer one came before there was time"
    UNREADABLE = "it could not be read"
    ESTIMATOR = "the estimator failed on it"
    CALIBRATION = "the calibration did not fit it"
    ERROR = "of an unexpected error"


@dataclass(frozen=True)
class Snapshot:
    """The last ``WINDOW_S`` at a moment; NaN where nothing was measured.

    Attributes:
        input_hz: images that arrived, per second.
        processed_hz: images that were answered, per second.
        dropped: how many were not, by reason.
        processing_ms: from an image's arrival to its poses: median and 99th percentile.
        latency_ms: from an image's stamp to its poses, likewise, where the clocks agree.
        last_image_age_s: since the last image arrived, or since images are listened to.
        last_person_age_s: since a person was seen last.
        time_jumps: how often stamps went back, be it a little, or jumped.
        unstamped: how many images had the stamp zero, or one and the same for ever.
        stamp_age_s: by how much the others were older when they were received, by the node's
            clock: the median; negative where they are ahead of it.
        blank: how many images were black, white or without contrast.
        people: what is known of each person in the last image.
    """

    input_hz: float
    processed_hz: float
    dropped: Mapping[Drop, int]
    processing_ms: tuple[float, float]
    latency_ms: tuple[float, float]
    last_image_age_s: float
    last_person_age_s: float
    time_jumps: int
    unstamped: int
    stamp_age_s: float
    people: tuple[str, ...]
    blank: int = 0


class Statistics:
    """Counts what becomes of images, from any thread.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._arrivals: deque[float] = deque()
        self._processed: deque[tuple[float, float, float]] = deque()
        self._drops: deque[tuple[float, Drop]] = deque()
        self._time_jumps: deque[float] = deque()
        self._unstamped: deque[float] = deque()
        self._stamp_ages: deque[tuple[float, float]] = deque()
        self._blank: deque[float] = deque()
        self._stamp_ns: int | None = None
        self._listening_since_s: float | None = None
        self._last_image_s = self._last_person_s = -math.inf
        self._people: Sequence[Pose] = ()

    def listening(self, listens: bool) -> None:
        """Note whether images are listened to."""
        with self._lock:
            if not listens:
                self._listening_since_s = None
            elif self._listening_since_s is None:
                self._listening_since_s = self._now()

    def arrived(self, count: int = 1) -> None:
        """Count images that came over the wire."""
        with self._lock:
            self._last_image_s = self._now()
            self._arrivals.extend([self._last_image_s] * count)

    def stamped(self, stamp_ns: int, received_ns: int, *, usable: bool = True) -> None:
        """Note the stamp of an image, in the order of arrival.

        Args:
            stamp_ns: of its header.
            received_ns: when it was received, by the node's clock.
            usable: whether the stamp tells when it was taken.
        """
        with self._lock:
            now_s, last_ns = self._now(), self._stamp_ns
            self._stamp_ns = stamp_ns
            if is_time_jump(last_ns, stamp_ns):
                self._time_jumps.append(now_s)
            if usable:
                self._stamp_ages.append((now_s, (received_ns - stamp_ns) / NS_PER_S))
            else:
                self._unstamped.append(now_s)

    def dropped(self, why: Drop, count: int = 1) -> None:
        """Count images that were not processed."""
        with self._lock:
            self._drops.extend([(self._now(), why)] * count)

    def blank(self) -> None:
        """Count an image in which there is nothing to see."""
        with self._lock:
            self._blank.append(self._now())

    def processed(self, laps_ms: Mapping[str, float], people: Sequence[Pose]) -> None:
        """Count an image that was answered.

        Args:
            laps_ms: how long each stage took; ``transport`` from the stamp to the arrival.
            people: those in it.
        """
        transport_ms = laps_ms.get("transport", math.nan)
        inside_ms = sum(ms for name, ms in laps_ms.items() if name != "transport")
        latency_ms = transport_ms + inside_ms if 0 <= transport_ms <= OF_TODAY_MS else math.nan
        with self._lock:
            now_s = self._now()
            self._processed.append((now_s, inside_ms, latency_ms))
            self._people = people
            if people:
                self._last_person_s = now_s

    def snapshot(self) -> Snapshot:
        """Return what the last seconds were like."""
        with self._lock:
            now_s = self._now()
            waiting_s = now_s if self._listening_since_s is None else self._listening_since_s
            return Snapshot(
                input_hz=len(self._arrivals) / WINDOW_S,
                processed_hz=len(self._processed) / WINDOW_S,
                dropped=Counter(why for _, why in self._drops),
                processing_ms=_percentiles([inside_ms for _, inside_ms, _ in self._processed]),
                latency_ms=_percentiles([latency_ms for _, _, latency_ms in self._processed]),
                last_image_age_s=now_s - max(self._last_image_s, waiting_s),
                last_person_age_s=now_s - self._last_person_s,
                time_jumps=len(self._time_jumps),
                unstamped=len(self._unstamped),
                stamp_age_s=median(age_s for _, age_s in self._stamp_ages) if self._stamp_ages else math.nan,
                people=tuple(map(_describe, self._people)) if self._processed else (),
                blank=len(self._blank),
            )

    def _now(self) -> float:
        """Return the time, having forgotten what is too old by now."""
        now_s = self._clock()
        self._forget(now_s - WINDOW_S)
        return now_s

    def _forget(self, until_s: float) -> None:
        for times in (self._arrivals, self._time_jumps, self._unstamped, self._blank):
            while times and times[0] <= until_s:
                times.popleft()
        for events in (self._processed, self._drops, self._stamp_ages):
            while events and events[0][0] <= until_s:
                events.popleft()


def _percentiles(values_ms: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile of what is known."""
    known = [value for value in values_ms if not math.isnan(value)]
    if not known:
        return math.nan, math.nan
    median, high = np.percentile(known, [50, 99])
    return float(median), float(high)


def _describe(person: Pose) -> str:
    doubts = [str(flag.name).lower().replace("_", " ") for flag in Status if flag and flag in person.status]
    return f"{person.person_id}: placed by {person.placement.name.lower()}, {', '.join(doubts) or 'fine'}"
