# SPDX-License-Identifier: Apache-2.0
"""Watches what a process looks up, connects to and sends to, beside DDS on this machine."""

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("connection_watch.c")


def build(folder: Path) -> Path:
    """Return the compiled watch."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler to build the watch with")
    library = folder / "connection_watch.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-Wall", "-Werror", str(SOURCE), "-o", str(library), "-ldl"],
        check=True,
    )
    return library


def settings(library: Path, log: Path) -> dict[str, str]:
    """Return the environment by which a process writes its attempts into a file."""
    log.touch()
    return {"LD_PRELOAD": str(library), "CONNECTION_WATCH": str(log)}
