# SPDX-License-Identifier: Apache-2.0
"""Start `blazepose_node` on a camera's topics, and RViz to look at what it finds."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from blazepose_ros.launch_support.actions import starting
from blazepose_ros.launch_support.drivers import body_frame, frame_name
from blazepose_ros.launch_support.lookup import find_parameter_file, require
from blazepose_ros.nodes.common.dds import image_environment

CONFIG = Path(get_package_share_directory("blazepose_ros"), "config")
PARAMETER_FILES = ", ".join(sorted(path.name for path in CONFIG.glob("*.yaml")))

# The node's inputs: the argument that renames each, and its name in the camera's namespace.
INPUTS = {
    "image": ("image", "image_raw"),
    "camera_info": ("camera_info", "camera_info"),
    "depth": ("depth", "depth/image_raw"),
    "depth/camera_info": ("depth_camera_info", "depth/camera_info"),
}

# The outputs that RViz shows.
DISPLAYED = ("annotated_image", "markers")

# Arguments that win over the parameter file: which parameter each is, and of what type (None for
# the type that YAML gives it).
OVERRIDES = {"model": ("model_complexity", None), "tf_prefix": ("tf_prefix", str)}

ARGUMENTS = {
    "camera_namespace": ("", "Where the camera's topics are."),
    "image": ("", "The image topic; empty for image_raw in camera_namespace."),
    "camera_info": ("", "The calibration topic; empty for camera_info in camera_namespace."),
    "depth": (
        "",
        "The topic of depth images registered to the color images; empty for depth/image_raw in"
        " camera_namespace.",
    ),
    "depth_camera_info": ("", "Their calibration topic; empty for depth/camera_info in camera_namespace."),
    "namespace": ("", "The node's namespace."),
    "params_file": ("blazepose.yaml", f"The node's parameters: a path, or one of {PARAMETER_FILES}."),
    "model": ("", "0 Lite, 1 Full, 2 Heavy; empty for what params_file says."),
    "tf_prefix": ("", "Goes before the names of people's frames; empty for what params_file says."),
    "rviz": ("false", "Whether to start RViz."),
    "fixed_frame": (
        "",
        "The frame that RViz shows everything in, its z axis up; empty for that of the camera in"
        " camera_namespace, such as camera_link.",
    ),
}


def generate_launch_description():
    """Return the node, RViz and their arguments."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=description)
                for name, (default, description) in ARGUMENTS.items()
            ),
            starting(start_node),
            starting(start_rviz, condition=IfCondition(LaunchConfiguration("rviz"))),
        ]
    )


def start_node(context):
    """Return the node with the topics and parameters that were asked for."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    camera = Path(given["camera_namespace"])
    topics = {topic: given[name] or str(camera / default) for topic, (name, default) in INPUTS.items()}
    overrides = {
        parameter: ParameterValue(LaunchConfiguration(name), value_type=value_type)
        for name, (parameter, value_type) in OVERRIDES.items()
        if given[name]
    }
    return [
        Node(
            package="blazepose_ros",
            executable="blazepose_node",
            name="blazepose",
            namespace=given["namespace"],
            parameters=[find_parameter_file(given["params_file"], CONFIG), overrides],
            remappings=[*topics.items()],
            output="screen",
        )
    ]


def start_rviz(context):
    """Return RViz, set up for what the node publishes."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    node = Path(given["namespace"], "blazepose")
    fixed_frame = given["fixed_frame"] or body_frame(frame_name(given["camera_namespace"]))
    return [
        Node(
            package=require("rviz2", otherwise="start with rviz:=false and look with `blazepose view`"),
            executable="rviz2",
            arguments=[
                *("--display-config", str(CONFIG / "blazepose.rviz")),
                *("--fixed-frame", fixed_frame),
            ],
            remappings=[(f"/blazepose/{name}", str(node / name)) for name in DISPLAYED],
            additional_env=image_environment(),
            output="screen",
        )
    ]
