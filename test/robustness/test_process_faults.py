# SPDX-License-Identifier: Apache-2.0
"""What happens around the node: cameras that die, that come twice, a profile that is not there.

``KILLS=20`` kills so many cameras in a row.
"""

import os
import re
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import cv2
import numpy as np
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage
from support.pose_client import START_NS, image_message, pose_node
from support.processes import ros_arguments, running

from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.core.frame_sources.files import photograph
from blazepose_ros.core.models.registry import BUNDLES, cache_folder
from blazepose_ros.core.types import ModelComplexity
from blazepose_ros.msg import Timing
from blazepose_ros.nodes.common.dds import profile_variable

pytestmark = [pytest.mark.alone, pytest.mark.usefixtures("models")]

KILLS = int(os.environ.get("KILLS", "3"))
RATE_HZ = 30
# A second of images. What a camera sends before others have discovered it reaches nobody.
MAX_IMAGES_TO_RECOVERY = RATE_HZ
KEEP = QoSProfile(depth=1000)
# Enough for the photograph, not for an image of 128 million pixels.
MORE_BYTES = 100_000_000
SHARED_MEMORY = re.compile(r"/dev/shm/\S+")


@contextmanager
def camera(frame_id: Any, **parameters: Any) -> Iterator[Any]:
    """Run a camera that shows the demo's photograph."""
    settings = {"source": str(photograph()), "rate": float(RATE_HZ), "frame_id": frame_id, "motion": "sway"}
    arguments = ros_arguments({**settings, "width": 256, **parameters}, {"image_raw": "image"})
    with running("blazepose_camera", "--ros-args", "-r", f"__node:={frame_id}", *arguments) as process:
        yield process


def shared_memory_of(pid: Any) -> Any:
    maps = Path(f"/proc/{pid}/maps")
    return set(SHARED_MEMORY.findall(maps.read_text())) if maps.exists() else set()


def kill(process: Any, *survivors: Any) -> None:
    """Kill a process and remove the shared memory that it had to itself, which nobody else will."""
    owned = shared_memory_of(process.pid)
    process.kill()
    process.wait()
    for path in owned - set().union(*map(shared_memory_of, survivors)):
        Path(path).unlink(missing_ok=True)


def answered_from(client: Any, frame_id: Any) -> Any:
    """Return the answers with a person to the images of a camera."""
    return [
        answer for answer in client.received["poses"] if answer.header.frame_id == frame_id and answer.poses
    ]


def test_after_a_camera_was_killed_the_first_second_of_the_next_ones_images_has_poses(
    ros: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    log, received, waits_ms, waits_images = "", {}, [], []
    with pose_node(ros) as client:
        client.node.create_subscription(
            Timing, "blazepose/timing", lambda msg: received.setdefault(header_of(msg), msg.received), KEEP
        )
        for number in range(KILLS):
            frame_id = f"camera_{number}"
            with camera(frame_id) as process:
                first = header_of(
                    client.wait_for(lambda name=frame_id: answered_from(client, name), "poses")[0]
                )
                client.wait_for(lambda header=first: header in received, "its timing")
                before = max((count for (_, name), count in received.items() if name != frame_id), default=0)
                kill(process, client.process.pid, os.getpid())
            said = capfd.readouterr().err
            log += said
            waits_ms.append((first[0] - started_ns(said, frame_id)) / 1e6)
            waits_images.append(received[first] - before)
    print("ms from a camera's start to its first image with a pose:", *map(round, waits_ms))  # noqa: T201
    print("images that reached the node until then:", *waits_images)  # noqa: T201
    assert "Traceback" not in log
    assert max(waits_images) <= MAX_IMAGES_TO_RECOVERY


def started_ns(log: Any, frame_id: Any) -> int:
    """Return when a camera began to play, by its own log: its first image comes a period later."""
    (seconds,) = re.findall(rf"\[INFO\] \[([\d.]+)\] \[{frame_id}\]: playing", log)
    return int(float(seconds) * 1e9)


def test_two_cameras_on_one_topic_are_answered_each_with_its_own_header(ros: ModuleType) -> None:
    sent, names = [], ("left", "right")
    with pose_node(ros) as client:
        client.node.create_subscription(
            CameraInfo, "camera_info", lambda msg: sent.append(header_of(msg)), KEEP
        )
        with camera(names[0]), camera(names[1]):
            for name in names:
                client.wait_for(lambda name=name: name in {frame_id for _, frame_id in sent}, name)
            both_ns = sent[-1][0]

            def answered(name: Any) -> Any:
                return [stamp for stamp in map(header_of, answered_from(client, name)) if stamp[0] > both_ns]

            for name in names:
                client.wait_for(lambda name=name: len(answered(name)) > RATE_HZ, f"answers to {name}")
        for name in names:
            client.wait_for(lambda name=name: set(sent) >= set(answered(name)), "the images of the answers")
            assert len(set(answered(name))) == len(answered(name))


def header_of(msg: Any) -> tuple[Any, Any]:
    return stamp_ns(msg.header), msg.header.frame_id


def test_without_the_network_profile_the_node_works_all_the_same(
    ros: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(profile_variable(), "/nowhere/fastdds.xml")
    pixels = cv2.imread(str(photograph()))
    with pose_node(ros) as client:
        assert client.ask(image_message(pixels, "bgr8", START_NS)).poses
    assert "Traceback" not in capfd.readouterr().err


def test_a_model_file_that_is_replaced_while_the_node_runs_changes_nothing(
    ros: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
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


def test_an_image_that_memory_does_not_suffice_for_is_dropped_and_the_next_one_answered(
    ros: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    small = cv2.imread(str(photograph()))
    large = CompressedImage(
        format="jpeg", data=cv2.imencode(".jpg", np.zeros((16000, 8000), np.uint8))[1].tobytes()
    )
    log = []
    with pose_node(ros, image_transport="compressed") as client:
        assert client.ask(as_jpeg(small, START_NS)).poses
        limit_memory(client.process.pid, MORE_BYTES)

        def is_refused() -> bool:
            client.image.publish(large)
            client.executor.spin_once(timeout_sec=0.2)
            log.append(capfd.readouterr().err)
            return "image dropped: memory does not suffice for the image" in "".join(log)

        client.wait_for(is_refused, "a complaint about memory")
        assert client.ask(as_jpeg(small, START_NS + 1)).poses
    assert "Traceback" not in "".join(log) + capfd.readouterr().err


def as_jpeg(bgr: Any, stamp_ns: Any) -> CompressedImage:
    msg = image_message(bgr, "bgr8", stamp_ns)
    return CompressedImage(header=msg.header, format="jpeg", data=cv2.imencode(".jpg", bgr)[1].tobytes())


def limit_memory(pid: Any, more_bytes: Any) -> None:
    """Let a process have so much more memory and no more."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + more_bytes
    resource.prlimit(pid, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
