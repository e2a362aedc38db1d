# SPDX-License-Identifier: Apache-2.0
"""Images from files: a video, a still image, a folder, the sample photograph; and what to open for a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.files import InputFileError, check_regular, read_limited
from blazepose_ros.core.frame_sources.frame_source import Captured, FrameError, FrameSource, SourceError
from blazepose_ros.core.frame_sources.webcam import Webcam
from blazepose_ros.core.image_headers import HeaderError, check_image_file
from blazepose_ros.core.timestamps import NS_PER_MS, NS_PER_S


class PhotographMissingError(BlazePoseError, RuntimeError):
    """No installed package carries a photograph; the message says what else to show."""


def photograph() -> Path:
    """Return a photograph of one person, in the public domain.

    Raises:
        PhotographMissingError: the packages that carry one came without it.
    """
    for path in _candidates():
        if path.is_file():
            return path
    raise PhotographMissingError(
        "neither scikit-image nor matplotlib has brought its photograph: name a source of your own"
    )


def _candidates() -> Iterator[Path]:
    """Give NASA's portrait of Eileen Collins, then the US Navy's of Grace Hopper."""
    scikit_image = find_spec("skimage")
    if scikit_image is not None and scikit_image.origin is not None:
        yield Path(scikit_image.origin).parent / "data" / "astronaut.png"
    import matplotlib  # here, since it takes longer to import than all else in this module

    yield Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"


IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm", ".wmv")
STILL_RATE = 10.0
# Containers without a rate of their own name that of their clock, such as 1000; slow motion has 240.
_MAX_RATE = 250.0
# From so many frames the rate of such a video is measured.
_MEASURED_FRAMES = 32
# A photograph of 100 megapixels as TIFF has 300 MB.
_MAX_IMAGE_BYTES = 512 << 20

_VALID_SOURCES = (
    f"give a video ({' '.join(VIDEO_SUFFIXES)}), an image ({' '.join(IMAGE_SUFFIXES)}),"
    " a folder of images, or a webcam's index such as 0"
)


def open_source(source: str, rate: float = 0.0, width: int = 0, height: int = 0) -> FrameSource:
    """Return what plays a file, a folder or a webcam.

    Args:
        source: a path, an index such as ``0``, ``/dev/videoN``, or a link to that, such as udev
            makes in ``/dev/v4l/by-id`` and ``by-path``, whose names last when cameras are plugged anew.
        rate: frames per second to ask of a webcam, 0 for its own.
        width: width in pixels to ask of a webcam, 0 for its own.
        height: height in pixels to ask of a webcam, 0 for its own.

    Raises:
        SourceError: it is missing, of no known kind, or holds no image.
    """
    if not source:
        raise SourceError(f"the source is empty: {_VALID_SOURCES}")
    path = Path(source).expanduser()
    webcam = re.fullmatch(r"(?:/dev/video)?(\d+)", resolve_device(source))
    if webcam:
        return Webcam(int(webcam[1]), rate, width, height)
    if path.is_dir():
        return ImageFolder(path)
    if not path.exists():
        raise SourceError(f"{path} does not exist: {_VALID_SOURCES}")
    _check_file(path)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return StillImage(path)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return VideoFile(path)
    raise SourceError(f"{path} is of no known kind: {_VALID_SOURCES}")


def resolve_device(source: str) -> str:
    """Return the device that a link, such as udev makes, leads to; any other source as it is."""
    path = Path(source).expanduser()
    return str(path.resolve()) if path.is_char_device() else source


def _check_file(path: Path) -> None:
    if path.is_char_device():
        raise SourceError(f"{path} is {path.resolve()}, which is no camera: {_VALID_SOURCES}")
    try:
        check_regular(path)
    except InputFileError as error:
        raise SourceError(f"{path} {error}: {_VALID_SOURCES}") from error


class StillImage:
    """One image.

    Attributes:
        repeats: how often it is given before the end.

    Raises:
        SourceError: it cannot be decoded.
    """

    live = False
    rate = STILL_RATE

    def __init__(self, path: Path) -> None:
        try:
            self._bgr = load_image(path)
        except FrameError as error:
            raise SourceError(str(error)) from error
        self.repeats = 1
        self._given = 0

    def read(self) -> Captured | None:
        """Return the image, or None once it was given ``repeats`` times."""
        if self._given == self.repeats:
            return None
        self._given += 1
        return Captured(self._bgr)

    def rewind(self) -> None:
        """Start again."""
        self._given = 0

    def close(self) -> None:
        """Nothing is held."""


class ImageFolder:
    """The images of a folder in the order of their names, 2 before 10.

    Attributes:
        paths: of the images.

    Raises:
        SourceError: there is none in it.
    """

    live = False
    rate = STILL_RATE

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(
            (path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES),
            key=lambda path: _natural(path.name),
        )
        if not self.paths:
            raise SourceError(f"{folder} holds no image ({' '.join(IMAGE_SUFFIXES)})")
        self._given = 0

    def read(self) -> Captured | None:
        """Return the next image, or None at the end; a damaged one is passed over."""
        if self._given == len(self.paths):
            return None
        self._given += 1
        return Captured(load_image(self.paths[self._given - 1]))

    def rewind(self) -> None:
        """Start again at the first image."""
        self._given = 0

    def close(self) -> None:
        """Nothing is held."""


class VideoFile:
    """A video file, whose frames come at their own times; those of a phone come at a rate that varies.

    Attributes:
        count: how many frames it says it has; some containers only estimate it, 0 where they say nothing.

    Raises:
        SourceError: it cannot be decoded.
    """

    live = False

    def __init__(self, path: Path) -> None:
        _check_file(path)
        # Absolute: FFmpeg takes what stands before a colon in a relative path for a protocol.
        self._path = str(path.absolute())
        self._capture = cv2.VideoCapture()
        self.rewind()
        if not self._capture.isOpened():
            raise SourceError(f"{path} cannot be decoded as a video: it is damaged or in an unknown format")
        claimed, count = (self._capture.get(each) for each in (cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_COUNT))
        self.rate = claimed if 0 < claimed <= _MAX_RATE else self._measured_rate()
        self.count = max(0, round(count * self.rate / claimed)) if claimed > 0 else 0

    def read(self) -> Captured | None:
        """Return the next frame, or None at the end."""
        arrived, bgr = self._capture.read()
        return Captured(bgr, time_ns=self._time_ns()) if arrived else None

    def rewind(self) -> None:
        """Start again at the first frame; opened anew, since seeking is inexact in some formats."""
        self._capture.open(self._path)
        self._start_ms: float | None = None
        self._last_ns = 0

    def close(self) -> None:
        """Release the file."""
        self._capture.release()

    def _time_ns(self) -> int:
        """Return when the frame that was read last is shown; at the rate where its time does not rise."""
        shown_ms = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        if self._start_ms is None:
            self._start_ms = shown_ms
            return 0
        time_ns = round((shown_ms - self._start_ms) * NS_PER_MS)
        if time_ns <= self._last_ns:
            time_ns = self._last_ns + round(NS_PER_S / self.rate)
        self._last_ns = time_ns
        return time_ns

    def _measured_rate(self) -> float:
        self.rate = STILL_RATE
        first = [each.time_ns for each in islice(iter(self.read, None), _MEASURED_FRAMES)]
        self.rewind()
        intervals_ns = np.diff(np.array(first, np.float64))
        return float(NS_PER_S / np.median(intervals_ns)) if len(intervals_ns) else STILL_RATE


def load_image(path: Path) -> NDArray[np.uint8]:
    """Return the image in a file, (height, width, 3), blue first.

    Raises:
        FrameError: it is no image, or not the whole of one.
    """
    try:
        content = read_limited(path, _MAX_IMAGE_BYTES)
        # Of a JPEG, OpenCV shows what there is.
        if content.startswith(_JPEG_START) and not check_image_file(content).has_end:
            raise HeaderError("is cut short")
    except OSError as error:
        raise FrameError(f"{path} cannot be read: {error.strerror}") from error
    except (HeaderError, InputFileError) as error:
        raise FrameError(f"{path} {error}") from error
    bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if bgr is None:
        raise FrameError(f"{path} cannot be decoded as an image: it is damaged or in an unknown format")
    return bgr


_JPEG_START = b"\xff\xd8"


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts digits by their value."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
