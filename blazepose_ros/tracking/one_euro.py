"""The One-Euro filter: steady while still, quick while fast."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DERIVATIVE_CUTOFF_HZ = 1.0  # the paper's own
# Two frames with one stamp are this far apart: the resolution of MediaPipe's time stamps.
_MIN_STEP_S = 1e-3


@dataclass(frozen=True)
class Tuning:
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
        self._state: _State | None = None

    def apply(
        self, values: NDArray, step_s: float, tuning: Tuning, scale: NDArray | float = 1.0
    ) -> NDArray[np.float64]:
        """Return the smoothed values; the first ones, and those after NaN, as they are.

        Args:
            values: of any shape, the same each time.
            step_s: seconds since the previous call.
            tuning: how strongly to smooth.
            scale: the size of the object in the unit of the values, one for all or one for each.
        """
        if self._state is None:
            self._state = _State(values, values, np.zeros_like(values))
            return values
        step_s = max(step_s, _MIN_STEP_S)
        speed = (values - self._state.raw) / (scale * step_s)
        speed = blend(speed, self._state.speed, alpha(_DERIVATIVE_CUTOFF_HZ, step_s))
        speed = np.where(np.isfinite(speed), speed, 0.0)
        cutoff_hz = tuning.min_cutoff_hz + tuning.beta * np.abs(speed)
        smooth = blend(values, self._state.smooth, alpha(cutoff_hz, step_s))
        smooth = np.where(np.isfinite(self._state.smooth), smooth, values)
        self._state = _State(values, smooth, speed)
        return smooth


@dataclass(frozen=True)
class _State:
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
