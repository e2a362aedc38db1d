# SPDX-License-Identifier: Apache-2.0
"""The parts of ``blazepose view`` that need neither ROS nor a browser."""

import asyncio
import math
import re
import socket
import sys
import threading
from typing import Any

import numpy as np
import pytest
from support.bodies import FACING_M, placed, pose_of

from blazepose_ros.cli.view import command
from blazepose_ros.cli.view.camera_feed import (
    RATE_WINDOW_S,
    CameraStatus,
    Diagnosis,
    RecentRate,
    stages,
    summary,
)
from blazepose_ros.cli.view.people_in_3d import LABEL_ABOVE_M, figures, floor_y
from blazepose_ros.cli.view.web_server import Browser, ViewError, check_address, is_own_page
from blazepose_ros.core.landmarks import BONES, Landmark
from blazepose_ros.core.visualization.palette import CLOSER, FURTHER, to_linear

THRESHOLD = 0.5
BUSY = CameraStatus(
    poses_hz=29.94,
    images_hz=15.0,
    latency_ms=18.25,
    people=("person 1, 2.40 m",),
    stages_ms={"transport": 1.0},
)


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


def test_a_placed_person_stands_where_the_hips_are() -> None:
    (figure,) = figures([placed((0.5, 0.2, 3.0))], THRESHOLD)
    np.testing.assert_allclose(figure.joints, FACING_M + np.array([0.5, 0.2, 3.0]), atol=1e-6)
    np.testing.assert_allclose(figure.bones[0], figure.joints[list(BONES[0])])
    np.testing.assert_allclose(figure.hips, (0.5, 0.2, 3.0))
    assert figure.label == f"person 1, {math.hypot(0.5, 0.2, 3.0):.2f} m"


def test_the_label_is_above_the_highest_landmark() -> None:
    (figure,) = figures([placed()], THRESHOLD)
    assert figure.label_at[1] == pytest.approx(figure.joints[:, 1].min() - LABEL_ABOVE_M)


def test_people_who_are_not_placed_stand_side_by_side() -> None:
    shown = figures([pose_of(person_id=number) for number in (1, 2, 3)], THRESHOLD)
    x = [figure.hips[0] for figure in shown]
    assert x == sorted(x)
    assert x[0] == -x[2] != 0
    assert {figure.hips[2] for figure in shown} == {shown[0].hips[2]}


def test_landmarks_that_are_missing_are_left_out_with_their_bones() -> None:
    world = FACING_M.copy()
    world[Landmark.LEFT_WRIST] = np.nan
    (figure,) = figures([pose_of(world, person_id=1)], THRESHOLD)
    assert len(figure.joints) == len(figure.joint_colors) == len(Landmark) - 1
    assert len(figure.bones) == len(figure.bone_colors)
    assert len(figure.bones) == sum(Landmark.LEFT_WRIST not in bone for bone in BONES)
    assert np.isfinite(figure.bones).all()


def test_a_person_without_any_landmark_is_not_shown() -> None:
    assert figures([pose_of(np.full((33, 3), np.nan), person_id=1)], THRESHOLD) == []


def test_colors_are_those_of_the_markers() -> None:
    visibility = np.ones(33)
    visibility[Landmark.NOSE] = 0.1
    world = FACING_M.copy()
    world[Landmark.LEFT_WRIST, 2], world[Landmark.RIGHT_WRIST, 2] = -1.0, 1.0
    (figure,) = figures([pose_of(world, person_id=1, visibility=visibility)], THRESHOLD)
    np.testing.assert_array_equal(figure.joint_colors[Landmark.NOSE], 0)
    np.testing.assert_allclose(figure.joint_colors[Landmark.LEFT_WRIST], CLOSER[:3])
    np.testing.assert_allclose(figure.joint_colors[Landmark.RIGHT_WRIST], FURTHER[:3])


def test_the_floor_is_under_the_lowest_foot() -> None:
    low, high = placed((0.0, 0.5, 3.0)), placed((0.0, -0.5, 3.0))
    assert floor_y(figures([high, low], THRESHOLD)) == pytest.approx(0.5 + FACING_M[:, 1].max())
    assert floor_y([]) is None


def test_linear_colors_are_those_of_the_standard() -> None:
    np.testing.assert_allclose(
        to_linear(np.array([0.0, 0.02, 0.5, 1.0])), [0, 0.02 / 12.92, 0.2140, 1], atol=1e-4
    )


def test_rates_people_and_diagnostics_are_written() -> None:
    text = summary(BUSY, [Diagnosis("camera", 1, "no calibration")])
    for part in ("29.9 /s", "15.0 /s", "18.2 ms", "person 1, 2.40 m", "WARN", "no calibration"):
        assert part in text


def test_silence_is_said() -> None:
    assert summary(CameraStatus(), []) == "**No poses are coming.**"
    assert "No person is there." in summary(CameraStatus(poses_hz=30.0), [])
    assert "- ms" in summary(CameraStatus(poses_hz=30.0), [])
    assert stages(CameraStatus()) == "The node publishes no timing."


def test_texts_from_outside_cannot_change_the_page() -> None:
    text = summary(CameraStatus(), [Diagnosis("a|b", 7, "<img src=x onerror=alert(1)>\n# [x](http://y)")])
    assert not re.search(r"(?<!\\)[<{\[]", text)
    assert "\n#" not in text
    assert "7" in text


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"Host": "localhost:8080", "Origin": "http://localhost:8080"}, True),
        ({"Host": "localhost:8080"}, True),  # no browser
        ({"Host": "localhost:8080", "Origin": "https://elsewhere.example"}, False),
        ({"Host": "localhost:8080", "Origin": "http://localhost:8081"}, False),
        ({"Host": "localhost:8080", "Origin": "null"}, False),
    ],
)
def test_only_the_own_page_may_watch(headers: Any, own: bool) -> None:
    assert is_own_page(headers) is own


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
