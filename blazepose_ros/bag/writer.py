"""Writes a recording of rosbag2, with the definitions of its messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from rosbags.interfaces import Connection, ConnectionExtRosbag2
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import TypesysError

from blazepose_ros.bag.definitions import typestore

STORAGES = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}
# MCAP compresses in chunks, which every reader knows; few read what is compressed in SQLite.
COMPRESSIONS = {"mcap": CompressionMode.STORAGE, "sqlite3": CompressionMode.NONE}
# The newest format of metadata.yaml that Humble's and Iron's readers take as well.
VERSION: Final = 8


class Message(NamedTuple):
    """A message on its way into a recording.

    Attributes:
        log_ns: when it was recorded, in nanoseconds.
        topic: its topic.
        type_name: its type, such as ``std_msgs/msg/Header``.
        data: serialised.
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
        warn: told of topics whose messages have no definition and are left out.
    """

    def __init__(
        self, folder: Path, storage: str, *, compressed: bool, warn: Callable[[str], object]
    ) -> None:
        self._writer = Writer(folder, version=VERSION, storage_plugin=STORAGES[storage])
        if compressed:
            self._writer.set_compression(COMPRESSIONS[storage], CompressionFormat.ZSTD)
        self._warn = warn
        self._connections: dict[tuple[str, str], Connection | None] = {}

    def write(self, messages: Iterable[Message]) -> None:
        """Write messages, in the order of their times, and finish the recording.

        Raises:
            OSError: the disk does not take it.
        """
        with self._writer:
            for message in messages:
                connection = self._connection(message)
                if connection is not None:
                    self._writer.write(connection, message.log_ns, message.data)

    def _connection(self, message: Message) -> Connection | None:
        key = message.topic, message.type_name
        if key not in self._connections:
            self._connections[key] = self._connect(message)
        return self._connections[key]

    def _connect(self, message: Message) -> Connection | None:
        """Return a connection, or None where nobody knows what such a message holds."""
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
        self._warn(f"{message.topic} is left out: nothing defines {message.type_name}")
        return None
