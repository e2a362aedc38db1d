"""How this package's executables are started."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from ament_index_python.packages import get_package_prefix


def installed(name: str) -> str:
    """Return the path of one of this package's executables.

    pip installs them beside Python, colcon in the package's lib folder.
    """
    beside_python = Path(sys.executable).with_name(name)
    if beside_python.exists():
        return str(beside_python)
    return str(Path(get_package_prefix("blazepose_ros"), "lib", "blazepose_ros", name))


def ros_arguments(parameters: Mapping[str, object]) -> list[str]:
    """Return the command line that sets a node's parameters."""
    settings = (("-p", f"{name}:={_yaml(value)}") for name, value in parameters.items())
    return ["--ros-args", *(part for setting in settings for part in setting)]


def _yaml(value: object) -> str:
    """Return a value as ROS reads it: text in quotes, whatever is in it."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower()
