# SPDX-License-Identifier: Apache-2.0
"""Reads and writes recordings of rosbag2, with the definitions of their messages."""

from __future__ import annotations

import shlex
import sqlite3
import struct
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, NamedTuple, TypeAlias

import apsw
from backports.zstd import ZstdError
from rosbags.interfaces import Connection, ConnectionExtRosbag2
from rosbags.rosbag2 import CompressionFormat, CompressionMode, ReaderError, StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapReader
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Reader, Sqlite3Writer
from rosbags.typesys import TypesysError

from blazepose_ros.cli.bag.message_types import hash_of, is_outdated, typestore, updated
from blazepose_ros.cli.bag.recording_files import (
    ADVICE,
    MCAP,
    METADATA,
    ROS_1,
    SQLITE,
    ZSTD,
    BagError,
    magic_of,
    recording_files,
    recover_sqlite,
    sqlite_logs,
    sqlite_path,
    unpack,
    unpack_file,
)
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.files import InputFileError

# What rosbags lets through of the libraries beneath it when a file's bytes make no sense.
_DAMAGED = (
    *(ReaderError, ZstdError, apsw.Error, struct.error),
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, RuntimeError),
    *(TypeError, ValueError),
)
_CDR = "cdr"
_Storage: TypeAlias = McapReader | Sqlite3Reader


class BagReader:
    """A recording, open for the length of a block.

    Args:
        path: a folder, an ``.mcap`` or a ``.db3`` file, compressed or not.

    Attributes:
        losses: what of the recording cannot be read, in words.
        notes: what is odd and does no harm, in words.

    Raises:
        BagError: it is missing, no recording, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _reading(path):
            self._files = recording_files(path)
        self.losses, self.notes = list(self._files.losses), list(self._files.notes)
        self._closing = ExitStack()
        self._storages: list[_Storage] = []
        self._connections: dict[tuple[str, str], Connection] = {}

    def __enter__(self) -> BagReader:
        try:
            with _reading(self.path):
                for path in self._files.paths:
                    self._open(path)
        except BagError:
            self._closing.close()
            raise
        if not any(connection.msgcount for connection in self.connections):
            self._closing.close()
            raise BagError(f"{self.path} is empty: there is no message in it")
        self.losses += self._uncounted()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def connections(self) -> Sequence[Connection]:
        """Topic, type and number of messages; one for all publishers of a topic."""
        return list(self._connections.values())

    def messages(self, topics: Collection[str]) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield connection, time of recording in nanoseconds and serialized message, in order.

        Raises:
            BagError: the recording is damaged.
        """
        with _reading(self.path):
            for storage in self._storages:
                wanted = [each for each in storage.connections if each.topic in topics and _is_cdr(each)]
                for connection, log_ns, data in storage.messages(wanted) if wanted else ():
                    content = unpack(data) if data.startswith(ZSTD) else bytes(data)
                    yield self._connections[connection.topic, connection.msgtype], log_ns, content

    def _open(self, path: Path) -> None:
        """Open one of its files."""
        storage = self._storage(path)
        storage.open()
        self._closing.callback(storage.close)
        self._storages.append(storage)
        for connection in storage.connections:
            if _is_cdr(connection):
                self._take(connection)
            else:
                self.losses.append(f"{connection.topic} is left out: its messages are not serialized as CDR")
        orphans = storage.metadata.message_count - sum(each.msgcount for each in storage.connections)
        if orphans > 0:
            self.losses.append(f"{orphans} messages in {path.name} belong to no topic")

    def _storage(self, path: Path) -> _Storage:
        magic = magic_of(path)
        if magic.startswith(ZSTD):
            unpacked = Path(self._closing.enter_context(TemporaryDirectory()), path.stem)
            unpack_file(path, unpacked)
            path, magic = unpacked, magic_of(unpacked)
        if magic.startswith(MCAP):
            return McapReader(path)
        if magic.startswith(SQLITE):
            return Sqlite3Reader(sqlite_path(self._recovered(path)))
        if magic.startswith(ROS_1):
            target = path.with_suffix("").name
            raise BagError(
                f"{path} was recorded by ROS 1: convert it first,"
                f" `rosbags-convert --src {shlex.quote(str(path))} --dst {shlex.quote(target)}`"
            )
        raise ReaderError(f"{path.name} is neither MCAP nor SQLite")

    def _recovered(self, path: Path) -> Path:
        """Return an SQLite file that holds all that was recorded, also where the recorder was cut off."""
        if not (logs := sqlite_logs(path)):
            return path
        self.notes.append(f"{', '.join(log.name for log in logs)}: {path.name} was cut off, and is recovered")
        return recover_sqlite(path, Path(self._closing.enter_context(TemporaryDirectory())))

    def _take(self, connection: Connection) -> None:
        """Add a connection to those of the same topic in other files and from other publishers."""
        key = connection.topic, connection.msgtype
        known = self._connections.get(key)
        if known is None:
            digest = connection.digest or self._files.hashes.get(connection.msgtype, "")
            self._connections[key] = connection._replace(digest=digest)
        else:
            msgdef = known.msgdef if known.msgdef.data else connection.msgdef
            count = known.msgcount + connection.msgcount
            self._connections[key] = known._replace(msgdef=msgdef, msgcount=count)

    def _uncounted(self) -> Iterator[str]:
        """Yield which topics have fewer messages than the metadata names."""
        counts = Counter[str]()
        for connection in self.connections:
            counts[connection.topic] += connection.msgcount
        for topic, named in self._files.counts.items():
            if counts[topic] < named:
                yield f"{METADATA} names {named} messages on {topic}, the files hold {counts[topic]}"


def _is_cdr(connection: Connection) -> bool:
    extension = connection.ext
    return isinstance(extension, ConnectionExtRosbag2) and extension.serialization_format == _CDR


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except BagError:
        raise
    except OSError as err:
        raise BagError(f"{path} cannot be read: {err.strerror or err}") from err
    except InputFileError as err:
        raise BagError(f"{path} is no recording: it {err}") from err
    except _DAMAGED as err:
        raise BagError(f"{path} is damaged or no recording of rosbag2: {err}. {ADVICE}") from err


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


def _current(message: BagMessage) -> bytes:
    if message.recorded is not None and is_outdated(message.recorded):
        return updated(message.data, message.recorded)
    return message.data


class _SqliteFile(Sqlite3Writer):
    """Opens its file by its path: as a URI, as rosbags does, it is another one where it has a ``#``."""

    def __init__(self, path: Path, _compression: CompressionMode) -> None:
        self.path = path / f"{path.name}.db3"
        self.conn = sqlite3.connect(self.path)
        self.conn.executescript(self.SQLITE_SCHEMA)
        self.cursor = self.conn.cursor()


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
        self._writer.STORAGE_PLUGINS = {**Writer.STORAGE_PLUGINS, StoragePlugin.SQLITE3: _SqliteFile}
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
                    self._writer.write(connection, message.log_ns, _current(message))

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
        with suppress(KeyError, TypesysError):
            if recorded and recorded.msgdef.data and not is_outdated(recorded):
                return self._writer.add_connection(
                    message.topic,
                    message.type_name,
                    msgdef=recorded.msgdef.data,
                    rihs01=recorded.digest or hash_of(recorded),
                    offered_qos_profiles=qos,
                )
            return self._writer.add_connection(
                message.topic, message.type_name, typestore=typestore(), offered_qos_profiles=qos
            )
        self._logger.error(f"{message.topic} is left out: nothing defines {message.type_name}")
        return None
