# SPDX-License-Identifier: Apache-2.0
"""The machine: libraries, shared memory, cameras that are plugged in, models in the cache."""

from __future__ import annotations

import ctypes
import fcntl
import os
import pwd
import shlex
import shutil
import socket
import struct
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from blazepose_ros.cli.doctor.check_result import CheckResult, error, ok, warn
from blazepose_ros.core import hints
from blazepose_ros.core.estimation.factory import compiled_folder
from blazepose_ros.core.estimation.runtimes.compiled_cache import trouble
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
    yield check_segments(owners_of_segments(SHARED_MEMORY), user_name(os.geteuid()))
    yield check_interfaces(interfaces_up())
    devices = sorted(Path("/dev").glob("video*"))
    yield check_video_devices(
        [str(device) for device in devices],
        [str(device) for device in devices if not os.access(device, os.R_OK | os.W_OK)],
    )
    yield from examine_models()
    yield check_compiled_models(compiled_folder())


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


def check_segments(owners: Collection[str], user: str) -> CheckResult:
    """Check that the shared memory of nodes, and of those that were killed, is this user's.

    Args:
        owners: of the segments of Fast DDS.
        user: who looks.
    """
    name, others = "nodes of other users", sorted(set(owners) - {user})
    if not others:
        return ok(name, "none")
    return warn(
        name,
        f"{SHARED_MEMORY} has segments of Fast DDS whose owner is {', '.join(others)}, not {user}: nodes of"
        " two users find each other, and images do not get from one to the other",
        "run camera and node as the same user, or give both FASTDDS_BUILTIN_TRANSPORTS=UDPv4",
    )


# What Fast DDS 2 and 3 call theirs.
_SEGMENTS = ("fastrtps_*", "fastdds_*")


def owners_of_segments(folder: Path) -> set[str]:
    """Return the users to whom the shared memory of Fast DDS belongs."""
    owners = set()
    for pattern in _SEGMENTS:
        for path in folder.glob(pattern):
            with suppress(FileNotFoundError):  # its node has just ended
                owners.add(user_name(path.stat().st_uid))
    return owners


def user_name(number: int) -> str:
    """Return a user's name, or the number of one without."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def check_interfaces(up: Sequence[str]) -> CheckResult:
    """Check that there is a network interface over which nodes find each other; loopback is enough."""
    if up:
        return ok("network", ", ".join(up))
    return error("network", "no interface is up: nodes do not find each other", "sudo ip link set lo up")


_SIOCGIFFLAGS, _IFF_UP = 0x8913, 1  # linux/sockios.h, linux/if.h
_IFREQ = struct.Struct("16sH22x")


def interfaces_up() -> list[str]:
    """Return the network interfaces that are up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = {
            name: _IFREQ.unpack(fcntl.ioctl(any_socket, _SIOCGIFFLAGS, _IFREQ.pack(name.encode(), 0)))[1]
            for _, name in socket.if_nameindex()
        }
    return [name for name in flags if flags[name] & _IFF_UP]


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
    fix = hints.run(f"blazepose models fetch --model {complexity.value}")
    if state is ModelState.DAMAGED or complexity is DEFAULT:
        return error(_model_name(complexity), f"is {state.value} in {cache_folder()}", fix)
    return warn(
        _model_name(complexity), f"is missing: model_complexity {complexity.value} cannot be used", fix
    )


def _model_name(complexity: ModelComplexity) -> str:
    return f"model {complexity.name.lower()}"


def check_compiled_models(folder: Path) -> CheckResult:
    """Check that nobody else can write the compiled models: else each start compiles anew."""
    name = "compiled models"
    if reason := trouble(folder):
        return warn(name, f"those in {folder} are not used: {reason}", f"rm -r {shlex.quote(str(folder))}")
    return ok(
        name, f"in {folder}, which only this user may write" if folder.exists() else "none are kept yet"
    )
