# SPDX-License-Identifier: Apache-2.0
"""``blazepose bag`` on folders of recordings as a process, with the real model: what ends it, and goes on."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from support.fleets import TIMEOUT_S, bag, photograph_fleet, states
from support.processes import executable
from support.recordings import read_bag

pytest.importorskip("openvino")
pytestmark = pytest.mark.usefixtures("models")


def waited_for(what: Any, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not what():
        assert process.poll() is None, f"it ended too soon: {process.communicate()[1]}"
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_though_recordings_wait_and_the_next_run_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    source, target = photograph_fleet(tmp_path / "in", recordings=5, images=30), tmp_path / "out"
    process = bag(source, target, "--jobs", "1", start_new_session=True)
    waited_for((target / ".finished.jsonl").exists, process)
    process.send_signal(number)
    _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 128 + number, said
    assert "Traceback" not in said
    finished = len((target / ".finished.jsonl").read_text().split())

    process = bag(source, target, "--jobs", "1")
    _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, said
    assert list(states(target).values()).count("finished before") >= min(1, finished)
    for name in states(target):
        assert len(read_bag(target / name, "/blazepose/poses")) == 30
    assert not list(target.rglob("*.partial"))


def test_a_full_disk_ends_all_workers_with_a_message_and_loses_nothing(tmp_path: Path) -> None:
    source = photograph_fleet(tmp_path / "in", recordings=6, images=20)
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=700k tmpfs {disk} && "$@"; echo "status $?"; ls {disk}/out || true'
    start = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*start, "true"], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    process = bag(source, disk / "out", "--keep", "nothing", "--jobs", "2", start=start)
    out, said = process.communicate(timeout=TIMEOUT_S)
    assert "No space left on device. What is finished is kept" in said
    assert "Traceback" not in said
    assert "not begun" in out
    assert "status 1\n" in out
    made = [line.split()[0] for line in out.splitlines() if line.split()[1:2] == ["made"]]
    assert {f"{name.split('/')[0]}" for name in made} <= set(out.partition("status 1\n")[2].split())


def without_rights() -> list[str]:
    """Return the start of a command that may not read what its owner has closed; root may, else."""
    if os.geteuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root reads everything, and there is no setpriv")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


def test_what_may_not_be_read_is_told_and_the_others_are_done(tmp_path: Path) -> None:
    source, target = photograph_fleet(tmp_path / "in", recordings=4, images=2), tmp_path / "out"
    closed = [
        source / "robot0",
        source / "robot1" / "walk" / "metadata.yaml",
        *source.glob("robot2/walk/*.mcap"),
    ]
    for path in closed:
        path.chmod(0)
    try:
        process = bag(source, target, start=without_rights())
        _, said = process.communicate(timeout=TIMEOUT_S)
    finally:
        closed[0].chmod(0o700)
    assert process.returncode == 3, said
    assert said.count(": Permission denied") == 3
    assert "Traceback" not in said
    assert states(target) == {
        "robot1/walk": "failed",
        "robot2/walk": "failed",
        "robot3/walk": "made",
        str(source / "robot0"): "failed",
    }


def test_of_two_runs_on_one_folder_the_second_is_refused(tmp_path: Path) -> None:
    source, target = photograph_fleet(tmp_path / "in", recordings=3, images=30), tmp_path / "out"
    first = bag(source, target)
    waited_for((target / ".lock").exists, first)
    second = subprocess.run(
        [executable("blazepose"), "bag", source, target],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if first.poll() is None:
        assert second.returncode == 1
        assert f"another run is at work on {target}" in second.stderr
    _, said = first.communicate(timeout=TIMEOUT_S)
    assert first.returncode == 0, said
    assert json.loads((target / "summary.json").read_text())["all"]["images"] == 90
