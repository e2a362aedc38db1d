# SPDX-License-Identifier: Apache-2.0
"""An estimator that hangs or fails is replaced, and the next images are answered."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support import troubled_estimator_node
from support.node_services import set_parameters
from support.pose_client import PoseClient, Stream
from support.processes import ros_arguments, stopped_after
from support.troubled_estimator_node import BLUE, GREEN, RED, TROUBLE

pytestmark = pytest.mark.usefixtures("models")
GRAY = (9, 9, 9)


@contextmanager
def troubled_node(ros: ModuleType, log: Path, **parameters: Any) -> Iterator[PoseClient]:
    """Run a node with an estimator that can be told to fail, and yield a client of it."""
    client = PoseClient(ros)
    client.log_path = log
    client.listen("poses")
    settings = {
        "backend": "mediapipe",
        "model_complexity": 0,
        "image_reliability": "reliable",
        "inference_timeout_s": 0.5,
        **parameters,
    }
    command = [sys.executable, troubled_estimator_node.__file__, *ros_arguments(settings)]
    try:
        with log.open("w") as output, stopped_after(subprocess.Popen(command, stderr=output)) as node:
            client.wait_until_connected()
            yield client
    finally:
        client.close()
    assert node.returncode == 0
    assert "Traceback" not in log.read_text()


def image(color: Any) -> Any:
    return np.full((48, 64, 3), color[::-1], np.uint8)


def test_a_hanging_estimator_does_not_keep_the_node_from_leaving(ros: ModuleType, tmp_path: Path) -> None:
    with troubled_node(ros, tmp_path / "log", inference_timeout_s=3600.0) as client:
        stream = Stream(client, image(GRAY))
        stream.ask()

        def hangs() -> bool:
            stream.publish(image(RED))
            return TROUBLE in client.log()

        client.wait_for(hangs, "the estimator's trouble")


@pytest.fixture(scope="module")
def shared_node(ros: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PoseClient]:
    """A node whose estimator recovers."""
    with troubled_node(ros, tmp_path_factory.mktemp("node") / "log") as client:
        yield client


@pytest.fixture
def client(shared_node: PoseClient) -> PoseClient:
    """The client of that node, which has forgotten the test before."""
    shared_node.forget()
    return shared_node


@pytest.mark.parametrize(
    ("color", "complaint"),
    [
        (RED, "the estimator hangs: it is at one image for more than 0.5 s: another one is built"),
        (GREEN, "the estimator failed with ZeroDivisionError: a bug of the library: another one is built"),
        (BLUE, "the estimator failed with MemoryError"),
    ],
    ids=["hangs", "raises", "memory"],
)
def test_an_estimator_in_trouble_is_replaced(client: PoseClient, color: Any, complaint: str) -> None:
    stream = Stream(client, image(GRAY))
    stream.ask()

    def told() -> bool:
        stream.publish(image(color))
        return complaint in client.log()

    client.wait_for(told, "a message")
    stream.ask()
    assert "LITE model from" in client.log()


def test_a_change_of_the_model_while_it_hangs_is_taken(client: PoseClient) -> None:
    stream = Stream(client, image(GRAY))
    stream.ask()
    stream.publish(image(RED))
    assert set_parameters(client, num_poses=2) == ""
    stream.ask()
