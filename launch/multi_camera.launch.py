# SPDX-License-Identifier: Apache-2.0
"""Start one `blazepose_node` for each of several cameras, in the camera's namespace."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import get_launch_description_from_python_launch_file
from launch.substitutions import LaunchConfiguration

from blazepose_ros.launch_support.drivers import frame_name

ONE_CAMERA = str(Path(__file__).parent / "blazepose.launch.py")
SHARED = ("params_file", "model", "rviz", "fixed_frame")  # its arguments that hold for all nodes


def generate_launch_description():
    """Return the nodes and the argument that names the cameras."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "cameras",
                description="The cameras' namespaces, such as front,rear. The node of front takes"
                " /front/image_raw, publishes /front/blazepose/poses and names its frames front_body_1.",
            ),
            *shared_arguments(),
            OpaqueFunction(function=start_nodes),
        ]
    )


def shared_arguments():
    """Return the arguments that hold for all nodes, as the launch file of one declares them."""
    one = get_launch_description_from_python_launch_file(ONE_CAMERA)
    return [argument for argument in one.get_launch_arguments() if argument.name in SHARED]


def start_nodes(context):
    """Return one node for each camera."""
    namespaces = LaunchConfiguration("cameras").perform(context).replace(",", " ").split()
    return [GroupAction([start_node(namespace)]) for namespace in namespaces]


def start_node(namespace):
    """Return the node of one camera."""
    return IncludeLaunchDescription(
        ONE_CAMERA,
        launch_arguments={"namespace": namespace, "tf_prefix": f"{frame_name(namespace)}_"}.items(),
    )
