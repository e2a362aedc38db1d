# SPDX-License-Identifier: Apache-2.0
"""DDS settings that let large images through between processes, and what killed ones leave behind."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import time
from contextlib import suppress
from pathlib import Path

# What Fast DDS 3 and Fast DDS 2 call the file of profiles.
FAST_DDS_3_VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE"
FAST_DDS_2_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"

FAST_DDS, DYNAMIC_FAST_DDS = "rmw_fastrtps_cpp", "rmw_fastrtps_dynamic_cpp"
FAST_DDS_3_LIBRARY = "libfastdds.so"

# For a package that runs from its sources.
SOURCE_PROFILE = Path(__file__).absolute().parents[3] / "config" / "fastdds.xml"

BUILTIN_TRANSPORTS = "FASTDDS_BUILTIN_TRANSPORTS"
DISCOVERY_SERVER = "ROS_DISCOVERY_SERVER"

# What a user may have chosen transports with.
CHOICES = (
    FAST_DDS_3_VARIABLE,
    FAST_DDS_2_VARIABLE,
    BUILTIN_TRANSPORTS,
    DISCOVERY_SERVER,
)


def image_profile() -> Path:
    """Return the Fast DDS profile for images, installed beside this module's package."""
    share = Path("share", "blazepose_ros", "config", "fastdds.xml")
    prefixes = Path(__file__).absolute().parents
    return next((prefix / share for prefix in prefixes if (prefix / share).exists()), SOURCE_PROFILE)


def use_image_profile() -> None:
    """Have Fast DDS use the profile for images, unless the user has chosen something.

    To be called before rclpy starts; other middlewares do not look at it.
    """
    os.environ.update(image_environment())


def image_environment() -> dict[str, str]:
    """Return the environment variables that have Fast DDS use the profile for images.

    They are none where the user has chosen something.
    """
    if any(os.environ.get(variable) for variable in CHOICES):
        return {}
    return {profile_variable(): str(image_profile())}


def profile_variable() -> str:
    """Return the environment variable that the installed Fast DDS reads."""
    folders = filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep))
    is_3 = any(Path(folder, FAST_DDS_3_LIBRARY).exists() for folder in folders)
    return FAST_DDS_3_VARIABLE if is_3 else FAST_DDS_2_VARIABLE


def transport_cure(publishers: str) -> str:
    """Return what lets images through from a publisher on this machine.

    Args:
        publishers: the nodes that publish them.
    """
    if os.environ.get("RMW_IMPLEMENTATION", FAST_DDS) not in (FAST_DDS, DYNAMIC_FAST_DDS):
        return f"give the middleware of {publishers} larger buffers (docs/performance.md)"
    return f"start {publishers} again with {profile_variable()}={image_profile()}"


def use_stock_transport() -> None:
    """Have Fast DDS use its own transports in this process and those it starts.

    To be called before rclpy starts.
    """
    for variable in CHOICES:
        os.environ.pop(variable, None)
    os.environ[BUILTIN_TRANSPORTS] = "DEFAULT"


SHARED_MEMORY = Path("/dev/shm")
# A process's segment of images, as Fast DDS 2 and Fast DDS 3 call it. Beside it lies a file that
# its process holds locked as long as it lives.
_SEGMENT = re.compile(r"fast(rtps|dds)_[0-9a-f]{16}")
_LOCK_SUFFIX = "_el"
# Fast DDS makes the lock's file and then locks it: longer than that takes.
_MIN_AGE_S = 10.0


def remove_dead_segments(folder: Path = SHARED_MEMORY) -> None:
    """Remove the shared memory of this user's killed processes, 71 MB of each, as nobody else does.

    Fast DDS itself makes new what a dead process left of the ports that it opens, and nothing else.
    What is not certainly dead and this user's stays: `fastdds shm clean` asks for the lock as well.
    """
    with suppress(OSError):  # no shared memory
        for path in folder.iterdir():
            if _SEGMENT.fullmatch(path.name):
                with suppress(OSError):  # in use, or removed by a process that starts as well
                    _remove_if_dead(path)


def remove_own_segments(folder: Path = SHARED_MEMORY) -> None:
    """Remove the shared memory of this process, which ends without Fast DDS's own end."""
    for descriptor in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):  # closed meanwhile, or nothing that has a name
            lock = descriptor.readlink()  # held by this process alone
            name = lock.name.removesuffix(_LOCK_SUFFIX)
            if lock.parent == folder and lock.name != name and _SEGMENT.fullmatch(name):
                lock.with_name(name).unlink(missing_ok=True)
                lock.unlink(missing_ok=True)


def _remove_if_dead(segment: Path) -> None:
    """Remove a segment and the file beside it.

    Raises:
        OSError: its process lives, it is not this user's, or it is gone.
    """
    lock = segment.with_name(segment.name + _LOCK_SUFFIX)
    descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not (_is_own_and_old(os.fstat(descriptor)) and _is_own_and_old(segment.lstat())):
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        segment.unlink()
        lock.unlink()
    finally:
        os.close(descriptor)


def _is_own_and_old(status: os.stat_result) -> bool:
    is_own = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
    return is_own and time.time() - status.st_ctime > _MIN_AGE_S
