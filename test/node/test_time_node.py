# SPDX-License-Identifier: Apache-2.0
"""Images whose stamps do not rise as those of one camera do."""

from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.pose_client import START_NS, Stream, image_message, pose_node, screen_array

pytestmark = pytest.mark.usefixtures("models")
FRAME_NS = 33_000_000
YEAR_NS = 365 * 24 * 3600 * 10**9
ROUNDS = 6
POSE_TOLERANCE_PX = 15.0


@pytest.fixture(scope="module")
def bgr(data: Path) -> Any:
    return cv2.imread(str(data / "images" / "mp_pose.jpg"))


def only_person(client: Any, msg: Any) -> Any:
    """Return the landmarks, (33, 2) pixels, of the only person in an image."""
    answer = client.ask(msg)
    assert answer.header == msg.header
    (pose,) = answer.poses
    assert pose.header == msg.header
    return screen_array(pose)[:, :2]


def test_jumps_of_years_and_images_without_a_time_are_answered_with_the_same_pose(
    ros: ModuleType, bgr: Any
) -> None:
    steps_ns = [0, FRAME_NS, 30 * YEAR_NS, FRAME_NS, -30 * YEAR_NS, -START_NS, 0, 0]
    with pose_node(ros, model_complexity=0) as client:
        stamps_ns = START_NS + np.cumsum(steps_ns)
        found = []
        for stamp_ns in stamps_ns.tolist():
            client.received["poses"].clear()
            found.append(only_person(client, image_message(bgr, "bgr8", stamp_ns)))
    for landmarks in found:
        assert np.median(np.linalg.norm(landmarks - found[0], axis=1)) < POSE_TOLERANCE_PX


def test_a_simulated_clock_that_stands_still_stops_nothing(ros: ModuleType, bgr: Any) -> None:
    with pose_node(ros, "diagnostics", model_complexity=0, use_sim_time=True) as client:
        stream = Stream(client, bgr)
        for _ in range(3):
            stream.ask()
        client.wait_for(lambda: client.received["diagnostics"], "diagnostics")


def test_two_cameras_on_one_topic_are_each_answered_with_their_own_people(ros: ModuleType, bgr: Any) -> None:
    mirrored = np.ascontiguousarray(bgr[:, ::-1])
    with pose_node(ros, model_complexity=0) as client:
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
