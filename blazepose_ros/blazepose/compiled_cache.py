"""Compiled models kept from one start to the next, and never used damaged."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

# All three models, alone and for several people, in two precisions, take 160 MB.
MAX_BYTES = 256_000_000

_DIGEST_BYTES = hashlib.sha256().digest_size


class CompiledCache:
    """A folder of blobs, each behind its own hash; those that were not used for longest make way.

    A runtime's own cache takes a blob with damaged weights for good and answers nonsense.

    Args:
        folder: made when first needed; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self, key: bytes) -> bytes | None:
        """Return what was stored under a key, or None where nothing whole is."""
        if self._folder is None:
            return None
        path = self._path(self._folder, key)
        try:
            stored = path.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):  # somebody else's folder may be read only
            os.utime(path)
        digest, blob = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
        return blob if digest == hashlib.sha256(blob).digest() else None

    def store(self, key: bytes, blob: bytes) -> None:
        """Keep a blob; where the folder cannot be written, the next start compiles again."""
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            _write_at_once(self._path(self._folder, key), hashlib.sha256(blob).digest() + blob)
            _make_room(self._folder)

    @staticmethod
    def _path(folder: Path, key: bytes) -> Path:
        return folder / f"{hashlib.sha256(key).hexdigest()}.blob"


def _write_at_once(path: Path, content: bytes) -> None:
    """Write a file that others see whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _make_room(folder: Path) -> None:
    """Remove the blobs that were used before the newest ``MAX_BYTES``."""
    used = sorted(((path.stat(), path) for path in folder.glob("*.blob")), key=lambda each: -each[0].st_mtime)
    size = 0
    for status, path in used:
        size += status.st_size
        if size > MAX_BYTES:
            path.unlink(missing_ok=True)
