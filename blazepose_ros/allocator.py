"""The C library's allocator, set up for a process through which large images pass."""

from __future__ import annotations

import ctypes
import os

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
