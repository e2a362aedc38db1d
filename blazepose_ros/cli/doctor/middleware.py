# SPDX-License-Identifier: Apache-2.0
"""ROS: distribution, middleware, and what lets large images through."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from blazepose_ros.cli.doctor.check_result import CheckResult, error, ok, warn
from blazepose_ros.cli.doctor.machine import is_loadable
from blazepose_ros.cli.doctor.python_environment import version_of
from blazepose_ros.nodes.common.dds import (
    BUILTIN_TRANSPORTS,
    DISCOVERY_SERVER,
    FAST_DDS_2_VARIABLE,
    FAST_DDS_3_VARIABLE,
    image_profile,
    profile_variable,
)

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
