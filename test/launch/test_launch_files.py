# SPDX-License-Identifier: Apache-2.0
"""What the launch files start, and what they answer when they cannot; where launch is installed."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("launch_ros", reason="launch and launch_ros are not installed")

from support.paths import ROOT

from blazepose_ros.nodes.common.dds import CHOICES, image_profile, profile_variable

LAUNCH = ROOT / "launch"
TIMEOUT_S = 60.0

# What `ros2 launch FILE ARGUMENT:=VALUE ...` does.
LAUNCHER = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription

file, *arguments = sys.argv[1:]
pairs = [argument.split(":=", 1) for argument in arguments]
service = LaunchService()
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(file, launch_arguments=pairs)])
)
sys.exit(service.run())
"""

# An executable that writes down how it was started, and ends.
STAND_IN = f"""#!{sys.executable}
import json, os, pathlib, sys
arguments = sys.argv[1:]
files = [pathlib.Path(value) for name, value in zip(arguments, arguments[1:]) if name == "--params-file"]
with open(os.environ["STARTED"], "a") as started:
    record = [pathlib.Path(__file__).name, arguments, [file.read_text() for file in files], dict(os.environ)]
    print(json.dumps(record), file=started, flush=True)
"""


class Started:
    """How one executable was started."""

    def __init__(self, arguments: Any, files: Any, environment: Any) -> None:
        self.arguments = arguments
        self.environment = environment
        self.remappings = dict(value.split(":=") for name, value in pairwise(arguments) if name == "-r")
        self.parameters = {}
        for file in files:
            for node in yaml.safe_load(file).values():
                self.parameters |= node["ros__parameters"]


@pytest.fixture
def stand_in(tmp_path: Path) -> Any:
    """Give a function that makes a package with an executable that writes down how it was started."""

    def make(package: Any, *executables: Any) -> None:
        index = tmp_path / "share" / "ament_index" / "resource_index" / "packages"
        index.mkdir(parents=True, exist_ok=True)
        (index / package).touch()
        for name in executables:
            file = tmp_path / "lib" / package / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(STAND_IN)
            file.chmod(0o755)

    return make


