# SPDX-License-Identifier: Apache-2.0
"""What launch files look up: packages that are installed, and parameter files."""

from __future__ import annotations

import os
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_prefix

from blazepose_ros.core.errors import BlazePoseError


class MissingPackageError(BlazePoseError, RuntimeError):
    """A package is not installed; the message says how to install it, or how to do without."""


def require(package: str, otherwise: str) -> str:
    """Return a package's name if it is installed.

    Args:
        package: the package.
        otherwise: what to do without it.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        get_package_prefix(package)
    except PackageNotFoundError as err:
        raise MissingPackageError(
            f"{package} is not installed: sudo apt install {debian_name(package)}, or {otherwise}"
        ) from err
    return package


def debian_name(package: str) -> str:
    """Return what a ROS package is called in the package manager of Ubuntu."""
    distro = os.environ.get("ROS_DISTRO") or "$ROS_DISTRO"
    return f"ros-{distro}-{package.replace('_', '-')}"


class ParameterFileError(BlazePoseError, ValueError):
    """There is no such parameter file; the message says which there are."""


def find_parameter_file(name: str, folder: Path) -> Path:
    """Return the parameter file of that path or, failing that, of that name in a folder.

    Raises:
        ParameterFileError: there is neither.
    """
    for path in (Path(name).expanduser(), folder / name):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.name for path in folder.glob("*.yaml")))
    raise ParameterFileError(f"there is no parameter file {name}: give a path, or one of {known}")
