# SPDX-License-Identifier: Apache-2.0
"""Image messages through cv_bridge, where it is installed: encodings that `images` does not know.

A cv_bridge that was built for another numpy imports without an error and then ends the process
at its first conversion. It is therefore tried in a process of its own before it is used.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import re
import subprocess
import sys
from typing import Any

from blazepose_ros.core.errors import BlazePoseError

_PROBE = """
import numpy
from cv_bridge.boost.cv_bridge_boost import cvtColor2
cvtColor2(numpy.zeros((2, 2, 3), numpy.uint8), "bgr8", "rgb8")
"""
_PROBE_TIMEOUT_S = 20.0
# How numpy 2 says of a library, in one version and another, that numpy 1 was there when it was built.
_BUILT_FOR_NUMPY_1 = re.compile(r"compiled using NumPy 1\S*|^\S.*_ARRAY_API.*", re.MULTILINE)
_MAX_REASON = 200  # characters


class CvBridgeFallbackError(BlazePoseError, ValueError):
    """cv_bridge does not convert an image; the message says why."""


def to_rgb(msg: Any) -> Any:
    """Return the pixels of a sensor_msgs/Image as (height, width, 3) uint8, red first.

    Raises:
        CvBridgeFallbackError: cv_bridge is missing, does not work, or does not convert this image.
    """
    if unavailable := _unavailable():
        raise CvBridgeFallbackError(unavailable)
    try:
        pixels = importlib.import_module("cv_bridge").CvBridge().imgmsg_to_cv2(msg, "rgb8")
    except Exception as err:  # another package's: whatever it raises costs this image only
        reason = repr(str(err))[:_MAX_REASON]  # it may hold the encoding, and that anything
        raise CvBridgeFallbackError(f"cv_bridge: {type(err).__name__} {reason}") from err
    if pixels.shape != (msg.height, msg.width, 3):
        raise CvBridgeFallbackError(f"cv_bridge returns {pixels.shape} for {msg.width} x {msg.height} pixels")
    return pixels


@functools.cache
def _unavailable() -> str:
    """Return why cv_bridge cannot be used, empty where it can; found out once."""
    failure = cv_bridge_failure()
    if failure is None:
        return "cv_bridge may convert it: sudo apt install ros-$ROS_DISTRO-cv-bridge"
    return failure and f"cv_bridge is installed, but does not work with this numpy and OpenCV: {failure}"


def cv_bridge_failure() -> str | None:
    """Return why cv_bridge's compiled part does not work; empty where it does, None without cv_bridge."""
    if importlib.util.find_spec("cv_bridge") is None:
        return None
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"a conversion takes longer than {_PROBE_TIMEOUT_S:g} s"
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines() or [f"it ends with code {done.returncode}"]
    known = _BUILT_FOR_NUMPY_1.search(done.stderr)
    return known[0] if known else lines[-1]
