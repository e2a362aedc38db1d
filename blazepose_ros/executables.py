"""What the console scripts call; nothing heavy is imported before signals are handled."""

from __future__ import annotations

import os

from blazepose_ros.allocator import use_one_arena
from blazepose_ros.image_headers import MAX_PIXELS
from blazepose_ros.run_node import run_node
from blazepose_ros.transport import use_image_profile

# OpenCV reads it when it is imported: a second line of defence for the node, the only one for
# the camera's files, whose headers can otherwise make it allocate six gigabytes.
OPENCV_PIXEL_LIMIT = "OPENCV_IO_MAX_IMAGE_PIXELS"

# OpenCV's own words for each damaged image: the node says it once, and what to do.
OPENCV_LOG_LEVEL = "OPENCV_LOG_LEVEL"


def camera() -> int:
    """Run ``blazepose_camera``."""
    return _run("blazepose_ros.camera.node:CameraNode")


def node() -> int:
    """Run ``blazepose_node``."""
    return _run("blazepose_ros.node:BlazePoseNode")


def _run(factory: str) -> int:
    use_one_arena()
    use_image_profile()
    configure_opencv()
    return run_node(factory)


def configure_opencv() -> None:
    """Have OpenCV refuse images larger than any camera's, and say nothing, unless the user has chosen."""
    os.environ.setdefault(OPENCV_PIXEL_LIMIT, str(MAX_PIXELS))
    os.environ.setdefault(OPENCV_LOG_LEVEL, "SILENT")
