# SPDX-License-Identifier: Apache-2.0
"""How far away one person is, over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.timestamps import NS_PER_S

# The state: the logarithm of the distance, its rate, that of the person's stature over the
# mean person's, that of the model's body over the mean person's (too small a body: too near), and
# how wrong the floor's place is, in standard deviations.
LOG_RANGE, RATE, STATURE, BODY, FLOOR = range(5)

# Adults differ by so much from the mean adult (one standard deviation of the logarithm).
STATURE_STD = 0.055
# Where a floor measures everybody, children are allowed for: one of 1.3 m is two of these away.
STATURE_STD_ON_FLOOR = 0.14
# What remains unknown of a person whose height was given: bones differ, people slouch.
KNOWN_STATURE_STD = 0.02

# The model sees a person in a square and not how large that was: it describes a body of one size,
# whichever person is seen. (It put a child whose bones are a fifth shorter than the mean person's 4 to 16 %
# too far.) That size is wrong by so much for one person seen from one side, and for so long,
# until that person has turned. Where an adult's true distance was known it was too small by up to
# 9 %; its bones were 14 % shorter than an adult's in the mean of eleven people on photographs,
# whose poses hide some of that. In between is what is expected of any person.
BODY_STD = 0.08
BODY_TIME_S = 10.0
# From one image to the next it differs by this much more.
BODY_JITTER_STD = 0.03

# Landmarks err alike for this long: images that follow each other sooner tell less.
CORRELATION_S = 0.2

# People who begin to walk or stop accelerate like this for so long, and they walk like that.
ACCELERATION_M_S2 = 1.0
ACCELERATION_TIME_S = 0.5
SPEED_M_S = 1.0

# A person who was not seen for so long may be anywhere.
MAX_GAP_S = 1.0
# Two measurements are further off than this (the square of their deviation) once in a
# million: the person has jumped, or is another one.
GATE = 27.6
# A foot in the air seems further away, as if it were on the floor. It is in the air where by the floor a
# person is further away than by everything else, by so many deviations more than until now (a mean over
# the first time). Where that lasts, as on a step, it is believed in the end (the second time).
IN_THE_AIR = 2.0
ON_THE_FLOOR_S = 0.4
ON_A_STEP_S = 10.0


@dataclass(frozen=True)
class RangeMeasurement:
    """What one image says about the distance of a person.

    Attributes:
        log_range: logarithm of the distance in meters if the model's body is the person's.
        log_std: one standard deviation of it, from the scatter of the landmarks.
        bones_log_range: the same if the person is the mean person; NaN where no bone is seen.
        bones_log_std: one standard deviation of it.
        depth_log_range: what a depth image says, NaN where there is none.
        depth_log_std: one standard deviation of it.
        floor_log_range: what the feet on the floor say, NaN where they are not seen.
        floor_log_std: one standard deviation of it.
        floor_constant_std: one standard deviation of what is the same in every image.
    """

    log_range: float
    log_std: float
    bones_log_range: float = math.nan
    bones_log_std: float = math.nan
    depth_log_range: float = math.nan
    depth_log_std: float = math.nan
    floor_log_range: float = math.nan
    floor_log_std: float = math.nan
    floor_constant_std: float = 0.0


class RangeEstimate(NamedTuple):
    """What is known of one person's distance and sizes.

    Attributes:
        distance_m: in meters.
        log_std: one standard deviation of its logarithm.
        rate: of its logarithm, per second.
        rate_std: one standard deviation of it.
        log_stature: logarithm of the stature over the mean person's.
        log_stature_std: one standard deviation of it.
        log_scale: logarithm of the person's size over that of the model's body.
        stands: whether the floor had a say in it.
    """

    distance_m: float
    log_std: float
    rate: float
    rate_std: float
    log_stature: float
    log_stature_std: float
    log_scale: float
    stands: bool


class RangeFilter:
    """A Kalman filter along the viewing ray of one person.

    It knows two sizes that it cannot see, the person's and that of the model's body. Every
    image tells how the model's compares with the mean person's, and none how tall the person
    is: a tall person is that much further away. A depth image tells both, so that nothing
    jumps when there is none for a while.

    Args:
        height_m: the person's height in meters, 0 where it is not known.
        mean_stature_m: the height that the bones were measured with.
    """

    def __init__(self, height_m: float, mean_stature_m: float) -> None:
        known = height_m > 0.0
        stature = math.log(height_m / mean_stature_m) if known else 0.0
        stature_std = KNOWN_STATURE_STD if known else STATURE_STD
        self._state = _RangeState(
            np.array([0.0, 0.0, stature, 0.0, 0.0]), np.diag([0.0, 0.0, stature_std**2, BODY_STD**2, 1.0])
        )
        self._stamp_ns: int | None = None
        self._expects_children = known
        self._excess = math.nan  # of the floor's log_range over that of all others, its mean over time

    @property
    def log_stature(self) -> float:
        """The logarithm of the person's stature over the mean person's."""
        return float(self._state.mean[STATURE])

    def update(self, measurement: RangeMeasurement, stamp_ns: int) -> RangeEstimate:
        """Return what is known of the distance after the next image.

        Args:
            measurement: what the image says.
            stamp_ns: when it was taken, not before the one before.
        """
        scalars, floor = _scalars(measurement), _by_the_floor(measurement)
        elapsed_s = math.inf if self._stamp_ns is None else (stamp_ns - self._stamp_ns) / NS_PER_S
        self._stamp_ns = stamp_ns
        if floor is not None and not self._expects_children:
            self._expect_children()
        if elapsed_s <= MAX_GAP_S:
            self._predict(elapsed_s)
        if elapsed_s > MAX_GAP_S or self._is_jump(scalars):
            self._start(measurement.log_range)
            elapsed_s = math.inf
        share = min(1.0, elapsed_s / (2.0 * CORRELATION_S))
        if share > 0.0:
            for scalar in scalars:
                self._state = self._state.corrected(scalar, share)[0]
        stands = floor is not None and self._stands(floor, scalars, elapsed_s)
        if floor is not None and stands and share > 0.0:
            self._state = self._state.corrected(floor, share)[0]
        return self._estimate(stands)

    def _estimate(self, stands: bool) -> RangeEstimate:
        mean, variances = self._state.mean.tolist(), self._state.covariance.diagonal().tolist()
        return RangeEstimate(
            math.exp(mean[LOG_RANGE]),
            math.sqrt(variances[LOG_RANGE]),
            mean[RATE],
            math.sqrt(variances[RATE]),
            mean[STATURE],
            math.sqrt(variances[STATURE]),
            mean[STATURE] - mean[BODY],
            stands,
        )

    def _expect_children(self) -> None:
        self._expects_children = True
        self._state.covariance[STATURE, STATURE] += STATURE_STD_ON_FLOOR**2 - STATURE_STD**2

    def _stands(
        self, floor: _ScalarMeasurement, others: Sequence[_ScalarMeasurement], elapsed_s: float
    ) -> bool:
        """Whether a foot is on the floor: in the air it seems further away than it did until now.

        Args:
            floor: what the floor says.
            others: what the image says otherwise, at least one.
            elapsed_s: since the image before; infinity where nothing is known any more.
        """
        weights = [1.0 / other.variance for other in others]
        weighted = sum(weight * other.value for weight, other in zip(weights, others, strict=True))
        excess = floor.value - weighted / sum(weights)
        if elapsed_s > MAX_GAP_S or math.isnan(self._excess):
            self._excess = excess
            return True
        more = excess - self._excess
        stands = more <= IN_THE_AIR * math.sqrt(floor.variance + 1.0 / sum(weights))
        self._excess += more * elapsed_s / (elapsed_s + (ON_THE_FLOOR_S if stands else ON_A_STEP_S))
        return stands

    def _start(self, log_range: float) -> None:
        """Forget the distance, but not the sizes."""
        mean, covariance = self._state.mean, self._state.covariance
        mean[:STATURE] = log_range, 0.0
        covariance[:STATURE, :] = covariance[:, :STATURE] = 0.0
        covariance[LOG_RANGE, LOG_RANGE] = 1.0  # a factor of e: nothing is known
        covariance[RATE, RATE] = (SPEED_M_S / math.exp(log_range)) ** 2

    def _predict(self, elapsed_s: float) -> None:
        mean, covariance = self._state.mean, self._state.covariance
        fade = math.exp(-elapsed_s / BODY_TIME_S)
        transition = np.eye(5)
        transition[LOG_RANGE, RATE] = elapsed_s
        transition[BODY, BODY] = fade
        acceleration = ACCELERATION_M_S2 / math.exp(mean[LOG_RANGE])
        density = 2.0 * ACCELERATION_TIME_S * acceleration**2
        covariance = transition @ covariance @ transition.T
        covariance[LOG_RANGE, LOG_RANGE] += density * elapsed_s**3 / 3
        covariance[LOG_RANGE, RATE] += density * elapsed_s**2 / 2
        covariance[RATE, LOG_RANGE] += density * elapsed_s**2 / 2
        covariance[RATE, RATE] += density * elapsed_s
        covariance[BODY, BODY] += BODY_STD**2 * (1.0 - fade**2)
        self._state = _RangeState(transition @ mean, covariance)

    def _is_jump(self, scalars: Sequence[_ScalarMeasurement]) -> bool:
        """Whether measurements are too far from what is expected, each after those before it."""
        state, deviation = self._state, 0.0
        for scalar in scalars:
            state, its = state.corrected(scalar)
            deviation += its
        return deviation > GATE


class _ScalarMeasurement(NamedTuple):
    """One number that was measured: a sum of parts of the state, (5,), and its variance."""

    parts: NDArray[np.float64]
    value: float
    variance: float


@dataclass(frozen=True)
class _RangeState:
    """What is known: (5,) and (5, 5)."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    def innovation(self, measured: _ScalarMeasurement, share: float = 1.0) -> tuple[float, float]:
        """Return by how much a measurement exceeds what is expected, and the variance of that."""
        variance = float(measured.parts @ self.covariance @ measured.parts) + measured.variance / share
        return measured.value - float(measured.parts @ self.mean), variance

    def corrected(self, measured: _ScalarMeasurement, share: float = 1.0) -> tuple[_RangeState, float]:
        """Return the state after a measurement, and the square of the deviation that it had.

        Independent measurements one after the other say what all say at once, and no matrix is inverted.

        Args:
            measured: one number, independent of all before.
            share: how much of it is new, more than 0 and up to 1.
        """
        error, variance = self.innovation(measured, share)
        shared = self.covariance @ measured.parts
        mean = self.mean + shared * (error / variance)
        return _RangeState(mean, self.covariance - shared[:, None] * (shared / variance)), error**2 / variance


