"""What the demo shows: its own photograph, or a file, a folder or a webcam of the user's."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from blazepose_ros.camera.frame_source import FrameError, FrameSource
from blazepose_ros.camera.image_source import StillImage, open_source
from blazepose_ros.demo.photograph import photograph

DURATION_S = 10.0
PHOTOGRAPH_RATE = 30.0
WEBCAM_RATE = 30.0  # of nearly all of them
# A photograph from a phone, ten times a second, is more than most computers can move.
MAX_SIDE_PX = 1280


@dataclass(frozen=True)
class Show:
    """What the camera plays.

    Attributes:
        source: a file, a folder or a webcam's index.
        settings: further parameters of the camera.
        rate: images per second.
        duration_s: when to end at the latest, in seconds from the first image.
    """

    source: str
    settings: dict[str, object]
    rate: float
    duration_s: float

    @classmethod
    def of(cls, source: str, duration_s: float | None) -> Show:
        """Return how to play a source; an empty one is the photograph.

        Raises:
            SourceError: there is nothing of that name that can be shown.
            PhotographMissingError: there is no photograph.
        """
        if not source:
            settings = {"rate": PHOTOGRAPH_RATE, "motion": "sway"}
            return cls(str(photograph()), settings, PHOTOGRAPH_RATE, duration_s or DURATION_S)
        if source.isdecimal() or Path(source).is_char_device():  # a webcam, which only one may open
            return cls(source, {}, WEBCAM_RATE, duration_s or DURATION_S)
        with closing(open_source(source)) as probe:
            settings = _fitting_size(probe)
            if isinstance(probe, StillImage):
                return cls(source, settings, probe.rate, duration_s or DURATION_S)
            return cls(source, {"loop": False, **settings}, probe.rate, duration_s or math.inf)


def _fitting_size(source: FrameSource) -> dict[str, object]:
    """Return the camera's setting that keeps large images within what a demo can move."""
    try:
        captured = source.read()
    except FrameError:  # a damaged image in a folder
        return {}
    height, width = captured.bgr.shape[:2] if captured else (0, 0)
    if max(width, height) <= MAX_SIDE_PX:
        return {}
    return {"width" if width >= height else "height": MAX_SIDE_PX}
