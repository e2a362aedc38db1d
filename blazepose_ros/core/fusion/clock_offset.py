# SPDX-License-Identifier: Apache-2.0
"""By how much the stamps of each camera are late or early, from how people move in its images."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from statistics import median_low
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.fusion.matching import SAME_PERSON_M, MatchedPerson, RayPairs
from blazepose_ros.core.fusion.sightings import VELOCITY_NS
from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.core.timestamps import NS_PER_S

# Clocks of two machines drift apart by some milliseconds in a minute.
MEMORY_S = 20.0
# How often it is learned: half the time that velocities are measured over.
PERIOD_NS = VELOCITY_NS // 2
# Landmarks of a body, and of images close to each other, err together.
INDEPENDENT_SHARE = 0.15
# The limbs, which have to agree: what moves one of them alone, such as a landmark that wanders, is no lag.
_HEAD = range(Landmark.LEFT_SHOULDER)
_ARMS = [range(side, Landmark.LEFT_HIP, 2) for side in (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER)]
_LEGS = [range(side, NUM_LANDMARKS, 2) for side in (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)]
_LIMBS = np.array(
    [[float(each in limb) for each in range(NUM_LANDMARKS)] for limb in (_HEAD, *_ARMS, *_LEGS)]
)
# In a shorter time nobody moves there and back.
MIN_TIME_S = 0.5
# After a longer pause a person is seen anew.
MAX_STEP_S = 0.1
# An offset counts where it is known so well, and is so many deviations from none.
MAX_STD_S = 0.010
SIGNIFICANT_DEVIATIONS = 3.0
# People tell offsets of up to about a step; clocks that are further apart have to be set.
MAX_OFFSET_S = 0.25


class Offset(NamedTuple):
    """How late a camera's stamps are.

    Attributes:
        offset_s: positive where the stamps are later than what the images show; 0 where it does not differ
            significantly from that of the others.
        std_s: one standard deviation against the other cameras; infinite where nothing is known.
    """

    offset_s: float
    std_s: float


UNKNOWN = Offset(0.0, math.inf)


def _significant(offset: Offset) -> Offset:
    """Return an offset that is known well enough to be corrected, or none."""
    is_known = offset.std_s < MAX_STD_S and abs(offset.offset_s) <= MAX_OFFSET_S
    if is_known and abs(offset.offset_s) > SIGNIFICANT_DEVIATIONS * offset.std_s:
        return offset
    return Offset(0.0, offset.std_s)


class _Pending(NamedTuple):
    """Two cameras' rays of a person, until it is known how fast the person went on.

    Attributes:
        stamp_ns: the time.
        normals: (33, 3), of the rays.
        distances: (33,), meters, of the rays.
        usable: (33,), which of them count.
        lag_s: what is corrected already.
    """

    stamp_ns: int
    normals: NDArray[np.float64]
    distances: NDArray[np.float64]
    usable: NDArray[np.bool_]
    lag_s: float


# The names of two cameras.
_Pair = tuple[str, str]


class _PairLag:
    """The lag of one camera behind another: a regression over the last seconds, for each landmark.

    Where the second camera shows a landmark ``lag`` later, its rays pass by those of the first at a
    distance that grows with the landmark's velocity along their common normal. What the distance has
    besides, as from extrinsics that are a little off, is about constant and cancels.
    """

    def __init__(self) -> None:
        self._sums = np.zeros((6, NUM_LANDMARKS))  # weight, g, y, gg, gy, yy
        self._last_ns: int | None = None
        self._elapsed_s = 0.0

    def add(self, stamp_ns: int, rates: NDArray, distances: NDArray, usable: NDArray) -> None:
        """Take one moment's distances, (33,), and their rates of change with the lag."""
        if self._last_ns is not None:
            elapsed_s = max(0, stamp_ns - self._last_ns) / NS_PER_S
            self._sums *= math.exp(-elapsed_s / MEMORY_S)
            self._elapsed_s += min(elapsed_s, MAX_STEP_S)
        self._last_ns = stamp_ns
        g, y = np.where(usable, rates, 0.0), np.where(usable, distances, 0.0)
        self._sums += np.stack([usable.astype(float), g, y, g * g, g * y, y * y])

    def lag(self) -> Offset:
        """Return the lag."""
        weight, g, y, gg, gy, yy = self._sums
        count = np.maximum(weight, 1.0)
        information, covariance = gg - g * g / count, gy - g * y / count
        total = float(information.sum())
        if total <= 0.0 or self._elapsed_s < MIN_TIME_S:
            return UNKNOWN
        slope = float(covariance.sum()) / total
        rest = max(float((yy - y * y / count).sum()) - slope * float(covariance.sum()), 0.0)
        variance = rest / float(weight.sum()) / total / INDEPENDENT_SHARE
        apart = _LIMBS @ (covariance - slope * information)
        scatter = float(apart @ apart) / total**2 * len(_LIMBS) / (len(_LIMBS) - 1)
        return Offset(-slope, math.sqrt(variance + scatter))


