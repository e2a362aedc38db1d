# SPDX-License-Identifier: Apache-2.0
"""What a camera shows: the images of a source, scaled, moved, calibrated and stamped.

The frame stamped t shows the still image under ``affine_at(motion, t, width, height)``, so
what stands at (x, y) in the still image stands at ``affine @ (x, y, 1)`` in the frame. With
the phase p = 2 pi t / 8 s the image is, about its center,

- turned clockwise by ``angle_deg * sin(p)``,
- enlarged by the factor ``1 + zoom * sin(2 p)``, and then
- shifted right by ``shift * width * sin(p)`` and down by ``shift * height * sin(2 p) / 2``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.frame_sources.calibration_file import Calibration
from blazepose_ros.core.frame_sources.files import StillImage
from blazepose_ros.core.frame_sources.frame_source import Captured, FrameError, FrameSource, SourceError
from blazepose_ros.core.frame_sources.resize import FrameFit, Size
from blazepose_ros.core.timestamps import NS_PER_S

PERIOD_S = 8
_PERIOD_NS = PERIOD_S * NS_PER_S


@dataclass(frozen=True)
class Motion:
    """The amplitudes of a motion.

    Attributes:
        shift: a fraction of the width.
        angle_deg: degrees, clockwise on the screen.
        zoom: a fraction of the size, below 1.
    """

    shift: float = 0.0
    angle_deg: float = 0.0
    zoom: float = 0.0


MOTIONS = {
    "shift": Motion(shift=0.08),
    "turn": Motion(angle_deg=12.0),
    "zoom": Motion(zoom=0.1),
    "sway": Motion(shift=0.05, angle_deg=8.0, zoom=0.08),
}


def affine_at(motion: Motion, stamp_ns: int, width: int, height: int) -> NDArray[np.float64]:
    """Return the (2, 3) affine, in pixels, from the still image to the frame stamped ``stamp_ns``.

    The image has its center at ((width - 1) / 2, (height - 1) / 2): whole numbers are pixel
    centers.
    """
    phase = 2 * math.pi * (stamp_ns % _PERIOD_NS) / _PERIOD_NS
    angle = math.radians(motion.angle_deg) * math.sin(phase)
    scale = 1 + motion.zoom * math.sin(2 * phase)
    shift = motion.shift * np.array([width * math.sin(phase), height * math.sin(2 * phase) / 2])
    linear = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    center = np.array([width - 1, height - 1]) / 2
    return np.column_stack([linear, center - linear @ center + shift])


def move(image: NDArray[np.uint8], motion: Motion, stamp_ns: int) -> NDArray[np.uint8]:
    """Return the (height, width, 3) image as it looks at ``stamp_ns``, its edges continued outside."""
    height, width = image.shape[:2]
    affine = affine_at(motion, stamp_ns, width, height)
    return cv2.warpAffine(image, affine, (width, height), borderMode=cv2.BORDER_REPLICATE)


class StampPacer:
    """Spaces stamps exactly for as long as the clock keeps up.

    A frame is stamped with the clock where it comes before its turn or later than one
    interval after it; the frames that follow are spaced from there. Stamps are never in the
    future, and they rise for as long as the clock does.

    Args:
        rate: frames per second, above 0, for frames of which no interval is known.
    """

    def __init__(self, rate: float) -> None:
        self.period_ns = round(NS_PER_S / rate)
        self._last_ns: int | None = None

    def stamp(self, now_ns: int, interval_ns: int | None = None) -> int:
        """Return the stamp of a frame that is played now, in nanoseconds.

        Args:
            now_ns: the clock.
            interval_ns: from the frame before to this one; None for one period.
        """
        interval_ns = interval_ns or self.period_ns
        late_ns = now_ns - self._due_ns(now_ns, interval_ns)
        self._last_ns = now_ns - late_ns if 0 <= late_ns < interval_ns else now_ns
        return self._last_ns

    def wait_ns(self, now_ns: int, interval_ns: int) -> int:
        """Return how long it is until a frame is due that comes so long after the last."""
        return min(max(self._due_ns(now_ns, interval_ns) - now_ns, 0), interval_ns)

    def _due_ns(self, now_ns: int, interval_ns: int) -> int:
        return now_ns if self._last_ns is None else self._last_ns + interval_ns


@dataclass(frozen=True)
class StreamOptions:
    """How a source is shown.

    Attributes:
        rate: frames per second, 0 for the source's own: each of its frames at its own time.
        loop: whether a source starts again at its end.
        motion: how a still image moves; None where it does not.
        width: width to fit the images into, in pixels; 0 for what their proportions give.
        height: height to fit the images into, in pixels; 0 for what their proportions give.
        calibration: the camera that took the images; None where it is not calibrated.
        assumed_hfov_deg: its field of view along the longer side in that case; 0 where there is no guess.
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
        CalibrationFileError: the calibration is for images of other proportions.
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
        self._has_times = False
        if not source.live:
            first = self._first()
            self._show(first, 0)
            self._has_times = first.time_ns is not None and not options.rate
            source.rewind()
        self._last_time_ns = 0
        self._ahead: tuple[Captured | None, int | None] | None = None

    def next(self, now_ns: int) -> StreamFrame | None:
        """Return the frame to publish now, or None at the end.

        Args:
            now_ns: the clock, in nanoseconds.

        Raises:
            FrameError: this frame could not be read, the next may succeed.
            CalibrationFileError: the calibration is for images of other proportions.
        """
        captured, interval_ns = self._ahead or self._read_timed()
        self._ahead = None
        if captured is None:
            return None
        live = self._source.live
        stamp_ns = now_ns - captured.age_ns if live else self._pacer.stamp(now_ns, interval_ns)
        return self._show(captured, stamp_ns)

    def wait_ns(self, now_ns: int) -> int | None:
        """Return how long it is until the next frame is due; None where frames come at the rate.

        Args:
            now_ns: the clock, in nanoseconds.

        Raises:
            FrameError: the next frame could not be read.
        """
        if not self._has_times:
            return None
        if self._ahead is None:
            self._ahead = self._read_timed()
        return self._pacer.wait_ns(now_ns, self._ahead[1] or self._pacer.period_ns)

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

    def _read_timed(self) -> tuple[Captured | None, int | None]:
        """Return the next frame, and how long after the last it is shown where the source says so."""
        captured = self._read()
        if captured is None or captured.time_ns is None or not self._has_times:
            return captured, None
        interval_ns = captured.time_ns - self._last_time_ns
        self._last_time_ns = captured.time_ns
        return captured, interval_ns if interval_ns > 0 else None  # else the source has started again

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
