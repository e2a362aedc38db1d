"""What was found so far, on disk while a recording is worked on.

A part is a list of records without an index: time of recording, number of the output, length,
and the serialised message. It is cut back to its last checkpoint after a crash.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

_HEAD = struct.Struct("<qBI")


class SpooledMessage(NamedTuple):
    """A message of a part.

    Attributes:
        log_ns: when its image was recorded, in nanoseconds.
        output: which output it belongs to.
        data: the serialised message.
    """

    log_ns: int
    output: int
    data: bytes


class SpoolWriter:
    """Appends records.

    Args:
        path: the file.
        length: how many bytes of it count; what follows is dropped.
    """

    def __init__(self, path: Path, length: int = 0) -> None:
        self._file = path.open("r+b" if path.exists() else "w+b")
        try:
            self._file.truncate(length)
            self._file.seek(length)
        except OSError:
            self._file.close()
            raise

    def __enter__(self) -> SpoolWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, record: SpooledMessage) -> None:
        """Append a record."""
        self._file.write(_HEAD.pack(record.log_ns, record.output, len(record.data)))
        self._file.write(record.data)

    def sync(self) -> int:
        """Bring everything to the disk and return the length in bytes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()


def read_spool(path: Path) -> Iterator[SpooledMessage]:
    """Yield the records of a part that is complete."""
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            log_ns, output, length = _HEAD.unpack(head)
            yield SpooledMessage(log_ns, output, file.read(length))
