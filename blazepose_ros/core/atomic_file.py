# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all, even after a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file, or replace it: other processes see the old content or the new one.

    Raises:
        OSError: the disk is full or the folder cannot be written; the old file stays.
    """
    # Not a file of tempfile's, which no other user can read.
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
