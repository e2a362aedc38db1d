# SPDX-License-Identifier: Apache-2.0
"""Start one `blazepose_node` for each of several cameras, in the camera's namespace."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, OpaqueFunction
from launch.substitutions import LaunchConfiguration

from blazepose_ros.launch_support.drivers import frame_name

HERE = Path(__file__).parent


def generate_launch_description():
    """Return the nodes and the argument that names the cameras."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "cameras",
                description="The cameras' namespaces, such as front,rear. The node of front takes"
                " /front/image_raw, publishes /front/blazepose/poses and names its frames front_body_1."
                " All other arguments of blazepose.launch.py (params_file, model, ...) hold for all nodes.",
            ),
            OpaqueFunction(function=start_nodes),
        ]
    )


def start_nodes(context):
    """Return one node for each camera."""
    namespaces = LaunchConfiguration("cameras").perform(context).replace(",", " ").split()
    return [GroupAction([start_node(namespace)]) for namespace in namespaces]


def start_node(namespace):
    """Return the node of one camera."""
    return IncludeLaunchDescription(
        str(HERE / "blazepose.launch.py"),
        launch_arguments={"namespace": namespace, "tf_prefix": f"{frame_name(namespace)}_"}.items(),
    )
