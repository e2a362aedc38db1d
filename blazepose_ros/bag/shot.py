"""What a recording gives for each of its images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Protocol

from std_msgs.msg import Header

from blazepose_ros.pipeline import Scene
from blazepose_ros.pose import Frame


@dataclass(frozen=True)
class Shot:
    """One image of a recording.

    Attributes:
        number: of the camera's images, from 1; those that cannot be read are counted.
        log_ns: when it was recorded, in nanoseconds.
        header: the message's, which every output carries.
        frame: the pixels.
        scene: what else is known about the image.
    """

    number: int
    log_ns: int
    header: Header
    frame: Frame
    scene: Scene


class Recording(Protocol):
    """One camera's images, from a bag or a video."""

    @property
    def name(self) -> str:
        """What to call it in messages."""
        ...

    def shots(self, settings: SimpleNamespace, skip: int, warn: Callable[[str], object]) -> Iterator[Shot]:
        """Yield the images after the first ``skip``; what cannot be read is told and left out.

        Raises:
            BagError: the recording is damaged.
        """
        ...

    def extras(self, shot: Shot) -> Iterator[tuple[str, bytes]]:
        """Yield topic and serialised message of what belongs to an image and is not recorded yet."""
        ...
