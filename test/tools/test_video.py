# SPDX-License-Identifier: Apache-2.0
"""Videos become recordings, each frame at its own time; the people are made up, see fake_bag_work."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.bodies import CAMERA
from support.fake_bag_work import body_in_every_image, gray  # noqa: F401
from support.recordings import read_bag, write_bag
from support.videos import write_timed_video, write_upright_video

from blazepose_ros.cli.bag import command
from blazepose_ros.cli.bag.video import main

pytestmark = pytest.mark.usefixtures("body_in_every_image")

NS_PER_MS = 1_000_000
POSES = "/camera/blazepose/poses"
BROWSER_MS = [0, 33, 67, 99, 135, 166]
PHONE_MS = [0, 33, 66, 149, 232, 315]


def record(path: Path, times_ms: list[int]) -> Path:
    return write_timed_video(path, gray(len(times_ms)), times_ms)


def times_ms(recording: Path) -> list[float]:
    found = read_bag(recording, POSES)
    stamps = [message.header.stamp.sec * 10**9 + message.header.stamp.nanosec for _, message in found]
    assert stamps == [time_ns for time_ns, _ in found]
    return [stamp / NS_PER_MS for stamp in stamps]


@pytest.mark.parametrize("times", [BROWSER_MS, PHONE_MS])
def test_each_frame_is_stamped_with_its_own_time(tmp_path: Path, times: list[int]) -> None:
    source = record(tmp_path / "in.mkv", times)
    assert main([str(source), str(tmp_path / "out.mcap"), "--start", "100"]) == 0
    assert times_ms(tmp_path / "out.mcap") == [100_000 + each for each in times]


def test_a_rate_that_is_given_takes_the_place_of_the_frames_own_times(tmp_path: Path) -> None:
    source = record(tmp_path / "in.mkv", PHONE_MS)
    assert main([str(source), str(tmp_path / "out.mcap"), "--rate", "20"]) == 0
    assert times_ms(tmp_path / "out.mcap") == [50 * number for number in range(len(PHONE_MS))]


def test_the_progress_counts_frames_and_not_the_ticks_of_the_clock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = len(BROWSER_MS)
    source = write_timed_video(tmp_path / "in.mkv", gray(count), BROWSER_MS, duration_ms=BROWSER_MS[-1] + 33)
    assert main([str(source), str(tmp_path / "out.mcap")]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "finding people" in line]
    total = int(line.partition(" images")[0].rpartition("/")[2])
    assert abs(total - count) <= 1


def test_images_of_a_phone_that_was_held_upright_are_upright(tmp_path: Path) -> None:
    source = write_upright_video(tmp_path / "in.mp4", gray(3), 10.0)
    assert main([str(source), str(tmp_path / "out.mcap")]) == 0
    _, image = read_bag(tmp_path / "out.mcap", "/camera/image/compressed")[0]
    assert cv2.imdecode(np.asarray(image.data), cv2.IMREAD_COLOR).shape[:2] == (CAMERA.width, CAMERA.height)
    _, message = read_bag(tmp_path / "out.mcap", POSES)[0]
    assert (message.poses[0].image_width, message.poses[0].image_height) == (CAMERA.height, CAMERA.width)


@pytest.mark.parametrize("name", ["12:30:00", "walk #2", "100%d?"])
def test_a_video_and_its_recording_may_be_called_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    record(Path(f"{name}.mkv"), BROWSER_MS)
    assert main([f"{name}.mkv", f"{name}.mcap", "--csv"]) == 0
    assert times_ms(Path(f"{name}.mcap")) == BROWSER_MS
    assert sorted(os.listdir()) == sorted(f"{name}.{suffix}" for suffix in ("csv", "mcap", "mkv"))  # noqa: PTH208


@pytest.mark.parametrize("run", [main, command.main])
@pytest.mark.parametrize("target", ["out.csv", "OUT.CSV", "out.parquet", "out.mp4", "out.webm", "out.bag"])
def test_an_output_that_is_named_like_another_kind_of_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], run: Any, target: str
) -> None:
    source = record(tmp_path / "in.mkv", BROWSER_MS)
    if run is command.main:
        source = write_bag(tmp_path / "in", [])
    assert run([str(source), str(tmp_path / target)]) == 1
    assert f"{target} is no recording: OUT is a folder, or ends in .mcap or .db3" in capsys.readouterr().err
    assert not list(tmp_path.glob("[oO]*"))


def test_a_folder_may_have_a_dot_in_its_name(tmp_path: Path) -> None:
    assert main([str(record(tmp_path / "in.mkv", BROWSER_MS)), str(tmp_path / "walk.2026-05-01")]) == 0
    assert times_ms(tmp_path / "walk.2026-05-01") == BROWSER_MS


@pytest.mark.parametrize("model", ["2", "heavy"])
def test_a_model_may_be_named_by_its_number(tmp_path: Path, model: str) -> None:
    source = record(tmp_path / "in.mkv", BROWSER_MS)
    assert main([str(source), str(tmp_path / "out"), "--model", model]) == 0


def test_a_fifo_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "in.mp4")
    assert main([str(tmp_path / "in.mp4"), str(tmp_path / "out")]) == 1
    assert "in.mp4 is not a regular file" in capsys.readouterr().err


def test_a_calibration_that_never_ends_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = record(tmp_path / "in.mkv", BROWSER_MS)
    assert main([str(source), str(tmp_path / "out"), "--calibration", "/dev/zero"]) == 1
    assert "/dev/zero is not a regular file" in capsys.readouterr().err


def test_a_folder_is_refused_with_the_command_that_takes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my pictures").mkdir()
    assert main([str(tmp_path / "my pictures"), str(tmp_path / "out.mcap")]) == 1
    assert f"blazepose demo --source '{tmp_path / 'my pictures'}'" in capsys.readouterr().err
