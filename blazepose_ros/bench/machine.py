"""What a benchmark ran on."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

# Distributions whose version a result depends on.
_LIBRARIES = ("ai-edge-litert", "mediapipe", "numpy", "opencv-contrib-python", "openvino")
_RCLPY = re.compile(r"ros-(\w+)-rclpy")


def machine() -> dict[str, Any]:
    """Return processor, cores, Python, ROS distribution and the versions of what runs models."""
    installed = dict(_installed())
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e6),
        "system": platform.platform(),
        "python": platform.python_version(),
        "distro": os.environ.get("ROS_DISTRO") or _distro_of_wheels(installed),
        "middleware": os.environ.get("RMW_IMPLEMENTATION", "default"),
        "versions": {name: installed[name] for name in _LIBRARIES if name in installed},
    }


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name; that of its architecture where Linux gives none (ARM)."""
    name = re.search(r"^model name\s*: (.+)$", cpuinfo.read_text(), re.MULTILINE)
    return name[1].strip() if name else platform.machine()


def _installed() -> Iterator[tuple[str, str]]:
    for distribution in distributions():
        yield distribution.metadata["Name"].lower(), distribution.version


def _distro_of_wheels(installed: dict[str, str]) -> str:
    """Return the ROS distribution that came with pip."""
    return next((match[1] for name in installed if (match := _RCLPY.fullmatch(name))), "unknown")
