# SPDX-License-Identifier: Apache-2.0
"""`blazepose bench`, as a user calls it."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
from support.paths import SUPPORT

from blazepose_ros.cli.bench import command as bench
from blazepose_ros.cli.bench.estimators import speed_rows
from blazepose_ros.cli.bench.plan import Case
from blazepose_ros.cli.bench.runner import Bench
from blazepose_ros.cli.bench.worker_process import BenchError
from blazepose_ros.core.frame_sources.files import photograph

pytestmark = pytest.mark.alone

FULL = ("mediapipe", "full", 320, 240)
FAKE_NODE = [sys.executable, str(SUPPORT / "fake_estimator_node.py")]


@pytest.fixture(autouse=True)
def _domain_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """`isolate` changes this process's environment."""
    for name in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE"):
        monkeypatch.setenv(name, "1")


@pytest.fixture(autouse=True)
def _one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """How fast the estimators are is no matter here."""
    monkeypatch.setattr(bench, "speed_rows", partial(speed_rows, rounds=1))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sizes", "640"],
        ["--sizes", "0x480"],
        ["--duration", "0"],
        ["--duration", "inf"],
        ["--duration", "long"],
        ["--cameras", "5"],
        ["--backends", "abacus"],
        ["--models", "medium"],
        ["--json", "/"],
        ["--json", 300 * "x"],
        ["--json", "missing/folder/bench.json"],
        ["--plot", "missing/folder/bench.png"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_has_status_2(arguments: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        bench.main(arguments)
    assert caught.value.code == 2
    assert "usage: blazepose bench" in capsys.readouterr().err


def test_a_missing_source_is_told_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(["--source", str(tmp_path / "missing.mp4")]) == 1
    assert "missing.mp4 does not exist" in capsys.readouterr().err


def test_a_missing_model_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert bench.main(["--quick"]) == 1
    assert "blazepose models fetch --model 1" in capsys.readouterr().err


def test_a_failing_case_is_told_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(_bench: Any, case: Any) -> None:
        if case.rate_hz is None:
            raise BenchError("the node failed")
        raise BenchError("the camera failed")

    monkeypatch.setattr(Bench, "run", fail)
    result = tmp_path / "bench.json"
    assert bench.main(["--quick", "--backends", "mediapipe", "--json", str(result)]) == 1
    errors = capsys.readouterr().err
    assert "mediapipe full 640x480 raw 30 Hz: the camera failed" in errors
    assert "mediapipe full 640x480 raw flat out: the node failed" in errors
    assert json.loads(result.read_text())["rows"] == []


def test_a_backend_that_does_not_load_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = []

    def try_out(_bench: Any, case: Any) -> None:
        if case.backend == "broken":
            raise BenchError("the library is missing")

    monkeypatch.setattr(bench, "BACKENDS", ("auto", "broken", "fast", "mediapipe"))
    monkeypatch.setattr(Bench, "try_out", try_out)
    monkeypatch.setattr(Bench, "run", lambda _bench, case: measured.append(case.backend))
    bench.main(["--quick"])
    assert list(dict.fromkeys(measured)) == ["mediapipe", "fast"]
    assert "broken is passed over: the library is missing" in capsys.readouterr().out


def test_a_backend_or_model_that_does_not_load_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(BenchError, match="blazepose models fetch"):
        Bench(str(photograph()), FAKE_NODE, 1.0, tmp_path).try_out(Case("mediapipe", "full", 320, 240))


@pytest.mark.thorough
@pytest.mark.usefixtures("models")
def test_a_run_writes_the_machine_the_raw_loop_and_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "Bench", FakeNodeBench)
    json_file, plot_file = tmp_path / "bench.json", tmp_path / "bench.png"
    options = ["--quick", "--backends", "mediapipe", "--sizes", "320x240", "--duration", "1"]
    assert bench.main([*options, "--json", str(json_file), "--plot", str(plot_file)]) == 0
    written = json.loads(json_file.read_text())
    assert written["machine"]["cores"] >= 1
    (raw_loop,) = written["raw_loop"]
    assert (raw_loop["backend"], raw_loop["model"]) == ("mediapipe", "full")
    assert raw_loop["ms_p50"] > 0
    assert [row["rate_hz"] for row in written["rows"]] == [30.0, None]
    assert all(row["estimator_ms_p50"] >= 20.0 for row in written["rows"])
    assert all(row["raw_loop_ms_p50"] > 0 for row in written["rows"])
    assert plot_file.stat().st_size > 10_000
    assert "320x240 raw flat out" in capsys.readouterr().out


class FakeNodeBench(Bench):
    """Starts the node with the fake estimator."""

    def __init__(self, source: Any, _node_command: Any, duration_s: Any, folder: Any) -> None:
        super().__init__(source, FAKE_NODE, duration_s, folder)
