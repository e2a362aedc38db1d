# SPDX-License-Identifier: Apache-2.0
"""DDS settings that let large images through between processes."""

from __future__ import annotations

import os
from pathlib import Path

# What Fast DDS 3 and Fast DDS 2 call the file of profiles.
FAST_DDS_3_VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE"
FAST_DDS_2_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"

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


def use_stock_transport() -> None:
    """Have Fast DDS use its own transports in this process and those it starts.

    To be called before rclpy starts.
    """
    for variable in CHOICES:
        os.environ.pop(variable, None)
    os.environ[BUILTIN_TRANSPORTS] = "DEFAULT"
