# SPDX-License-Identifier: Apache-2.0
"""Commands that messages advise, as they are typed where this package is installed.

pip puts ``blazepose`` on the path of its environment; on a ROS distribution it is run by ``ros2 run``.
"""

from __future__ import annotations

import os
import shlex
import sys
import sysconfig
from pathlib import Path

INSTALLATION_PAGE = "docs/installation.md"


def run(command: str) -> str:
    """Return how to run one of this package's commands, such as ``blazepose models fetch``."""
    return command if _is_installed_by_pip() else f"ros2 run blazepose_ros {command}"


def install(*requirements: str) -> str:
    """Return how to install Python packages for the Python that runs.

    Args:
        requirements: as pip takes them, such as ``numpy<2``.
    """
    packages = shlex.join(requirements)
    if sys.prefix != sys.base_prefix and os.environ.get("VIRTUAL_ENV") == sys.prefix:
        return f"pip install {packages}"
    if sys.prefix == sys.base_prefix and _is_externally_managed():
        return (
            "python3 -m venv --system-site-packages ~/blazepose_venv &&"
            f" ~/blazepose_venv/bin/pip install {packages} (then activate it: {INSTALLATION_PAGE})"
        )
    return f"{shlex.quote(sys.executable)} -m pip install {packages}"


def _is_installed_by_pip() -> bool:
    """Tell whether the package lies in Python's own folders instead of a colcon workspace."""
    libraries = Path(sysconfig.get_path("purelib"))
    package = sys.modules[__name__.partition(".")[0]]  # imported already, and it imports this module
    return any(libraries in Path(folder).parents for folder in package.__path__)


def _is_externally_managed() -> bool:
    """Tell whether the system's package manager owns this Python, so that pip refuses (PEP 668)."""
    return Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists()
