"""What the console scripts call; nothing heavy is imported before signals are handled."""

from __future__ import annotations

import os

from blazepose_ros.image_headers import MAX_PIXELS
from blazepose_ros.run_node import run_node
from blazepose_ros.transport import use_image_profile

# OpenCV reads it when it is imported: a second line of defence for the node, the only one for
# the camera's files, whose headers can otherwise make it allocate six gigabytes.
OPENCV_PIXEL_LIMIT = "OPENCV_IO_MAX_IMAGE_PIXELS"


def camera() -> int:
    """Run ``blazepose_camera``."""
    return _run("blazepose_ros.camera.node:CameraNode")


def node() -> int:
    """Run ``blazepose_node``."""
    return _run("blazepose_ros.node:BlazePoseNode")


def _run(factory: str) -> int:
    use_image_profile()
    limit_image_size()
    return run_node(factory)


def limit_image_size() -> None:
    """Have OpenCV refuse images of more pixels than any camera's, unless the user has set a limit."""
    os.environ.setdefault(OPENCV_PIXEL_LIMIT, str(MAX_PIXELS))
