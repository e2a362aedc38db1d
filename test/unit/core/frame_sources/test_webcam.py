# SPDX-License-Identifier: Apache-2.0
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from blazepose_ros.core.frame_sources import webcam
from blazepose_ros.core.frame_sources.frame_source import FrameError, SourceError
from blazepose_ros.core.frame_sources.webcam import Webcam


class FakeCapture:
    """A cv2.VideoCapture that hands out the frames a test has put in."""

    def __init__(self) -> None:
        self.settings = {}
        self.opened = 0
        self.released = threading.Event()
        self.opens = True
        self._ready = threading.Semaphore(0)
        self._frames = []

    def put(self, value: Any) -> None:
        """Have the device deliver one frame, or fail where value is None."""
        self._frames.append(value)
        self._ready.release()

    def open(self, _index: Any, _api: Any) -> Any:
        self.opened += self.opens
        return self.opens

    def set(self, setting: Any, value: Any) -> None:
        self.settings[setting] = value

    def get(self, setting: Any) -> Any:
        return self.settings.get(setting, 0.0)

    def read(self) -> Any:
        if not self._ready.acquire(timeout=0.05):
            return False, None
        value = self._frames.pop(0)
        return value is not None, None if value is None else np.full((4, 6, 3), value, np.uint8)

    def release(self) -> None:
        self.released.set()


@pytest.fixture
def capture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCapture:
    fake = FakeCapture()
    (tmp_path / "video3").touch()
    monkeypatch.setattr(webcam, "_DEVICES", tmp_path)
    monkeypatch.setattr(webcam, "_REOPEN_PAUSE_S", 0.01)
    monkeypatch.setattr(cv2, "VideoCapture", lambda: fake)
    return fake


@pytest.fixture
def camera(capture: FakeCapture) -> Iterator[Webcam]:  # noqa: ARG001 (it stands behind the camera)
    camera = Webcam(3, rate=15.0, width=640)
    yield camera
    camera.close()


def test_a_webcam_is_asked_for_a_rate_and_a_size(capture: FakeCapture, camera: Webcam) -> None:
    assert capture.settings == {cv2.CAP_PROP_FPS: 15.0, cv2.CAP_PROP_FRAME_WIDTH: 640}
    assert camera.live
    assert camera.rate == 15.0


def test_frames_come_once_each_and_know_their_age(capture: FakeCapture, camera: Webcam) -> None:
    capture.put(50)
    captured = camera.read()
    assert captured.bgr.mean() == 50
    assert captured.age_ns >= 0
    capture.put(60)
    assert camera.read().bgr.mean() == 60


def test_a_webcam_that_gives_nothing_is_an_error_and_its_next_frame_is_given(
    capture: FakeCapture, camera: Webcam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webcam, "_FRAME_TIMEOUT_S", 0.1)
    with pytest.raises(FrameError, match="webcam 3 gives no frames"):
        camera.read()
    monkeypatch.setattr(webcam, "_FRAME_TIMEOUT_S", 5.0)
    capture.put(70)
    assert camera.read().bgr.mean() == 70


def test_a_webcam_that_was_unplugged_is_opened_again(capture: FakeCapture, camera: Webcam) -> None:
    capture.put(None)
    capture.put(80)
    assert camera.read().bgr.mean() == 80
    assert capture.opened >= 2


def test_closing_releases_the_device_and_may_be_repeated(capture: FakeCapture, camera: Webcam) -> None:
    capture.released.clear()
    camera.close()
    camera.close()
    assert capture.released.wait(5.0)


def test_a_device_that_does_not_open_is_refused(capture: FakeCapture) -> None:
    capture.opens = False
    with pytest.raises(SourceError, match="webcam 3 does not open; devices that there are: video3"):
        Webcam(3)


@pytest.mark.usefixtures("capture")
def test_a_webcam_that_names_no_rate_has_a_usual_one() -> None:
    camera = Webcam(3)
    assert camera.rate == 30.0
    camera.close()
