# SPDX-License-Identifier: Apache-2.0
"""Where a recording grows until it is complete: its folder, and the spools of its cameras.

A spool is a list of records without an index: time of recording, number of the output, length,
and the serialized message.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from blazepose_ros.cli.bag.bag_files import BagError

SUFFIX = ".partial"
_JOURNAL, _LOCK = "journal.json", ".lock"


class WorkFolder:
    """The folder beside an output that holds everything unfinished.

    Args:
        target: the output.
        beside: what else is made.

    Raises:
        BagError: there is no folder for the output.
    """

    def __init__(self, target: Path, beside: Iterable[Path] = ()) -> None:
        if not target.absolute().parent.is_dir():
            raise BagError(f"there is no folder {target.absolute().parent}")
        self.target = target
        self.path = target.with_name(target.name + SUFFIX)
        self._products = [target, *beside]
        self._lock = FileLock(str(self.path / _LOCK))

    def open(self, purpose: Mapping[str, object]) -> bool:
        """Make the folder, or go on with one of the same purpose; return whether that is so.

        Args:
            purpose: tells this work from another one: what is read, and how; it can be JSON.

        Raises:
            BagError: another run is at work on it, or what is made exists, and not from an earlier run.
        """
        journal = self.path / _JOURNAL
        goes_on = journal.exists() and journal.read_text() == json.dumps(purpose)
        if not goes_on:
            for path in self._products:
                _refuse_if_there(path)
        self.path.mkdir(exist_ok=True)
        self._lock_or_refuse()
        if not goes_on:
            for name in {path.name for path in self.path.iterdir()} - {_LOCK}:
                self.fresh(name)
            journal.write_text(json.dumps(purpose))
        return goes_on

    @property
    def is_finished(self) -> bool:
        """Whether, once the folder is open, an earlier run has finished the output."""
        return self.target.exists()

    def fresh(self, name: str) -> Path:
        """Return a path in the folder where nothing is, whatever was there before."""
        path = self.path / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        return path

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)

    def close(self) -> None:
        """Leave the folder to another run."""
        self._lock.release()

    def _lock_or_refuse(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout as err:
            raise BagError(f"another run is at work on {self.path}") from err


def publish(made: Path, target: Path) -> None:
    """Give a complete file or folder its final name, once it has reached the disk.

    Raises:
        OSError: the disk does not take it.
    """
    for path in sorted(made.rglob("*")) if made.is_dir() else [made]:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    made.replace(target)


def _refuse_if_there(path: Path) -> None:
    if path.exists():
        raise BagError(f"{path} exists already: remove it, or give another name")


def fingerprint(path: Path) -> list[list[object]]:
    """Return name, size and time of change of a file, or of those in a folder."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]


_HEAD = struct.Struct("<qBI")


class SpooledMessage(NamedTuple):
    """A message of a spool.

    Attributes:
        log_ns: when its image was recorded, in nanoseconds.
        output: which output it belongs to.
        data: the serialized message.
    """

    log_ns: int
    output: int
    data: bytes


@contextmanager
def writing_spool(path: Path) -> Iterator[Callable[[SpooledMessage], None]]:
    """Yield a function that appends a message; the file gets its name once the block ends without an error.

    Raises:
        OSError: the disk does not take it.
    """
    partial = path.with_name(path.name + SUFFIX)
    with partial.open("wb") as file:

        def write(message: SpooledMessage) -> None:
            file.write(_HEAD.pack(message.log_ns, message.output, len(message.data)))
            file.write(message.data)

        yield write
    publish(partial, path)


def read_spool(path: Path) -> Iterator[SpooledMessage]:
    """Yield the messages of a spool."""
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            log_ns, output, length = _HEAD.unpack(head)
            yield SpooledMessage(log_ns, output, file.read(length))
