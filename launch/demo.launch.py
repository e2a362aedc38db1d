# SPDX-License-Identifier: Apache-2.0
"""Start a camera, `blazepose_node` and RViz."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription

HERE = Path(__file__).parent


def generate_launch_description():
    """Return what camera.launch.py and blazepose.launch.py start, with their arguments."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "camera_namespace", default_value="camera", description="The camera's namespace."
            ),
            DeclareLaunchArgument("rviz", default_value="true", description="Whether to start RViz."),
            IncludeLaunchDescription(str(HERE / "camera.launch.py")),
            IncludeLaunchDescription(str(HERE / "blazepose.launch.py")),
        ]
    )
