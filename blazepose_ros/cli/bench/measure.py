# SPDX-License-Identifier: Apache-2.0
"""Measures one case: starts its cameras and nodes, listens to them, and writes the result.

It runs as a process of its own, since a process chooses its DDS transport once.

The raw loop, the estimator alone on the same images, takes turns with cameras and nodes: a machine
that other programs slow down for a while slows down both. Flat out means as many
images as the raw loop has taken in the best of its turns. The node, which is slower than that, is
hardly ever short of an image then, and the camera, which shares the processor with it, has no more
to do than that takes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from blazepose_ros.cli.bench.plan import BOTH, JPEG, RAW, STOCK, STOCK_CAMERA, Case
from blazepose_ros.cli.bench.results import MS_PER_S, CameraRecord, Measurement, Window, median_ms
from blazepose_ros.cli.bench.worker_process import BenchError, WorkerProcess
from blazepose_ros.cli.processes import ChildProcess, ChildProcesses, ros_arguments
from blazepose_ros.cli.signals import Interruption
from blazepose_ros.core.models.registry import bundle_named
from blazepose_ros.nodes.common.dds import use_image_profile, use_stock_transport
from blazepose_ros.nodes.common.main import init_rclpy
from blazepose_ros.nodes.common.process_tuning import cpu_s, rss_mb

if TYPE_CHECKING:
    from blazepose_ros.cli.bench.listener import BenchListener

# Where the node listens to begin with.
IMAGE_TOPICS = {RAW: "image", JPEG: "image/compressed", BOTH: "image"}
IMAGE_TRANSPORTS = {RAW: "raw", JPEG: "compressed", BOTH: "auto"}

# Loading a model and finding each other.
START_TIMEOUT_S = 60.0
# Discovery is over and the model is warm after so many answers of each node. A transport that
# loses nearly every image gives no more of them, however long one waits.
WARM_UP_ANSWERS = 15
WARM_UP_TIMEOUT_S = 4.0
# Until then the node has seen which of a camera's images arrive.
CHOICE_S = 3.0
# How often the raw loop and the node take turns.
ROUNDS = 4
# How long images come before a turn counts, and how long after it.
SETTLE_S = 0.3
MARGIN_S = 0.1
# How long after the last image answers are waited for.
DRAIN_S = 0.5
TURN_TIMEOUT_S = 60.0
SPIN_S = 0.05


@dataclass(frozen=True)
class BenchJob:
    """How to measure a case.

    Attributes:
        case: the case.
        node_command: what starts a node, less its ROS arguments.
        source: a video or an image.
        duration_s: how long to measure, in seconds, all turns together.
        folder: where logs go.
    """

    case: Case
    node_command: Sequence[str]
    source: str
    duration_s: float
    folder: Path

    @classmethod
    def load(cls, path: Path) -> BenchJob:
        """Return the job in a JSON file, written by ``save``."""
        fields = json.loads(path.read_text())
        return cls(**{**fields, "case": Case(**fields["case"]), "folder": Path(fields["folder"])})

    def save(self, path: Path) -> None:
        """Write a JSON file."""
        path.write_text(json.dumps({**asdict(self), "folder": str(self.folder)}))


@dataclass(frozen=True)
class _Harness:
    """The processes of a case: the raw loop, and one camera and one node for each namespace."""

    raw_loop: WorkerProcess
    cameras: Sequence[WorkerProcess]
    nodes: Sequence[ChildProcess]

    def check(self) -> None:
        """Raise BenchError where a process has failed."""
        for child in (*(camera.process for camera in self.cameras), *self.nodes, self.raw_loop.process):
            if failure := child.failure():
                raise BenchError(failure)

    def cpu_s(self) -> float:
        """Return the nodes' processor time so far."""
        return sum(cpu_s(node.pid) for node in self.nodes)

    def rss_mb(self) -> float:
        """Return the nodes' resident memory."""
        return sum(rss_mb(node.pid) for node in self.nodes)


def measure(job: BenchJob) -> Measurement:
    """Return what was seen of a case.

    Raises:
        BenchError: a camera, a node or the raw loop failed.
    """
    (use_stock_transport if job.case.transport == STOCK else use_image_profile)()
    namespaces = [f"/camera_{number}" for number in range(1, job.case.cameras + 1)]
    with ChildProcesses() as children:
        # Before rclpy and its threads: what runs between fork and exec needs a single one.
        harness = _start(job, namespaces, children)
        with _listening(namespaces, IMAGE_TOPICS[job.case.encoding]) as (listener, spin_until):
            return _Watch(job, harness, listener, spin_until).watch()


def start_raw_loop(case: Case, source: str, folder: Path, children: ChildProcesses) -> WorkerProcess:
    """Start a process that times the estimator alone on a case's images; each turn is a duration."""
    job = folder / "raw_loop.json"
    fields = {name: getattr(case, name) for name in ("backend", "model", "precision", "size")}
    job.write_text(json.dumps({**fields, "source": source}))
    command = [sys.executable, "-m", "blazepose_ros.cli.bench.raw_loop", str(job)]
    return WorkerProcess(children, command, folder / "raw_loop.log")


def _start(job: BenchJob, namespaces: Sequence[str], children: ChildProcesses) -> _Harness:
    cameras, nodes = [], []
    for number, namespace in enumerate(namespaces, start=1):
        in_namespace = ("-r", f"__ns:={namespace}")
        node_log, camera_log = (job.folder / f"{kind}_{number}.log" for kind in ("node", "camera"))
        nodes.append(children.start([*_node_command(job), *in_namespace], node_log))
        cameras.append(WorkerProcess(children, [*_camera_command(job), *in_namespace], camera_log))
    return _Harness(start_raw_loop(job.case, job.source, job.folder, children), cameras, nodes)


