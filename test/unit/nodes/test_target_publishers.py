# SPDX-License-Identifier: Apache-2.0
"""People in the target frame wait for their transforms, and nothing else waits for them."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import serialize_message

from blazepose_ros.conversions.cdr import header_message, stamp_ns
from blazepose_ros.conversions.tf_buffer import TfBuffer
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.transforms import Rigid
from blazepose_ros.msg import Pose33Array
from blazepose_ros.nodes.pose.target_publishers import MAX_WAITING, CameraPeople, TargetPublishers

START_NS = 10**12
FRAME_NS = 33_000_000
# No test waits for it: it is longer than a transform takes to come.
TIMEOUT_S = 60.0


class FakePublisher:
    """Keeps the stamps of what is published, in order, and tells when there are so many."""

    def __init__(self) -> None:
        self.stamps_ns: list[int] = []
        self.frames: set[str] = set()
        self._published = threading.Condition()

    def publish(self, msg: Pose33Array) -> None:
        with self._published:
            self.stamps_ns.append(stamp_ns(msg.header))
            self.frames.add(msg.header.frame_id)
            self._published.notify_all()

    def wait_for(self, number: int) -> None:
        with self._published:
            last_ns = START_NS + number * FRAME_NS
            assert self._published.wait_for(lambda: last_ns in self.stamps_ns, TIMEOUT_S)


class Setup:
    """Publishers without a middleware, and a buffer of transforms."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.buffer = TfBuffer()
        self.target = TargetPublishers(
            lambda *_: FakePublisher(), self.buffer, FunctionLogger(self.log.append)
        )

    def publish(self, number: int, timeout_s: float = TIMEOUT_S) -> None:
        header = header_message(START_NS + number * FRAME_NS, "eye")
        message = bytes(serialize_message(Pose33Array(header=header)))
        self.target.publish(CameraPeople("eye", stamp_ns(header), message, None), "map", timeout_s)

    def know(self, number: int) -> None:
        self.buffer.insert("map", "eye", Rigid(np.eye(3), np.zeros(3)), START_NS + number * FRAME_NS)


@pytest.fixture
def setup() -> Iterator[Setup]:
    setup = Setup()
    setup.know(0)
    yield setup
    setup.target.close()


def test_people_wait_for_their_transforms_and_keep_their_order(setup: Setup) -> None:
    for number in range(1, 9):
        setup.publish(number)
    assert setup.target.poses.stamps_ns == []
    setup.know(4)
    setup.target.poses.wait_for(4)
    setup.know(8)
    setup.target.poses.wait_for(8)
    assert setup.target.poses.stamps_ns == [START_NS + number * FRAME_NS for number in range(1, 9)]
    assert setup.target.poses.frames == {"map"}
    assert setup.log == []


def test_people_whose_transform_does_not_come_are_told_of_and_the_next_ones_are_published(
    setup: Setup,
) -> None:
    setup.publish(5, timeout_s=0.0)
    setup.publish(0)
    setup.target.poses.wait_for(0)
    assert setup.target.poses.stamps_ns == [START_NS]
    assert setup.log == [
        "people are not expressed in map (target_frame):"
        " the image is 165 ms after the newest transform from map to eye"
    ]
    assert setup.target.trouble == ""


def test_trouble_is_that_of_the_last_image(setup: Setup) -> None:
    setup.publish(5, timeout_s=0.0)
    setup.target.close()
    assert "165 ms after the newest" in setup.target.trouble


def test_no_more_wait_than_there_may(setup: Setup) -> None:
    for number in range(1, 2 * MAX_WAITING):
        setup.publish(number)
    assert len(setup.target._waiting) == MAX_WAITING
    setup.know(2 * MAX_WAITING)
    setup.target.poses.wait_for(2 * MAX_WAITING - 1)
    assert len(setup.target.poses.stamps_ns) <= MAX_WAITING + 1
    assert setup.target.poses.stamps_ns == sorted(setup.target.poses.stamps_ns)
    assert "that takes too long" in setup.log[0]


def test_what_goes_wrong_there_is_not_lost(setup: Setup) -> None:
    def fail(_: Any) -> None:
        raise RuntimeError("no publisher")

    setup.target.poses.publish = fail

    def publish_twice() -> None:
        setup.publish(0)
        setup.target._waiting[0].exception()
        setup.publish(0)

    with pytest.raises(RuntimeError, match="no publisher"):
        publish_twice()
