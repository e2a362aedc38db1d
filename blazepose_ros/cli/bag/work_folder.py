# SPDX-License-Identifier: Apache-2.0
"""Where a recording grows until it is complete: its folder, and the spools of its cameras.

A spool is a list of records without an index: time of recording, number of the output, length,
and the serialized message.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import socket
import stat
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from blazepose_ros.cli.bag.recording_files import BagError

SUFFIX = ".partial"
# What is wrong with a disk, and not with a file on it: full, over quota, over a limit, read-only.
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
_JOURNAL, _LOCK = "journal.json", ".lock"
# Only a folder that has this file is ever emptied or removed.
_MARKER, _MARK = ".blazepose", "Made by blazepose for an unfinished recording, and removed with it.\n"


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
        # Absolute: FFmpeg takes what stands before a colon in a relative path for a protocol.
        self.path = target.absolute().with_name(target.name + SUFFIX)
        self._products = [target, *beside]
        self._lock = FileLock(str(self.path / _LOCK))

    def __reduce__(self) -> tuple[type[WorkFolder], tuple[Path, list[Path]]]:
        """Leave the lock behind on the way to a worker: it is the command's."""
        return WorkFolder, (self.target, self._products[1:])

    def open(self, purpose: Mapping[str, object]) -> bool:
        """Make the folder, or go on with one of the same purpose; return whether that is so.

        Args:
            purpose: tells this work from another one: what is read, and how; it can be JSON.

        Raises:
            BagError: another run is at work on it, or what is made exists, and not from an earlier run,
                or what stands in the folder's place is not this command's.
        """
        journal = self.path / _JOURNAL
        self._refuse_foreign()
        goes_on = journal.exists() and journal.read_text() == json.dumps(purpose)
        if not goes_on:
            for path in self._products:
                _refuse_if_there(path)
        self.path.mkdir(exist_ok=True)
        (self.path / _MARKER).write_text(_MARK)
        self._lock_or_refuse()
        if not goes_on:
            for name in {path.name for path in self.path.iterdir()} - {_LOCK, _MARKER}:
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
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        return path

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)

    def close(self) -> None:
        """Leave the folder to another run."""
        self._lock.release()

    def _refuse_foreign(self) -> None:
        """Refuse a folder that this command has not made; an empty one holds nothing of anybody's.

        Raises:
            BagError: it is such a folder, of another user, or has links in it, or is none.
        """
        if not os.path.lexists(self.path):
            return
        status = self.path.lstat()
        is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
        names = {path.name for path in self.path.iterdir()} if is_own else set()
        has_links = any((self.path / name).is_symlink() for name in names)
        if not is_own or has_links or (names and _MARKER not in names):
            raise BagError(
                f"{self.path} is in the way, and not from an earlier run of this command: move it away, or"
                " give OUT another name"
            )

    def _lock_or_refuse(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout as err:
            raise BagError(f"another run is at work on {self.path}") from err


def is_work_folder(path: Path) -> bool:
    """Tell whether a folder is one for an unfinished recording."""
    return path.name.endswith(SUFFIX) and (path / _MARKER).exists()


def publish(made: Path, target: Path) -> None:
    """Give a complete file or folder its final name, once it has reached the disk.

    Raises:
        OSError: the disk does not take it.
    """
    for path in sorted(made.rglob("*")) if made.is_dir() else [made]:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    made.replace(target)


def os_failure(path: Path, error: OSError) -> str:
    """Return in words why work on something ended."""
    where = error.filename or path
    return f"{where}: {error.strerror}. What is finished is kept: run it again to go on"


def is_disk_error(error: OSError) -> bool:
    """Tell whether the disk is why something cannot be written, and all else would fail as well."""
    return error.errno in _DISK_ERRORS


def _refuse_if_there(path: Path) -> None:
    if os.path.lexists(path):
        raise BagError(f"{path} exists already: remove it, or give another name")


def fingerprint(path: Path) -> list[list[object]]:
    """Return name, size and time of change of a file, or of those in a folder."""
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in recording_content(path)]


def recording_content(path: Path) -> list[Path]:
    """Return a file, or those in a folder,."""
    return sorted(filter(Path.is_file, path.iterdir())) if path.is_dir() else [path]


_PORTION_BYTES = 1 << 20


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a recording: of its file, or of the names and contents of those in its folder.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    for file in recording_content(path):
        if path.is_dir():
            digest.update(os.fsencode(f"{file.name}\0{file.stat().st_size}\0"))
        with file.open("rb") as content:
            while portion := content.read(_PORTION_BYTES):
                digest.update(portion)
    return digest.hexdigest()


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

    Until then it has a name of this process: where a cluster has lost sight of a worker, another one may
    write the same.

    Raises:
        OSError: the disk does not take it.
    """
    partial = path.with_name(f"{path.name}.{socket.gethostname()}.{os.getpid()}{SUFFIX}")
    with partial.open("wb") as file:

        def write(message: SpooledMessage) -> None:
            file.write(_HEAD.pack(message.log_ns, message.output, len(message.data)))
            file.write(message.data)

        yield write
    publish(partial, path)
    for left in path.parent.glob(f"{path.name}.*{SUFFIX}"):  # by workers that have ended
        left.unlink(missing_ok=True)


def read_spool(path: Path) -> Iterator[SpooledMessage]:
    """Yield the messages of a spool."""
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            log_ns, output, length = _HEAD.unpack(head)
            yield SpooledMessage(log_ns, output, file.read(length))
