"""What happens around the node: cameras that die, that come twice, a profile that is not there.

``KILLS=20`` kills so many cameras in a row.
"""

import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import cv2
from pose_client import START_NS, image_message, pose_node
from processes import ros_arguments, running
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo

from blazepose_ros.demo.photograph import photograph
from blazepose_ros.image_messages import stamp_ns
from blazepose_ros.models.store import BUNDLES, cache_folder
from blazepose_ros.pose import ModelComplexity
from blazepose_ros.transport import profile_variable

pytestmark = pytest.mark.usefixtures("models")

KILLS = int(os.environ.get("KILLS", "3"))
RATE_HZ = 30
# A second of images: discovery takes most of it.
MAX_IMAGES_TO_RECOVERY = RATE_HZ
SHARED_MEMORY = re.compile(r"/dev/shm/\S+")


@contextmanager
def camera(frame_id, **parameters):
    """Run a camera that shows the demo's photograph."""
    settings = {"source": str(photograph()), "rate": float(RATE_HZ), "frame_id": frame_id, "motion": "sway"}
    arguments = ros_arguments({**settings, "width": 256, **parameters}, {"image_raw": "image"})
    with running("blazepose_camera", "--ros-args", "-r", f"__node:={frame_id}", *arguments) as process:
        yield process


def shared_memory_of(pid):
    maps = Path(f"/proc/{pid}/maps")
    return set(SHARED_MEMORY.findall(maps.read_text())) if maps.exists() else set()


def kill(process, *survivors):
    """Kill a process and remove the shared memory that it had to itself, which nobody else will."""
    owned = shared_memory_of(process.pid)
    process.kill()
    process.wait()
    for path in owned - set().union(*map(shared_memory_of, survivors)):
        Path(path).unlink(missing_ok=True)


def answered_from(client, frame_id):
    """Return the answers with a person to the images of a camera."""
    return [
        answer for answer in client.received["poses"] if answer.header.frame_id == frame_id and answer.poses
    ]


def test_a_camera_that_is_killed_and_started_again_is_heard_within_a_second(ros, capfd):
    log, waits_ms = "", []
    with pose_node(ros) as client:
        for number in range(KILLS):
            frame_id = f"camera_{number}"
            with camera(frame_id) as process:
                first = client.wait_for(lambda name=frame_id: answered_from(client, name), "poses")[0]
                kill(process, client.process.pid, os.getpid())
            said = capfd.readouterr().err
            log += said
            waits_ms.append((stamp_ns(first.header) - started_ns(said, frame_id)) / 1e6)
    print("ms from the camera's start to the first image that was answered:", *map(round, waits_ms))  # noqa: T201
    assert "Traceback" not in log
    assert max(waits_ms) * RATE_HZ / 1000 <= MAX_IMAGES_TO_RECOVERY


def started_ns(log, frame_id):
    """Return when a camera began to play, by its own log: its first image comes a period later."""
    (seconds,) = re.findall(rf"\[INFO\] \[([\d.]+)\] \[{frame_id}\]: playing", log)
    return int(float(seconds) * 1e9)


def test_two_cameras_on_one_topic_are_answered_each_with_its_own_header(ros):
    sent = []
    with pose_node(ros) as client:
        client.node.create_subscription(
            CameraInfo, "camera_info", lambda msg: sent.append(header_of(msg)), QoSProfile(depth=1000)
        )
        with camera("left"), camera("right"):
            for frame_id in ("left", "right"):
                client.wait_for(lambda name=frame_id: len(answered_from(client, name)) > RATE_HZ, frame_id)
        answered = [header_of(answer) for answer in client.received["poses"]]
        heard_of_both = max(
            sent.index(next(each for each in sent if each[1] == name)) for name in ("left", "right")
        )
    known = set(sent)
    later = [each for each in answered if each[0] > sent[heard_of_both][0]]
    assert len(later) > RATE_HZ
    assert known >= set(later)
    assert len(set(answered)) == len(answered)


def header_of(msg):
    return stamp_ns(msg.header), msg.header.frame_id


def test_without_the_network_profile_the_node_works_all_the_same(ros, monkeypatch, capfd):
    monkeypatch.setenv(profile_variable(), "/nowhere/fastdds.xml")
    pixels = cv2.imread(str(photograph()))
    with pose_node(ros) as client:
        assert client.ask(image_message(pixels, "bgr8", START_NS)).poses
    assert "Traceback" not in capfd.readouterr().err


def test_a_model_file_that_is_replaced_while_the_node_runs_changes_nothing(ros, monkeypatch, tmp_path):
    name = BUNDLES[ModelComplexity.FULL].file_name
    own = tmp_path / "blazepose_ros" / name
    own.parent.mkdir()
    shutil.copy(cache_folder() / name, own)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    pixels = cv2.imread(str(photograph()))
    with pose_node(ros) as client:
        before = client.ask(image_message(pixels, "bgr8", START_NS))
        own.write_bytes(b"no model at all")
        after = client.ask(image_message(pixels, "bgr8", 0))  # back in time, which starts anew
        own.unlink()
        last = client.ask(image_message(pixels, "bgr8", START_NS))
    assert before.poses[0].world_landmarks == after.poses[0].world_landmarks == last.poses[0].world_landmarks
