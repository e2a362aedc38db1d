"""What the console scripts call; nothing heavy is imported before signals are handled."""

from __future__ import annotations

from blazepose_ros.nodes.common.dds import use_image_profile
from blazepose_ros.nodes.common.main import run_node
from blazepose_ros.nodes.common.process_tuning import configure_opencv, use_one_arena


def camera() -> int:
    """Run ``blazepose_camera``."""
    return _run("blazepose_ros.nodes.camera.node:CameraNode")


def node() -> int:
    """Run ``blazepose_node``."""
    return _run("blazepose_ros.nodes.pose.node:BlazePoseNode")


def _run(factory: str) -> int:
    use_one_arena()
    use_image_profile()
    configure_opencv()
    return run_node(factory)
