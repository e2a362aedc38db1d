# SPDX-License-Identifier: Apache-2.0
"""The camera as a user runs it: a process, heard over DDS."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from support.processes import executable, ros_arguments
from support.videos import write_timed_video

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.frame_sources.calibration_file import Calibration, format_calibration
from blazepose_ros.core.frame_sources.camera_stream import MOTIONS, move

DISCOVERY_S = 15.0
RELIABLE = QoSProfile(depth=100)
CAMERA = executable("blazepose_camera")
GRAYS = [20, 60, 100, 140, 180, 220]


class Listener:
    """Collects what is published under some topics."""

    def __init__(self) -> None:
        self.context = Context()
        self.context.init()
        self.node = Node("listener", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)

    def listen(self, kind: Any, topic: Any, qos: Any = RELIABLE) -> Any:
        messages = []
        self.node.create_subscription(kind, topic, messages.append, qos)
        return messages

    def spin_until(self, condition: Any, timeout_s: Any = DISCOVERY_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "nothing came in time"
            self.executor.spin_once(timeout_sec=0.1)

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.shutdown()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def start() -> Iterator[Any]:
    processes = []

    def start(**parameters: Any) -> Any:
        process = subprocess.Popen(
            [CAMERA, *ros_arguments(parameters)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (64, 48))
    for gray in GRAYS:
        writer.write(np.full((48, 64, 3), gray, np.uint8))
    writer.release()
    return tmp_path / "clip.avi"


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    coarse = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "photograph.png"), cv2.resize(coarse, (160, 120)))
    return tmp_path / "photograph.png"


def pixels(message: Any) -> Any:
    return np.asarray(message.data).reshape(message.height, message.width, 3)


def stamp_ns(message: Any) -> Any:
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


def test_a_video_whose_rate_varies_is_played_at_the_times_of_its_frames(
    start: Any, listener: Listener, tmp_path: Path
) -> None:
    times_ms = [0, 33, 66, 300, 333]
    frames = [np.full((48, 64, 3), value, np.uint8) for value in GRAYS[: len(times_ms)]]
    source = write_timed_video(tmp_path / "clip.mkv", frames, times_ms)
    images = listener.listen(Image, "image_raw")
    camera = start(source=source, loop=False, wait_for_subscribers=1)
    listener.spin_until(lambda: camera.poll() is not None)
    assert [round(pixels(image).mean()) for image in images] == pytest.approx(GRAYS[: len(times_ms)], abs=2)
    stamps_ms = np.array([stamp_ns(image) for image in images]) / 1e6
    assert stamps_ms[-1] - stamps_ms[0] >= times_ms[-1] - 5  # a busy machine only makes it longer


def test_a_video_is_published_frame_by_frame_and_its_end_is_status_0(
    start: Any, listener: Listener, video: Path
) -> None:
    images = listener.listen(Image, "image_raw")
    infos = listener.listen(CameraInfo, "camera_info")
    camera = start(
        source=video, rate=20, loop=False, frame_id="eye", wait_for_subscribers=1, assumed_hfov_deg=60
    )
    listener.spin_until(lambda: camera.poll() is not None)
    listener.spin_until(lambda: len(images) == len(infos) == len(GRAYS))
    assert camera.returncode == 0
    assert [round(pixels(image).mean()) for image in images] == pytest.approx(GRAYS, abs=2)
    assert [image.header for image in images] == [info.header for info in infos]
    assert {image.header.frame_id for image in images} == {"eye"}
    assert (np.diff([stamp_ns(image) for image in images]) > 0).all()
    # 60 degrees across 64 pixels.
    assert infos[0].k[0] == pytest.approx(32 / np.tan(np.radians(30)))
    assert "Traceback" not in camera.stdout.read()


def test_a_moving_photograph_is_where_its_stamps_say_for_a_best_effort_subscriber(
    start: Any, listener: Listener, photograph: Path
) -> None:
    images = listener.listen(Image, "image_raw", qos_profile_sensor_data)
    start(source=photograph, rate=30, motion="sway")
    listener.spin_until(lambda: len(images) >= 10)
    still = cv2.imread(str(photograph))
    for image in images:
        assert np.array_equal(pixels(image), move(still, MOTIONS["sway"], stamp_ns(image)))
    assert not np.array_equal(pixels(images[0]), pixels(images[-1]))


def test_the_jpeg_shows_the_photograph_in_its_colours(
    start: Any, listener: Listener, photograph: Path
) -> None:
    images = listener.listen(CompressedImage, "image_raw/compressed", qos_profile_sensor_data)
    start(source=photograph, rate=20)
    listener.spin_until(lambda: images)
    decoded = cv2.imdecode(np.asarray(images[0].data), cv2.IMREAD_COLOR)
    difference = decoded.astype(int) - cv2.imread(str(photograph))
    assert np.abs(difference).mean() < 5


def test_a_calibration_is_scaled_to_the_images(
    start: Any, listener: Listener, photograph: Path, tmp_path: Path
) -> None:
    camera = CameraModel(320, 240, np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]]), (0.1, 0, 0, 0, 0))
    (tmp_path / "eye.yaml").write_text(format_calibration(Calibration.monocular(camera), "eye"))
    infos = listener.listen(CameraInfo, "camera_info", qos_profile_sensor_data)
    start(source=photograph, camera_info_url=f"file://{tmp_path}/eye.yaml", width=80)
    listener.spin_until(lambda: infos)
    assert (infos[0].width, infos[0].height) == (80, 60)
    assert list(infos[0].k) == pytest.approx([75, 0, 39.625, 0, 75, 29.625, 0, 0, 1])
    assert list(infos[0].d) == [0.1, 0, 0, 0, 0]


def test_a_damaged_image_in_a_folder_is_reported_and_passed_over(
    start: Any, listener: Listener, tmp_path: Path
) -> None:
    for name, gray in (("1", 50), ("3", 150)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((48, 64, 3), gray, np.uint8))
    (tmp_path / "2.png").write_bytes(b"damaged")
    images = listener.listen(Image, "image_raw")
    camera = start(source=tmp_path, rate=20, loop=False, wait_for_subscribers=1)
    listener.spin_until(lambda: camera.poll() is not None)
    listener.spin_until(lambda: len(images) == 2)
    assert [round(pixels(image).mean()) for image in images] == [50, 150]
    assert camera.returncode == 0
    assert "2.png cannot be decoded" in camera.stdout.read()


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({}, "the source is empty: give a video"),
        ({"source": "/missing.mp4"}, "/missing.mp4 does not exist"),
        ({"source": "PHOTOGRAPH", "motion": "dance"}, "it takes one of none, "),
        ({"source": "PHOTOGRAPH", "rate": -1.0}, "parameter rate is -1.0"),
        ({"source": "PHOTOGRAPH", "camera_info_url": "/missing.yaml"}, "/missing.yaml cannot be read"),
        ({"source": "PHOTOGRAPH", "camera_info_url": "http://x/y.yaml"}, "neither a path nor file:///PATH"),
        (
            {"source": "PHOTOGRAPH", "camera_info_url": "package://no_such/y.yaml"},
            "'no_such' is not installed",
        ),
    ],
)
def test_a_configuration_that_cannot_work_is_one_line_and_status_1(
    start: Any, photograph: Path, parameters: Any, complaint: str
) -> None:
    given = {name: photograph if value == "PHOTOGRAPH" else value for name, value in parameters.items()}
    camera = start(**given)
    output = camera.communicate(timeout=DISCOVERY_S)[0]
    assert camera.returncode == 1
    assert complaint in output
    assert len(output.splitlines()) == 1


def test_an_argument_that_is_no_ros_argument_is_refused() -> None:
    camera = subprocess.run(
        [CAMERA, "clip.mp4"], capture_output=True, text=True, timeout=DISCOVERY_S, check=False
    )
    assert camera.returncode == 1
    assert "unexpected 'clip.mp4': settings are given as --ros-args -p NAME:=VALUE" in camera.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_camera_in_silence_even_if_it_is_repeated(
    start: Any, listener: Listener, photograph: Path, number: signal.Signals
) -> None:
    infos = listener.listen(CameraInfo, "camera_info")
    camera = start(source=photograph)
    listener.spin_until(lambda: infos)
    for _ in range(3):
        camera.send_signal(number)
    output = camera.communicate(timeout=DISCOVERY_S)[0]
    assert camera.returncode == 0
    assert "Traceback" not in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_starting_ends_a_camera_in_silence(
    start: Any, photograph: Path, number: signal.Signals
) -> None:
    camera = start(source=photograph)
    wait_until_signals_are_handled(camera)
    for _ in range(3):
        camera.send_signal(number)
    output = camera.communicate(timeout=DISCOVERY_S)[0]
    assert camera.returncode == 0
    assert output == ""


def wait_until_signals_are_handled(process: Any) -> None:
    """Wait for the first line of run_node; SIGTERM has no handler before."""
    deadline = time.monotonic() + DISCOVERY_S
    while not handles(process.pid, signal.SIGTERM):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)


def handles(pid: Any, number: Any) -> Any:
    status = Path(f"/proc/{pid}/status").read_text().split("SigCgt:")[1].split()[0]
    return bool(int(status, 16) >> (number - 1) & 1)