def _node_command(job: BenchJob) -> list[str]:
    parameters = {
        "backend": job.case.backend,
        "precision": job.case.precision,
        "model_complexity": int(bundle_named(job.case.model).complexity),
        "image_transport": IMAGE_TRANSPORTS[job.case.encoding],
    }
    return [*job.node_command, *ros_arguments(parameters)]


def _camera_command(job: BenchJob) -> list[str]:
    options = {
        "source": job.source,
        "width": job.case.width,
        "height": job.case.height,
        "encoding": job.case.encoding,
        "reliability": job.case.reliability,
    }
    settings = [f"--{name}={value}" for name, value in options.items()]
    if job.case.transport == STOCK_CAMERA:
        settings.append("--stock-transport")
    return [sys.executable, "-m", "blazepose_ros.cli.bench.camera", *settings, "--ros-args"]


SpinUntil = Callable[[Callable[[], bool], float], bool]


@contextmanager
def _listening(namespaces: list[str], image_topic: str) -> Iterator[tuple[BenchListener, SpinUntil]]:
    """Return a listener, and a function that lets it receive until a condition holds or time is up."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from blazepose_ros.cli.bench.listener import BenchListener

    init_rclpy()
    try:
        listener = BenchListener(namespaces, image_topic)
        executor = SingleThreadedExecutor()
        executor.add_node(listener)

        def spin_until(condition: Callable[[], bool], timeout_s: float) -> bool:
            deadline_s = time.monotonic() + timeout_s
            while time.monotonic() < deadline_s:
                if condition():
                    return True
                executor.spin_once(timeout_sec=SPIN_S)
            return condition()

        yield listener, spin_until
        listener.destroy_node()
    finally:
        rclpy.try_shutdown()


@dataclass
class _Watch:
    """Lets the raw loop and the cameras take turns, and notes what comes of it."""

    job: BenchJob
    harness: _Harness
    listener: BenchListener
    spin_until: SpinUntil
    sent_ns: list[list[int]] = field(init=False)
    raw_loop_ms: list[float] = field(default_factory=list)
    offered_hz: float = 0.0

    def __post_init__(self) -> None:
        self.sent_ns = [[] for _ in self.harness.cameras]

    def watch(self) -> Measurement:
        """Return what was seen."""
        turn_s = self.job.duration_s / ROUNDS
        self._connect()
        self._run_raw_loop(turn_s)
        self._warm_up()
        windows = [self._run_node(turn_s)]
        for _ in range(1, ROUNDS):
            self._run_raw_loop(turn_s)
            windows.append(self._run_node(turn_s))
        self.harness.check()
        records = [
            CameraRecord(sent_ns, answers)
            for sent_ns, answers in zip(self.sent_ns, self.listener.answers(), strict=True)
        ]
        return Measurement(windows, self.harness.rss_mb(), self.offered_hz, self.raw_loop_ms, records)

    def _connect(self) -> None:
        def connected() -> bool:
            self.harness.check()
            return self.listener.connected()

        if not self.spin_until(connected, START_TIMEOUT_S):
            raise BenchError(f"cameras and nodes have not found each other within {START_TIMEOUT_S:g} s")

    def _warm_up(self) -> None:
        if self.job.case.encoding == BOTH:
            with self._cameras_playing(CHOICE_S):
                self._spin(CHOICE_S)
        deadline_s = time.monotonic() + WARM_UP_TIMEOUT_S
        while self.listener.fewest_answers() < WARM_UP_ANSWERS and time.monotonic() < deadline_s:
            with self._cameras_playing(SETTLE_S):
                self._spin(SETTLE_S)

    def _run_raw_loop(self, turn_s: float) -> None:
        """Time the estimator alone, and offer as many images as it takes where that is asked for."""
        self.harness.raw_loop.begin(turn_s)
        times_ms = self.harness.raw_loop.end(turn_s + TURN_TIMEOUT_S)
        self.raw_loop_ms += times_ms
        self.offered_hz = self.job.case.rate_hz or max(self.offered_hz, MS_PER_S / median_ms(times_ms))

    def _run_node(self, turn_s: float) -> Window:
        with self._cameras_playing(SETTLE_S + turn_s + MARGIN_S):
            self._spin(SETTLE_S)
            start_ns, cpu_before_s = time.time_ns(), self.harness.cpu_s()
            self._spin(turn_s)
            window = Window(start_ns, time.time_ns(), self.harness.cpu_s() - cpu_before_s)
        self._spin(DRAIN_S)
        return window

    @contextmanager
    def _cameras_playing(self, duration_s: float) -> Iterator[None]:
        for camera in self.harness.cameras:
            camera.begin([self.offered_hz, duration_s])
        yield
        for sent_ns, camera in zip(self.sent_ns, self.harness.cameras, strict=True):
            sent_ns += camera.end(TURN_TIMEOUT_S)

    def _spin(self, duration_s: float) -> None:
        def failed() -> bool:
            self.harness.check()
            return False

        self.spin_until(failed, duration_s)


def main(arguments: Sequence[str]) -> int:
    """Run a job from one JSON file and write the measurement to another."""
    job_file, result_file = map(Path, arguments)
    try:
        with Interruption():
            seen = measure(BenchJob.load(job_file))
    except BenchError as err:
        sys.stderr.write(f"{err}\n")
        return 1
    result_file.write_text(json.dumps(asdict(seen)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
