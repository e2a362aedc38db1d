# SPDX-License-Identifier: Apache-2.0
"""Start `blazepose_gestures` and `blazepose_repetitions` beside a node that publishes people."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = {
    "poses": ("/blazepose/poses", "The topic of the people, of one camera or of several together."),
    "ground_frame": ("", "A TF frame whose z points upwards, such as base_footprint; empty for none."),
    "target_frame": ("", "A TF frame whose z = 0 is the floor that people point to; empty for none."),
    "exercise": ("all", "What is counted: all, one of the table, or a file of blazepose learn."),
}
TAKES = {
    "blazepose_gestures": ("ground_frame", "target_frame"),
    "blazepose_repetitions": ("ground_frame", "exercise"),
}


def generate_launch_description():
    """Return both nodes and their arguments."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, (default, description) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, *(start_node(*each) for each in TAKES.items())])


def start_node(executable, names):
    """Return a node with the arguments that it takes."""
    parameters = {name: ParameterValue(LaunchConfiguration(name), value_type=str) for name in names}
    return Node(
        package="blazepose_ros",
        executable=executable,
        parameters=[parameters],
        remappings=[("blazepose/poses", LaunchConfiguration("poses"))],
        output="screen",
    )
