# SPDX-License-Identifier: Apache-2.0
"""How a node's process uses memory, processor and OpenCV."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

from blazepose_ros.core.image_headers import MAX_PIXELS

if TYPE_CHECKING:
    import psutil

# glibc's malloc.h, and the environment variable that says the same.
_M_ARENA_MAX = -8
_ARENA_MAX_VARIABLE = "MALLOC_ARENA_MAX"


def use_one_arena() -> None:
    """Have all threads share one heap, unless the user has chosen.

    An image is allocated in one thread and freed in another. With a heap for each of them,
    glibc's default, holes of images' sizes come to be in all: the memory of a process grows
    for hours. To be called before there are threads; other C libraries do without.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None and _ARENA_MAX_VARIABLE not in os.environ:
        set_option(_M_ARENA_MAX, 1)


# A thread that ends its inference wants the interpreter back sooner than after Python's 5 ms: it
# takes the interpreter from another one several times before the next inference.
SWITCH_INTERVAL_S = 0.00002


def leave_cores_to_the_model() -> None:
    """Keep threads from holding up the one that infers.

    OpenCV's own threads go on spinning for a while after each call, on the cores that the model
    wants next; what they are used for here, one image's colors or one crop, is too short to gain.
    """
    import cv2  # after configure_opencv, whose settings it reads when it is imported

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    cv2.setNumThreads(1)


BYTES_PER_MB = 1_000_000


def cpu_s(pid: int) -> float:
    """Return the processor time of all threads of a process so far, in seconds.

    Raises:
        psutil.NoSuchProcess: there is no such process.
    """
    times = _process(pid).cpu_times()
    return times.user + times.system


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process, shared memory included, in millions of bytes.

    Raises:
        psutil.NoSuchProcess: there is no such process.
    """
    return _process(pid).memory_info().rss / BYTES_PER_MB


def anonymous_mb(pid: int) -> float:
    """Return the resident memory that a process has allocated, in millions of bytes.

    Neither files count nor shared memory, whose segments are touched bit by bit.

    Raises:
        psutil.NoSuchProcess: there is no such process.
    """
    memory = _process(pid).memory_info()
    return (memory.rss - memory.shared) / BYTES_PER_MB


def _process(pid: int) -> psutil.Process:
    import psutil  # in here: a node starts without it

    return psutil.Process(pid)


# OpenCV reads it when it is imported: a second line of defense for the node, the only one for
# the camera's files, whose headers can otherwise make it allocate six gigabytes.
OPENCV_PIXEL_LIMIT = "OPENCV_IO_MAX_IMAGE_PIXELS"

# OpenCV's own line for each damaged image: the node logs it once, with the fix.
OPENCV_LOG_LEVEL = "OPENCV_LOG_LEVEL"


def configure_opencv() -> None:
    """Have OpenCV refuse images larger than any camera's, and say nothing, unless the user has chosen."""
    os.environ.setdefault(OPENCV_PIXEL_LIMIT, str(MAX_PIXELS))
    os.environ.setdefault(OPENCV_LOG_LEVEL, "SILENT")
