# SPDX-License-Identifier: Apache-2.0
"""The smoothing of people's landmarks in time: One-Euro filters, the same for every estimator."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.tracking.appearance import BODY_M, infinite_is_unknown, size_px
from blazepose_ros.core.tracking.sides import SideKeeper, Verdict, torso_px
from blazepose_ros.core.types import Pose

_DERIVATIVE_CUTOFF_HZ = 1.0  # the paper's own
# Two frames with one stamp are this far apart: the resolution of MediaPipe's time stamps.
_MIN_STEP_S = 1e-3


@dataclass(frozen=True)
class OneEuroTuning:
    """How strongly a One-Euro filter smooths.

    Attributes:
        min_cutoff_hz: the cutoff of what is still; lower is steadier.
        beta: how much the cutoff rises with speed, in Hz per size of the object per second;
            higher follows sooner. MediaPipe's 80 leaves more than half of the jitter at ten
            images a second.

    Raises:
        ValueError: a number is negative or none.
    """

    min_cutoff_hz: float = 0.05
    beta: float = 40.0

    def __post_init__(self) -> None:
        if not (self.min_cutoff_hz >= 0 and self.beta >= 0):
            raise ValueError(f"a filter takes no negative numbers: {self}")


class OneEuroFilter:
    """A low-pass filter whose cutoff rises with speed, one for each value of an array.

    Casiez et al., "1 Euro Filter", CHI 2012; the speed is scaled as in MediaPipe's
    one_euro_filter.cc, so that people near and far are smoothed alike.
    """

    def __init__(self) -> None:
        self._state: _FilterState | None = None

    def apply(
        self, values: NDArray, step_s: float, tuning: OneEuroTuning, scale: NDArray | float = 1.0
    ) -> NDArray[np.float64]:
        """Return the smoothed values; the first ones, and those after NaN, as they are.

        Args:
            values: of any shape, the same each time.
            step_s: seconds since the previous call.
            tuning: how strongly to smooth.
            scale: the size of the object in the unit of the values, one for all or one for each.
        """
        if self._state is None:
            self._state = _FilterState(values, values, np.zeros_like(values))
            return values
        step_s = max(step_s, _MIN_STEP_S)
        speed = (values - self._state.raw) / (scale * step_s)
        speed = blend(speed, self._state.speed, alpha(_DERIVATIVE_CUTOFF_HZ, step_s))
        speed = np.where(np.isfinite(speed), speed, 0.0)
        cutoff_hz = tuning.min_cutoff_hz + tuning.beta * np.abs(speed)
        smooth = blend(values, self._state.smooth, alpha(cutoff_hz, step_s))
        smooth = np.where(np.isfinite(self._state.smooth), smooth, values)
        self._state = _FilterState(values, smooth, speed)
        return smooth


@dataclass(frozen=True)
class _FilterState:
    raw: NDArray
    smooth: NDArray
    speed: NDArray


def alpha(cutoff_hz: NDArray | float, step_s: float) -> NDArray | float:
    """Return the weight of a new value: 1 / (1 + tau / step), with tau = 1 / (2 pi cutoff)."""
    turns = 2 * math.pi * cutoff_hz * step_s
    return turns / (1 + turns)


def blend(new: NDArray, old: NDArray, weight: NDArray | float) -> NDArray:
    """Return the weighted mean of a new value and an old one."""
    return weight * new + (1 - weight) * old


# Visibility flickers around its threshold; three frames at 30 Hz are enough to still it.
_VISIBILITY_CUTOFF_HZ = 4.0
# Images of one stamp come from a camera without a clock: they are as far apart as most cameras'
# are. Were no time between them, a person who moves would stay where they were first seen.
_UNTIMED_STEP_S = 1 / 30


@dataclass(frozen=True)
class SmoothingOptions:
    """How landmarks are smoothed.

    Speeds are in bodies per second for screen and world alike, so that one pair of numbers
    serves both.

    Attributes:
        enabled: whether they are.
        tuning: how strongly.
    """

    enabled: bool = True
    tuning: OneEuroTuning = field(default_factory=OneEuroTuning)


class PoseSmoother:
    """Smooths the poses of one person by that person's past, and keeps left and right apart."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the past, as at the start."""
        self._sides = SideKeeper()
        self._stamp_ns: int | None = None
        self._last: Pose | None = None
        self._restart()

    def _restart(self) -> None:
        """Start the filters anew, as where left and right are others than before."""
        self._landmarks = OneEuroFilter()
        self._visibility: NDArray | None = None
        self._unfiltered_s = 0.0

    def apply(self, pose: Pose, stamp_ns: int, options: SmoothingOptions) -> Pose:
        """Return the pose of the next image, smoothed; the first one as it is.

        Args:
            pose: as estimated.
            stamp_ns: when the image was taken.
            options: how to smooth; where it is not enabled, the past is forgotten.
        """
        if not options.enabled:
            self.reset()
            return pose
        elapsed_ns = 0 if self._stamp_ns is None else stamp_ns - self._stamp_ns
        step_s = elapsed_ns / NS_PER_S or _UNTIMED_STEP_S
        self._stamp_ns = stamp_ns
        named, verdict = self._sides.apply(pose, max(step_s, _MIN_STEP_S))
        if verdict is Verdict.BLENDED and self._last is not None:
            self._unfiltered_s += step_s
            return _moved_to(pose, self._last)
        if verdict is Verdict.RESTARTED:
            self._restart()
        self._last = self._smooth(named, step_s + self._unfiltered_s, options)
        self._unfiltered_s = 0.0
        return self._last

    def _smooth(self, pose: Pose, step_s: float, options: SmoothingOptions) -> Pose:
        scale = np.array([size_px(pose)] * 3 + [BODY_M] * 3, np.float32)
        landmarks = np.concatenate((pose.screen, pose.world), axis=1)
        smooth = self._landmarks.apply(landmarks, step_s, options.tuning, scale).astype(np.float32)
        return replace(
            pose,
            screen=smooth[:, :3],
            world=smooth[:, 3:],
            visibility=self._smooth_visibility(pose.visibility, step_s),
        )

    def _smooth_visibility(self, visibility: NDArray, step_s: float) -> NDArray[np.float32]:
        old = visibility if self._visibility is None else self._visibility
        weight = alpha(_VISIBILITY_CUTOFF_HZ, max(step_s, 0.0))
        self._visibility = blend(visibility, old, weight).astype(np.float32)
        return self._visibility


@infinite_is_unknown
def _moved_to(pose: Pose, body: Pose) -> Pose:
    """Return a pose with the body of another, the middle of its torso where the pose has it."""
    screen = body.screen.copy()
    screen[:, :2] += torso_px(pose) - torso_px(body)
    return replace(pose, screen=screen, world=body.world, visibility=body.visibility, presence=body.presence)
