# SPDX-License-Identifier: Apache-2.0
"""Which cases the benchmark measures, in which order, and the images that it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, cycle

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.estimation.runtimes.runtime import Precision
from blazepose_ros.core.frame_sources.camera_stream import MOTIONS, CameraStream, StreamOptions
from blazepose_ros.core.frame_sources.files import StillImage, open_source
from blazepose_ros.core.frame_sources.frame_source import SourceError
from blazepose_ros.core.frame_sources.resize import Size
from blazepose_ros.core.timestamps import NS_PER_S

SIZES: tuple[Size, ...] = ((640, 480), (1280, 720), (1920, 1080))
RAW, JPEG, BOTH = ENCODINGS = ("raw", "jpeg", "raw+jpeg")
PROFILE, STOCK, STOCK_CAMERA = TRANSPORTS = ("profile", "stock", "stock camera")
BEST_EFFORT, RELIABLE = RELIABILITIES = ("best effort", "reliable")

CAMERA_RATE_HZ = 30.0
FLAT_OUT = None

MAX_CAMERAS = 4

_CHOICES = {"encoding": ENCODINGS, "transport": TRANSPORTS, "reliability": RELIABILITIES}


@dataclass(frozen=True)
class Case:
    """What one row of the benchmark measures.

    Attributes:
        backend: what runs the model.
        model: lite, full or heavy.
        width: of the images, in pixels.
        height: of the images, in pixels.
        encoding: raw pixels, jpeg, or both, of which the node takes what arrives.
        transport: this package's DDS profile, the stock one, or that for the camera alone.
        rate_hz: images per second; None for as many as the raw loop takes.
        cameras: how many there are, each with a node process of its own.
        reliability: of the images.
        precision: what the backend computes in.

    Raises:
        ValueError: one of them means nothing.
    """

    backend: str
    model: str
    width: int
    height: int
    encoding: str = RAW
    transport: str = PROFILE
    rate_hz: float | None = CAMERA_RATE_HZ
    cameras: int = 1
    reliability: str = BEST_EFFORT
    precision: str = Precision.F32.value

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise ValueError(f"the {name} is {value!r}, not one of {', '.join(choices)}")
        if min(self.width, self.height, self.cameras) < 1:
            raise ValueError(f"{self.cameras} cameras of {self.width} x {self.height} pixels show nothing")
        if self.rate_hz is not None and not self.rate_hz > 0:
            raise ValueError(f"the rate is {self.rate_hz}, not above 0")

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return self.width, self.height

    @property
    def label(self) -> str:
        """All that tells it from other cases of the same backend and model."""
        rate = "flat out" if self.rate_hz is FLAT_OUT else f"{self.rate_hz:g} Hz"
        cameras = "" if self.cameras == 1 else f" x{self.cameras}"
        stock = "" if self.transport == PROFILE else f" {self.transport}"
        reliable = "" if self.reliability == BEST_EFFORT else f" {self.reliability}"
        precision = "" if self.precision == Precision.F32.value else f" {self.precision}"
        return f"{self.width}x{self.height} {self.encoding} {rate}{cameras}{stock}{reliable}{precision}"


def plan(
    backends: Sequence[str],
    models: Sequence[str],
    sizes: Sequence[Size],
    cameras: int,
    precision: str = Precision.F32.value,
    *,
    quick: bool,
) -> list[Case]:
    """Return the cases of a run, those to compare next to each other.

    The first backend with the first model gets all of them, every other pair the short list,
    since encodings and transports cost the same whatever runs the model.

    Args:
        backends: what runs the model.
        models: lite, full or heavy.
        sizes: of the images.
        cameras: the most cameras at once.
        precision: what the backends compute in.
        quick: the short list for the first pair too.
    """
    pairs = [(backend, model) for backend in backends for model in models]
    ordered = sorted(sizes)
    cases: list[Case] = []
    for number, (backend, model) in enumerate(pairs):
        everything = number == 0 and not quick
        cases += _all(backend, model, ordered, cameras) if everything else _short(backend, model, ordered)
    return [replace(case, precision=precision) for case in cases]


def _short(backend: str, model: str, sizes: Sequence[Size]) -> Iterator[Case]:
    """Yield the camera's rate at the smallest and the largest size, and flat out at the smallest."""
    yield Case(backend, model, *sizes[0])
    yield Case(backend, model, *sizes[0], rate_hz=FLAT_OUT)
    if sizes[1:]:
        yield Case(backend, model, *sizes[-1])


def _all(backend: str, model: str, sizes: Sequence[Size], cameras: int) -> Iterator[Case]:
    for size in sizes:
        for encoding in (RAW, JPEG):
            yield Case(backend, model, *size, encoding)
            if encoding == RAW and size in (sizes[0], sizes[-1]):
                yield Case(backend, model, *size, encoding, STOCK)
            yield Case(backend, model, *size, encoding, rate_hz=FLAT_OUT)
        for reliability in RELIABILITIES:
            yield Case(backend, model, *size, BOTH, STOCK_CAMERA, reliability=reliability)
    for count in range(2, cameras + 1):
        yield Case(backend, model, *sizes[0], cameras=count)


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
