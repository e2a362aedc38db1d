# SPDX-License-Identifier: Apache-2.0
"""The interface between the camera and the sources of its images."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.errors import BlazePoseError


class SourceError(BlazePoseError, ValueError):
    """Nothing can be played from this source; the message says what can."""


class FrameError(BlazePoseError, RuntimeError):
    """One frame could not be read; the next may succeed."""


class Captured(NamedTuple):
    """One image as it was captured.

    Attributes:
        bgr: (height, width, 3) uint8, blue first, C-contiguous.
        age_ns: how long ago it was captured, in nanoseconds.
        time_ns: when it is shown, in nanoseconds from the first image; None where the source's rate
            says it.
    """

    bgr: NDArray[np.uint8]
    age_ns: int = 0
    time_ns: int | None = None


class FrameSource(Protocol):
    """Gives images one after the other.

    Attributes:
        live: true where frames come in their own time and never end.
        rate: its own frames per second; where they vary, those of most of them.
    """

    live: bool
    rate: float

    def read(self) -> Captured | None:
        """Return the next image, or None at the end.

        Raises:
            FrameError: this image could not be read, the next may succeed.
        """
        ...

    def rewind(self) -> None:
        """Start again at the first image; a live source has none and goes on."""
        ...

    def close(self) -> None:
        """Free everything; may be called twice."""
        ...
