"""Measures one case: starts its cameras and nodes, listens to them, and writes what it saw.

It runs as a process of its own, since a process chooses its DDS transport once.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blazepose_ros.bench.plan import JPEG, STOCK, Case
from blazepose_ros.bench.rows import CameraRecord, Measurement
from blazepose_ros.child_processes import ChildProcess, ChildProcesses
from blazepose_ros.commands import ros_arguments
from blazepose_ros.interruption import Interruption
from blazepose_ros.models.store import BUNDLES
from blazepose_ros.process_usage import cpu_s, rss_mb
from blazepose_ros.transport import use_image_profile, use_stock_transport

if TYPE_CHECKING:
    from blazepose_ros.bench.listener import BenchListener

IMAGE_TOPICS = {"raw": "image", "jpeg": "image/compressed"}

# Loading a model and finding each other.
START_TIMEOUT_S = 60.0
# Discovery is over and the model is warm after so many answers of each node. A transport that
# loses nearly every image gives no more of them, however long one waits.
WARM_UP_ANSWERS = 15
WARM_UP_TIMEOUT_S = 4.0
# How long after the last image answers are waited for.
DRAIN_S = 0.5
STOP_TIMEOUT_S = 5.0
SPIN_S = 0.05


class BenchError(RuntimeError):
    """A case could not be measured; the message says what failed."""


@dataclass(frozen=True)
class Job:
    """How to measure a case.

    Attributes:
        case: the case.
        node_command: what starts a node, less its ROS arguments.
        source: a video or an image.
        offered_hz: images per second of each camera.
        duration_s: how long to measure, in seconds.
        folder: where logs go.
    """

    case: Case
    node_command: Sequence[str]
    source: str
    offered_hz: float
    duration_s: float
    folder: Path

    @classmethod
    def load(cls, path: Path) -> Job:
        """Return the job in a JSON file, written by ``save``."""
        fields = json.loads(path.read_text())
        return cls(**{**fields, "case": Case(**fields["case"]), "folder": Path(fields["folder"])})

    def save(self, path: Path) -> None:
        """Write a JSON file."""
        path.write_text(json.dumps({**asdict(self), "folder": str(self.folder)}))


@dataclass(frozen=True)
class _Rig:
    """The processes of a case, one camera and one node for each namespace."""

    cameras: Sequence[ChildProcess]
    nodes: Sequence[ChildProcess]

    def check(self) -> None:
        """Raise BenchError where a process has failed."""
        for child in (*self.cameras, *self.nodes):
            if complaint := child.complaint():
                raise BenchError(complaint)

    def cpu_s(self) -> float:
        """Return the nodes' processor time so far."""
        return sum(cpu_s(node.pid) for node in self.nodes)

    def rss_mb(self) -> float:
        """Return the nodes' resident memory."""
        return sum(rss_mb(node.pid) for node in self.nodes)


def measure(job: Job) -> Measurement:
    """Return what was seen of a case.

    Raises:
        BenchError: a camera or a node failed.
    """
    (use_stock_transport if job.case.transport == STOCK else use_image_profile)()
    namespaces = [f"/camera_{number}" for number in range(1, job.case.cameras + 1)]
    with ChildProcesses() as children:
        # Before rclpy and its threads: what runs between fork and exec needs a single one.
        rig = _start(job, namespaces, children)
        with _listening(namespaces, IMAGE_TOPICS[job.case.encoding]) as (listener, spin_until):
            return _watch(job, rig, listener, spin_until)


def _start(job: Job, namespaces: Sequence[str], children: ChildProcesses) -> _Rig:
    cameras, nodes = [], []
    for number, namespace in enumerate(namespaces, start=1):
        in_namespace = ("-r", f"__ns:={namespace}")
        node_log, camera_log = (job.folder / f"{kind}_{number}.log" for kind in ("node", "camera"))
        nodes.append(children.start([*_node_command(job), *in_namespace], node_log))
        cameras.append(children.start([*_camera_command(job, number), *in_namespace], camera_log))
    return _Rig(cameras, nodes)


def _node_command(job: Job) -> list[str]:
    complexity = next(value for value, bundle in BUNDLES.items() if bundle.name == job.case.model)
    parameters = {
        "backend": job.case.backend,
        "model_complexity": int(complexity),
        "image_transport": "compressed" if job.case.encoding == JPEG else "raw",
    }
    return [*job.node_command, *ros_arguments(parameters)]


def _camera_command(job: Job, number: int) -> list[str]:
    options = {
        "source": job.source,
        "width": job.case.width,
        "height": job.case.height,
        "encoding": job.case.encoding,
        "rate": job.offered_hz,
        "result": _sent_file(job, number),
    }
    settings = (f"--{name}={value}" for name, value in options.items())
    return [sys.executable, "-m", "blazepose_ros.bench.camera", *settings, "--ros-args"]


def _sent_file(job: Job, number: int) -> Path:
    return job.folder / f"camera_{number}.json"


SpinUntil = Callable[[Callable[[], bool], float], bool]


@contextmanager
def _listening(namespaces: list[str], image_topic: str) -> Iterator[tuple[BenchListener, SpinUntil]]:
    """Return a listener, and a function that lets it hear until a condition holds or time is up."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions

    from blazepose_ros.bench.listener import BenchListener

    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
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


def _watch(job: Job, rig: _Rig, listener: BenchListener, spin_until: SpinUntil) -> Measurement:
    def connected() -> bool:
        rig.check()
        return listener.connected()

    def never() -> bool:
        return False

    if not spin_until(connected, START_TIMEOUT_S):
        raise BenchError(f"cameras and nodes have not found each other within {START_TIMEOUT_S:g} s")
    spin_until(lambda: listener.heard() >= WARM_UP_ANSWERS, WARM_UP_TIMEOUT_S)
    start_ns, cpu_before_s = time.time_ns(), rig.cpu_s()
    spin_until(never, job.duration_s)
    end_ns, cpu_after_s, rss_after_mb = time.time_ns(), rig.cpu_s(), rig.rss_mb()
    for camera in rig.cameras:
        camera.signal(signal.SIGINT)
    if not spin_until(lambda: all(camera.exit_status is not None for camera in rig.cameras), STOP_TIMEOUT_S):
        raise BenchError("a camera does not stop")
    spin_until(never, DRAIN_S)
    rig.check()
    records = [
        CameraRecord(json.loads(_sent_file(job, number).read_text()), answers)
        for number, answers in enumerate(listener.answers(), start=1)
    ]
    return Measurement(start_ns, end_ns, cpu_after_s - cpu_before_s, rss_after_mb, records)


def main(arguments: Sequence[str]) -> int:
    """Run a job from one JSON file and write the measurement to another."""
    job_file, result_file = map(Path, arguments)
    try:
        with Interruption():
            seen = measure(Job.load(job_file))
    except BenchError as err:
        sys.stderr.write(f"{err}\n")
        return 1
    result_file.write_text(json.dumps(asdict(seen)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
