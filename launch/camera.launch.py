# SPDX-License-Identifier: Apache-2.0
"""Start a camera's driver with image_raw and camera_info in the camera's namespace."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from blazepose_ros.launch_support.actions import starting
from blazepose_ros.launch_support.drivers import DRIVERS, OPTICAL_RPY, body_frame, frame_name, optical_frame
from blazepose_ros.launch_support.lookup import require
from blazepose_ros.nodes.common.dds import image_environment


def generate_launch_description():
    """Return the driver, the frame of its images and their arguments."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "camera",
                default_value="blazepose",
                choices=list(DRIVERS),
                description="The driver. blazepose plays files and webcams and needs no other package.",
            ),
            DeclareLaunchArgument(
                "source",
                default_value="",
                description="Which camera: a device such as /dev/video2 or a link to it, such as those in"
                " /dev/v4l/by-id, a RealSense's serial number; for blazepose a webcam's number, a video, an"
                " image or a folder of images. Empty for the driver's choice, which is a photograph for"
                " blazepose.",
            ),
            DeclareLaunchArgument(
                "camera_namespace", default_value="camera", description="The camera's namespace."
            ),
            DeclareLaunchArgument(
                "camera_params_file",
                default_value="",
                description="More of the driver's parameters: a path.",
            ),
            starting(start_camera),
        ]
    )


def start_camera(context):
    """Return the driver's node, and where its optical frame is if the driver does not say."""
    camera, source, namespace, params_file = (
        LaunchConfiguration(name).perform(context)
        for name in ("camera", "source", "camera_namespace", "camera_params_file")
    )
    driver = DRIVERS[camera]
    node = Node(
        package=require(driver.package, otherwise="camera:=blazepose, which opens webcams and files"),
        executable=driver.executable,
        namespace=namespace,
        parameters=[typed(driver.settings(namespace, source)), *filter(None, [params_file])],
        remappings=list(driver.remappings.items()),
        additional_env=image_environment(),
        output="screen",
    )
    return [node] if driver.brings_frames else [node, optical_frame_publisher(frame_name(namespace))]


def typed(settings):
    """Return parameters whose strings stay strings, even those of digits."""
    return {name: ParameterValue(value, value_type=type(value)) for name, value in settings.items()}


def optical_frame_publisher(name):
    """Return the node that says how the images' axes lie on the camera."""
    angles = zip(("--roll", "--pitch", "--yaw"), map(str, OPTICAL_RPY), strict=True)
    return Node(
        package=require("tf2_ros", otherwise="start the camera's driver itself"),
        executable="static_transform_publisher",
        name=f"{name}_optical_frame_publisher",
        arguments=[
            *(word for angle in angles for word in angle),
            *("--frame-id", body_frame(name), "--child-frame-id", optical_frame(name)),
        ],
    )
