# SPDX-License-Identifier: Apache-2.0
"""Every command on the pages is run as it stands there, or it is said here why not."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.pages import ROOT, blocks, command_lines, write_clip
from support.photographs import read_rgb
from support.processes import executable, ros_arguments, running, stopped_after
from support.recordings import raw_images, write_bag

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.frame_sources.calibration_file import Calibration, format_calibration
from blazepose_ros.core.frame_sources.files import photograph
from blazepose_ros.core.repetitions.learning import LearnedExercise

DEADLINE_S = 120.0
POLL_S = 0.05
CLIP_FRAMES = 3
LEFT_SHOULDER = 5  # among COCO's 17 joints
VIEW_PORT = 8080

COMMANDS = sorted({line for block in blocks() if block.language == "bash" for line in command_lines(block)})

# Commands that end by themselves.
ENDING = (
    "blazepose --help",
    "blazepose bag recordings poses --parquet --keep nothing",
    "blazepose bag walk walk_motions --trc --bvh",
    "blazepose bag walk walk_poses",
    "blazepose eval photographs labels.json --model all --backend all --plot eval.png --json eval.json",
    "blazepose measure photo.jpg --angle left_elbow --distance left_shoulder,right_shoulder",
    "blazepose models fetch --model all",
    "blazepose models list",
    "blazepose models verify",
    "blazepose video walk.mp4 walk.mcap --calibration camera.yaml",
    "export FASTRTPS_DEFAULT_PROFILES_FILE=$(ros2 pkg prefix --share blazepose_ros)/config/fastdds.xml",
    "export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST",
    "make help",
    """python3 -c 'import numpy; print(f"numpy=={numpy.__version__}")' > constraints.txt""",
    "ros2 run blazepose_ros blazepose models fetch",
)

# Commands that go on until Ctrl-C, and what they say once they work.
NODE, LAUNCHED = "model from", "ros2 launch blazepose_ros blazepose.launch.py"
LASTING = {
    "blazepose echo": "waiting: nothing publishes poses yet",
    "blazepose_node --ros-args -r image:=image_raw": NODE,
    "blazepose view": "open http://localhost:8080",
    "blazepose_gestures": "waiting for people",
    "blazepose_repetitions --ros-args -p exercise:=exercise.json": "waiting for people",
    "blazepose_repetitions --ros-args -p exercise:=squat": "waiting for people",
    "blazepose_camera --ros-args -p source:=photo.jpg -p motion:=sway -p rate:=30.0": "playing photo.jpg",
    "blazepose_node --ros-args --params-file config/blazepose.yaml": NODE,
    "blazepose_node --ros-args -p image_transport:=compressed -r image:=/camera/image_raw": NODE,
    "blazepose_node --ros-args -p model_complexity:=2 -p visibility_threshold:=0.7": NODE,
    "blazepose_node --ros-args -r __ns:=/left -r image:=image_raw -p tf_prefix:=left_": NODE,
    "blazepose_node --ros-args -r __ns:=/right -r image:=image_raw -p tf_prefix:=right_": NODE,
    f"{LAUNCHED} camera_namespace:=/camera": NODE,
    "ros2 launch blazepose_ros multi_camera.launch.py cameras:=front,rear": NODE,
    "ros2 launch blazepose_ros fusion.launch.py cameras:=front,rear fusion_frame:=map": "are fused in map",
    "ros2 launch blazepose_ros uses.launch.py poses:=/blazepose/poses ground_frame:=base_footprint": (
        "waiting for people"
    ),
    f"{LAUNCHED} image:=/zed/zed_node/left/image_rect_color camera_info:=/zed/zed_node/left/camera_info"
    " depth:=/zed/zed_node/depth/depth_registered": NODE,
}

# Commands to a node that waits to be configured, in this order.
ASKING = (
    "ros2 lifecycle set /blazepose configure",
    "ros2 lifecycle set /blazepose activate",
    "ros2 param set /blazepose visibility_threshold 0.7",
)

# Commands that cannot be run here: how they begin, and why.
NOT_RUN = {
    "blazepose calibrate cameras": "it needs several cameras: test_calibrate_cameras.py runs it",
    "blazepose learn": "it needs a video of an exercise: test_uses.py runs it",
    "blazepose doctor": "its status is the machine's: test_documentation_code.py runs it",
    "make soak DURATION=1200": "it takes 20 minutes: test_soak.py runs it for seconds",
    "make soak NEIGHBORS=1": "it takes minutes and 8 GB: test_siege.py runs it for seconds",
    "blazepose_camera --ros-args -p source:=0": "it needs a webcam",
    "cd blazepose_ros": "it is for a shell of one's own",
    "docker": "it needs a container engine",
    "blazepose bag /shared/recordings": "it needs a cluster: test_bag_cluster.py runs one",
    "git clone": "it takes the sources from the network",
    "ros2 launch foxglove_bridge": "it needs foxglove_bridge, of a ROS distribution",
    "ros2 launch blazepose_ros blazepose.launch.py camera_namespace:=/camera rviz:=true": "it needs RViz",
    "colcon build": "it builds what these tests run in, where they run under colcon test",
    "export ROS_SECURITY_KEYSTORE": "the keys are SROS2's, from a ROS distribution",
    "make demo": "it makes an environment from the network: test_demo.py runs the command in it",
    "make install": "it makes the environment from the network that these tests run in",
    "make lint": "it checks the sources: make test begins with it",
    "make test": "it is what runs these tests",
    "pip install": "it takes packages from the network",
    "python3 -m venv": "it is for the packages from the network",
    "ros2 bag": "it needs rosbag2, of a ROS distribution",
    "ros2 launch blazepose_ros demo.launch.py camera:=": "it needs a camera and its driver",
    "ros2 run blazepose_ros blazepose_node --ros-args --enclave": "the keys are SROS2's",
    "ros2 security": "it needs sros2, of a ROS distribution",
    "rosdep install": "it installs packages of a ROS distribution",
    "source .venv": "it is for a shell of one's own",
    "source install": "it is for a shell of one's own",
    "source ~/": "it is for a shell of one's own",
    "ssh": "it needs another machine",
    "sudo": "it needs to be root, and a network",
    "venv/bin/blazepose": "it is for that environment",
    "venv/bin/pip": "it takes packages from the network",
}

needs_models = pytest.mark.usefixtures("models")


def test_every_command_is_run_or_has_a_reason_not_to() -> None:
    run = {*ENDING, *LASTING, *ASKING}
    assert [line for line in COMMANDS if line not in run and not line.startswith(tuple(NOT_RUN))] == []


def test_every_entry_here_is_for_a_command_on_a_page() -> None:
    assert [line for line in (*ENDING, *LASTING, *ASKING) if line not in COMMANDS] == []
    assert [start for start in NOT_RUN if not any(line.startswith(start) for line in COMMANDS)] == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A copy of the repository's top with the files that the pages speak of."""
    folder = tmp_path_factory.mktemp("pages")
    for name in ("Makefile", "config", "requirements"):
        (folder / name).symlink_to(ROOT / name)
    rgb = read_rgb(photograph())
    height, width = rgb.shape[:2]
    (folder / "photographs").mkdir()
    for name in ("photo.jpg", "photographs/photo.jpg"):
        cv2.imwrite(str(folder / name), rgb[..., ::-1])
    (folder / "labels.json").write_text(json.dumps(labels("photo.jpg", width, height)))
    camera = Calibration.monocular(CameraModel.from_hfov(width, height, 60.0))
    (folder / "camera.yaml").write_text(format_calibration(camera, "camera"))
    write_bag(folder / "walk", raw_images("/camera/image_raw", [rgb] * CLIP_FRAMES))
    LearnedExercise("exercise", {"left_knee": (10.0, 90.0)}).save(folder / "exercise.json")
    shutil.copytree(folder / "walk", folder / "recordings" / "robot1" / "walk")
    write_clip(folder / "walk.mp4", [rgb] * CLIP_FRAMES)
    return folder


