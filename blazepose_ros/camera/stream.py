"""What a camera shows: the images of a source, scaled, moved, calibrated and stamped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.camera.calibration import Calibration
from blazepose_ros.camera.frame_fit import FrameFit, Size
from blazepose_ros.camera.frame_source import Captured, FrameError, FrameSource, SourceError
from blazepose_ros.camera.image_source import StillImage
from blazepose_ros.camera.motion import PERIOD_S, Motion, move
from blazepose_ros.camera.stamps import StampPacer
from blazepose_ros.camera_model import CameraModel


@dataclass(frozen=True)
class StreamOptions:
    """How a source is shown.

    Attributes:
        rate: frames per second, 0 for the source's own.
        loop: whether a source starts again at its end.
        motion: how a still image moves; None where it does not.
        width: width to fit the images into, in pixels; 0 for what their proportions give.
        height: height to fit the images into, in pixels; 0 for what their proportions give.
        calibration: the camera that took the images; None where nobody calibrated it.
        assumed_hfov_deg: its horizontal field of view in that case; 0 where there is no guess.
    """

    rate: float = 0.0
    loop: bool = True
    motion: Motion | None = None
    width: int = 0
    height: int = 0
    calibration: Calibration | None = None
    assumed_hfov_deg: float = 0.0


class StreamFrame(NamedTuple):
    """One image as a camera publishes it.

    Attributes:
        bgr: (height, width, 3) uint8, blue first, C-contiguous.
        stamp_ns: time of capture in nanoseconds.
        calibration: the camera for this size; None where nothing is known of it.
    """

    bgr: NDArray[np.uint8]
    stamp_ns: int
    calibration: Calibration | None

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return self.bgr.shape[1], self.bgr.shape[0]


class CameraStream:
    """A source shown as a camera.

    Attributes:
        rate: frames per second.

    Raises:
        SourceError: no image of it can be read, or it is to move and is not a still image.
        CalibrationError: the calibration is for images of other proportions.
    """

    def __init__(self, source: FrameSource, options: StreamOptions) -> None:
        self.rate = options.rate or source.rate
        self._source = source
        self._options = options
        self._pacer = StampPacer(self.rate)
        if options.motion is not None:
            if not isinstance(source, StillImage):
                raise SourceError("a motion needs a source that is one image")
            source.repeats = round(PERIOD_S * self.rate)
        if not source.live:
            self._show(self._first(), 0)
            source.rewind()

    def next(self, now_ns: int) -> StreamFrame | None:
        """Return the frame to publish now, or None at the end.

        Args:
            now_ns: the clock, in nanoseconds.

        Raises:
            FrameError: this frame could not be read, the next may succeed.
            CalibrationError: the calibration is for images of other proportions.
        """
        captured = self._read()
        if captured is None:
            return None
        live = self._source.live
        stamp_ns = now_ns - captured.age_ns if live else self._pacer.stamp(now_ns)
        return self._show(captured, stamp_ns)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _first(self) -> Captured:
        while True:
            try:
                captured = self._source.read()
            except FrameError:
                continue
            if captured is None:
                raise SourceError("no image of the source can be decoded")
            return captured

    def _read(self) -> Captured | None:
        captured = self._source.read()
        if captured is None and self._options.loop:
            self._source.rewind()
            captured = self._source.read()
            if captured is None:
                raise FrameError("the source gives no images any more")
        return captured

    def _show(self, captured: Captured, stamp_ns: int) -> StreamFrame:
        options = self._options
        size = (captured.bgr.shape[1], captured.bgr.shape[0])
        fit = FrameFit.into(size, options.width, options.height)
        bgr = fit.apply(captured.bgr)
        if options.motion is not None:
            bgr = move(bgr, options.motion, stamp_ns)
        camera = self._calibration(size)
        return StreamFrame(bgr, stamp_ns, camera.seen_through(fit) if camera else None)

    def _calibration(self, size: Size) -> Calibration | None:
        options = self._options
        if options.calibration is None and options.assumed_hfov_deg:
            return Calibration.monocular(CameraModel.from_hfov(*size, options.assumed_hfov_deg))
        return options.calibration
