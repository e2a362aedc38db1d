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


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@contextmanager
def troubled_node(ros: ModuleType, log: Any, **parameters: Any) -> Iterator[PoseClient]:
    """Run a node with an estimator that can be told to fail, and yield a client of it."""
    client = PoseClient(ros)
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


@pytest.mark.parametrize(
    ("color", "complaint"),
    [
        (RED, "the estimator hangs: it is at one image for more than 0.5 s: another one is built"),
        (GREEN, "the estimator failed with ZeroDivisionError: a bug of the library: another one is built"),
        (BLUE, "the estimator failed with MemoryError"),
    ],
    ids=["hangs", "raises", "memory"],
)
def test_an_estimator_in_trouble_is_replaced(ros: ModuleType, log: Path, color: Any, complaint: str) -> None:
    with troubled_node(ros, log) as client:
        stream = Stream(client, image(GRAY))
        stream.ask()

        def told() -> bool:
            stream.publish(image(color))
            return complaint in log.read_text()

        client.wait_for(told, "a message")
        stream.ask()
        assert log.read_text().count("LITE model from") > 1


def test_a_hanging_estimator_does_not_keep_the_node_from_leaving(ros: ModuleType, log: Path) -> None:
    with troubled_node(ros, log, inference_timeout_s=3600.0) as client:
        stream = Stream(client, image(GRAY))
        stream.ask()

        def hangs() -> bool:
            stream.publish(image(RED))
            return TROUBLE in log.read_text()

        client.wait_for(hangs, "the estimator's trouble")


def test_a_change_of_the_model_while_it_hangs_is_taken(ros: ModuleType, log: Path) -> None:
    with troubled_node(ros, log) as client:
        stream = Stream(client, image(GRAY))
        stream.ask()
        stream.publish(image(RED))
        assert set_parameters(client, num_poses=2) == ""
        stream.ask()
