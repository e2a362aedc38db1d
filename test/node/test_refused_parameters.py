# SPDX-License-Identifier: Apache-2.0
"""Changes of parameters that one running node takes or refuses."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.node_services import parameters, set_parameters
from support.photographs import PERSON
from support.pose_client import Stream, pose_node

from blazepose_ros.core.settings import NodeSettings

pytestmark = pytest.mark.usefixtures("models")


@pytest.fixture(scope="module")
def bgr(data: Path) -> Any:
    return cv2.imread(str(data / PERSON))


@pytest.fixture(scope="module")
def answering(ros: ModuleType, bgr: Any) -> Iterator[tuple[Any, Stream]]:
    """A client of a running node, and a stream of images for it."""
    with pose_node(ros, model_complexity=0) as client:
        yield client, Stream(client, bgr)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model_complexity": 3}, "it takes one of 0, 1, 2"),
        ({"model_complexity": "heavy"}, "it takes one of 0, 1, 2"),
        ({"min_detection_confidence": 1.5}, "it takes a number from 0 to 1"),
        ({"min_detection_confidence": float("nan")}, "it takes a number from 0 to 1"),
        ({"num_poses": 0}, "it takes an integer from 1 to 32"),
        ({"placement": "magic"}, "it takes one of auto, mono"),
        ({"tf_prefix": "left camera/"}, "it takes a string that matches"),
        ({"publish_tf": 1}, "it takes true or false"),
        ({"model_complexities": 1}, "there is no parameter model_complexities, perhaps model_complexity"),
        ({"autostart": False}, "parameter autostart is read-only"),
        ({"use_sim_time": "perhaps"}, ""),  # refused in words of rclpy, which differ between versions
        ({"model_path": "/nowhere/model.task"}, "there is no model at /nowhere/model.task"),
        ({"backend": "litert", "precision": "bf16"}, "LiteRT has no bf16 on the device cpu, only f32"),
        ({"backend": "mediapipe", "precision": "bf16"}, "MediaPipe computes in f32 only, not in bf16"),
    ],
    ids=lambda each: ", ".join(each) if isinstance(each, dict) else "",
)
def test_a_change_that_cannot_work_is_refused_whole_and_work_goes_on(
    answering: tuple[Any, Stream], change: Any, reason: str
) -> None:
    client, stream = answering
    before = parameters(client)
    assert reason in set_parameters(client, visibility_threshold=0.25, **change)
    assert parameters(client) == before
    assert stream.ask().model_complexity == 0


def test_a_damaged_model_is_refused(answering: tuple[Any, Stream], tmp_path: Path) -> None:
    client, stream = answering
    (tmp_path / "model.task").write_bytes(b"no model")
    assert "damaged or not a known model" in set_parameters(client, model_path=str(tmp_path / "model.task"))
    stream.ask()


def test_each_change_of_several_stands_for_itself_unless_asked_for_at_once(
    answering: tuple[Any, Stream],
) -> None:
    client, _ = answering
    refusal = set_parameters(client, atomically=False, visibility_threshold=0.25, num_poses=0)
    assert refusal == "parameter num_poses is 0, it takes an integer from 1 to 32"
    assert parameters(client)["visibility_threshold"] == 0.25


def test_an_integer_is_taken_for_a_number(answering: tuple[Any, Stream]) -> None:
    client, _ = answering
    assert set_parameters(client, assumed_hfov_deg=70) == ""
    assert parameters(client)["assumed_hfov_deg"] == 70.0


def test_every_parameter_that_may_change_takes_what_it_has(answering: tuple[Any, Stream]) -> None:
    client, stream = answering
    values = parameters(client)
    for parameter in NodeSettings.parameters().values():
        if not parameter.read_only:
            assert set_parameters(client, **{parameter.name: values[parameter.name]}) == "", parameter.name
    stream.ask()
