"""The smoothing of one person's landmarks in time, with MediaPipe's parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.blazepose.landmark_model import Reading

# pose_landmarks_detector_graph.cc, the calls of SmoothLandmarks and SmoothLandmarksVisibility.
_SCREEN_MIN_CUTOFF_HZ, _SCREEN_BETA = 0.05, 80.0
_WORLD_MIN_CUTOFF_HZ, _WORLD_BETA = 0.1, 40.0
_DERIVATIVE_CUTOFF_HZ = 1.0
_VISIBILITY_ALPHA = 0.1
# The resolution of MediaPipe's time stamps: two frames with one stamp are this far apart.
_MIN_STEP_S = 1e-3


class OneEuroFilter:
    """A low-pass filter whose cutoff rises with speed, one for each value of an array.

    Casiez et al., "1 Euro Filter", CHI 2012; the speed is scaled as in MediaPipe's
    one_euro_filter.cc, so that people near and far are smoothed alike.
    """

    def __init__(self, min_cutoff_hz: float, beta: float) -> None:
        self._min_cutoff_hz = min_cutoff_hz
        self._beta = beta
        self._state: _State | None = None

    def reset(self) -> None:
        """Forget all values."""
        self._state = None

    def apply(self, values: NDArray, step_s: float, scale: float = 1.0) -> NDArray[np.float64]:
        """Return the smoothed values; the first ones as they are.

        Args:
            values: of any shape, the same each time.
            step_s: seconds since the previous call.
            scale: the size of the object in the unit of the values.
        """
        if self._state is None:
            self._state = _State(values, values, np.zeros_like(values))
            return values
        speed = (values - self._state.raw) / (scale * step_s)
        speed = _blend(speed, self._state.speed, _alpha(_DERIVATIVE_CUTOFF_HZ, step_s))
        cutoff_hz = self._min_cutoff_hz + self._beta * np.abs(speed)
        smooth = _blend(values, self._state.smooth, _alpha(cutoff_hz, step_s))
        self._state = _State(values, smooth, speed)
        return smooth


class ReadingSmoother:
    """Smooths the landmarks and the visibility of one person."""

    def __init__(self) -> None:
        self._screen = OneEuroFilter(_SCREEN_MIN_CUTOFF_HZ, _SCREEN_BETA)
        self._world = OneEuroFilter(_WORLD_MIN_CUTOFF_HZ, _WORLD_BETA)
        self._visibility: NDArray | None = None
        self._stamp_ns = 0

    def reset(self) -> None:
        """Forget the person."""
        self._screen.reset()
        self._world.reset()
        self._visibility = None

    def apply(self, reading: Reading, stamp_ns: int) -> Reading:
        """Return a reading smoothed with those before it.

        Args:
            reading: what the model says now.
            stamp_ns: when the image was taken, not before the previous one.
        """
        step_s = max((stamp_ns - self._stamp_ns) / 1e9, _MIN_STEP_S)
        self._stamp_ns = stamp_ns
        if self._visibility is None:
            self._visibility = reading.visibility
        self._visibility = _blend(reading.visibility, self._visibility, _VISIBILITY_ALPHA)
        return replace(
            reading,
            screen=self._screen.apply(reading.screen, step_s, reading.next_region.size_px),
            world=self._world.apply(reading.world, step_s),
            visibility=self._visibility,
        )


@dataclass(frozen=True)
class _State:
    raw: NDArray
    smooth: NDArray
    speed: NDArray


def _alpha(cutoff_hz: NDArray | float, step_s: float) -> NDArray | float:
    """Return the weight of a new value: 1 / (1 + tau / step), with tau = 1 / (2 pi cutoff)."""
    turns = 2 * math.pi * cutoff_hz * step_s
    return turns / (1 + turns)


def _blend(new: NDArray, old: NDArray, alpha: NDArray | float) -> NDArray:
    return alpha * new + (1 - alpha) * old
