# SPDX-License-Identifier: Apache-2.0
"""The parts that the benchmark's processes are made of."""

import mmap
import os
import re
import resource
import socket
import subprocess
import sys
import time
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from blazepose_ros.cli.bench.plan import forth_and_back, load_clip
from blazepose_ros.cli.bench.raw_loop import frames, raw_loop
from blazepose_ros.cli.bench.runner import cpu_model, machine
from blazepose_ros.cli.processes import DOMAIN_PORTS, DOMAINS, FIRST_PORT, NoFreeDomainError, next_free_domain
from blazepose_ros.conversions.cdr import read_stamp_ns, write_stamp_ns
from blazepose_ros.core.frame_sources.files import photograph
from blazepose_ros.core.frame_sources.frame_source import SourceError
from blazepose_ros.nodes.common.process_tuning import anonymous_mb, cpu_s, rss_mb

STAMP_NS = 1_795_342_185_123_456_789


def test_images_go_forth_and_back_without_a_jump() -> None:
    assert list(islice(forth_and_back(4), 10)) == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]
    assert list(islice(forth_and_back(2), 4)) == [0, 1, 0, 1]
    assert list(islice(forth_and_back(1), 3)) == [0, 0, 0]


def test_the_photograph_moves_a_little_from_image_to_image() -> None:
    clip = load_clip(str(photograph()), (320, 240), frames=4)
    assert [image.shape for image in clip] == [(240, 320, 3)] * 4
    steps = [np.abs(after.astype(float) - before).mean() for before, after in pairwise(clip)]
    assert all(0 < step < 20 for step in steps)


def test_a_video_is_shown_as_it_is(data: Path) -> None:
    clip = load_clip(str(data / "videos" / "pose2sim_cam01.mp4"), (640, 480), frames=3)
    assert [image.shape for image in clip] == [(480, 640, 3)] * 3


def test_a_source_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        load_clip(str(tmp_path / "missing.png"), (320, 240))


def test_a_stamp_is_written_in_place_and_read_again() -> None:
    messages = pytest.importorskip("sensor_msgs.msg", reason="ROS is not installed")
    from rclpy.serialization import deserialize_message, serialize_message

    image = messages.Image(height=2, width=2, step=2, data=[1, 2, 3, 4], encoding="mono8")
    image.header.frame_id = "camera"
    serialized = serialize_message(image)
    write_stamp_ns(serialized, STAMP_NS)
    assert read_stamp_ns(serialized) == STAMP_NS
    image.header.stamp.sec, image.header.stamp.nanosec = divmod(STAMP_NS, 1_000_000_000)
    assert deserialize_message(serialized, messages.Image) == image


def test_a_message_too_short_for_a_stamp_is_not_written_to() -> None:
    with pytest.raises(ValueError, match="11 bytes are not a message"):
        write_stamp_ns(bytes(11), STAMP_NS)


def test_a_camera_lists_the_stamps_of_what_has_a_subscriber() -> None:
    bench_camera = pytest.importorskip("blazepose_ros.cli.bench.camera", reason="ROS is not installed")
    published = []

    def publish(frame: Any) -> Any:
        stamps_ns = {read_stamp_ns(message) for message in frame.values()}
        published.extend(stamps_ns)
        return len(published) > 2

    before_ns = time.time_ns()
    frames = [
        {"raw": bytes(range(number, number + 16)), "jpeg": bytes(range(number + 1, number + 17))}
        for number in range(3)
    ]
    sent_ns = bench_camera.play(publish, cycle(frames), 100.0, 0.1)
    assert 2 < len(published) <= 11
    assert sent_ns == published[2:]
    assert published == sorted(published)
    assert before_ns <= published[0] <= published[-1] <= time.time_ns()


def test_the_raw_loop_times_the_estimator_alone() -> None:
    images = [np.full((4, 6, 3), value, np.uint8) for value in range(3)]
    times_ms = raw_loop(SleepingEstimator(), frames(images), duration_s=0.2)
    assert times_ms
    assert min(times_ms) >= 1000 * SleepingEstimator.TIME_S


