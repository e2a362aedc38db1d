# SPDX-License-Identifier: Apache-2.0
"""Start `blazepose_fusion` on the nodes of several cameras, which run already, on this machine or others."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

ARGUMENTS = {
    "cameras": (
        "",
        "The namespaces of the cameras' nodes, such as front,rear; empty for all there are.",
    ),
    "fusion_frame": ("map", "The frame that people are fused in; TF has to know the cameras in it."),
    "namespace": ("", "The node's namespace."),
    "params_file": ("", "The path of a file with more parameters; empty for none."),
}


def generate_launch_description():
    """Return the node and its arguments."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=description)
                for name, (default, description) in ARGUMENTS.items()
            ),
            OpaqueFunction(function=start_node),
        ]
    )


def start_node(context):
    """Return the node with the parameters that were asked for."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    parameters = {name: given[name] for name in ("cameras", "fusion_frame")}
    return [
        Node(
            package="blazepose_ros",
            executable="blazepose_fusion",
            name="blazepose_fusion",
            namespace=given["namespace"],
            parameters=[*filter(None, [given["params_file"]]), parameters],
            output="screen",
        )
    ]
