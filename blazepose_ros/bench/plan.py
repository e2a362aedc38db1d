"""Which cases the benchmark measures, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from blazepose_ros.camera.frame_fit import Size

SIZES: tuple[Size, ...] = ((640, 480), (1280, 720), (1920, 1080))
RAW, JPEG = ENCODINGS = ("raw", "jpeg")
PROFILE, STOCK = TRANSPORTS = ("profile", "stock")

CAMERA_RATE_HZ = 30.0
FLAT_OUT = None

MAX_CAMERAS = 4


@dataclass(frozen=True)
class Case:
    """What one row of the benchmark measures.

    Attributes:
        backend: what runs the model.
        model: lite, full or heavy.
        width: of the images, in pixels.
        height: of the images, in pixels.
        encoding: raw pixels or jpeg.
        transport: this package's DDS profile, or the stock one.
        rate_hz: images per second; None for as many as the raw loop takes.
        cameras: how many there are, each with a node process of its own.

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

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise ValueError(f"the encoding is {self.encoding!r}, not one of {', '.join(ENCODINGS)}")
        if self.transport not in TRANSPORTS:
            raise ValueError(f"the transport is {self.transport!r}, not one of {', '.join(TRANSPORTS)}")
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
        return f"{self.width}x{self.height} {self.encoding} {rate}{cameras}{stock}"


def plan(
    backends: Sequence[str], models: Sequence[str], sizes: Sequence[Size], cameras: int, *, quick: bool
) -> list[Case]:
    """Return the cases of a run, those to compare next to each other.

    The first backend with the first model gets all of them, every other pair the short list,
    since encodings and transports cost the same whatever runs the model.

    Args:
        backends: what runs the model.
        models: lite, full or heavy.
        sizes: of the images.
        cameras: the most cameras at once.
        quick: the short list for the first pair too.
    """
    pairs = [(backend, model) for backend in backends for model in models]
    ordered = sorted(sizes)
    cases: list[Case] = []
    for number, (backend, model) in enumerate(pairs):
        everything = number == 0 and not quick
        cases += _all(backend, model, ordered, cameras) if everything else _short(backend, model, ordered)
    return cases


def _short(backend: str, model: str, sizes: Sequence[Size]) -> Iterator[Case]:
    """Yield the camera's rate at the smallest and the largest size, and flat out at the smallest."""
    yield Case(backend, model, *sizes[0])
    yield Case(backend, model, *sizes[0], rate_hz=FLAT_OUT)
    if sizes[1:]:
        yield Case(backend, model, *sizes[-1])


def _all(backend: str, model: str, sizes: Sequence[Size], cameras: int) -> Iterator[Case]:
    for size in sizes:
        for encoding in ENCODINGS:
            yield Case(backend, model, *size, encoding)
            if encoding == RAW and size in (sizes[0], sizes[-1]):
                yield Case(backend, model, *size, encoding, STOCK)
            yield Case(backend, model, *size, encoding, rate_hz=FLAT_OUT)
    for count in range(2, cameras + 1):
        yield Case(backend, model, *sizes[0], cameras=count)
