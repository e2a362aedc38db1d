# SPDX-License-Identifier: Apache-2.0
"""Images whose stamps do not rise as those of one camera do."""

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.node_services import set_parameters
from support.photographs import PERSON
from support.pose_client import START_NS, Stream, image_message, screen_array
from support.shared_nodes import SharedNodes

pytestmark = pytest.mark.usefixtures("models")
FRAME_NS = 33_000_000
YEAR_NS = 365 * 24 * 3600 * 10**9
ROUNDS = 6
POSE_TOLERANCE_PX = 15.0


@pytest.fixture(scope="module")
def bgr(data: Path) -> Any:
    return cv2.imread(str(data / PERSON))


def only_person(client: Any, msg: Any) -> Any:
    """Return the landmarks, (33, 2) pixels, of the only person in an image."""
    answer = client.ask(msg)
    assert answer.header == msg.header
    (pose,) = answer.poses
    assert pose.header == msg.header
    return screen_array(pose)[:, :2]


def test_jumps_of_years_and_images_without_a_time_are_answered_with_the_same_pose(
    nodes: SharedNodes, bgr: Any
) -> None:
    steps_ns = [0, FRAME_NS, 30 * YEAR_NS, FRAME_NS, -30 * YEAR_NS, -START_NS, 0, 0]
    with nodes.node(model_complexity=0) as client:
        stamps_ns = START_NS + np.cumsum(steps_ns)
        found = []
        for stamp_ns in stamps_ns.tolist():
            client.received["poses"].clear()
            found.append(only_person(client, image_message(bgr, "bgr8", stamp_ns)))
    for landmarks in found:
        assert np.median(np.linalg.norm(landmarks - found[0], axis=1)) < POSE_TOLERANCE_PX


def test_two_cameras_on_one_topic_are_each_answered_with_their_own_people(
    nodes: SharedNodes, bgr: Any
) -> None:
    mirrored = np.ascontiguousarray(bgr[:, ::-1])
    with nodes.node(model_complexity=0) as client:
        found = {"left_camera": [], "right_camera": []}
        stamp_ns = START_NS
        for _ in range(ROUNDS):
            for frame_id, pixels in zip(found, (bgr, mirrored), strict=True):
                stamp_ns += FRAME_NS
                msg = image_message(pixels, "bgr8", stamp_ns)
                msg.header.frame_id = frame_id
                found[frame_id].append(only_person(client, msg))
    for landmarks in found.values():
        for later in landmarks[1:]:
            assert np.median(np.linalg.norm(later - landmarks[0], axis=1)) < POSE_TOLERANCE_PX
    apart_px = np.linalg.norm(found["left_camera"][0] - found["right_camera"][0], axis=1)
    assert np.median(apart_px) > 2 * POSE_TOLERANCE_PX


MAX_LOST_S = 0.1


def ids(answers: Any) -> Any:
    return [pose.person_id for answer in answers for pose in answer.poses]


def test_people_are_tracked_by_the_time_of_receipt_where_stamps_are_zero(
    nodes: SharedNodes, bgr: Any
) -> None:
    nobody = image_message(np.zeros_like(bgr), "bgr8", 0)
    with nodes.node("diagnostics", model_complexity=0) as client:
        assert set_parameters(client, max_lost_s=MAX_LOST_S) == ""

        def show(msg: Any) -> Any:
            client.received["poses"].clear()
            answer = client.ask(msg)
            assert answer.header == msg.header
            return answer

        client.wait_for(lambda: ids([show(image_message(bgr, "bgr8", 0))]) == [1], "the first person")
        client.wait_for(lambda: not show(nobody).poses, "nobody")
        time.sleep(2 * MAX_LOST_S)
        show(nobody)
        client.wait_for(lambda: ids([show(image_message(bgr, "bgr8", 0))]) == [2], "another person")
        assert client.log().count("images carry no time") == 1

        def told() -> bool:
            show(nobody)
            messages = [msg.status[0].message for msg in client.received["diagnostics"]]
            return any("images carry no time" in message for message in messages)

        client.wait_for(told, "the diagnostics")


def test_a_person_keeps_the_number_where_one_stamp_in_five_is_early(nodes: SharedNodes, bgr: Any) -> None:
    with nodes.node("tf", model_complexity=0) as client:
        client.wait_for(lambda: client.node.count_publishers("/tf"), "the node's /tf")
        offsets_ms = [33 * index - (50 if index % 5 == 4 else 0) for index in range(20)]
        answers = [client.ask(image_message(bgr, "bgr8", START_NS + offset * 10**6)) for offset in offsets_ms]
        assert ids(answers) == [1] * len(offsets_ms)
        client.wait_for(lambda: len(client.received["tf"]) == len(offsets_ms), "the frames of all images")


def test_a_simulated_clock_that_stands_still_stops_nothing(nodes: SharedNodes, bgr: Any) -> None:
    with nodes.node("diagnostics", model_complexity=0, use_sim_time=True) as client:
        stream = Stream(client, bgr)
        for _ in range(3):
            stream.ask()
        client.wait_for(lambda: client.received["diagnostics"], "diagnostics")
