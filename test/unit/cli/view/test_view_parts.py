# SPDX-License-Identifier: Apache-2.0
"""The parts of ``blazepose view`` that need neither a graph nor a browser."""

import asyncio
import math
import os
import socket
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

from blazepose_ros.cli.view import command
from blazepose_ros.cli.view.camera_feed import (
    DIAGNOSIS_LASTS_S,
    MAX_DIAGNOSES,
    MAX_PEOPLE,
    MAX_SIDE_PX,
    RATE_WINDOW_S,
    REMEMBERED,
    CameraFeed,
    RecentDiagnoses,
    RecentRate,
)
from blazepose_ros.cli.view.status_text import Diagnosis
from blazepose_ros.cli.view.web_server import Browser, ViewError, check_address
from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.msg import Pose33, Pose33Array

THRESHOLD = 0.5
RGB = np.full((4, 6, 3), 7, np.uint8)


def test_the_rate_is_that_of_the_last_two_seconds() -> None:
    recent = RecentRate()
    for number in range(100):
        recent.add(number / 10, number)
    assert recent.rate_hz(9.9) == pytest.approx(10.0)
    assert recent.median(9.9) == pytest.approx(89.0)


def test_the_rate_falls_to_nothing_when_nothing_comes() -> None:
    recent = RecentRate()
    assert recent.rate_hz(0.0) == 0.0
    recent.add(0.0, 5.0)
    assert math.isnan(recent.rate_hz(0.0))
    assert recent.rate_hz(RATE_WINDOW_S + 0.1) == 0.0
    assert math.isnan(recent.median(RATE_WINDOW_S + 0.1))


def poses_at(stamp_ns: int, *person_ids: int) -> Pose33Array:
    poses = [Pose33(person_id=person_id) for person_id in person_ids]
    return Pose33Array(header=header_message(stamp_ns, "camera"), poses=poses)


def image_at(stamp_ns: int, rgb: Any = RGB) -> bytes:
    height, width = rgb.shape[:2]
    return serialize_message(
        Image(
            header=header_message(stamp_ns, "camera"),
            height=height,
            width=width,
            encoding="rgb8",
            step=3 * width,
            data=rgb.tobytes(),
        )
    )


def feed_of(*messages: Any) -> CameraFeed:
    feed = CameraFeed(THRESHOLD)
    for message in messages:
        if isinstance(message, bytes):
            feed.take_image(message, 0.0)
        else:
            feed.take_poses(message, 0.0, 0)
    return feed


def ids(feed: CameraFeed) -> list[int]:
    return [person.person_id for person in feed.shown().people]


@pytest.mark.parametrize("newer_first", [True, False])
def test_the_people_of_the_shown_image_are_shown(newer_first: bool) -> None:
    newer = [image_at(1), poses_at(2, 8)]
    feed = feed_of(poses_at(1, 7), *(newer[::-1] if newer_first else newer))
    assert ids(feed) == [7]
    np.testing.assert_array_equal(feed.shown().image, RGB)


def test_without_images_the_newest_people_are_shown() -> None:
    feed = feed_of(poses_at(1, 7), poses_at(2, 8, 9))
    assert ids(feed) == [8, 9]
    assert feed.shown().image is None
    assert CameraFeed(THRESHOLD).shown().people == []


def test_people_go_on_where_images_stop() -> None:
    feed = feed_of(image_at(0), *(poses_at(stamp, stamp + 1) for stamp in range(REMEMBERED + 1)))
    assert ids(feed) == [REMEMBERED + 1]


def test_a_stamp_that_comes_again_is_the_newest() -> None:
    assert ids(feed_of(poses_at(1, 1), poses_at(2, 2), poses_at(1, 3))) == [3]


def test_a_crowd_that_no_page_could_show_is_cut() -> None:
    assert len(ids(feed_of(poses_at(1, *range(1, 500))))) == MAX_PEOPLE


