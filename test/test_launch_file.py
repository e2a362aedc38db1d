"""The launch file starts a node that works, where launch is installed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

pytest.importorskip("launch_ros", reason="launch and launch_ros are not installed")

from pose_client import START_NS, PoseClient, image_message

LAUNCH_FILE = Path(__file__).resolve().parents[1] / "launch" / "blazepose.launch.py"
TIMEOUT_S = 15.0

# What `ros2 launch FILE ARGUMENT:=VALUE ...` does.
LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

file, *arguments = sys.argv[1:]
pairs = [argument.split(":=", 1) for argument in arguments]
source = PythonLaunchDescriptionSource(file)
service = LaunchService()
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=pairs)])
)
sys.exit(service.run())
"""


@pytest.mark.usefixtures("models")
def test_the_launch_file_starts_a_node_with_the_topics_and_parameters_it_is_given(ros, data, tmp_path):
    parameters = tmp_path / "parameters.yaml"
    parameters.write_text("/**:\n  ros__parameters:\n    model_complexity: 0\n    placement: none\n")
    client = PoseClient(ros)
    client.listen("poses")
    command = [sys.executable, "-c", LAUNCH, str(LAUNCH_FILE), "image:=image", f"params_file:={parameters}"]
    launched = subprocess.Popen(command, start_new_session=True)
    try:
        client.wait_until_connected()
        bgr = cv2.imread(str(data / "images" / "mp_pose.jpg"))
        (pose,) = client.ask(image_message(bgr, "bgr8", START_NS)).poses
        assert pose.model_complexity == pose.LITE
        assert pose.placement == pose.NONE
    finally:
        os.killpg(launched.pid, signal.SIGINT)  # Ctrl-C goes to all: launch relies on it
        assert launched.wait(TIMEOUT_S) == 0
        client.close()
