# SPDX-License-Identifier: Apache-2.0
"""A webcam, read by a thread of its own so that its newest frame is at hand."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import cv2

from blazepose_ros.core.frame_sources.frame_source import Captured, FrameError, SourceError

_DEFAULT_RATE = 30.0
_FRAME_TIMEOUT_S = 1.0
_REOPEN_PAUSE_S = 1.0
_DEVICES = Path("/dev")


class Webcam:
    """A Video4Linux device; where it is unplugged it is opened again once it is back.

    Args:
        index: N of ``/dev/videoN``.
        rate: frames per second to ask of it, 0 for its own.
        width: width in pixels to ask of it, 0 for its own.
        height: height in pixels to ask of it, 0 for its own.

    Raises:
        SourceError: it cannot be opened.
    """

    live = True

    def __init__(self, index: int, rate: float = 0.0, width: int = 0, height: int = 0) -> None:
        self._index = index
        self._wanted = {
            cv2.CAP_PROP_FPS: rate,
            cv2.CAP_PROP_FRAME_WIDTH: width,
            cv2.CAP_PROP_FRAME_HEIGHT: height,
        }
        self._capture = cv2.VideoCapture()
        if not self._open():
            devices = ", ".join(sorted(device.name for device in _DEVICES.glob("video*"))) or "none"
            raise SourceError(f"webcam {index} does not open; devices that there are: {devices}")
        self.rate = self._capture.get(cv2.CAP_PROP_FPS) or _DEFAULT_RATE
        self._newest: tuple[Captured, int] | None = None
        self._arrival = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._capture_frames, daemon=True)
        self._thread.start()

    def read(self) -> Captured:
        """Return the newest frame that was not returned yet, waiting for it where needed."""
        with self._arrival:
            if not self._arrival.wait_for(lambda: self._newest is not None, _FRAME_TIMEOUT_S):
                raise FrameError(
                    f"webcam {self._index} gives no frames: is it unplugged, or in use elsewhere?"
                )
            assert self._newest is not None
            captured, arrival_ns = self._newest
            self._newest = None
        return captured._replace(age_ns=time.monotonic_ns() - arrival_ns)

    def rewind(self) -> None:
        """Go on: a webcam has no first frame."""

    def close(self) -> None:
        """Stop the thread, which releases the device."""
        self._closing.set()
        self._thread.join(_FRAME_TIMEOUT_S)

    def _open(self) -> bool:
        # OpenCV writes several lines to stderr about a device that is not there.
        if not (_DEVICES / f"video{self._index}").exists():
            return False
        if not self._capture.open(self._index, cv2.CAP_V4L2):
            return False
        for setting, value in self._wanted.items():
            if value:
                self._capture.set(setting, value)
        return True

    def _capture_frames(self) -> None:
        while not self._closing.is_set():
            arrived, bgr = self._capture.read()
            if arrived:
                with self._arrival:
                    self._newest = Captured(bgr), time.monotonic_ns()
                    self._arrival.notify()
            else:
                self._capture.release()
                self._closing.wait(_REOPEN_PAUSE_S)
                self._open()
        self._capture.release()
