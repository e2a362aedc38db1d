# SPDX-License-Identifier: Apache-2.0
"""Compiled models, kept from one start to the next where nobody but their user can write them.

A runtime takes a blob with damaged weights for good and answers nonsense. The hash in front of a
blob tells damage, but whoever can write the one can write the other: so the folder must belong to
the user of this process, and nobody else may write there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from blazepose_ros.core.errors import BlazePoseError, Logger
from blazepose_ros.core.files import write_atomically

# All three models, alone and for several people, in two precisions, take 160 MB.
MAX_BYTES = 256_000_000

_DIGEST_BYTES = hashlib.sha256().digest_size
_BLOBS = "*.blob"
_FOLDER_MODE, _FILE_MODE = 0o700, 0o600
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class UntrustedCacheError(BlazePoseError, OSError):
    """A folder or file of compiled models may hold what somebody else has written."""


class CompiledCache:
    """A folder of blobs, each behind its own hash; those that were not used for longest make way.

    Args:
        folder: made when first needed; None keeps nothing.
        logger: told what is not used, and why.
    """

    def __init__(self, folder: Path | None, logger: Logger) -> None:
        self._folder = folder
        self._logger = logger

    def load(self, key: bytes) -> bytes | None:
        """Return what was stored under a key, or None where nothing whole is that can be trusted."""
        if self._folder is None:
            return None
        try:
            with _opened(self._folder) as folder:
                return self._blob(folder / _name(key))
        except FileNotFoundError:  # made when it is needed
            return None
        except OSError as err:
            self._give_up(self._folder, err)
            return None

    def store(self, key: bytes, blob: bytes) -> None:
        """Keep a blob; where that is not possible, the next start compiles again."""
        if self._folder is None:
            return
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._folder.mkdir(_FOLDER_MODE, exist_ok=True)
            with _opened(self._folder) as folder:
                write_atomically(folder / _name(key), hashlib.sha256(blob).digest() + blob, _FILE_MODE)
                _make_room(folder)
        except OSError as err:
            self._give_up(self._folder, err)

    def _blob(self, path: Path) -> bytes | None:
        try:
            stored = _read(path)
        except FileNotFoundError:
            return None
        except OSError as err:
            self._logger.warning(f"a compiled model is not used: {err}")
            return None
        digest, blob = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
        return blob if digest == hashlib.sha256(blob).digest() else None

    def _give_up(self, folder: Path, err: OSError) -> None:
        """Use the folder no more, and say so once."""
        self._folder = None
        reason = err.strerror or err
        self._logger.warning(f"compiled models are neither used nor kept in {folder}: {reason}")


def trouble(folder: Path) -> str:
    """Return why a folder of compiled models, or a file in it, is not used; empty where all is well."""
    try:
        with _opened(folder) as inside:
            for path in inside.glob(_BLOBS):
                _check(path.lstat(), path.name)
    except FileNotFoundError:  # made when it is needed
        return ""
    except OSError as err:
        return err.strerror or str(err)
    return ""


def _name(key: bytes) -> str:
    return f"{hashlib.sha256(key).hexdigest()}.blob"


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[Path]:
    """Return a name for a folder that stays this folder's, whatever is put in its place."""
    if folder.is_symlink():  # which would only be said to be no folder
        raise UntrustedCacheError("the folder is a link")
    descriptor = os.open(folder, _OPEN | os.O_DIRECTORY)
    try:
        _check(os.fstat(descriptor), "the folder")
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes:
    descriptor = os.open(path, _OPEN)
    try:
        status = os.fstat(descriptor)
        _check(status, path.name)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            return b""
        os.utime(descriptor)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def _check(status: os.stat_result, name: str) -> None:
    """Refuse what somebody else owns or may write.

    Raises:
        UntrustedCacheError: somebody else does.
    """
    if status.st_uid != os.geteuid():
        raise UntrustedCacheError(f"{name} belongs to user {status.st_uid}, not to {os.geteuid()}")
    if stat.S_ISLNK(status.st_mode):
        raise UntrustedCacheError(f"{name} is a link")
    if status.st_mode & _OTHERS_WRITE:
        raise UntrustedCacheError(f"others may write {name}: its mode is {stat.S_IMODE(status.st_mode):o}")


def _make_room(folder: Path) -> None:
    """Remove the blobs that were used before the newest ``MAX_BYTES``."""
    used = sorted(((path.lstat(), path) for path in folder.glob(_BLOBS)), key=lambda each: -each[0].st_mtime)
    size = 0
    for status, path in used:
        size += status.st_size
        if size > MAX_BYTES:
            path.unlink(missing_ok=True)
