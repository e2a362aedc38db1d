# SPDX-License-Identifier: Apache-2.0
"""``blazepose echo`` as a process, beside a real publisher."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np
import pytest
from support.bodies import placed
from support.processes import executable, stopped_after

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import deserialize_message
from std_msgs.msg import Header

from blazepose_ros.conversions.pose33 import serialize_pose33_array
from blazepose_ros.core.types import Frame, ModelComplexity
from blazepose_ros.msg import Pose33Array

PICTURE_SIZE = (480, 640, 3)


@contextmanager
def echo(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [executable("blazepose"), "echo", *arguments]
    pipes = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with stopped_after(pipes) as process:
        yield process


@pytest.fixture
def say_poses(ros: ModuleType) -> Iterator[Callable[[], None]]:
    """Publishes one person who is 2 m away."""
    node = ros.create_node("nodes_stand_in")
    publisher = node.create_publisher(Pose33Array, "/robot/blazepose/poses", 1)
    frame = Frame(np.zeros(PICTURE_SIZE, np.uint8), 0)
    content = serialize_pose33_array([placed((0, 0, 2))], Header(frame_id="eye"), frame, ModelComplexity.FULL)
    yield lambda: publisher.publish(deserialize_message(content, Pose33Array))
    node.destroy_node()


def test_it_finds_the_topic_and_leaves_after_as_many_as_asked(say_poses: Callable[[], None]) -> None:
    with echo("--json", "--count", "2", "--rate", "0") as process:
        while process.poll() is None:
            say_poses()
            time.sleep(0.05)
        lines = process.stdout.read().splitlines()
    assert process.returncode == 0
    assert [json.loads(line)["topic"] for line in lines] == ["/robot/blazepose/poses"] * 2
    assert json.loads(lines[0])["people"][0]["hip_center"] == [0, 0, 2]


def test_it_says_what_it_waits_for() -> None:
    with echo("/nobody/poses") as process:
        assert "nothing publishes /nobody/poses yet" in process.stderr.readline()
