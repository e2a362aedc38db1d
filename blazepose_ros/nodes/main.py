"""What the console scripts call; nothing heavy is imported before signals are handled."""

from __future__ import annotations

import sys

from blazepose_ros.nodes.common.command_line import Program, answer
from blazepose_ros.nodes.common.dds import use_image_profile
from blazepose_ros.nodes.common.main import run_node
from blazepose_ros.nodes.common.process_tuning import configure_opencv, use_one_arena

NODE = Program(
    "blazepose_node",
    "Finds the people in a camera's images and publishes them.",
    node="blazepose_ros.nodes.pose.node:BlazePoseNode",
    settings="blazepose_ros.core.settings:NodeSettings",
)
CAMERA = Program(
    "blazepose_camera",
    "Plays a video, an image, a folder of images or a webcam as a camera's topics.",
    node="blazepose_ros.nodes.camera.node:CameraNode",
    settings="blazepose_ros.nodes.camera.settings:CameraSettings",
)


def camera() -> int:
    """Run ``blazepose_camera``."""
    return _run(CAMERA)


def node() -> int:
    """Run ``blazepose_node``."""
    return _run(NODE)


def _run(program: Program) -> int:
    configure_opencv()
    if text := answer(program, sys.argv[1:]):
        sys.stdout.write(text)
        return 0
    use_one_arena()
    use_image_profile()
    return run_node(program.node)
