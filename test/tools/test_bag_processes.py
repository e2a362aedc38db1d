# SPDX-License-Identifier: Apache-2.0
"""``blazepose bag`` and ``blazepose video`` as processes, with the real model on real clips."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from itertools import chain, cycle, islice
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
from support.photographs import frames
from support.pose_client import pose_node
from support.processes import executable
from support.recordings import (
    camera_info,
    compressed_images,
    in_order,
    raw_images,
    read_bag,
    topics,
    write_bag,
)

from blazepose_ros.cli.executor import TRIES
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.frame_sources.calibration_file import Calibration, format_calibration

pytest.importorskip("openvino")
pytestmark = pytest.mark.usefixtures("models")

TIMEOUT_S = 120.0
LITE = ("--model", "lite", "--backend", "openvino")
SCALE = 1 / 3


@pytest.fixture(scope="module")
def walk(data: Path) -> tuple[Any, Any]:
    """A clip of a walking person at a third of its size, and its camera."""
    truth = json.loads((data / "expected" / "pose2sim_cam01_refined.json").read_text())
    clip = frames(data / "videos" / "pose2sim_cam01.mp4", truth["fps"])
    images = [
        cv2.resize(frame.rgb, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_AREA)
        for frame in islice(clip, 40)
    ]
    return images, camera_info(truth["K"], truth["distortion_plumb_bob"], truth["image_size_px"])


def forth_and_back(images: Any, count: Any) -> Any:
    return list(islice(cycle(chain(images, images[-2:0:-1])), count))


def blazepose(*arguments: Any, **how: Any) -> Any:
    return subprocess.run(
        [executable("blazepose"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        **how,
    )


def landmarks(pose: Any) -> Any:
    """Return all numbers of a Pose33."""
    screen = [(p.x, p.y, p.z, p.visibility, p.presence) for p in pose.screen_landmarks]
    world = [(p.x, p.y, p.z) for p in pose.world_landmarks]
    hips = pose.hip_center.pose.position
    return np.array([*chain(*screen), *chain(*world), hips.x, hips.y, hips.z, pose.score])


def test_bag_and_node_find_the_same(ros: ModuleType, walk: tuple[Any, Any], tmp_path: Path) -> None:
    images, info = walk
    messages = in_order([("/camera_info", info)], raw_images("/image", images[:12]))
    write_bag(tmp_path / "in", messages)
    result = blazepose("bag", tmp_path / "in", tmp_path / "out", *LITE)
    assert result.returncode == 0, result.stderr
    found = [message for _, message in read_bag(tmp_path / "out", "/blazepose/poses")]

    with pose_node(ros, backend="openvino", model_complexity=0) as client:
        client.wait_for(client.camera_info.get_subscription_count, "the node's calibration")
        client.camera_info.publish(info)
        live = [client.ask(message) for topic, message in messages if topic == "/image"]
    for recorded, answer in zip(found, live, strict=True):
        assert recorded.header.frame_id == answer.header.frame_id
        assert len(recorded.poses) == len(answer.poses) == 1
        ours, theirs = recorded.poses[0], answer.poses[0]
        assert ours.person_id == theirs.person_id
        assert ours.placement == theirs.placement
        np.testing.assert_allclose(landmarks(ours), landmarks(theirs), atol=1e-4)


def begin(command: Any) -> Any:
    """Start a command whose end of output is that of its last process."""
    return subprocess.Popen(
        [executable("blazepose"), *map(str, command)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(what: Any, process: Any) -> Any:
    """Wait for what a running process makes, and return it."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (made := what()):
        assert process.poll() is None, f"it ended too soon: {process.communicate()[1]}"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return made


def cameras(walk: Any, folder: Any, **counts: Any) -> Any:
    """Write a recording with so many compressed images of each camera."""
    images, info = walk
    streams = [
        compressed_images(f"/{name}/compressed", forth_and_back(images, count))
        for name, count in counts.items()
    ]
    return write_bag(folder / "in", in_order([("/camera_info", info)], *streams))


