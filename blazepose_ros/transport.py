"""DDS settings that let large images through between processes."""

from __future__ import annotations

import os
from pathlib import Path

# Fast DDS 3 reads the first, Fast DDS 2 the second.
PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")

# For a package that runs from its sources.
SOURCE_PROFILE = Path(__file__).absolute().parents[1] / "config" / "fastdds.xml"

# What else a user may have chosen transports with.
BUILTIN_TRANSPORTS = "FASTDDS_BUILTIN_TRANSPORTS"
OTHER_CHOICES = (BUILTIN_TRANSPORTS, "ROS_DISCOVERY_SERVER")


def image_profile() -> Path:
    """Return the Fast DDS profile for images, installed beside this module's package."""
    share = Path("share", "blazepose_ros", "config", "fastdds.xml")
    prefixes = Path(__file__).absolute().parents
    return next((prefix / share for prefix in prefixes if (prefix / share).exists()), SOURCE_PROFILE)


def use_image_profile() -> None:
    """Have Fast DDS use the profile for images, unless the user has chosen something.

    To be called before rclpy starts; other middlewares do not look at it.
    """
    if any(os.environ.get(variable) for variable in PROFILE_VARIABLES + OTHER_CHOICES):
        return
    for variable in PROFILE_VARIABLES:
        os.environ[variable] = str(image_profile())


def use_stock_transport() -> None:
    """Have Fast DDS use its own transports in this process and those it starts.

    To be called before rclpy starts.
    """
    for variable in PROFILE_VARIABLES:
        os.environ.pop(variable, None)
    os.environ[BUILTIN_TRANSPORTS] = "DEFAULT"
