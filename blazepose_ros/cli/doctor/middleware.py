# SPDX-License-Identifier: Apache-2.0
"""ROS: distribution, middleware, and what lets large images through."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from blazepose_ros.cli.doctor.check_result import CheckResult, error, ok, warn
from blazepose_ros.cli.doctor.machine import is_loadable
from blazepose_ros.cli.doctor.python_environment import version_of
from blazepose_ros.core.text import printable
from blazepose_ros.nodes.common.dds import (
    BUILTIN_TRANSPORTS,
    DISCOVERY_SERVER,
    FAST_DDS_2_VARIABLE,
    FAST_DDS_3_VARIABLE,
    image_profile,
    profile_variable,
)
from blazepose_ros.nodes.common.main import DOMAIN_VARIABLE, domain_problem

KNOWN_DISTROS = ("humble", "jazzy", "kilted", "lyrical")
FAST_DDS, CYCLONE_DDS = "rmw_fastrtps_cpp", "rmw_cyclonedds_cpp"

RECEIVE_BUFFER = Path("/proc/sys/net/core/rmem_max")
# Two images of 1920x1080 in RGB.
RECEIVE_BUFFER_BYTES = 16 << 20


def examine() -> Iterator[CheckResult]:
    """Yield what is found of ROS in this environment."""
    rmw = os.environ.get("RMW_IMPLEMENTATION") or FAST_DDS
    yield check_distro(os.environ.get("ROS_DISTRO", ""), version_of("rclpy"))
    yield check_rmw(rmw, is_loadable(f"lib{rmw}.so"))
    yield check_other_middleware(rmw, middleware_of_processes())
    yield check_domain(os.environ.get(DOMAIN_VARIABLE, ""))
    yield check_log_folder(log_folder(os.environ))
    if "fastrtps" in rmw:
        yield check_profile(os.environ, profile_variable())
    yield check_receive_buffer(rmw, _receive_buffer_bytes())


def check_distro(distro: str, rclpy_version: str) -> CheckResult:
    """Check that this is a distribution that the package is made for.

    Args:
        distro: what ROS_DISTRO says; empty where ROS comes from pip.
        rclpy_version: the version of rclpy, for people.
    """
    rclpy = f"rclpy {rclpy_version}" if rclpy_version else "rclpy"
    if not distro:
        return ok("ros", f"{rclpy} from pip")
    if distro not in KNOWN_DISTROS:
        return warn("ros", f"{distro} is not tested", f"use one of {', '.join(KNOWN_DISTROS)}")
    return ok("ros", f"{distro}, {rclpy}")


def check_rmw(chosen: str, loads: bool) -> CheckResult:
    """Check that the middleware that is asked for is there."""
    if loads:
        return ok("middleware", chosen)
    return error(
        "middleware",
        f"{chosen} is not installed: no node starts",
        f"unset RMW_IMPLEMENTATION, or sudo apt install ros-$ROS_DISTRO-{chosen.replace('_', '-')}",
    )


# How a process that has loaded one shows it.
_RMW_LIBRARY = re.compile(r"/lib(rmw_(?!implementation|dds_common|fastrtps_shared)\w+_cpp|rmw_zenoh_cpp)\.so")
_PROCESSES = Path("/proc")


def check_other_middleware(chosen: str, others: Mapping[str, str]) -> CheckResult:
    """Check that the ROS processes of this machine speak the same.

    Args:
        chosen: the middleware of this environment.
        others: those that processes have loaded, each with the name of one process.
    """
    name = "other processes"
    different = {rmw: process for rmw, process in others.items() if rmw != chosen}
    if not different:
        return ok(name, f"all with {chosen}" if others else "none that this user may look into")
    words = ", ".join(f"{printable(process)} uses {rmw}" for rmw, process in sorted(different.items()))
    return warn(
        name,
        f"{words}, this environment {chosen}: messages do not get from one to the other",
        "set RMW_IMPLEMENTATION to the same in every shell, container and service",
    )


def middleware_of_processes() -> dict[str, str]:
    """Return which middlewares this machine's processes have loaded, each with the name of one process."""
    found: dict[str, str] = {}
    for process in _PROCESSES.glob("[0-9]*"):
        # Processes end while this looks at them, and others' may not be looked into.
        with suppress(OSError):
            for rmw in set(_RMW_LIBRARY.findall((process / "maps").read_text(errors="replace"))):
                found[rmw] = f"{(process / 'comm').read_text(errors='replace').strip()} ({process.name})"
    return found


