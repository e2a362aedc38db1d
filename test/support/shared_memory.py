# SPDX-License-Identifier: Apache-2.0
"""What Fast DDS keeps in shared memory, and leaves there when a process is killed."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

FOLDER = Path("/dev/shm")
FAST_DDS = re.compile("fastrtps_|fastdds_")


def shared_memory(folder: Path = FOLDER) -> set[Path]:
    """Return Fast DDS's files in shared memory: segments, ports, their locks and semaphores."""
    return {path for path in folder.glob("*") if FAST_DDS.search(path.name)}


def remove_unused(paths: set[Path]) -> None:
    """Remove files that no process uses, as far as they are this user's."""
    for path in paths - in_use(paths):
        with suppress(PermissionError):  # another user's, whose processes show nothing of their files
            path.unlink(missing_ok=True)


def in_use(paths: set[Path]) -> set[Path]:
    """Return those that a process has mapped or open."""
    files = {name for process in Path("/proc").glob("[0-9]*") for name in files_of(process)}
    return {path for path in paths if str(path) in files}


def files_of(process: Path) -> Iterator[str]:
    """Yield what a process has mapped and open, as far as it still runs."""
    with suppress(OSError):
        yield from re.findall(r"/dev/shm/\S+", (process / "maps").read_text())
    with suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(descriptor.readlink())
