# SPDX-License-Identifier: Apache-2.0
"""Which files a recording consists of, and what its metadata.yaml says of them.

What kind a file is its first bytes tell, whatever its name and the metadata say: the metadata of
a recording that was cut off, edited or indexed anew is often missing, empty or wrong in places.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

import apsw
from backports import zstd
from lz4.frame import LZ4FrameDecompressor  # type: ignore[import-untyped]
from rosbags.rosbag2 import ReaderError, storage_mcap

from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.files import InputFileError, check_regular, read_yaml


class BagError(BlazePoseError, RuntimeError):
    """A recording cannot be read or written; the message says which, why, and what to do."""


# How files begin.
MCAP, SQLITE, ZSTD, ROS_1 = b"\x89MCAP0\r\n", b"SQLite format 3\0", b"\x28\xb5\x2f\xfd", b"#ROSBAG V"
_MAGIC_BYTES = 16

METADATA = "metadata.yaml"
# How files of recordings are called, those of ROS 1 included.
FILE_SUFFIXES = {".mcap", ".db3", ".bag"}
# Ten thousand files of a split recording.
_MAX_METADATA_BYTES = 4 << 20


@dataclass(frozen=True)
class RecordingFiles:
    """The files of a recording.

    Attributes:
        paths: in the order of their times.
        counts: how many messages of each topic the metadata names; nothing where there is none.
        hashes: of message types, as far as the metadata names them.
        losses: what belongs to the recording and cannot be read, in words.
        notes: what is odd and does no harm, in words.
    """

    paths: Sequence[Path]
    counts: Mapping[str, int] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    losses: Sequence[str] = ()
    notes: Sequence[str] = ()


def recording_files(path: Path) -> RecordingFiles:
    """Return the files of a recording.

    Args:
        path: a file, or a folder with such files.

    Raises:
        BagError: there is nothing of that name, or nothing of a recording in it.
        OSError: it cannot be read.
    """
    if not path.exists():
        raise BagError(f"{path} does not exist")
    if not path.is_dir():
        return RecordingFiles([path])
    there = sorted(filter(is_recording_file, path.iterdir()), key=_natural)
    try:
        return _as_named(path, read_yaml(path / METADATA, _MAX_METADATA_BYTES), there)
    except FileNotFoundError:
        problem = "is missing"
    except InputFileError as err:
        problem = str(err)
    if not there:
        raise BagError(f"{path} is no recording: {METADATA} {problem}, and no file in it is MCAP or SQLite")
    return RecordingFiles(there, notes=[f"{METADATA} {problem}: the files are read as they are"])


def _as_named(folder: Path, content: Any, there: Sequence[Path]) -> RecordingFiles:
    """Return the files that metadata names.

    Raises:
        BagError: they are not there, or compressed in a way that is not known.
        InputFileError: it is no metadata of a recording.
    """
    try:
        information = content["rosbag2_bagfile_information"]
        named = [folder / PurePath(name).name for name in information["relative_file_paths"]]
        topics = [
            (each["topic_metadata"], each["message_count"])
            for each in information["topics_with_message_count"]
        ]
        counts = Counter[str]()
        for topic, count in topics:
            counts[topic["name"]] += count
        hashes = {topic["type"]: topic.get("type_description_hash") or "" for topic, _ in topics}
    except (AttributeError, KeyError, TypeError) as err:
        raise InputFileError(f"is not that of a recording ({type(err).__name__}: {err})") from err
    _check_compression(folder, information)
    found = [path for path in named if path.exists()]
    if not found:
        names = ", ".join(path.name for path in named) or "no file"
        raise BagError(f"{folder} is no whole recording: {METADATA} names {names}. {ADVICE}")
    missing = [f"{path.name} is missing" for path in named if path not in found]
    unnamed = [f"{path.name} is left out: {METADATA} does not name it" for path in there if path not in named]
    return RecordingFiles(found, counts, hashes, losses=[*missing, *unnamed])


ADVICE = "`ros2 bag reindex` repairs a recording that was cut short, `mcap recover` an MCAP file"


def _check_compression(folder: Path, information: Mapping[str, Any]) -> None:
    compression = information.get("compression_format") or ""
    if information.get("compression_mode") and compression not in ("", "zstd"):
        raise BagError(f"{folder} is compressed with {compression!r}, zstd alone is read: `ros2 bag convert`")


def magic_of(path: Path) -> bytes:
    """Return the first bytes of a regular file.

    Raises:
        InputFileError: it is no regular file.
        OSError: it cannot be read.
    """
    check_regular(path)
    with path.open("rb") as file:
        return file.read(_MAGIC_BYTES)


def is_recording_file(path: Path) -> bool:
    """Tell whether a file holds messages, or a part of a recording's.

    Raises:
        InputFileError, OSError: it cannot be read.
    """
    if not path.is_file():
        return False
    magic = magic_of(path)
    return magic.startswith((MCAP, SQLITE)) or (magic.startswith(ZSTD) and path.suffix == ".zstd")


def _natural(path: Path) -> list[tuple[int, str]]:
    """Return a key that sorts the numbers of a split recording by their value."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def sqlite_path(path: Path) -> Path:
    """Return a path that rosbags reads right: it puts it into a URI as it is."""
    return Path(quote(str(path.absolute())))