def check_domain(domain: str) -> CheckResult:
    """Check that the ROS domain is one."""
    if problem := domain_problem(domain):
        return error("domain", f"{problem}: no node starts", f"unset {DOMAIN_VARIABLE}")
    return ok("domain", domain.strip() or "0")


def log_folder(environment: Mapping[str, str]) -> Path | None:
    """Return where ROS 2 writes its logs, as rcl finds it; None where no variable says so."""
    if folder := environment.get("ROS_LOG_DIR"):
        return Path(folder).expanduser()
    if home := environment.get("ROS_HOME"):
        return Path(home).expanduser() / "log"
    if home := environment.get("HOME"):
        return Path(home) / ".ros" / "log"
    return None


def check_log_folder(folder: Path | None) -> CheckResult:
    """Check that ROS 2 can write its logs: no process starts without.

    Args:
        folder: where; None where HOME is not set and nothing else says so.
    """
    name, fix = "log folder", "export ROS_LOG_DIR=/tmp/ros_log"
    if folder is None:
        return error(name, "neither HOME nor ROS_LOG_DIR is set: no node starts", fix)
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not there.is_dir():
        return error(name, f"{folder} cannot be made, {there} is no folder: no node starts", fix)
    if not os.access(there, os.W_OK | os.X_OK):
        return error(name, f"{folder} cannot be made or written in {there}: no node starts", fix)
    return ok(name, str(folder))


def check_profile(environment: Mapping[str, str], variable: str) -> CheckResult:
    """Check that Fast DDS has transports that images of megabytes fit through.

    Args:
        environment: the environment variables.
        variable: which of them the installed Fast DDS reads.
    """
    name, fix = "transport profile", f"export {variable}={image_profile()}"
    other = {FAST_DDS_2_VARIABLE, FAST_DDS_3_VARIABLE} - {variable}
    if chosen := environment.get(variable):
        if Path(chosen).is_file():
            return ok(name, f"{chosen}, your own")
        return error(name, f"{variable} names {chosen}, which does not exist", f"unset {variable}")
    for unread in other:
        if environment.get(unread):
            return warn(name, f"{unread} is set, but this Fast DDS reads {variable}", fix)
    for stock in (BUILTIN_TRANSPORTS, DISCOVERY_SERVER):
        if environment.get(stock):
            return warn(name, f"{stock} is set: large images may be lost", f"unset {stock}; {fix}")
    return ok(name, f"this package's processes have one; for a camera driver: {fix}")


def check_receive_buffer(rmw: str, size: int | None) -> CheckResult:
    """Check that the kernel lets sockets buffer an image, which counts where there is no shared memory.

    Args:
        rmw: the middleware.
        size: net.core.rmem_max in bytes; None where it cannot be read.
    """
    name = "receive buffer"
    if size is None:
        return ok(name, "the kernel gives no size")
    if size < RECEIVE_BUFFER_BYTES and rmw == CYCLONE_DDS:
        fix = f"sudo sysctl -w net.core.rmem_max={RECEIVE_BUFFER_BYTES}"
        return warn(name, f"{size} bytes: large images are lost with {rmw}", fix)
    return ok(name, f"{size} bytes; it counts for images from other machines")


def _receive_buffer_bytes() -> int | None:
    try:
        return int(RECEIVE_BUFFER.read_text())
    except OSError:
        return None
