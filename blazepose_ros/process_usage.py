"""What a process has used, as Linux tells it (proc(5))."""

from __future__ import annotations

import os
import re
from pathlib import Path

BYTES_PER_MB = 1_000_000

# Fields of /proc/<pid>/stat after the name in brackets, which may hold anything.
_UTIME, _STIME = 11, 12
_RESIDENT_PAGES = 1  # field of /proc/<pid>/statm


def cpu_s(pid: int, proc: Path = Path("/proc")) -> float:
    """Return the processor time of all threads of a process so far, in seconds.

    Raises:
        OSError: there is no such process.
    """
    fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int, proc: Path = Path("/proc")) -> float:
    """Return the resident memory of a process, shared memory included, in millions of bytes.

    Raises:
        OSError: there is no such process.
    """
    pages = int((proc / str(pid) / "statm").read_text().split()[_RESIDENT_PAGES])
    return pages * os.sysconf("SC_PAGE_SIZE") / BYTES_PER_MB


def anonymous_mb(pid: int, proc: Path = Path("/proc")) -> float:
    """Return the resident memory that a process has asked for, in millions of bytes.

    Neither files count nor shared memory, whose segments are touched bit by bit.

    Raises:
        OSError: there is no such process.
    """
    (kibibytes,) = re.findall(
        r"^RssAnon:\s*(\d+) kB$", (proc / str(pid) / "status").read_text(), re.MULTILINE
    )
    return int(kibibytes) * 1024 / BYTES_PER_MB
