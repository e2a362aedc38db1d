"""How far a camera has come, so that the work can go on after a crash."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Checkpoint:
    """The state after an image.

    Attributes:
        images: how many images of the camera are done.
        part_bytes: how long the part is with what was found in them.
        finished: whether there are no more.
        memory: what the pipeline knows of the images before, as `plain_data`; None for nothing.

    Raises:
        ValueError: a number is negative or none.
    """

    images: int = 0
    part_bytes: int = 0
    finished: bool = False
    memory: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for number in (self.images, self.part_bytes):
            if not isinstance(number, int) or number < 0:
                raise ValueError(f"{number!r} is no count")


START = Checkpoint()


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Replace the checkpoint in a file; it is there whole, the old one or the new one."""
    new = path.with_name(path.name + ".new")
    with new.open("w") as file:
        json.dump(asdict(checkpoint), file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def load(path: Path) -> Checkpoint:
    """Return the checkpoint in a file; that of the start where there is none, or none of ours."""
    try:
        return Checkpoint(**json.loads(path.read_bytes()))
    except (OSError, TypeError, ValueError, RecursionError):
        return START
