"""How far a camera has come, so that the work can go on after a crash."""

from __future__ import annotations

import io
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_OWN = "blazepose_ros."
# How numpy's arrays and scalars come back.
_NUMPY = {"ndarray", "dtype", "_reconstruct", "scalar", "_frombuffer"}
_BUILTIN = {"set", "frozenset", "slice", "complex", "bytearray"}


@dataclass(frozen=True)
class Checkpoint:
    """The state after an image.

    Attributes:
        images: how many images of the camera are done.
        part_bytes: how long the part is with what was found in them.
        finished: whether there are no more.
        memory: what the pipeline knows of the images before, by name.
    """

    images: int
    part_bytes: int
    finished: bool
    memory: dict[str, Any]


START = Checkpoint(images=0, part_bytes=0, finished=False, memory={})


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Replace the checkpoint in a file; it is there whole, the old one or the new one."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        pickle.dump(checkpoint, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def load(path: Path) -> Checkpoint:
    """Return the checkpoint in a file; that of the start where there is none, or none of ours."""
    try:
        checkpoint = _Unpickler(io.BytesIO(path.read_bytes())).load()
    except (OSError, pickle.UnpicklingError, AttributeError, EOFError, ImportError, ValueError, TypeError):
        return START
    return checkpoint if isinstance(checkpoint, Checkpoint) else START


class _Unpickler(pickle.Unpickler):
    """Makes nothing but this package's objects and numpy's: a file from a stranger runs no code."""

    def find_class(self, module: str, name: str) -> object:
        found = super().find_class(module, name)
        own = isinstance(found, type) and found.__module__.startswith(_OWN)
        known = (module.startswith("numpy.") or module == "numpy") and name in _NUMPY
        if own or known or (module == "builtins" and name in _BUILTIN):
            return found
        raise pickle.UnpicklingError(f"a checkpoint does not hold {module}.{name}")