@pytest.fixture
def launch(tmp_path: Path) -> Any:
    """Give a function that launches a file to its end and returns its output and what it started."""

    def run(name: Any, *arguments: Any, status: Any = 0) -> tuple[Any, Any]:
        record = tmp_path / "started"
        record.touch()
        environment = {variable: value for variable, value in os.environ.items() if variable not in CHOICES}
        prefixes = os.pathsep.join([str(tmp_path), environment["AMENT_PREFIX_PATH"]])
        environment |= {"AMENT_PREFIX_PATH": prefixes, "STARTED": str(record), "ROS_DISTRO": "jazzy"}
        done = subprocess.run(
            [sys.executable, "-c", LAUNCHER, str(LAUNCH / f"{name}.launch.py"), *arguments],
            env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        output = done.stdout + done.stderr
        assert done.returncode == status, output
        records = map(json.loads, record.read_text().splitlines())
        return output, {executable: Started(*how) for executable, *how in records}

    return run


@pytest.fixture
def drivers(stand_in: Any) -> None:
    """Make stand-ins of all drivers."""
    stand_in("usb_cam", "usb_cam_node_exe")
    stand_in("v4l2_camera", "v4l2_camera_node")
    stand_in("realsense2_camera", "realsense2_camera_node")
    stand_in("tf2_ros", "static_transform_publisher")


@pytest.mark.usefixtures("drivers")
@pytest.mark.parametrize(
    ("camera", "executable", "expected"),
    [
        ("usb_cam", "usb_cam_node_exe", {"video_device": "/dev/video7", "frame_id": "eye_optical_frame"}),
        ("v4l2_camera", "v4l2_camera_node", {
            "video_device": "/dev/video7", "camera_frame_id": "eye_optical_frame"
        }),
    ],
)  # fmt: skip
def test_a_usb_camera_is_started_in_its_namespace_with_its_device_and_frame(
    launch: Any, camera: str, executable: str, expected: Any
) -> None:
    _, started = launch("camera", f"camera:={camera}", "source:=/dev/video7", "camera_namespace:=eye")
    assert started[executable].parameters == expected
    assert started[executable].remappings == {"__ns": "/eye"}
    words = started["static_transform_publisher"].arguments
    assert words[words.index("--frame-id") + 1] == "eye_link"
    assert words[words.index("--child-frame-id") + 1] == "eye_optical_frame"


@pytest.mark.usefixtures("drivers")
def test_a_realsense_has_its_topics_renamed_its_depth_aligned_and_frames_of_its_own(launch: Any) -> None:
    _, started = launch("camera", "camera:=realsense2_camera", "source:=0123456789")
    camera = started["realsense2_camera_node"]
    assert camera.parameters == {
        "align_depth.enable": True, "camera_name": "camera", "serial_no": "0123456789"
    }  # fmt: skip
    assert camera.remappings == {
        "__ns": "/camera",
        "~/color/image_raw": "image_raw",
        "~/color/camera_info": "camera_info",
        "~/aligned_depth_to_color/image_raw": "depth/image_raw",
        "~/aligned_depth_to_color/camera_info": "depth/camera_info",
    }
    assert "static_transform_publisher" not in started


@pytest.mark.usefixtures("drivers")
def test_a_driver_left_to_choose_gets_no_source(launch: Any) -> None:
    _, started = launch("camera", "camera:=usb_cam")
    assert started["usb_cam_node_exe"].parameters == {"frame_id": "camera_optical_frame"}


@pytest.mark.usefixtures("drivers")
def test_a_drivers_own_parameter_file_wins(launch: Any, tmp_path: Path) -> None:
    file = tmp_path / "camera.yaml"
    file.write_text("/**:\n  ros__parameters:\n    framerate: 60.0\n    frame_id: mine\n")
    _, started = launch("camera", "camera:=usb_cam", f"camera_params_file:={file}")
    assert started["usb_cam_node_exe"].parameters == {"frame_id": "mine", "framerate": 60.0}


@pytest.mark.usefixtures("drivers")
def test_a_driver_has_the_transport_for_large_images(launch: Any) -> None:
    _, started = launch("camera", "camera:=usb_cam")
    assert started["usb_cam_node_exe"].environment[profile_variable()] == str(image_profile())


@pytest.mark.parametrize("camera", ["usb_cam", "v4l2_camera", "realsense2_camera"])
def test_a_driver_that_is_not_installed_is_named_with_what_installs_it(launch: Any, camera: str) -> None:
    output, started = launch("camera", f"camera:={camera}", status=1)
    assert f"{camera} is not installed: sudo apt install ros-jazzy-{camera.replace('_', '-')}" in output
    assert not started


def test_an_unknown_camera_is_answered_with_those_that_there_are(launch: Any) -> None:
    output, _ = launch("camera", "camera:=kinect", status=1)
    assert "['blazepose', 'usb_cam', 'v4l2_camera', 'realsense2_camera']" in output


@pytest.fixture
def node(stand_in: Any, tmp_path: Path) -> None:
    """Make a stand-in of the node, beside the package's own files."""
    stand_in("blazepose_ros", "blazepose_node")
    (tmp_path / "share" / "blazepose_ros").symlink_to(LAUNCH.parent)


@pytest.mark.usefixtures("node")
def test_the_nodes_inputs_are_in_the_cameras_namespace_unless_they_are_named(launch: Any) -> None:
    _, started = launch("blazepose", "camera_namespace:=/eye", "namespace:=robot", "camera_info:=info")
    assert started["blazepose_node"].remappings == {
        "__node": "blazepose",
        "__ns": "/robot",
        "image": "/eye/image_raw",
        "camera_info": "info",
        "depth": "/eye/depth/image_raw",
        "depth/camera_info": "/eye/depth/camera_info",
    }


@pytest.mark.usefixtures("node")
def test_arguments_win_over_the_named_parameter_file(launch: Any) -> None:
    _, started = launch("blazepose", "params_file:=accurate.yaml", "model:=0", "tf_prefix:=1_")
    assert started["blazepose_node"].parameters == {"model_complexity": 0, "tf_prefix": "1_"}


def test_the_fusion_has_its_cameras_and_its_frame_and_a_file_of_parameters(
    launch: Any, stand_in: Any, tmp_path: Path
) -> None:
    stand_in("blazepose_ros", "blazepose_fusion")
    file = tmp_path / "fusion.yaml"
    file.write_text("/**:\n  ros__parameters:\n    rate: 20.0\n    fusion_frame: hall\n")
    _, started = launch(
        "fusion", "cameras:=front,rear", "fusion_frame:=odom", "namespace:=robot", f"params_file:={file}"
    )
    fusion = started["blazepose_fusion"]
    assert fusion.parameters == {"rate": 20.0, "cameras": "front,rear", "fusion_frame": "odom"}
    assert fusion.remappings == {"__node": "blazepose_fusion", "__ns": "/robot"}


@pytest.mark.usefixtures("node")
def test_rviz_shows_the_nodes_topics_in_the_cameras_frame(launch: Any, stand_in: Any) -> None:
    stand_in("rviz2", "rviz2")
    _, started = launch("blazepose", "rviz:=true", "namespace:=robot", "camera_namespace:=/eye")
    rviz = started["rviz2"]
    assert rviz.remappings["/blazepose/markers"] == "robot/blazepose/markers"
    assert rviz.remappings["/blazepose/annotated_image"] == "robot/blazepose/annotated_image"
    assert rviz.arguments[rviz.arguments.index("--fixed-frame") + 1] == "eye_link"
    assert Path(rviz.arguments[rviz.arguments.index("--display-config") + 1]).name == "blazepose.rviz"


@pytest.mark.usefixtures("node")
def test_without_rviz_installed_everything_ends_and_says_what_installs_it(launch: Any) -> None:
    output, _ = launch("blazepose", "rviz:=true", status=1)
    assert "rviz2 is not installed: sudo apt install ros-jazzy-rviz2, or start with rviz:=false" in output


def test_a_parameter_file_that_is_not_there_is_answered_with_those_that_are(launch: Any) -> None:
    output, started = launch("blazepose", "params_file:=nothing.yaml", status=1)
    assert "there is no parameter file nothing.yaml: give a path, or one of accurate.yaml, blaze" in output
    assert not started
