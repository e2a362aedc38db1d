# SPDX-License-Identifier: Apache-2.0
"""Boxes of people are handed out once, with an image of their time."""

from typing import Any

import pytest

pytest.importorskip("vision_msgs", reason="vision_msgs is not installed")

from support.detections import STAMP_NS, detections

from blazepose_ros.conversions.frame_context import DetectionInput
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.types import Box


@pytest.fixture
def complaints() -> Any:
    return []


@pytest.fixture
def source(complaints: Any) -> DetectionInput:
    return DetectionInput(FunctionLogger(complaints.append))


def test_boxes_are_handed_out_once_the_surest_first(source: DetectionInput) -> None:
    source.receive(detections((1, 2, 3, 4, 0.3), (5, 6, 7, 8, 0.9)))
    assert source.boxes_for(STAMP_NS) == (Box(5, 6, 7, 8), Box(1, 2, 3, 4))
    assert source.boxes_for(STAMP_NS) is None


def test_nobody_detected_is_something_else_than_nothing_said(source: DetectionInput) -> None:
    source.receive(detections())
    assert source.boxes_for(STAMP_NS) == ()
    assert source.boxes_for(STAMP_NS) is None


@pytest.mark.parametrize(
    ("age_ns", "used"), [(0, True), (299_000_000, True), (-200_000_000, True), (301_000_000, False)]
)
def test_boxes_of_another_time_are_not_used(source: DetectionInput, age_ns: int, used: bool) -> None:
    source.receive(detections((1, 2, 3, 4, 1.0)))
    assert (source.boxes_for(STAMP_NS + age_ns) is not None) is used


def test_newer_boxes_take_the_place_of_older_ones(source: DetectionInput) -> None:
    source.receive(detections((1, 2, 3, 4, 1.0)))
    source.receive(detections((5, 6, 7, 8, 1.0)))
    assert source.boxes_for(STAMP_NS) == (Box(5, 6, 7, 8),)


def test_a_detection_without_a_score_counts(source: DetectionInput) -> None:
    msg = detections((1, 2, 3, 4, 0.5))
    msg.detections[0].results = []
    source.receive(msg)
    assert source.boxes_for(STAMP_NS) == (Box(1, 2, 3, 4),)


@pytest.mark.parametrize(
    "bad", [(float("nan"), 2, 3, 4), (1, 2, float("inf"), 4), (1, 2, 0, 4), (1, 2, 3, -4)]
)
def test_boxes_that_are_none_are_complained_of(source: DetectionInput, complaints: Any, bad: Any) -> None:
    source.receive(detections((*bad, 0.5)))
    assert source.boxes_for(STAMP_NS) is None
    assert len(complaints) == 1
