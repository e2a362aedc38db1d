# SPDX-License-Identifier: Apache-2.0
"""The ``blazepose`` command, as a user calls it."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from support.paths import ROOT

from blazepose_ros.cli.main import COMMANDS, main

DEADLINE_S = 20.0
CLI = [sys.executable, "-m", "blazepose_ros.cli.main"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no way to Google, and no npm."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "blazepose_ros"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    assert capsys.readouterr().out == f"blazepose {package.findtext('version')}\n"


def test_a_missing_library_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rosbags.rosbag2", None)
    for module in [name for name in sys.modules if name.startswith("blazepose_ros.cli.bag")]:
        monkeypatch.delitem(sys.modules, module)
    assert main(["bag", "in", "out"]) == 1
    assert capsys.readouterr().err == "blazepose bag: the Python package rosbags.rosbag2 is not installed\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["models"], ["models", "nonsense"], ["models", "fetch", "--model", "3"]],
)
def test_wrong_usage_has_status_2_and_lists_the_choices(
    arguments: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: blazepose" in capsys.readouterr().err


def test_list_shows_the_state_of_each_model(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache.mkdir()
    (cache / "pose_landmarker_full.task").write_bytes(b"damaged")
    assert main(["models", "list"]) == 0
    folder, _, lite, full, heavy = capsys.readouterr().out.splitlines()
    assert folder == str(cache)
    assert lite.split() == ["0", "lite", "missing", "-", "pose_landmarker_lite.task"]
    assert full.split()[:3] == ["1", "full", "damaged"]
    assert heavy.split()[:3] == ["2", "heavy", "missing"]


def test_verify_fails_and_names_the_fix_of_each_model(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache.mkdir()
    (cache / "pose_landmarker_full.task").write_bytes(b"damaged")
    assert main(["models", "verify"]) == 1
    problems = capsys.readouterr().err
    for value in range(3):
        assert f"blazepose models fetch --model {value}" in problems


@pytest.mark.parametrize("name", ["0", "lite"])
def test_verify_looks_at_one_model_where_one_is_named(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify", "--model", name]) == 1
    assert "heavy" not in capsys.readouterr().out


def test_a_fetch_that_fails_has_status_1_and_no_traceback(cache: Path) -> None:
    done = subprocess.run(
        [*CLI, "models", "fetch"], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == 1
    assert "npm is not installed" in done.stderr
    assert str(cache / "pose_landmarker_full.task") in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_in_the_way_of_reading_is_an_error_without_traceback(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cache / "pose_landmarker_full.task").mkdir(parents=True)
    assert main(["models", "list"]) == 1
    assert "cannot read the model" in capsys.readouterr().err


def test_ctrl_c_ends_a_fetch_with_status_130_and_no_traceback(tmp_path: Path) -> None:
    npm, started = tmp_path / "bin" / "npm", tmp_path / "started"
    npm.parent.mkdir()
    npm.write_text(f"#!/bin/sh\n> {started}\nexec /bin/sleep 60\n")
    npm.chmod(0o755)
    process = subprocess.Popen(
        [*CLI, "models", "fetch"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(started)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert stderr.endswith("interrupted\n")
    assert "Traceback" not in stderr


def test_ctrl_c_while_a_command_is_imported_is_no_failed_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Extension modules make an ImportError of any exception in their beginning."""
    (tmp_path / "slow.py").write_text(
        "import signal\n"
        "try:\n    signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt as err:\n    raise ImportError from err\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    run = "from blazepose_ros.cli.main import *; COMMANDS['slow'] = Command('slow', ''); main(['slow'])"
    done = subprocess.run(
        [sys.executable, "-c", run], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert (done.returncode, done.stderr) == (130, "\ninterrupted\n")


@pytest.mark.parametrize("arguments", [["--help"], ["models", "list"], ["doctor"], ["view", "--port", "0"]])
def test_a_command_whose_reader_has_left_ends_quietly(
    arguments: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in ``blazepose doctor | head -1``."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*CLI, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=DEADLINE_S, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear within {DEADLINE_S:g} s"
        time.sleep(0.02)


def test_colcons_script_runs_nothing_where_a_worker_process_imports_it(tmp_path: Path) -> None:
    script = tmp_path / "blazepose"
    template = (ROOT / "cmake" / "console_script.in").read_text()
    script.write_text(template.replace("@module@", "cli.main").replace("@function@", "main"))
    assert runpy.run_path(str(script), run_name="__mp_main__")["main"] is main