def test_the_raw_loop_shows_moving_images_at_the_cameras_rate_from_turn_to_turn() -> None:
    estimator = SleepingEstimator()
    shown = frames([np.full((4, 6, 3), value, np.uint8) for value in range(3)])
    for _ in range(2):
        raw_loop(estimator, shown, duration_s=0.05)
        next(shown)
    assert [frame.rgb[0, 0, 0] for frame in estimator.frames[:6]] == [0, 1, 2, 1, 0, 1]
    stamps_ns = [frame.stamp_ns for frame in estimator.frames]
    assert len(set(np.diff(stamps_ns))) == 2
    assert np.diff(stamps_ns).min() == 33_333_333


class SleepingEstimator:
    TIME_S = 0.005

    def __init__(self) -> None:
        self.frames = []

    def estimate(self, frame: Any) -> Any:
        self.frames.append(frame)
        time.sleep(self.TIME_S)
        return []


def test_a_process_uses_processor_time_and_memory() -> None:
    used = os.times()
    assert cpu_s(os.getpid()) == pytest.approx(used.user + used.system, abs=0.1)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    assert 1 < anonymous_mb(os.getpid()) < rss_mb(os.getpid()) <= peak_mb * 1.01


@pytest.mark.parametrize(("kind", "counts"), [(mmap.MAP_PRIVATE, True), (mmap.MAP_SHARED, False)])
def test_shared_memory_is_resident_but_not_anonymous(kind: Any, counts: bool) -> None:
    resident_mb, allocated_mb = rss_mb(os.getpid()), anonymous_mb(os.getpid())
    with mmap.mmap(-1, 50_000_000, kind | mmap.MAP_ANONYMOUS) as held:
        held.write(bytes(len(held)))
        assert rss_mb(os.getpid()) - resident_mb == pytest.approx(50, abs=5)
        assert anonymous_mb(os.getpid()) - allocated_mb == pytest.approx(50 * counts, abs=5)


@pytest.mark.parametrize("measure", [cpu_s, rss_mb, anonymous_mb])
def test_a_process_that_is_gone_is_an_error(measure: Any) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    with pytest.raises(psutil.NoSuchProcess):
        measure(gone.pid)


def test_the_machine_has_a_name() -> None:
    found = machine()
    assert found["cores"] >= 1
    assert found["cpu"]
    assert re.fullmatch(r"3\.\d+\.\d+.*", found["python"])
    assert "mediapipe" in found["versions"]


def test_a_processor_is_named_after_its_model_or_its_architecture(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n\nmodel name\t: Some CPU @ 2 GHz\n")
    assert cpu_model(cpuinfo) == "Some CPU @ 2 GHz"
    cpuinfo.write_text("processor\t: 0\nCPU part\t: 0xd0c\n")
    assert cpu_model(cpuinfo) == os.uname().machine


def test_a_domain_in_use_is_passed_over() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        domain = next(number for number in DOMAINS[60:-1] if bound(taken, number))
        assert next_free_domain(iter(DOMAINS[domain - 1 :])) > domain
        with pytest.raises(NoFreeDomainError):
            next_free_domain(iter([domain]))


def test_two_processes_that_isolate_themselves_are_in_two_domains() -> None:
    program = (
        "import os; from blazepose_ros.cli import processes\n"
        "processes.random.sample = lambda domains, count: list(domains)[-20:]\n"
        "processes.isolate(); print(os.environ['ROS_DOMAIN_ID'], flush=True); input()"
    )
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    isolated = [subprocess.Popen([sys.executable, "-c", program], **pipes) for _ in range(2)]
    domains = [int(process.stdout.readline()) for process in isolated]
    for process in isolated:
        process.communicate("\n")
    assert len(set(domains)) == 2
    assert set(domains) <= set(DOMAINS)


def bound(probe: Any, domain: Any) -> bool:
    try:
        probe.bind(("", FIRST_PORT + DOMAIN_PORTS * domain))
    except OSError:
        return False
    return True
