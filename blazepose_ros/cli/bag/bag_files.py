# SPDX-License-Identifier: Apache-2.0
"""Reads and writes recordings of rosbag2, with the definitions of their messages."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

import apsw
from backports.zstd import ZstdError
from rosbags.interfaces import Connection, ConnectionExtRosbag2
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, ReaderError, StoragePlugin, Writer
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from blazepose_ros import msg
from blazepose_ros.core.errors import BlazePoseError, Logger


class BagError(BlazePoseError, RuntimeError):
    """A recording cannot be read or written; the message says which, why, and what to do."""


PACKAGE = "blazepose_ros"


@cache
def typestore() -> Typestore:
    """Return the common interfaces' definitions and this package's."""
    store = get_typestore(Stores.ROS2_JAZZY)  # those of the outputs are the same in every distribution
    for path in sorted(_definitions().glob("*.msg")):
        store.register(get_types_from_msg(path.read_text(), f"{PACKAGE}/msg/{path.stem}"))
    return store


def _definitions() -> Path:
    """Return the folder of this package's message definitions: those that were compiled."""
    share = Path("share", PACKAGE, "msg")
    prefixes = Path(msg.__file__).absolute().parents
    return next(prefix / share for prefix in prefixes if (prefix / share).is_dir())


# What rosbags lets through of the libraries beneath it when a file's bytes make no sense.
_DAMAGED = (
    *(ReaderError, ZstdError, apsw.Error, struct.error),
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, RuntimeError),
    *(TypeError, ValueError),
)
_ADVICE = "`ros2 bag reindex` repairs a recording that was cut short, `mcap recover` an MCAP file"


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
        """Yield connection, time of recording in nanoseconds and serialized message, in order.

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


STORAGES = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}
# MCAP compresses in chunks, which every reader knows; few read what is compressed in SQLite.
COMPRESSIONS = {"mcap": CompressionMode.STORAGE, "sqlite3": CompressionMode.NONE}
# The newest format of metadata.yaml that Humble's and Iron's readers take as well.
VERSION: Final = 8


class BagMessage(NamedTuple):
    """A message on its way into a recording.

    Attributes:
        log_ns: when it was recorded, in nanoseconds.
        topic: its topic.
        type_name: its type, such as ``std_msgs/msg/Header``.
        data: serialized.
        recorded: where it comes from, for what was recorded before; None for what is new.
    """

    log_ns: int
    topic: str
    type_name: str
    data: bytes
    recorded: Connection | None = None


class BagWriter:
    """Writes messages into a new folder.

    Args:
        folder: must not exist.
        storage: one of ``STORAGES``.
        compressed: whether to compress.
        logger: told of topics whose messages have no definition and are left out.
    """

    def __init__(self, folder: Path, storage: str, *, compressed: bool, logger: Logger) -> None:
        self._writer = Writer(folder, version=VERSION, storage_plugin=STORAGES[storage])
        if compressed:
            self._writer.set_compression(COMPRESSIONS[storage], CompressionFormat.ZSTD)
        self._logger = logger
        self._connections: dict[tuple[str, str], Connection | None] = {}

    def write(self, messages: Iterable[BagMessage]) -> None:
        """Write messages, in the order of their times, and finish the recording.

        Raises:
            OSError: the disk does not take it.
        """
        with self._writer:
            for message in messages:
                connection = self._connection(message)
                if connection is not None:
                    self._writer.write(connection, message.log_ns, message.data)

    def _connection(self, message: BagMessage) -> Connection | None:
        key = message.topic, message.type_name
        if key not in self._connections:
            self._connections[key] = self._connect(message)
        return self._connections[key]

    def _connect(self, message: BagMessage) -> Connection | None:
        """Return a connection, or None where no definition of its type is known."""
        recorded = message.recorded
        qos = (
            recorded.ext.offered_qos_profiles
            if recorded and isinstance(recorded.ext, ConnectionExtRosbag2)
            else ()
        )
        if recorded and recorded.msgdef.data and recorded.digest:
            return self._writer.add_connection(
                message.topic,
                message.type_name,
                msgdef=recorded.msgdef.data,
                rihs01=recorded.digest,
                offered_qos_profiles=qos,
            )
        with suppress(KeyError, TypesysError):
            return self._writer.add_connection(
                message.topic, message.type_name, typestore=typestore(), offered_qos_profiles=qos
            )
        self._logger.warning(f"{message.topic} is left out: nothing defines {message.type_name}")
        return None
