# SPDX-License-Identifier: Apache-2.0
"""A GPU with Vulkan: that of the driver that VK_DRIVER_FILES names, else one that is computed in software."""

import importlib.util
import os
from pathlib import Path

import pytest

# SwiftShader, a Vulkan device in software, and the loader, as Debian's package chromium brings them.
_CHROMIUM = Path("/usr/lib/chromium")
_SWIFTSHADER = _CHROMIUM / "vk_swiftshader_icd.json"
_NAMES_DRIVER = "VK_DRIVER_FILES" in os.environ

needs_vulkan = pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None or not (_NAMES_DRIVER or _SWIFTSHADER.exists()),
    reason=f"LiteRT is not installed, or no {_SWIFTSHADER}: apt install chromium",
)


def vulkan_environment(folder: Path) -> dict[str, str]:
    """Return the variables of a process that finds the device; the loader looks at them once, at its start.

    Args:
        folder: for what belongs to the user who runs it.
    """
    if _NAMES_DRIVER:
        return {}
    libraries = (os.environ.get("LD_LIBRARY_PATH"), str(_CHROMIUM))
    return {
        "VK_DRIVER_FILES": str(_SWIFTSHADER),
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries)),
        "XDG_RUNTIME_DIR": str(folder),
    }
