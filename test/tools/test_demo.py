# SPDX-License-Identifier: Apache-2.0
"""`blazepose demo` as a user calls it: what it shows, what it leaves, and how it ends."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import psutil
import pytest
from support.photographs import NOBODY, clip_bgr
from support.processes import executable

from blazepose_ros.cli.demo.command import main
from blazepose_ros.core.frame_sources.files import photograph
from blazepose_ros.core.models.registry import BUNDLES
from blazepose_ros.core.types import ModelComplexity

DEADLINE_S = 60.0
SUMMARY = re.compile(r"A pose in (\d+) of the (\d+) images after the first \((\S+) %\); (\d+) were answered")

pytestmark = [pytest.mark.alone, pytest.mark.usefixtures("models")]


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


def write_clip(path: Path, images: Sequence[Any], rate_hz: float) -> Path:
    """Write images as a video and return it."""
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate_hz, (width, height))
    for bgr in images:
        writer.write(bgr)
    writer.release()
    return path


def long_clip(folder: Path) -> Path:
    """Write a video that takes a minute to show, and return it."""
    return write_clip(folder / "long.avi", [cv2.imread(str(photograph()))] * 600, 10.0)


@contextmanager
def playing(folder: Any) -> Iterator[tuple[Any, Any]]:
    """Run the demo up to its first picture, and return it with its children."""
    with start(folder, "--source", str(long_clip(folder))) as demo:
        try:
            wait_for((folder / "annotated.webm").exists)
            yield demo, children(demo.pid)
        finally:
            demo.kill()


@pytest.mark.usefixtures("data")  # which has fetched the clip
def test_a_person_walks_beside_the_true_distances_and_pictures_are_left(tmp_path: Path) -> None:
    status, output, errors = run(tmp_path)
    assert status == 0, output + errors
    assert errors == ""
    header, *rows = [line for line in output.splitlines() if re.match(r" +(time|\d+ s) ", line)]
    assert header.split() == [
        "time",
        "images/s",
        "poses/s",
        "latency",
        "score",
        "landmarks",
        "hip",
        "distance",
        "true",
    ]
    assert len(rows) >= 8
    assert re.search(r"\d+ ms +(-|\d\.\d\d) +\d+ / 33 +\d\.\d\d ± 0\.\d\d m +3\.\d\d m", rows[-1])
    with_pose, later, _, answered = SUMMARY.search(output).groups()
    assert 0 < int(with_pose) <= int(answered) <= int(later) <= 99
    off_percent = re.search(r"distances are (\S+) % off in the median", output)[1]
    assert float(off_percent) < 5
    assert cv2.imread(str(tmp_path / "annotated.png")).shape == (1280, 720, 3)
    for name in ("skeleton.png", "distance.png"):
        assert cv2.imread(str(tmp_path / name)).std() > 0
    # Ten seconds, less what the thread had no time for.
    video = cv2.VideoCapture(str(tmp_path / "annotated.webm"))
    assert 5.0 < video.get(cv2.CAP_PROP_FRAME_COUNT) / video.get(cv2.CAP_PROP_FPS) < 11.0
    assert video.read()[0]


@pytest.mark.thorough
def test_where_the_clip_cannot_be_had_a_photograph_is_shown(
    tmp_path: Path, models: dict[ModelComplexity, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache" / "blazepose_ros"
    cache.mkdir(parents=True)
    (cache / BUNDLES[ModelComplexity.LITE].file_name).write_bytes(models[ModelComplexity.LITE])
    for name, value in {
        "XDG_CACHE_HOME": str(cache.parent),
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(name, value)
    status, output, errors = run(tmp_path, "--model", "lite", "--duration", "2")
    assert status == 0, output + errors
    assert "pose2sim==0.10.49 cannot be fetched" in output
    assert "Showing a photograph instead of a person who walks." in output
    assert cv2.imread(str(tmp_path / "annotated.png")).shape == (512, 512, 3)


def test_a_folder_of_pictures_becomes_a_folder_of_pictures(data: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "pictures of people", tmp_path / "out"
    folder.mkdir()
    for name in ("walker.png", "nobody_cat.png"):
        shutil.copy(data / "images" / name, folder)
    status, output, _ = run(out, "--source", str(folder), "--model", "lite")
    assert status == 0
    assert "A person in 1 of 2 pictures" in output
    assert "nan" not in output
    written = sorted(path.relative_to(out) for path in out.rglob("*.*"))
    assert written == [Path("pictures", "nobody_cat.png"), Path("pictures", "walker.png")]


@pytest.mark.parametrize(
    "model",
    [pytest.param("0", marks=pytest.mark.thorough), "full", pytest.param("2", marks=pytest.mark.thorough)],
)
def test_a_video_is_shown_to_its_end_with_a_pose_in_nearly_every_frame(
    data: Path, tmp_path: Path, model: str
) -> None:
    images = [cv2.resize(bgr, (540, 960)) for bgr in clip_bgr(data / "videos" / "pose2sim_cam01.mp4")]
    source = write_clip(tmp_path / "it's: 50% #1.avi", images[::4], 2.5)
    status, output, errors = run(tmp_path, "--model", model, "--source", str(source))
    assert status == 0, output + errors
    with_pose, later, share, _ = SUMMARY.search(output).groups()
    assert int(later) == 24
    assert int(with_pose) >= 22
    assert float(share) >= 91


def test_where_no_person_is_seen_it_says_so_and_fails(data: Path, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "empty.avi", [cv2.imread(str(data / NOBODY))] * 10, 5.0)
    status, _, errors = run(tmp_path, "--source", str(source))
    assert status == 1
    assert re.fullmatch(
        r"blazepose demo: The node answered \d+ images and found no person in them\.", errors.strip()
    )
    assert not (tmp_path / "annotated.png").exists()


def test_where_the_model_is_missing_the_nodes_words_are_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    status, _, errors = run(tmp_path / "output", "--source", str(long_clip(tmp_path)))
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
    with start(tmp_path, "--source", str(long_clip(tmp_path))) as demo:
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


@pytest.mark.thorough
def test_four_cameras_see_one_person_better_than_each_alone(tmp_path: Path) -> None:
    with start(tmp_path, "--fusion", "--model", "0") as demo:
        output, errors = demo.communicate(timeout=3 * DEADLINE_S)
    assert demo.returncode == 0, errors
    rows = {
        name: float(median) for name, median in re.findall(r"^(.+?)  +\d+ +\S+ +(\S+) +\S+$", output, re.M)
    }
    fused_cm = rows.pop("all four, fused")
    assert sorted(rows) == [f"cam0{number} alone" for number in range(1, 5)]
    assert fused_cm < min(rows.values())
    assert cv2.imread(str(tmp_path / "fusion.png")) is not None
    capture = cv2.VideoCapture(str(tmp_path / "fusion.webm"))
    assert capture.grab()
    capture.release()
