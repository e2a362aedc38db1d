"""The images that the benchmark shows, rendered before anything is timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import chain, cycle

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.bench.plan import CAMERA_RATE_HZ
from blazepose_ros.camera.frame_fit import Size
from blazepose_ros.camera.frame_source import SourceError
from blazepose_ros.camera.image_source import StillImage, open_source
from blazepose_ros.camera.motion import MOTIONS
from blazepose_ros.camera.stream import CameraStream, StreamOptions
from blazepose_ros.nanoseconds import NS_PER_S

# A second: at 1920x1080 they take 200 MB in each camera's process.
CLIP_FRAMES = 32
MOTION = "sway"
PERIOD_NS = round(NS_PER_S / CAMERA_RATE_HZ)


def load_clip(path: str, size: Size, frames: int = CLIP_FRAMES) -> list[NDArray[np.uint8]]:
    """Return the first images of a video, or a photograph in motion, at 30 images per second.

    Args:
        path: a video or an image.
        size: width and height to fit them into, in pixels.
        frames: how many.

    Returns:
        (height, width, 3) uint8 each, blue first.

    Raises:
        SourceError: it is neither, or cannot be decoded.
    """
    with closing(open_source(path)) as source:
        if source.live:
            raise SourceError(f"{path} is a webcam: every run has to see the same images")
        motion = MOTIONS[MOTION] if isinstance(source, StillImage) else None
        options = StreamOptions(rate=CAMERA_RATE_HZ, motion=motion, width=size[0], height=size[1])
        stream = CameraStream(source, options)
        shown = [stream.next(number * PERIOD_NS) for number in range(frames)]
    return [frame.bgr for frame in shown if frame is not None]


def forth_and_back(frames: int) -> Iterator[int]:
    """Yield indices of images for ever, without a jump: 0, 1, 2, 1, 0, 1 and so on."""
    return cycle(chain(range(frames), range(frames - 2, 0, -1)))
