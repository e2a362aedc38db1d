"""Start `blazepose_node` on a camera's topics."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare


def generate_launch_description():
    """Return the node and the arguments it is started with."""
    image = LaunchConfiguration("image")
    default_parameters = PathJoinSubstitution([FindPackageShare("blazepose_ros"), "config", "blazepose.yaml"])
    return LaunchDescription(
        [
            DeclareLaunchArgument("image", default_value="image_raw", description="The camera's image topic."),
            DeclareLaunchArgument(
                "camera_info", default_value="camera_info", description="The camera's calibration topic."
            ),
            DeclareLaunchArgument("namespace", default_value="", description="The node's namespace."),
            DeclareLaunchArgument(
                "params_file", default_value=default_parameters, description="The node's parameters, in YAML."
            ),
            Node(
                package="blazepose_ros",
                executable="blazepose_node",
                name="blazepose",
                namespace=LaunchConfiguration("namespace"),
                parameters=[LaunchConfiguration("params_file")],
                remappings=[
                    ("image", image),
                    ("image/compressed", [image, "/compressed"]),
                    ("camera_info", LaunchConfiguration("camera_info")),
                ],
                output="screen",
            ),
        ]
    )
