"""What was found in a camera's images, on disk until the recording is put together.

A spool is a list of records without an index: time of recording, number of the output, length,
and the serialized message.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from blazepose_ros.cli.bag.work_folder import SUFFIX, publish

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
