# SPDX-License-Identifier: Apache-2.0
"""Images from files: a video, a still image, a folder, the sample photograph; and what to open for a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.frame_sources.frame_source import Captured, FrameError, FrameSource, SourceError
from blazepose_ros.core.frame_sources.webcam import Webcam


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
    yield Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"


IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm", ".wmv")
STILL_RATE = 10.0
_MAX_RATE = 1000.0  # containers without a rate name absurd ones

_VALID_SOURCES = (
    f"give a video ({' '.join(VIDEO_SUFFIXES)}), an image ({' '.join(IMAGE_SUFFIXES)}),"
    " a folder of images, or a webcam's index such as 0"
)


def open_source(source: str, rate: float = 0.0, width: int = 0, height: int = 0) -> FrameSource:
    """Return what plays a file, a folder or a webcam.

    Args:
        source: a path, an index such as ``0``, or ``/dev/videoN``.
        rate: frames per second to ask of a webcam, 0 for its own.
        width: width in pixels to ask of a webcam, 0 for its own.
        height: height in pixels to ask of a webcam, 0 for its own.

    Raises:
        SourceError: it is missing, of no known kind, or holds no image.
    """
    webcam = re.fullmatch(r"(?:/dev/video)?(\d+)", source)
    if webcam:
        return Webcam(int(webcam[1]), rate, width, height)
    if not source:
        raise SourceError(f"the source is empty: {_VALID_SOURCES}")
    path = Path(source).expanduser()
    if path.is_dir():
        return ImageFolder(path)
    if not path.is_file():
        raise SourceError(f"{path} does not exist: {_VALID_SOURCES}")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return StillImage(path)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return VideoFile(path)
    raise SourceError(f"{path} is of no known kind: {_VALID_SOURCES}")


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
            self._bgr = _load(path)
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

    Raises:
        SourceError: there is none in it.
    """

    live = False
    rate = STILL_RATE

    def __init__(self, folder: Path) -> None:
        self._paths = sorted(
            (path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES),
            key=lambda path: _natural(path.name),
        )
        if not self._paths:
            raise SourceError(f"{folder} holds no image ({' '.join(IMAGE_SUFFIXES)})")
        self._given = 0

    def read(self) -> Captured | None:
        """Return the next image, or None at the end; a damaged one is passed over."""
        if self._given == len(self._paths):
            return None
        self._given += 1
        return Captured(_load(self._paths[self._given - 1]))

    def rewind(self) -> None:
        """Start again at the first image."""
        self._given = 0

    def close(self) -> None:
        """Nothing is held."""


class VideoFile:
    """A video file.

    Raises:
        SourceError: it cannot be decoded.
    """

    live = False

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._capture = cv2.VideoCapture(self._path)
        if not self._capture.isOpened():
            raise SourceError(f"{path} cannot be decoded as a video: it is damaged or in an unknown format")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= _MAX_RATE else STILL_RATE

    def read(self) -> Captured | None:
        """Return the next frame, or None at the end."""
        arrived, bgr = self._capture.read()
        return Captured(bgr) if arrived else None

    def rewind(self) -> None:
        """Start again at the first frame; opened anew, since seeking is inexact in some formats."""
        self._capture.open(self._path)

    def close(self) -> None:
        """Release the file."""
        self._capture.release()


def _load(path: Path) -> NDArray[np.uint8]:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FrameError(f"{path} cannot be decoded as an image: it is damaged or in an unknown format")
    return bgr


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts digits by their value."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
