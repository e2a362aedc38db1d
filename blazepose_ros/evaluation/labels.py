"""Labelled images: what is true of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.camera_model import CameraModel


class AnnotationsError(ValueError):
    """Annotations that cannot be read; the message says what is wrong with them."""


@dataclass(frozen=True)
class LabelledPerson:
    """What is true of one person.

    Attributes:
        joints: (33, 3), x and y in pixels and COCO's flag, 0 where a joint is not labelled.
        world: (33, 3), metres, parallel to the camera's optical axes, NaN where not known; None
            where nothing is.
        hip_center: (3,), metres, in the camera's optical frame; None where not known.
    """

    joints: NDArray[np.float64]
    world: NDArray[np.float64] | None = None
    hip_center: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class LabelledImage:
    """What is true of one image.

    Attributes:
        file_name: of the image; empty for a frame of a video.
        frame: the number of a video's frame, from 0; None for an image of its own.
        people: everybody who is labelled.
        groups: to which group of each grouping column it belongs.
        camera: how it was taken; None where not known.
    """

    file_name: str
    frame: int | None = None
    people: tuple[LabelledPerson, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    camera: CameraModel | None = None


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        AnnotationsError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as err:
        raise AnnotationsError(f"{path} cannot be read: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise AnnotationsError(f"{path} is not a text: {err}") from err
