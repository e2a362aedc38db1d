# SPDX-License-Identifier: Apache-2.0
"""The images that labels speak of, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.eval.annotations import AnnotationsError, LabeledImage
from blazepose_ros.core.frame_sources.files import IMAGE_SUFFIXES, VIDEO_SUFFIXES, VideoFile
from blazepose_ros.core.frame_sources.frame_source import SourceError
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Frame

# Single images in a row are stamped as if a camera of this rate had taken them.
STILL_RATE = 30.0


class LabeledFrame(NamedTuple):
    """An image with what is true of it.

    Attributes:
        labels: what is true of it.
        frame: the pixels.
        place: in the sequence; None where images have nothing to do with each other.
    """

    labels: LabeledImage
    frame: Frame
    place: int | None = None


def is_video(images: Path) -> bool:
    """Tell whether the images are the frames of a video."""
    return images.suffix.lower() in VIDEO_SUFFIXES


def unlabeled(images: Path) -> list[LabeledImage]:
    """Return the images of a folder, or the frames of a video, nothing being known of them.

    Raises:
        AnnotationsError: there are none.
    """
    if is_video(images):
        count = int(cv2.VideoCapture(str(images)).get(cv2.CAP_PROP_FRAME_COUNT))
        found = [LabeledImage("", frame=number) for number in range(count)]
    else:
        paths = sorted(images.glob("*"))
        found = [LabeledImage(path.name) for path in paths if path.suffix.lower() in IMAGE_SUFFIXES]
    if not found:
        raise AnnotationsError(f"{images} holds no images")
    return found


def read_images(
    images: Path, labels: Sequence[LabeledImage], *, in_sequence: bool = False
) -> Iterator[LabeledFrame]:
    """Yield labeled images; those of a video are all its frames, labeled or not.

    Args:
        images: a video, or the folder that the file names are in.
        labels: what is true of them.
        in_sequence: whether images of a folder follow each other in time; those of a video do.

    Raises:
        AnnotationsError: an image is missing or cannot be read.
    """
    if is_video(images):
        return _frames(images, labels)
    return _files(images, labels, in_sequence)


def _files(folder: Path, labels: Sequence[LabeledImage], in_sequence: bool) -> Iterator[LabeledFrame]:
    for number, each in enumerate(labels):
        bgr = cv2.imread(str(folder / each.file_name))
        if bgr is None:
            raise AnnotationsError(f"{folder / each.file_name} is not an image that can be read")
        yield LabeledFrame(each, _frame(bgr, number, STILL_RATE), number if in_sequence else None)


def _frames(path: Path, labels: Sequence[LabeledImage]) -> Iterator[LabeledFrame]:
    by_number = {each.frame: each for each in labels}
    try:
        with closing(VideoFile(path)) as video:
            number = 0
            while (captured := video.read()) is not None:
                known = by_number.get(number, LabeledImage("", frame=number))
                yield LabeledFrame(known, _frame(captured.bgr, number, video.rate), number)
                number += 1
    except SourceError as err:
        raise AnnotationsError(str(err)) from err


def _frame(bgr: NDArray[np.uint8], number: int, rate: float) -> Frame:
    return Frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), round(number * NS_PER_S / rate))
