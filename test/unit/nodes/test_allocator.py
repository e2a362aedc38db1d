# SPDX-License-Identifier: Apache-2.0
"""Threads share one heap, unless the user wants it otherwise."""

import os
import subprocess
import sys
from typing import Any

import pytest

# Threads that allocate side by side, and how many heaps (64 MB reserved for each) there are then.
SCRIPT = """
import ctypes, threading
from blazepose_ros.nodes.common.process_tuning import use_one_arena

use_one_arena()
malloc = ctypes.CDLL(None).malloc
together = threading.Barrier(8)

def allocate():
    together.wait()
    for _ in range(100):
        malloc(10_000)
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
spans = [line.split()[0].split("-") for line in open("/proc/self/maps") if " ---p " in line]
print(sum(int(end, 16) - int(start, 16) > 60 << 20 for start, end in spans))
"""


def heaps(**variables: Any) -> int:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(result.stdout)


@pytest.mark.skipif("glibc" not in os.confstr("CS_GNU_LIBC_VERSION"), reason="this is not glibc")
def test_threads_share_one_heap_unless_the_user_has_chosen() -> None:
    assert heaps() == 0
    assert heaps(MALLOC_ARENA_MAX="8") > 1