def test_a_killed_run_goes_on_without_loss(walk: tuple[Any, Any], tmp_path: Path) -> None:
    command = ["bag", cameras(walk, tmp_path, a=5, b=60), tmp_path / "out", *LITE, "--jobs", 1]
    process = begin(command)
    spool = tmp_path / "out.partial" / "camera0.spool"
    wait_for(spool.exists, process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=TIMEOUT_S)
    assert not (tmp_path / "out").exists()
    assert spool.exists()

    result = blazepose(*command)
    assert result.returncode == 0, result.stderr
    assert re.search(r"going on with .*out\.partial: 1 of 2 cameras finished", result.stderr)
    whole = blazepose("bag", tmp_path / "in", tmp_path / "whole", *LITE)
    assert whole.returncode == 0, whole.stderr
    for name, count in {"a": 5, "b": 60}.items():
        resumed, uninterrupted = (
            read_bag(tmp_path / folder, f"/{name}/blazepose/poses") for folder in ("out", "whole")
        )
        assert len(resumed) == len(uninterrupted) == count
        for (time_ns, ours), (other_ns, theirs) in zip(resumed, uninterrupted, strict=True):
            assert time_ns == other_ns
            for our, their in zip(ours.poses, theirs.poses, strict=True):
                np.testing.assert_allclose(landmarks(our), landmarks(their), atol=1e-4)


def worker_on(process: Any, spool: Any) -> Any:
    """Return the process that writes a spool; None where there is none yet."""
    workers = psutil.Process(process.pid).children()
    with suppress(psutil.Error):
        return next(
            (each for each in workers if any(str(spool) in file.path for file in each.open_files())), None
        )
    return None


@pytest.mark.thorough
def test_a_killed_worker_costs_its_camera_alone_which_is_begun_anew(
    walk: tuple[Any, Any], tmp_path: Path
) -> None:
    source = cameras(walk, tmp_path, a=5, b=60, c=60)
    process = begin(["bag", source, tmp_path / "out", *LITE, "--jobs", 2])
    partial = tmp_path / "out.partial"
    wait_for(lambda: worker_on(process, partial / "camera1.spool"), process).kill()
    _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, said
    for name, count in {"a": 5, "b": 60, "c": 60}.items():
        assert len(read_bag(tmp_path / "out", f"/{name}/blazepose/poses")) == count


@pytest.mark.thorough
def test_a_camera_that_ends_every_worker_is_an_error_that_names_it(
    walk: tuple[Any, Any], tmp_path: Path
) -> None:
    process = begin(["bag", cameras(walk, tmp_path, a=5, b=400), tmp_path / "out", *LITE, "--jobs", 2])
    partial = tmp_path / "out.partial"
    killed = set()
    while len(killed) < TRIES:
        worker = wait_for(lambda: worker_on(process, partial / "camera1.spool"), process)
        killed.add(worker.pid)
        worker.kill()
    _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1, said
    (error,) = re.findall("blazepose bag: (.*)", said)
    assert error.startswith("/b/compressed: the worker process ended unexpectedly 3 times (exit code -9")
    assert "Traceback" not in said
    assert (partial / "camera0.spool").exists()
    assert not (tmp_path / "out").exists()


def interrupted(
    command: Any, partial: Any, delay_s: Any, send: Any, number: Any = signal.SIGINT
) -> tuple[Any, Any]:
    """Interrupt a run so long after it has begun; return its status and what it said."""
    process = begin(command)
    wait_for(partial.exists, process)
    with suppress(subprocess.TimeoutExpired):
        process.wait(delay_s)
    send(process.pid, number)
    _, said = process.communicate(timeout=TIMEOUT_S)  # until the last process has closed it
    return process.returncode, said


def test_ctrl_c_ends_it_and_the_next_run_goes_on(walk: tuple[Any, Any], tmp_path: Path) -> None:
    images, _ = walk
    write_bag(tmp_path / "in", compressed_images("/image/compressed", forth_and_back(images, 400)))
    command = ["bag", tmp_path / "in", tmp_path / "out", *LITE]
    status, said = interrupted(command, tmp_path / "out.partial", 0.0, os.kill)
    assert status == 130, said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists(), said
    assert blazepose(*command).returncode == 0
    assert len(read_bag(tmp_path / "out", "/blazepose/poses")) == 400


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("delay_s", "send"),
    [(0.01, os.kill), (0.03, os.killpg), (0.1, os.kill), (0.5, os.killpg)],
    ids=["at once", "at once, all its processes", "soon", "soon, all its processes"],
)
def test_ctrl_c_while_the_work_begins_ends_it_without_a_traceback(
    walk: tuple[Any, Any], tmp_path: Path, delay_s: float, send: Any
) -> None:
    command = ["bag", cameras(walk, tmp_path, a=400, b=400), tmp_path / "out", *LITE]
    status, said = interrupted(command, tmp_path / "out.partial", delay_s, send)
    assert status == 130, said
    assert "Traceback" not in said