class ClockOffsets:
    """Estimates the constant offsets between cameras' clocks."""

    def __init__(self) -> None:
        self._lags: defaultdict[_Pair, _PairLag] = defaultdict(_PairLag)
        self._pending: dict[tuple[_Pair, int], deque[_Pending]] = {}
        self._learned_ns = 0

    def update(self, people: Iterable[MatchedPerson], stamp_ns: int, applied_s: Mapping[str, float]) -> None:
        """Learn from the people at a time.

        Args:
            people: whom several cameras see.
            stamp_ns: the time.
            applied_s: by how much each camera's stamps were corrected already.
        """
        if 0 <= stamp_ns - self._learned_ns < PERIOD_NS:
            return
        self._learned_ns = stamp_ns
        before, self._pending = self._pending, {}
        seen = [(person.person_id, pair) for person in people for pair in combinations(person.sightings, 2)]
        if not seen:
            return
        rays = RayPairs([pair for _, pair in seen])
        usable = rays.usable & (np.abs(rays.distances) < SAME_PERSON_M)
        for index, (person_id, (one, other)) in enumerate(seen):
            names = one.camera, other.camera
            waiting = before.get((names, person_id), deque())
            self._learn(self._lags[names], waiting, (one.velocities + other.velocities) / 2.0, stamp_ns)
            lag_s = applied_s.get(other.camera, 0.0) - applied_s.get(one.camera, 0.0)
            waiting.append(
                _Pending(stamp_ns, rays.normals[index], rays.distances[index], usable[index], lag_s)
            )
            self._pending[names, person_id] = waiting

    def offsets(self, cameras: Sequence[str], reference: str = "") -> dict[str, Offset]:
        """Return how late each camera's stamps are, by least squares over all pairs of cameras.

        Args:
            cameras: their names.
            reference: the camera whose stamps are right; where it is not among them, right is the lower
                median: of three the one in the middle, of two the earlier one, since stamps are late where
                a driver takes the time of receipt.
        """
        relative = self._relative(cameras)
        if reference in relative:
            right_s = relative[reference].offset_s
        else:
            right_s = median_low([offset.offset_s for offset in relative.values()] or [0.0])
        return {
            camera: Offset(offset.offset_s - right_s, offset.std_s) for camera, offset in relative.items()
        }

    def _relative(self, cameras: Sequence[str]) -> dict[str, Offset]:
        """Return the offsets against the first camera."""
        index = {camera: number for number, camera in enumerate(cameras)}
        information, values = np.zeros((len(cameras),) * 2), np.zeros(len(cameras))
        for (one, other), pair in self._lags.items():
            lag = pair.lag()
            if one in index and other in index and 0.0 < lag.std_s < math.inf:
                row = np.zeros(len(cameras))
                row[index[one]], row[index[other]] = -1.0, 1.0
                information += np.outer(row, row) / lag.std_s**2
                values += row * lag.offset_s / lag.std_s**2
        offsets = dict.fromkeys(cameras, UNKNOWN)
        tied = [number for number in range(1, len(cameras)) if information[number, number] > 0.0]
        if tied:
            covariance = np.linalg.pinv(information[np.ix_(tied, tied)])
            solved = covariance @ values[tied]
            for number, offset_s, variance in zip(tied, solved, covariance.diagonal(), strict=True):
                offsets[cameras[number]] = _significant(Offset(float(offset_s), math.sqrt(variance)))
        return offsets

    @staticmethod
    def _learn(pair: _PairLag, waiting: deque[_Pending], velocities: NDArray, stamp_ns: int) -> None:
        """Use the rays of a moment ago, in the middle of the time that velocities are measured over."""
        while waiting and stamp_ns - waiting[0].stamp_ns >= VELOCITY_NS // 2:
            then = waiting.popleft()
            if stamp_ns - then.stamp_ns >= VELOCITY_NS:
                continue
            rates = (then.normals * velocities).sum(axis=1)
            pair.add(
                stamp_ns,
                rates,
                then.distances - then.lag_s * rates,
                then.usable & np.isfinite(rates),
            )
