# SPDX-License-Identifier: Apache-2.0
"""Boxes of people are handed out once, with an image of their time."""

from typing import Any

import pytest

pytest.importorskip("vision_msgs", reason="vision_msgs is not installed")

from rclpy.serialization import serialize_message
from support.detections import STAMP_NS, detections
from vision_msgs.msg import ObjectHypothesisWithPose

from blazepose_ros.conversions.frame_context import MAX_DETECTIONS, MAX_HYPOTHESES, DetectionInput
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.settings import MAX_PEOPLE
from blazepose_ros.core.types import Box


@pytest.fixture
def complaints() -> Any:
    return []


@pytest.fixture
def source(complaints: Any) -> DetectionInput:
    return DetectionInput(FunctionLogger(complaints.append))


def receive(source: DetectionInput, msg: Any) -> None:
    source.receive(bytes(serialize_message(msg)))


def test_boxes_are_handed_out_once_the_surest_first(source: DetectionInput) -> None:
    receive(source, detections((1, 2, 3, 4, 0.3), (5, 6, 7, 8, 0.9)))
    assert source.boxes_for(STAMP_NS) == (Box(5, 6, 7, 8), Box(1, 2, 3, 4))
    assert source.boxes_for(STAMP_NS) is None


def test_nobody_detected_is_something_else_than_nothing_said(source: DetectionInput) -> None:
    receive(source, detections())
    assert source.boxes_for(STAMP_NS) == ()
    assert source.boxes_for(STAMP_NS) is None


@pytest.mark.parametrize(
    ("age_ns", "used"), [(0, True), (299_000_000, True), (-200_000_000, True), (301_000_000, False)]
)
def test_boxes_of_another_time_are_not_used(source: DetectionInput, age_ns: int, used: bool) -> None:
    receive(source, detections((1, 2, 3, 4, 1.0)))
    assert (source.boxes_for(STAMP_NS + age_ns) is not None) is used


def test_newer_boxes_take_the_place_of_older_ones(source: DetectionInput) -> None:
    receive(source, detections((1, 2, 3, 4, 1.0)))
    receive(source, detections((5, 6, 7, 8, 1.0)))
    assert source.boxes_for(STAMP_NS) == (Box(5, 6, 7, 8),)


def test_a_detection_without_a_score_counts(source: DetectionInput) -> None:
    msg = detections((1, 2, 3, 4, 0.5))
    msg.detections[0].results = []
    receive(source, msg)
    assert source.boxes_for(STAMP_NS) == (Box(1, 2, 3, 4),)


@pytest.mark.parametrize(
    "bad", [(float("nan"), 2, 3, 4), (1, 2, float("inf"), 4), (1, 2, 0, 4), (1, 2, 3, -4)]
)
def test_boxes_that_are_none_are_complained_of(source: DetectionInput, complaints: Any, bad: Any) -> None:
    receive(source, detections((*bad, 0.5)))
    assert source.boxes_for(STAMP_NS) is None
    assert len(complaints) == 1


def test_an_unusable_box_takes_no_other_away(source: DetectionInput, complaints: Any) -> None:
    receive(source, detections((1, 2, 0, 4, 0.9), (5, 6, 7, 8, 0.5)))
    assert source.boxes_for(STAMP_NS) == (Box(5, 6, 7, 8),)
    assert len(complaints) == 1


@pytest.mark.parametrize(("seen_ns", "image_ns"), [(0, STAMP_NS), (STAMP_NS, 0), (0, 0)])
def test_boxes_or_images_without_a_time_belong_together(
    source: DetectionInput, seen_ns: int, image_ns: int
) -> None:
    msg = detections((1, 2, 3, 4, 1.0))
    msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(seen_ns, 10**9)
    receive(source, msg)
    assert source.boxes_for(image_ns) == (Box(1, 2, 3, 4),)


def test_of_very_many_detections_the_surest_are_kept(source: DetectionInput, complaints: Any) -> None:
    receive(source, detections(*((n + 1, 2, 3, 4, n / 2000) for n in range(2000))))
    boxes = source.boxes_for(STAMP_NS)
    assert boxes is not None
    assert [box.x_px for box in boxes] == [MAX_DETECTIONS - n for n in range(MAX_PEOPLE)]
    assert len(complaints) == 1


def test_every_field_before_a_box_is_read(source: DetectionInput) -> None:
    msg = detections((1, 2, 3, 4, 0.5), (5, 6, 7, 8, 0.5))
    for count, detection in enumerate(msg.detections):
        detection.id = "x" * (count + 1)
        detection.header.frame_id = "camera" + "y" * count
        for score in (0.1, 0.9 - 0.5 * count):
            hypothesis = ObjectHypothesisWithPose()
            hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = "person"[count:], score
            detection.results.append(hypothesis)
    receive(source, msg)
    assert source.boxes_for(STAMP_NS) == (Box(1, 2, 3, 4), Box(5, 6, 7, 8))


@pytest.mark.parametrize("end", [3, 20, 100, -1])
def test_a_damaged_message_is_complained_of(source: DetectionInput, complaints: Any, end: int) -> None:
    source.receive(bytes(serialize_message(detections((1, 2, 3, 4, 0.5))))[:end])
    assert source.boxes_for(STAMP_NS) is None
    assert len(complaints) == 1


def test_more_hypotheses_than_there_are_classes_are_refused(source: DetectionInput, complaints: Any) -> None:
    msg = detections((1, 2, 3, 4, 0.5))
    msg.detections[0].results = [ObjectHypothesisWithPose()] * (MAX_HYPOTHESES + 1)
    receive(source, msg)
    assert "1001 hypotheses" in complaints[0]
