"""How far away one person is, over time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.nanoseconds import NS_PER_S

# The state: the logarithm of the distance, its rate, that of the person's stature over the
# mean person's, and that of the model's body over the mean person's (too small a body: too near).
LOG_RANGE, RATE, STATURE, BODY = range(4)

# Adults differ by so much from the mean adult (one standard deviation of the logarithm).
STATURE_STD = 0.055
# What remains unknown of a person whose height was given: bones differ, people slouch.
KNOWN_STATURE_STD = 0.02

# The model sees a person in a square and not how large that was: it describes a body of one size,
# whoever is seen. (It put a child whose bones are a fifth shorter than the mean person's 4 to 16 %
# too far.) That size is wrong by so much for one person seen from one side, and for so long,
# until that person has turned. Where an adult's true distance was known it was too small by up to
# 9 %; its bones were 14 % shorter than an adult's in the mean of eleven people on photographs,
# whose poses hide some of that. In between is what one expects of anybody.
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

# Somebody who was not seen for so long may be anywhere.
MAX_GAP_S = 1.0
# Two measurements are further off than this (the square of their deviation) once in a
# million: somebody has jumped, or is somebody else.
GATE = 27.6


@dataclass(frozen=True)
class RangeMeasurement:
    """What one image says about the distance of a person.

    Attributes:
        log_range: logarithm of the distance in metres if the model's body is the person's.
        log_std: one standard deviation of it, from the scatter of the landmarks.
        bones_log_range: the same if the person is the mean person; NaN where no bone is seen.
        bones_log_std: one standard deviation of it.
        depth_log_range: what a depth image says, NaN where there is none.
        depth_log_std: one standard deviation of it.
    """

    log_range: float
    log_std: float
    bones_log_range: float = math.nan
    bones_log_std: float = math.nan
    depth_log_range: float = math.nan
    depth_log_std: float = math.nan


class RangeFilter:
    """A Kalman filter along the viewing ray of one person.

    It knows two sizes that it cannot see, the person's and that of the model's body. Every
    image tells how the model's compares with the mean person's, and none how tall the person
    is: whoever is tall is that much further away. A depth image tells both, so that nothing
    jumps when there is none for a while.

    Args:
        height_m: the person's height in metres, 0 where it is not known.
        mean_stature_m: the height that the bones were measured with.
    """

    def __init__(self, height_m: float, mean_stature_m: float) -> None:
        known = height_m > 0.0
        self._mean = np.zeros(4)
        self._mean[STATURE] = math.log(height_m / mean_stature_m) if known else 0.0
        self._covariance = np.zeros((4, 4))
        self._covariance[STATURE, STATURE] = (KNOWN_STATURE_STD if known else STATURE_STD) ** 2
        self._covariance[BODY, BODY] = BODY_STD**2
        self._stamp_ns: int | None = None

    def update(self, measurement: RangeMeasurement, stamp_ns: int) -> tuple[float, float]:
        """Return the distance in metres and the standard deviation of its logarithm.

        Args:
            measurement: what the next image says.
            stamp_ns: when it was taken, not before the one before.
        """
        rows, values, variances = _linear(measurement)
        elapsed_s = math.inf if self._stamp_ns is None else (stamp_ns - self._stamp_ns) / NS_PER_S
        self._stamp_ns = stamp_ns
        if elapsed_s <= MAX_GAP_S:
            self._predict(elapsed_s)
        if elapsed_s > MAX_GAP_S or self._is_jump(rows, values, variances):
            self._start(measurement.log_range)
            elapsed_s = math.inf
        share = min(1.0, elapsed_s / (2.0 * CORRELATION_S))
        if share > 0.0:
            self._correct(rows, values, variances / share)
        log_range = float(self._mean[LOG_RANGE])
        return math.exp(log_range), math.sqrt(self._covariance[LOG_RANGE, LOG_RANGE])

    def _start(self, log_range: float) -> None:
        """Forget the distance, but not the sizes."""
        self._mean[[LOG_RANGE, RATE]] = log_range, 0.0
        self._covariance[[LOG_RANGE, RATE], :] = self._covariance[:, [LOG_RANGE, RATE]] = 0.0
        self._covariance[LOG_RANGE, LOG_RANGE] = 1.0  # a factor of e: nothing is known
        self._covariance[RATE, RATE] = (SPEED_M_S / math.exp(log_range)) ** 2

    def _predict(self, elapsed_s: float) -> None:
        fade = math.exp(-elapsed_s / BODY_TIME_S)
        transition = np.eye(4)
        transition[LOG_RANGE, RATE] = elapsed_s
        transition[BODY, BODY] = fade
        acceleration = ACCELERATION_M_S2 / math.exp(self._mean[LOG_RANGE])
        density = 2.0 * ACCELERATION_TIME_S * acceleration**2
        noise = np.zeros((4, 4))
        noise[:2, :2] = density * np.array(
            [[elapsed_s**3 / 3, elapsed_s**2 / 2], [elapsed_s**2 / 2, elapsed_s]]
        )
        noise[BODY, BODY] = BODY_STD**2 * (1.0 - fade**2)
        self._mean = transition @ self._mean
        self._covariance = transition @ self._covariance @ transition.T + noise

    def _is_jump(self, rows: NDArray, values: NDArray, variances: NDArray) -> bool:
        innovation = values - rows @ self._mean
        spread = rows @ self._covariance @ rows.T + np.diag(variances)
        return bool(innovation @ np.linalg.solve(spread, innovation) > GATE)

    def _correct(self, rows: NDArray, values: NDArray, variances: NDArray) -> None:
        spread = rows @ self._covariance @ rows.T + np.diag(variances)
        gain = np.linalg.solve(spread, rows @ self._covariance).T
        self._mean = self._mean + gain @ (values - rows @ self._mean)
        kept = np.eye(4) - gain @ rows
        # Joseph's form stays symmetric and positive.
        self._covariance = kept @ self._covariance @ kept.T + (gain * variances) @ gain.T


def _linear(measurement: RangeMeasurement) -> tuple[NDArray, NDArray, NDArray]:
    """Return the measurement's rows (N, 4), values (N,) and variances (N,)."""
    rows = np.zeros((3, 4))
    rows[:, LOG_RANGE] = 1.0
    rows[:2, STATURE] = -1.0
    rows[0, BODY] = 1.0
    values = np.array([measurement.log_range, measurement.bones_log_range, measurement.depth_log_range])
    variances = np.array(
        [
            measurement.log_std**2 + BODY_JITTER_STD**2,
            measurement.bones_log_std**2,
            measurement.depth_log_std**2,
        ]
    )
    there = np.isfinite(values)
    return rows[there], values[there], variances[there]