_BY_THE_MODEL = np.array([1.0, 0.0, -1.0, 1.0, 0.0])
_BY_THE_BONES = np.array([1.0, 0.0, -1.0, 0.0, 0.0])
_BY_DEPTH = np.array([1.0, 0.0, 0.0, 0.0, 0.0])


def _scalars(measured: RangeMeasurement) -> list[_ScalarMeasurement]:
    """Return what an image says, less what is not known."""
    scalars = (
        _ScalarMeasurement(_BY_THE_MODEL, measured.log_range, measured.log_std**2 + BODY_JITTER_STD**2),
        _ScalarMeasurement(_BY_THE_BONES, measured.bones_log_range, measured.bones_log_std**2),
        _ScalarMeasurement(_BY_DEPTH, measured.depth_log_range, measured.depth_log_std**2),
    )
    return [scalar for scalar in scalars if math.isfinite(scalar.value)]


def _by_the_floor(measured: RangeMeasurement) -> _ScalarMeasurement | None:
    """Return what the floor says; tilt and height err alike in every image, which does not average out."""
    if math.isnan(measured.floor_log_range):
        return None
    parts = np.array([1.0, 0.0, 0.0, 0.0, measured.floor_constant_std])
    return _ScalarMeasurement(parts, measured.floor_log_range, measured.floor_log_std**2)