@pytest.mark.thorough
@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["it alone", "all its processes"])
def test_sigterm_ends_it_without_a_traceback(walk: tuple[Any, Any], tmp_path: Path, send: Any) -> None:
    command = ["bag", cameras(walk, tmp_path, a=400, b=400), tmp_path / "out", *LITE]
    status, said = interrupted(command, tmp_path / "out.partial" / "journal.json", 0.0, send, signal.SIGTERM)
    assert status == 143, said
    assert "Traceback" not in said


@pytest.mark.thorough
def test_a_file_size_limit_is_told_like_a_full_disk(walk: tuple[Any, Any], tmp_path: Path) -> None:
    images, _ = walk
    write_bag(tmp_path / "in", raw_images("/image", images[:4]))
    limit = 100_000
    result = blazepose(
        "bag",
        tmp_path / "in",
        tmp_path / "out",
        *LITE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert result.returncode == 1
    assert "File too large" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def small_disk(folder: Path, megabytes: int) -> list[str]:
    """Return the start of a command that sees a small disk in a folder, where that is allowed."""
    mount = f"mount -t tmpfs -o size={megabytes}m tmpfs {folder} && cp -r {folder}.in {folder}/in"
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", f'{mount} && "$@"; ls -a {folder}', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    return command


def test_a_full_disk_is_told_and_leaves_nothing_under_the_final_name(
    walk: tuple[Any, Any], tmp_path: Path
) -> None:
    images, _ = walk
    write_bag(tmp_path / "disk.in", compressed_images("/image/compressed", images[:8]))
    disk = tmp_path / "disk"
    disk.mkdir()
    start = small_disk(disk, megabytes=2)
    command = [
        executable("blazepose"),
        "bag",
        disk / "in",
        disk / "out",
        *LITE,
        "--annotated",
    ]
    result = subprocess.run(
        [*start, *map(str, command)], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout.split() == [".", "..", "in", "out.partial"]


@pytest.fixture(scope="module")
def clip(walk: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A short video file."""
    images, _ = walk
    path = tmp_path_factory.mktemp("clip") / "walk.mp4"
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 20.0, (width, height))
    for rgb in images[:10]:
        writer.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def test_a_video_becomes_a_recording(clip: Any, walk: tuple[Any, Any], tmp_path: Path) -> None:
    _, info = walk
    camera = CameraModel.from_calibration(info.width, info.height, info.k, info.d, info.distortion_model)
    (tmp_path / "camera.yaml").write_text(format_calibration(Calibration.monocular(camera), "walk"))
    target = tmp_path / "walk.mcap"
    calibration = ("--calibration", tmp_path / "camera.yaml")
    result = blazepose("video", clip, target, *LITE, *calibration, "--start", "100")
    assert result.returncode == 0, result.stderr
    assert set(topics(target)) == {
        *("/camera/image/compressed", "/camera/camera_info", "/tf"),
        *(f"/camera/blazepose/{output}" for output in ("poses", "pose", "markers")),
    }
    found = read_bag(target, "/camera/blazepose/poses")
    assert [time_ns for time_ns, _ in found] == [100 * 10**9 + number * 50_000_000 for number in range(10)]
    assert 2.5 < found[-1][1].poses[0].hip_center.pose.position.z < 4.0  # as the truth says
    assert len(read_bag(target, "/camera/image/compressed")) == 10
    _, calibrated = read_bag(target, "/camera/camera_info")[0]
    assert calibrated.width == found[0][1].poses[0].image_width


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        ("nothing.mp4", [], "nothing.mp4 does not exist"),
        ("text.mp4", [], "cannot be decoded as a video"),
        ("walk.mp4", ["--calibration", "text.mp4"], "text.mp4 is not a"),
        ("walk.mp4", ["--rate", "0"], "'0' is not a number above 0"),
    ],
)
def test_a_video_that_cannot_be_read_is_refused(
    clip: Any, tmp_path: Path, name: str, arguments: Any, complaint: str
) -> None:
    (tmp_path / "text.mp4").write_text("text")
    shutil.copy(clip, tmp_path / "walk.mp4")
    result = blazepose("video", name, "out.mcap", *arguments, cwd=tmp_path)
    assert result.returncode in (1, 2)
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out.mcap").exists()


def test_a_missing_model_is_told(
    walk: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, _ = walk
    write_bag(tmp_path / "in", raw_images("/image", images[:1]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    result = blazepose("bag", tmp_path / "in", tmp_path / "out")
    assert result.returncode == 1
    assert "blazepose models fetch" in result.stderr
    assert "Traceback" not in result.stderr