# What SQLite has not yet put into the file, or would take back, when its writer is cut off.
_SQLITE_LOGS = ("-wal", "-journal")


def sqlite_logs(path: Path) -> list[Path]:
    """Return the logs beside an SQLite file that its writer has left."""
    logs = (path.with_name(path.name + suffix) for suffix in _SQLITE_LOGS)
    return [log for log in logs if log.is_file() and log.stat().st_size]


def recover_sqlite(path: Path, folder: Path) -> Path:
    """Return a copy of an SQLite file with what its logs hold; the recording itself is left as it is.

    Raises:
        BagError: the folder has no room for it.
        apsw.Error: it is damaged.
    """
    try:
        for file in (path, *sqlite_logs(path)):
            shutil.copyfile(file, folder / file.name)
    except OSError as err:
        raise BagError(
            f"{path} was cut off and is recovered in a copy, which fails in {folder.parent}: {err.strerror}."
            " TMPDIR names another folder"
        ) from err
    copy = folder / path.name
    with closing(apsw.Connection(str(copy))) as database:
        database.execute("PRAGMA journal_mode=DELETE").fetchall()
    return copy


# A message or a chunk of messages; an image of 8K in colour is 100 MB.
MAX_UNPACKED_BYTES = 256 << 20
# A whole file: one that is small may hold anything, a large one is no bomb.
_MAX_FILE_BYTES, _MAX_FILE_RATIO = 1 << 30, 100
_PORTION_BYTES = 1 << 20


def unpack(data: bytes, limit: int = MAX_UNPACKED_BYTES) -> bytes:
    """Return what zstd has packed.

    Raises:
        ReaderError: it is more than the limit, or damaged.
    """
    parts: list[bytes] = []
    while data:
        decompressor = zstd.ZstdDecompressor()
        parts.append(decompressor.decompress(data, max_length=limit + 1))
        limit -= len(parts[-1])
        _check_limit(limit)
        if not decompressor.eof:
            raise ReaderError("what is compressed breaks off")
        data = decompressor.unused_data
    return b"".join(parts)


def _unpack_lz4(data: bytes, limit: int) -> bytes:
    content = LZ4FrameDecompressor().decompress(data, max_length=limit + 1)
    _check_limit(limit - len(content))
    return bytes(content)


def _check_limit(room: int) -> None:
    if room < 0:
        raise ReaderError("what is compressed unpacks to more than it may: it is no recording of images")


# rosbags unpacks a chunk of an MCAP file whole, and compares with its size afterwards.
storage_mcap.DECOMPRESSORS.update(
    zstd=lambda data, size: unpack(data, min(size, MAX_UNPACKED_BYTES)),
    lz4=lambda data, size: _unpack_lz4(data, min(size, MAX_UNPACKED_BYTES)),
)


def unpack_file(path: Path, target: Path) -> None:
    """Unpack a file.

    Raises:
        BagError: it unpacks to more than a recording does.
        EOFError, ZstdError: it is damaged.
        OSError: the disk does not take it.
    """
    limit = max(_MAX_FILE_BYTES, _MAX_FILE_RATIO * path.stat().st_size)
    with zstd.open(path, "rb") as packed, target.open("wb") as file:
        while portion := packed.read(_PORTION_BYTES):
            limit -= file.write(portion)
            if limit < 0:
                raise BagError(
                    f"{path} unpacks to more than {_MAX_FILE_RATIO} times its size: if it can be trusted,"
                    " unpack it by hand (`zstd -d`)"
                )