def labels(name: Any, width: Any, height: Any) -> Any:
    """Return COCO's labels for a person almost all of whose joints are in the middle."""
    keypoints = [width / 2, height / 2, 2] * 17
    keypoints[3 * LEFT_SHOULDER] = 0.0  # apart from the hip: a torso has a size
    return {
        "images": [{"id": 1, "file_name": name, "width": width, "height": height}],
        "annotations": [{"image_id": 1, "keypoints": keypoints}],
    }


@pytest.fixture
def shell(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the commands of this package are found, as in an environment that is activated."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", str(Path(executable("blazepose")).parent), prepend=os.pathsep)


def needed(line: Any) -> None:
    """Skip where a program that a command needs is missing."""
    for program in {"ros2", "make"} & set(re.findall(r"\w+", line)):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    for start, module in {"ros2 launch": "launch_ros", "blazepose view": "viser"}.items():
        if line.startswith(start):
            pytest.importorskip(module, reason=f"{module} is not installed")
    if line == "blazepose view" and is_taken(VIEW_PORT):
        pytest.skip(f"port {VIEW_PORT} is taken")


def is_taken(port: Any) -> Any:
    with socket.socket() as client:
        return client.connect_ex(("localhost", port)) == 0


@needs_models
@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("line", ENDING)
def test_a_command_ends_well(line: str) -> None:
    needed(line)
    subprocess.run(["bash", "-euc", line], check=True, timeout=DEADLINE_S)


def start(line: Any, log: Any) -> Any:
    with log.open("w") as output:
        return subprocess.Popen(["bash", "-c", f"exec {line}"], stdout=output, stderr=subprocess.STDOUT)


@needs_models
@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("line", LASTING)
def test_a_command_works_until_ctrl_c(line: str, tmp_path: Path) -> None:
    needed(line)
    log = tmp_path / "log"
    with stopped_after(start(line, log)) as process:
        deadline_s = time.monotonic() + DEADLINE_S
        while LASTING[line] not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline_s, log.read_text()
            time.sleep(POLL_S)
    assert process.returncode == 0, log.read_text()


@pytest.fixture
def daemon() -> Iterator[None]:
    """End the daemon that the first of ros2's commands starts."""
    yield
    subprocess.run(["ros2", "daemon", "stop"], check=True, timeout=DEADLINE_S)


@needs_models
@pytest.mark.usefixtures("shell")
def test_a_node_does_what_it_is_asked(request: pytest.FixtureRequest) -> None:
    needed("ros2")
    request.getfixturevalue("daemon")
    with running("blazepose_node", *ros_arguments({"autostart": False})):
        for line in ASKING:
            said = answer(line)
            assert "uccessful" in said, said


def answer(line: Any) -> Any:
    """Return what a command says once the node is found."""
    deadline_s = time.monotonic() + DEADLINE_S
    while True:
        asked = ["bash", "-c", line]
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
        if "not found" not in done.stdout + done.stderr or time.monotonic() > deadline_s:
            return done.stdout + done.stderr
