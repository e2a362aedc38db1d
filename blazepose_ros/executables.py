"""What the console scripts call; nothing heavy is imported before signals are handled."""

from __future__ import annotations

from blazepose_ros.run_node import run_node
from blazepose_ros.transport import use_image_profile


def camera() -> int:
    """Run ``blazepose_camera``."""
    return _run("blazepose_ros.camera_node:CameraNode")


def node() -> int:
    """Run ``blazepose_node``."""
    return _run("blazepose_ros.node:BlazePoseNode")


def _run(factory: str) -> int:
    use_image_profile()
    return run_node(factory)
