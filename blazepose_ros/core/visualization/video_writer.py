# SPDX-License-Identifier: Apache-2.0
"""Videos written from stamped images: VP8 in WebM, which every browser plays.

OpenCV's wheels and the distributions' OpenCV write it alike. They have no encoder for H.264 or AV1
in common, the MPEG-4 of old is played by no browser, and VP9 takes three times as long.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.frame_sources.resize import FrameFit, Size
from blazepose_ros.core.timestamps import NS_PER_S

# A longer pause between two images, or a time jump, is shortened to this.
MAX_HOLD_S = 1.0

VIDEO_SUFFIX = ".webm"
# Smaller images make files that no player reads.
_MIN_SIDE_PX = 16
_CODEC = cv2.VideoWriter.fourcc(*"VP80")


class RecordingError(BlazePoseError, RuntimeError):
    """An image or a video cannot be written."""


class VideoWriter:
    """Writes images as a video that plays in real time.

    Each image is shown until the next one's stamp; those of another size are scaled.

    Args:
        path: where to write, with ``VIDEO_SUFFIX``.
        size: width and height in pixels.
        rate: frames per second.

    Raises:
        RecordingError: the file cannot be written.
    """

    def __init__(self, path: Path, size: Size, rate: float) -> None:
        # Codecs take even sizes; a line more or less is not seen.
        self._size = (max(_MIN_SIDE_PX, size[0] // 2 * 2), max(_MIN_SIDE_PX, size[1] // 2 * 2))
        self._rate = rate
        with _silent_library():
            self._writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, _CODEC, rate, self._size)
        if not self._writer.isOpened():
            raise RecordingError(f"{path} cannot be written")
        self._last: tuple[int, NDArray[np.uint8]] | None = None
        self._time_s = 0.0
        self._frames = 0

    def add(self, rgb: NDArray[np.uint8], stamp_ns: int) -> None:
        """Add an image, (height, width, 3) uint8, red first, and the time it was taken."""
        if self._last is not None:
            last_ns, last_bgr = self._last
            self._time_s += min(max(stamp_ns - last_ns, 0) / NS_PER_S, MAX_HOLD_S)
            while self._frames < round(self._time_s * self._rate):
                self._writer.write(last_bgr)
                self._frames += 1
        fit = FrameFit((rgb.shape[1], rgb.shape[0]), self._size)
        self._last = stamp_ns, cv2.cvtColor(fit.apply(rgb), cv2.COLOR_RGB2BGR)

    def close(self) -> None:
        """Write the last image and finish the file."""
        if self._last is not None:
            self._writer.write(self._last[1])
        self._writer.release()


@contextmanager
def _silent_library() -> Iterator[None]:
    """Keep what OpenCV prints off the terminal: it calls VP8 not supported, and writes it."""
    sys.stderr.flush()
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)
