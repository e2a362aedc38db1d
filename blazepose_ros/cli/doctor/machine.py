# SPDX-License-Identifier: Apache-2.0
"""The machine: libraries, shared memory, cameras that are plugged in, models in the cache."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from blazepose_ros.cli.doctor.check_result import CheckResult, error, ok, warn
from blazepose_ros.core.models.registry import BUNDLES, ModelError, ModelState, cache_folder, state_of
from blazepose_ros.core.types import ModelComplexity

# What mediapipe links, on the processor too, and the Debian package that has it.
LIBRARIES = {"libEGL.so.1": "libegl1", "libGLESv2.so.2": "libgles2"}

SHARED_MEMORY = Path("/dev/shm")
# Each process that sends images takes a segment of 64 MB (config/fastdds.xml); camera, node and a viewer.
SHARED_MEMORY_BYTES = 3 * (64 << 20)


def examine() -> Iterator[CheckResult]:
    """Yield what is found on this machine."""
    for library, package in LIBRARIES.items():
        yield check_library(library, package, is_loadable(library))
    yield check_shared_memory(free_bytes(SHARED_MEMORY))
    devices = sorted(Path("/dev").glob("video*"))
    yield check_video_devices(
        [str(device) for device in devices],
        [str(device) for device in devices if not os.access(device, os.R_OK | os.W_OK)],
    )
    yield from examine_models()


def check_library(library: str, package: str, loads: bool) -> CheckResult:
    """Check that a library that mediapipe links can be loaded."""
    if loads:
        return ok(library, "is there")
    return error(library, "is missing: mediapipe does not load without it", f"sudo apt install {package}")


def check_shared_memory(free: int | None) -> CheckResult:
    """Check that images have room on their way between processes.

    Args:
        free: bytes; None where there is no shared memory at all.
    """
    name, fix = "shared memory", "docker run --shm-size=1g, or sudo mount -o remount,size=1g /dev/shm"
    if free is None:
        return error(name, f"{SHARED_MEMORY} is not there: images go through the network", fix)
    if free < SHARED_MEMORY_BYTES:
        return warn(
            name,
            f"{free >> 20} MB are free on {SHARED_MEMORY}, {SHARED_MEMORY_BYTES >> 20} MB are needed",
            fix,
        )
    return ok(name, f"{free >> 20} MB are free")


def check_video_devices(devices: Sequence[str], refused: Sequence[str]) -> CheckResult:
    """Check that this user may open the cameras that are plugged in."""
    if refused:
        return error(
            "video devices",
            f"{', '.join(refused)}: permission denied",
            'sudo usermod -aG video "$USER", then log in again',
        )
    return ok("video devices", ", ".join(devices) or "none")


def is_loadable(library: str) -> bool:
    """Tell whether the dynamic linker finds a library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def free_bytes(folder: Path) -> int | None:
    """Return how much room there is; None where there is no such folder."""
    try:
        return shutil.disk_usage(folder).free
    except FileNotFoundError:
        return None


# The default of the node's parameter model_complexity.
DEFAULT = ModelComplexity.FULL


def examine_models() -> Iterator[CheckResult]:
    """Yield the state of each model."""
    for complexity, bundle in BUNDLES.items():
        try:
            yield check_model(complexity, state_of(bundle))
        except ModelError as err:
            yield error(_model_name(complexity), str(err), f"ls -l {cache_folder()}")


def check_model(complexity: ModelComplexity, state: ModelState) -> CheckResult:
    """Check that a model is there and whole; only the default's absence is an error."""
    if state is ModelState.VERIFIED:
        return ok(_model_name(complexity), "its hash is right")
    fix = f"blazepose models fetch --model {complexity.value}"
    if state is ModelState.DAMAGED or complexity is DEFAULT:
        return error(_model_name(complexity), f"is {state.value} in {cache_folder()}", fix)
    return warn(
        _model_name(complexity), f"is missing: model_complexity {complexity.value} cannot be used", fix
    )


def _model_name(complexity: ModelComplexity) -> str:
    return f"model {complexity.name.lower()}"
