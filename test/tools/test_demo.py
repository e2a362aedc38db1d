# SPDX-License-Identifier: Apache-2.0
"""`blazepose demo` as a user calls it: what it shows, what it leaves, and how it ends."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
from support.processes import executable

from blazepose_ros.cli.demo.command import main

DEADLINE_S = 60.0
SUMMARY = re.compile(r"A pose in (\d+) of the (\d+) images after the first \((\S+) %\); (\d+) were answered")

pytestmark = pytest.mark.usefixtures("models")


def start(folder: Any, *arguments: Any) -> Any:
    """Start the demo as the leader of a process group, as a shell does."""
    return subprocess.Popen(
        [executable("blazepose"), "demo", "--output", str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(folder: Any, *arguments: Any) -> tuple[Any, Any, Any]:
    """Run the demo and return its exit status, its output and its errors."""
    with start(folder, *arguments) as demo:
        output, errors = demo.communicate(timeout=DEADLINE_S)
    return demo.returncode, output, errors


def children(pid: Any) -> Any:
    return [child.pid for child in psutil.Process(pid).children()]


def is_running(pid: Any) -> Any:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition: Any, deadline_s: Any = DEADLINE_S) -> Any:
    deadline = time.monotonic() + deadline_s
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return result


@contextmanager
def playing(folder: Any) -> Iterator[tuple[Any, Any]]:
    """Run the demo up to its first picture, and return it with its children."""
    with start(folder, "--duration", "600") as demo:
        try:
            wait_for((folder / "annotated.mp4").exists)
            yield demo, children(demo.pid)
        finally:
            demo.kill()


def test_the_photograph_is_shown_and_pictures_are_left(tmp_path: Path) -> None:
    status, output, errors = run(tmp_path, "--duration", "4")
    assert status == 0, output + errors
    assert errors == ""
    header, *rows = [line for line in output.splitlines() if re.match(r" +(time|\d+ s) ", line)]
    assert header.split() == [
        "time",
        "images/s",
        "poses/s",
        "latency",
        "score",
        "hip",
        "distance",
        "landmarks",
    ]
    assert len(rows) >= 2
    assert re.search(r"\d+ ms +(-|\d\.\d\d) +\d\.\d\d ± 0\.\d\d m +\d+ / 33", rows[-1])
    with_pose, later, _, answered = SUMMARY.search(output).groups()
    assert 0 < int(with_pose) <= int(answered) <= int(later)
    assert cv2.imread(str(tmp_path / "annotated.png")).shape == (512, 512, 3)
    assert cv2.imread(str(tmp_path / "skeleton.png")).std() > 0
    # Four seconds and what it takes to stop, less what the thread had no time for.
    video = cv2.VideoCapture(str(tmp_path / "annotated.mp4"))
    assert 2.0 < video.get(cv2.CAP_PROP_FRAME_COUNT) / video.get(cv2.CAP_PROP_FPS) < 7.0
    assert video.read()[0]


@pytest.mark.parametrize("model", ["0", "full", "2"])
def test_a_video_is_shown_to_its_end_with_a_pose_in_nearly_every_frame(
    data: Path, tmp_path: Path, model: str
) -> None:
    status, output, errors = run(tmp_path, "--model", model, "--source", str(data / "videos" / "squats.mp4"))
    assert status == 0, output + errors
    with_pose, later, share, _ = SUMMARY.search(output).groups()
    assert int(later) == 64
    assert int(with_pose) >= 61
    assert float(share) >= 95


def test_where_no_person_is_seen_it_says_so_and_fails(data: Path, tmp_path: Path) -> None:
    source = str(data / "images" / "nobody_lego.jpg")
    status, _, errors = run(tmp_path, "--source", source, "--duration", "2")
    assert status == 1
    assert re.fullmatch(
        r"blazepose demo: The node answered \d+ images and found no person in them\.", errors.strip()
    )
    assert not (tmp_path / "annotated.png").exists()


def test_where_the_model_is_missing_the_nodes_words_are_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    status, _, errors = run(tmp_path / "output")
    assert status == 1
    assert "The node failed: there is no model at" in errors
    assert "run `blazepose models fetch --model 1`" in errors
    assert "Traceback" not in errors


def test_where_the_camera_does_not_open_its_words_are_quoted(tmp_path: Path) -> None:
    status, _, errors = run(tmp_path, "--source", "99")
    assert status == 1
    assert "The camera failed: webcam 99 does not open" in errors
    assert "Traceback" not in errors


def test_where_the_node_is_killed_it_says_so(tmp_path: Path) -> None:
    with playing(tmp_path) as (demo, pids):
        node = next(pid for pid in pids if "blazepose_node" in " ".join(psutil.Process(pid).cmdline()))
        os.kill(node, signal.SIGKILL)
        _, errors = demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode == 1
    assert "The node failed: it was ended by SIGKILL" in errors
    assert not any(is_running(pid) for pid in pids)


def test_a_name_with_quotes_and_signs_is_a_file_like_any_other(tmp_path: Path) -> None:
    source = tmp_path / "it's: 50% #1.png"
    cv2.imwrite(str(source), np.full((480, 640, 3), 128, np.uint8))
    status, _, errors = run(tmp_path / "output", "--source", str(source), "--duration", "1")
    assert status == 1
    assert "found no person" in errors


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_everything(tmp_path: Path, number: signal.Signals, status: int) -> None:
    with playing(tmp_path) as (demo, pids):
        assert len(pids) == 2
        for _ in range(2):  # launchers and people repeat themselves
            os.killpg(demo.pid, number)
        _, errors = demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode == status, errors
    assert "Traceback" not in errors
    assert not any(is_running(pid) for pid in pids)


def test_ctrl_c_while_starting_ends_everything_too(tmp_path: Path) -> None:
    with start(tmp_path) as demo:
        pids = wait_for(lambda: children(demo.pid))
        os.killpg(demo.pid, signal.SIGINT)
        _, errors = demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode == 130, errors
    assert "Traceback" not in errors
    assert not any(is_running(pid) for pid in pids)


def test_a_killed_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    with playing(tmp_path) as (demo, pids):
        demo.kill()
        wait_for(lambda: not any(is_running(pid) for pid in pids))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--model", "3"], "there is no model '3'; these are: 0 or lite, 1 or full, 2 or heavy"),
        (["--duration", "0"], "'0' is not a number above 0"),
        (["--duration", "nan"], "'nan' is not a number above 0"),
        (["--duration", "long"], "'long' is not a number above 0"),
        (["--sauce", "x"], "unrecognized arguments: --sauce x"),
    ],
)
def test_wrong_usage_has_status_2_and_says_what_is_wrong(
    arguments: Any, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert error in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--source", "missing.mp4"], "missing.mp4 does not exist: give a video"),
        (["--source", __file__], "is of no known kind"),
        (["--output", __file__], "File exists"),
    ],
)
def test_what_cannot_work_is_one_line_and_status_1(tmp_path: Path, arguments: Any, error: str) -> None:
    status, output, errors = run(tmp_path, *arguments)
    assert status == 1
    assert output == ""
    assert len(errors.splitlines()) == 1
    assert error in errors
