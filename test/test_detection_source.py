"""Boxes of people are handed out once, with an image of their time."""

import pytest

pytest.importorskip("vision_msgs", reason="vision_msgs is not installed")

from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from blazepose_ros.detection_source import DetectionSource
from blazepose_ros.pose import Box

STAMP_NS = 5_000_000_000


def detections(*boxes, stamp_ns=STAMP_NS):
    """Return a message of boxes, each x, y, width, height and score."""
    msg = Detection2DArray()
    msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    for x, y, width, height, score in boxes:
        detection = Detection2D()
        detection.bbox.center.position.x, detection.bbox.center.position.y = float(x), float(y)
        detection.bbox.size_x, detection.bbox.size_y = float(width), float(height)
        result = ObjectHypothesisWithPose()
        result.hypothesis.score = score
        detection.results = [result]
        msg.detections.append(detection)
    return msg


@pytest.fixture
def complaints():
    return []


@pytest.fixture
def source(complaints):
    return DetectionSource(complaints.append)


def test_boxes_are_handed_out_once_the_surest_first(source):
    source.receive(detections((1, 2, 3, 4, 0.3), (5, 6, 7, 8, 0.9)))
    assert source.boxes_for(STAMP_NS) == (Box(5, 6, 7, 8), Box(1, 2, 3, 4))
    assert source.boxes_for(STAMP_NS) is None


def test_nobody_detected_is_something_else_than_nothing_said(source):
    source.receive(detections())
    assert source.boxes_for(STAMP_NS) == ()
    assert source.boxes_for(STAMP_NS) is None


@pytest.mark.parametrize(
    ("age_ns", "used"), [(0, True), (299_000_000, True), (-200_000_000, True), (301_000_000, False)]
)
def test_boxes_of_another_time_are_not_used(source, age_ns, used):
    source.receive(detections((1, 2, 3, 4, 1.0)))
    assert (source.boxes_for(STAMP_NS + age_ns) is not None) is used


def test_newer_boxes_take_the_place_of_older_ones(source):
    source.receive(detections((1, 2, 3, 4, 1.0)))
    source.receive(detections((5, 6, 7, 8, 1.0)))
    assert source.boxes_for(STAMP_NS) == (Box(5, 6, 7, 8),)


def test_a_detection_without_a_score_counts(source):
    msg = detections((1, 2, 3, 4, 0.5))
    msg.detections[0].results = []
    source.receive(msg)
    assert source.boxes_for(STAMP_NS) == (Box(1, 2, 3, 4),)


@pytest.mark.parametrize(
    "bad", [(float("nan"), 2, 3, 4), (1, 2, float("inf"), 4), (1, 2, 0, 4), (1, 2, 3, -4)]
)
def test_boxes_that_are_none_are_complained_of(source, complaints, bad):
    source.receive(detections((*bad, 0.5)))
    assert source.boxes_for(STAMP_NS) is None
    assert len(complaints) == 1
