"""Reads recordings of rosbag2: MCAP and SQLite, split or not, compressed or not."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import apsw
from backports.zstd import ZstdError
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader, ReaderError

from blazepose_ros.bag.errors import BagError

# What rosbags lets through of the libraries beneath it when a file's bytes make no sense.
_DAMAGED = (
    *(ReaderError, ZstdError, apsw.Error, struct.error),
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, RuntimeError),
    *(TypeError, ValueError),
)
_ADVICE = "`ros2 bag reindex` mends a recording that was cut short, `mcap recover` an MCAP file"


class BagReader:
    """A recording, open for the length of a block.

    Args:
        path: a folder with metadata.yaml, an ``.mcap`` or a ``.db3`` file.

    Raises:
        BagError: it is missing, no recording, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise BagError(f"{path} does not exist")
        with _reading(path):
            self._reader = Reader(path)

    def __enter__(self) -> BagReader:
        with _reading(self.path):
            self._reader.open()
        if not self._reader.message_count:
            self._reader.close()
            raise BagError(f"{self.path} is empty: there is no message in it")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()

    @property
    def connections(self) -> Sequence[Connection]:
        """Topic, type and number of messages, for each publisher that was recorded."""
        return self._reader.connections

    def messages(self, topics: Collection[str]) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield connection, time of recording in nanoseconds and serialised message, in order.

        Raises:
            BagError: the recording is damaged.
        """
        wanted = [connection for connection in self.connections if connection.topic in topics]
        if not wanted:
            return
        with _reading(self.path):
            for connection, log_ns, data in self._reader.messages(wanted):
                yield connection, log_ns, bytes(data)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise BagError(f"{path} cannot be read: {err.strerror or err}") from err
    except _DAMAGED as err:
        raise BagError(f"{path} is damaged or no recording of rosbag2: {err}. {_ADVICE}") from err
