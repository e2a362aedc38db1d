# SPDX-License-Identifier: Apache-2.0
"""Files: those that somebody names are read with care, those of this package are there whole or not at all.

Only regular files are opened, and only so much of them is read: a FIFO blocks whoever opens it,
``/dev/zero`` never ends, and a few lines of YAML whose aliases name each other stand for more than any
memory holds. What is written survives a power cut.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import yaml

from blazepose_ros.core.errors import BlazePoseError

# Calibrations and parameter files have a few kB.
MAX_TEXT_BYTES = 1 << 20


class InputFileError(BlazePoseError, ValueError):
    """A file is not what it is named as; the message says why, without the file's name."""


def check_regular(path: Path) -> None:
    """Refuse what is no regular file, at once and without opening it; links are followed.

    Raises:
        InputFileError: it is another kind of file.
        OSError: it is not there, or may not be looked at.
    """
    _check_mode(path.stat().st_mode)


def read_limited(path: Path, max_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        InputFileError: it is another kind of file, or larger.
        OSError: it is not there, or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        _check_mode(status.st_mode)  # before open(), which leaves that of a folder open
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read() if status.st_size <= max_bytes else None
    finally:
        os.close(descriptor)
    if content is None or len(content) > max_bytes:
        raise InputFileError(f"is larger than {max_bytes} bytes")
    return content


def read_yaml(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> object:
    """Return what a YAML file holds.

    Raises:
        InputFileError: it is no regular file, too large, no YAML, or has aliases, which can stand
            for any amount of data, and which ROS's own reader of parameters does not take either.
        OSError: it is not there, or cannot be read.
    """
    content = read_limited(path, max_bytes)
    try:
        return parse_yaml(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputFileError("is not a YAML file: it is not text in UTF-8") from error


def parse_yaml(text: str) -> object:
    """Return what a YAML text says; see ``read_yaml``.

    Raises:
        InputFileError: it is no YAML, or has aliases.
    """
    try:
        # The C loader is faster, and a text of nothing but brackets crashes it.
        return _PlainLoader(text).get_single_data()
    except yaml.YAMLError as error:
        raise InputFileError(f"is not a YAML file: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise InputFileError("is not a YAML file: it is nested too deeply") from error


class _PlainLoader(yaml.SafeLoader):
    """Takes YAML without aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line = self.peek_event().start_mark.line + 1
            raise InputFileError(f"has an alias in line {line}, and YAML is taken without")
        return super().compose_node(parent, index)


def _check_mode(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise InputFileError("is not a regular file")


def write_atomically(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file, or replace it: other processes see the old content or the new one.

    Args:
        path: the file.
        content: all of it.
        mode: its permissions, less what the umask takes away.

    Raises:
        OSError: the disk is full or the folder cannot be written; the old file stays.
    """
    # Not a file of tempfile's, which no other user can read.
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.unlink(missing_ok=True)  # what a process of the same number has left
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with open(descriptor, "wb") as file:  # noqa: PTH123 (a descriptor that is open already)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        error.filename = str(path)  # a full disk names none, and the other one is nobody's
        raise
