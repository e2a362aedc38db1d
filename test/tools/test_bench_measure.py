# SPDX-License-Identifier: Apache-2.0
"""The benchmark's own numbers, of real processes whose estimator takes a known time."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fake_estimator_node import TIME_S
from support.paths import SUPPORT

from blazepose_ros.cli.bench.plan import Case
from blazepose_ros.cli.bench.results import Measurement, to_row
from blazepose_ros.core.frame_sources.files import photograph

pytest.importorskip("rclpy", reason="rclpy is not installed")
from blazepose_ros.cli.bench.measure import ROUNDS, BenchJob

pytestmark = pytest.mark.alone

FAKE_NODE = [sys.executable, str(SUPPORT / "fake_estimator_node.py")]
TIME_MS = 1000 * TIME_S
TIMEOUT_S = 120.0
# Slow enough for a busy machine to lose nothing.
RATE_HZ = 5.0
DURATION_S = 4.0
# Where a machine is busy a sleep may take longer, but not always by this factor.
SLACK = 3


def run(job: Any, folder: Any) -> Any:
    job.save(folder / "job.json")
    command = [sys.executable, "-m", "blazepose_ros.cli.bench.measure", "job.json", "seen.json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def measure(folder: Any, rate_hz: Any = RATE_HZ, size: Any = (320, 240), **case: Any) -> tuple[Any, Any]:
    folder.mkdir(exist_ok=True)
    job = BenchJob(
        case=Case("mediapipe", "full", *size, rate_hz=rate_hz, **case),
        node_command=FAKE_NODE,
        source=str(photograph()),
        duration_s=DURATION_S,
        folder=folder,
    )
    done = run(job, folder)
    assert done.returncode == 0, done.stderr
    seen = Measurement.from_dict(json.loads((folder / "seen.json").read_text()))
    return seen, to_row(job.case, seen)


@pytest.fixture(scope="module")
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One camera that the node keeps up with."""
    request.getfixturevalue("models")
    return measure(tmp_path_factory.mktemp("bench"))


def test_an_estimator_of_a_known_time_gives_that_time_back(measured: Any) -> None:
    seen, row = measured
    times_ms = [answer.stages_ms["inference"] for answer in seen.cameras[0].answers]
    assert TIME_MS <= min(times_ms) < SLACK * TIME_MS
    assert min(times_ms) <= row.estimator_ms_p50 <= max(times_ms)


def test_no_image_is_faster_than_the_estimator(measured: Any) -> None:
    seen, _ = measured
    for answer in seen.cameras[0].answers:
        assert answer.stages_ms["inference"] >= TIME_MS
        assert answer.latency_ms > answer.stages_ms["inference"]
        assert answer.added_ms == pytest.approx(answer.latency_ms - answer.stages_ms["inference"])


def test_the_stages_account_for_the_latency(measured: Any) -> None:
    seen, row = measured
    for answer in seen.cameras[0].answers:
        assert min(answer.stages_ms.values()) >= 0
        before_publishing_ms = sum(answer.stages_ms.values()) - answer.stages_ms["publishing"]
        assert answer.latency_ms > before_publishing_ms
        assert answer.delivery_ms == pytest.approx(
            answer.latency_ms - before_publishing_ms - answer.stages_ms["publishing"]
        )
    assert row.added_ms_p50 > 0


def test_every_image_is_delivered_at_a_rate_that_the_node_keeps_up_with(measured: Any) -> None:
    seen, row = measured
    assert row.delivered == 1.0
    sent_ns = list(filter(seen.has, seen.cameras[0].sent_ns))
    answered_ns = {answer.stamp_ns for answer in seen.cameras[0].answers}
    assert set(sent_ns) <= answered_ns


def test_the_node_numbers_the_images_as_they_arrive(measured: Any) -> None:
    seen, _ = measured
    numbers = [
        answer.received for answer in seen.cameras[0].answers if answer.stamp_ns >= seen.windows[0].start_ns
    ]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_poses_per_second_are_the_cameras_rate(measured: Any) -> None:
    _, row = measured
    assert row.poses_per_s == pytest.approx(RATE_HZ, abs=2 / DURATION_S)


def test_a_sleeping_estimator_takes_hardly_any_processor_time(measured: Any) -> None:
    _, row = measured
    assert 0 <= row.cpu_s_per_frame < 1 / RATE_HZ
    assert 20 < row.rss_mb < 5000


def test_the_raw_loop_and_the_node_take_turns(measured: Any) -> None:
    seen, row = measured
    assert len(seen.windows) == ROUNDS
    assert all(window.end_ns - window.start_ns >= DURATION_S / ROUNDS * 1e9 for window in seen.windows)
    assert all(before.end_ns < after.start_ns for before, after in pairwise(seen.windows))
    pauses_ns = np.diff(seen.cameras[0].sent_ns)
    # In each pause the raw loop has its turn.
    assert np.sum(pauses_ns > DURATION_S / ROUNDS * 1e9) == ROUNDS - 1
    assert sum(seen.raw_loop_ms) == pytest.approx(1000 * DURATION_S, rel=0.2)
    assert row.raw_loop_ms_p50 > 0


@pytest.mark.thorough
@pytest.mark.usefixtures("models")
def test_flat_out_offers_what_the_raw_loop_takes(tmp_path: Path) -> None:
    seen, row = measure(tmp_path, rate_hz=None)
    assert row.offered_hz > 1000 / row.raw_loop_ms_p50 * 0.9
    assert row.offered_hz <= 1000 / min(seen.raw_loop_ms)
    assert row.poses_per_s <= 1 / TIME_S


@pytest.mark.thorough
@pytest.mark.usefixtures("models")
def test_more_images_than_the_estimator_can_take_give_no_more_poses_than_it_can(tmp_path: Path) -> None:
    seen, row = measure(tmp_path, rate_hz=1.5 / TIME_S)
    assert 0 < row.poses_per_s <= 1 / TIME_S
    arrived = seen.cameras[0].answers[-1].received
    assert arrived > len(seen.cameras[0].answers)
    # Those that made way for newer ones have arrived: without them it is two thirds.
    assert 0.8 < row.delivered <= 1.0


@pytest.mark.thorough
@pytest.mark.usefixtures("models")
def test_a_camera_on_stock_settings_that_offers_both_is_seen_whole(tmp_path: Path) -> None:
    """Of its raw images one in five arrives."""
    _, row = measure(tmp_path, 15.0, (640, 480), encoding="raw+jpeg", transport="stock camera")
    assert row.delivered > 0.95


@pytest.mark.thorough
def test_jpeg_over_the_stock_transport_with_two_cameras(tmp_path: Path) -> None:
    seen, row = measure(tmp_path, encoding="jpeg", transport="stock", cameras=2)
    assert len(seen.cameras) == 2
    assert all(camera.answers for camera in seen.cameras)
    assert row.stages_ms_p50["decoding"] > 0


def test_a_node_that_fails_is_an_error_that_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such estimator')"]
    job = BenchJob(Case("mediapipe", "full", 320, 240), command, str(photograph()), 1.0, tmp_path)
    done = run(job, tmp_path)
    assert done.returncode == 1
    assert done.stderr == "no such estimator\n"


def test_a_job_survives_its_file(tmp_path: Path) -> None:
    job = BenchJob(Case("mediapipe", "full", 320, 240), ("a", "b"), "source.png", 1.0, tmp_path)
    job.save(tmp_path / "job.json")
    loaded = BenchJob.load(tmp_path / "job.json")
    assert (loaded.case, list(loaded.node_command), loaded.folder) == (job.case, ["a", "b"], tmp_path)