def test_a_person_with_a_value_that_does_not_exist_does_not_replace_the_others() -> None:
    feed, wrong = feed_of(poses_at(1, 7)), poses_at(2, 8)
    wrong.poses[0].placement = 255
    with pytest.raises(ValueError, match="255"):
        feed.take_poses(wrong, 0.0, 0)
    assert ids(feed) == [7]


def test_a_large_image_is_shown_smaller_in_its_proportions() -> None:
    tall = np.zeros((4 * MAX_SIDE_PX, MAX_SIDE_PX, 3), np.uint8)
    assert feed_of(image_at(1, tall)).shown().image.shape == (MAX_SIDE_PX, MAX_SIDE_PX // 4, 3)


def test_a_status_lasts_as_long_as_it_is_repeated() -> None:
    recent = RecentDiagnoses()
    recent.take(Diagnosis("b", 0, "old"), 0.0)
    recent.take(Diagnosis("a", 1, ""), 4.0)
    recent.take(Diagnosis("b", 2, "new"), 4.0)
    assert recent.newest(4.0) == [Diagnosis("a", 1, ""), Diagnosis("b", 2, "new")]
    assert recent.newest(4.0 + DIAGNOSIS_LASTS_S) == []


def test_names_that_somebody_invents_do_not_pile_up() -> None:
    recent = RecentDiagnoses()
    recent.take(Diagnosis("node", 0, "first"), 0.0)
    for number in range(10 * MAX_DIAGNOSES):
        recent.take(Diagnosis(f"invented {number}", 2, ""), 0.0)
    recent.take(Diagnosis("node", 1, "second"), 0.0)
    assert len(recent.newest(0.0)) == MAX_DIAGNOSES
    assert Diagnosis("node", 1, "second") in recent.newest(0.0)
    recent.take(Diagnosis("later", 0, ""), DIAGNOSIS_LASTS_S)
    assert recent.newest(DIAGNOSIS_LASTS_S) == [Diagnosis("later", 0, "")]


class SlowWebsocket:
    """A connection whose browser answers when it is told to."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()

    async def ping(self) -> Any:
        return self.answered.wait()


def test_a_browser_keeps_up_once_it_has_answered() -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        websocket = SlowWebsocket()
        browser = Browser(None, websocket, loop)
        assert browser.keeps_up
        browser.ask()
        assert not browser.keeps_up
        loop.call_soon_threadsafe(websocket.answered.set)
        browser._answer.result(5)
        assert browser.keeps_up
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def test_a_port_that_is_taken_is_an_error_that_says_what_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ViewError, match=f"127.0.0.1:{port}.*--port"):
            check_address("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_of_another_machine_is_an_error(host: str) -> None:
    with pytest.raises(ViewError, match="--host"):
        check_address(host, 0)


@pytest.mark.parametrize("arguments", [["--port", "65536"], ["--port", "-1"], ["--port", "x"], ["extra"]])
def test_wrong_usage_has_status_2(arguments: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2
    assert "usage: blazepose view" in capsys.readouterr().err


def test_without_viser_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "viser", None)
    assert command.main(["--port", "0"]) == 1
    assert "pip install" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variables", "cause"),
    [
        ({"ROS_LOG_DIR": "/dev/null/log"}, "Failed to create log directory '/dev/null/log'"),
        ({"ROS_DOMAIN_ID": "abc"}, "ROS_DOMAIN_ID is 'abc', not a number"),
        ({"HOME": None, "ROS_HOME": None, "ROS_LOG_DIR": None}, "Failed to get logging directory"),
    ],
)
def test_where_ros_does_not_start_the_cause_is_said_in_a_line(variables: Any, cause: str) -> None:
    environment = {**os.environ, **variables}
    ended = subprocess.run(
        [sys.executable, "-m", "blazepose_ros.cli.main", "view", "--port", "0"],
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    line = ended.stderr.splitlines()[-1]
    assert line.startswith("blazepose view: ")
    assert cause in line
    assert ("ROS_LOG_DIR" in line) == ("log" in cause)
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
