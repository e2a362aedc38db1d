"""``blazepose bench``: what the way from a camera to poses costs, beside the estimator alone.

Each case runs in processes of its own, as in real use: a camera that does nothing but publish,
the node, and a listener. Right before it the raw loop, the estimator alone on the same images,
runs in a process, too: both meet the same machine in the same minute.

Flat out means more images than the estimator can take: one and a half times as many as the raw
loop did. The node is never short of an image then, and the camera, which shares the processor
with it, has no more to do than that takes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import socket
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_prefix
from tqdm import tqdm

from blazepose_ros.bench_machine import machine
from blazepose_ros.bench_measure import BenchError, Job
from blazepose_ros.bench_plan import MAX_CAMERAS, SIZES, Case, plan
from blazepose_ros.bench_plot import save_plot
from blazepose_ros.bench_rows import MS_PER_S, Measurement, Row, median_ms, row_fields, to_row
from blazepose_ros.bench_table import table
from blazepose_ros.child_processes import ChildProcesses
from blazepose_ros.demo_photograph import PhotographMissingError, photograph
from blazepose_ros.estimators import BACKENDS
from blazepose_ros.frame_fit import Size
from blazepose_ros.frame_source import SourceError
from blazepose_ros.model_store import BUNDLES

REFERENCE = "mediapipe"
MODELS = tuple(bundle.name for bundle in BUNDLES.values())
DEFAULT_MODEL = "full"

DURATION_S = 8.0
RAW_LOOP_S = 2.0
# Starting and stopping processes, loading the model twice, warming up.
OVERHEAD_S = 8.0
CASE_TIMEOUT_S = 120.0
POLL_S = 0.05

FLAT_OUT_FACTOR = 1.5

# A domain's first port is this many above 7400; above 101, Linux hands the ports to others.
DOMAIN_PORTS, FIRST_PORT, LAST_DOMAIN = 250, 7400, 101


@dataclass
class Bench:
    """Runs cases one after the other.

    Attributes:
        source: a video or an image.
        node_command: what starts a node.
        duration_s: how long each case is measured.
        folder: where jobs, logs and results lie.
        rows: what was measured so far.
        raw_loops_ms: every time of the raw loop so far, by backend, model and size.
    """

    source: str
    node_command: Sequence[str]
    duration_s: float
    folder: Path
    rows: list[Row] = field(default_factory=list)
    raw_loops_ms: dict[tuple[str, str, Size], list[float]] = field(default_factory=lambda: defaultdict(list))

    def run(self, case: Case) -> Row:
        """Measure a case.

        Raises:
            BenchError: it could not be measured.
        """
        raw_ms = self.raw_loop(case)
        offered_hz = case.rate_hz or FLAT_OUT_FACTOR * MS_PER_S / median_ms(raw_ms)
        job = Job(case, self.node_command, self.source, offered_hz, self.duration_s, self.folder)
        job.save(self.folder / "job.json")
        seen = Measurement.from_dict(self._child("bench_measure"))
        self.rows.append(to_row(case, offered_hz, raw_ms, seen))
        return self.rows[-1]

    def raw_loop(self, case: Case) -> list[float]:
        """Return how long the estimator alone takes on a case's images, in milliseconds.

        Raises:
            BenchError: the backend or the model does not load.
        """
        job = {
            "backend": case.backend,
            "model": case.model,
            "source": self.source,
            "size": case.size,
            "duration_s": RAW_LOOP_S,
        }
        (self.folder / "job.json").write_text(json.dumps(job))
        times_ms: list[float] = self._child("bench_raw_loop")
        self.raw_loops_ms[case.backend, case.model, case.size] += times_ms
        return times_ms

    def document(self) -> dict[str, Any]:
        """Return everything as JSON has it; the raw loop's at the smallest size."""
        smallest: dict[tuple[str, str], Size] = {}
        for backend, model, size in sorted(self.raw_loops_ms, reverse=True):
            smallest[backend, model] = size
        raw_loop = [
            {
                "backend": backend,
                "model": model,
                "width": size[0],
                "height": size[1],
                "ms_p50": median_ms(self.raw_loops_ms[backend, model, size]),
            }
            for (backend, model), size in smallest.items()
        ]
        return {"machine": machine(), "raw_loop": raw_loop, "rows": [row_fields(row) for row in self.rows]}

    def _child(self, module: str) -> Any:
        """Run a module of this package with the job, and return what it wrote."""
        result = self.folder / "result.json"
        result.unlink(missing_ok=True)
        command = [sys.executable, "-m", f"blazepose_ros.{module}"]
        with ChildProcesses() as children:
            child = children.start(
                [*command, str(self.folder / "job.json"), str(result)], self.folder / f"{module}.log"
            )
            deadline_s = time.monotonic() + CASE_TIMEOUT_S + self.duration_s
            while child.exit_status is None:
                if time.monotonic() > deadline_s:
                    raise BenchError(f"{module} does not end")
                time.sleep(POLL_S)
        if complaint := child.complaint():
            raise BenchError(complaint)
        return json.loads(result.read_text())


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose bench``; the exit status is 0 only if every case was measured."""
    options = _parser().parse_args(arguments)
    try:
        source = options.source or str(photograph())
    except PhotographMissingError as err:
        sys.stderr.write(f"blazepose bench: {err}\n")
        return 1
    isolate()
    cases = plan(options.backends, options.models, options.sizes, options.cameras, quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="blazepose_bench_") as folder:
        bench = Bench(source, [installed("blazepose_node")], options.duration, Path(folder))
        failures = _run_all(bench, cases)
    _say(table(bench.rows))
    _save(bench, options)
    for failure in failures:
        sys.stderr.write(f"blazepose bench: {failure}\n")
    return 1 if failures or not bench.rows else 0


def _run_all(bench: Bench, cases: Sequence[Case]) -> list[str]:
    """Measure the cases and return what failed; a backend that does not load is passed over."""
    expected_s = len(cases) * (bench.duration_s + RAW_LOOP_S + OVERHEAD_S)
    _say(f"{len(cases)} cases, about {expected_s / 60:.0f} minutes, showing {bench.source}")
    started_s = time.monotonic()
    failures = []
    with tqdm(cases, unit="case") as progress:
        for case in progress:
            progress.set_postfix_str(f"{case.backend} {case.model} {case.label}")
            try:
                bench.run(case)
            except BenchError as err:
                failures.append(f"{case.backend} {case.model} {case.label}: {err}")
    _say(f"measured in {time.monotonic() - started_s:.0f} s\n")
    return failures


def _save(bench: Bench, options: argparse.Namespace) -> None:
    document = bench.document()
    if options.json:
        options.json.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
        _say(f"wrote {options.json}")
    if options.plot and bench.rows:
        hardware = document["machine"]
        save_plot(bench.rows, f"{hardware['cpu']}, {hardware['cores']} cores", options.plot)
        _say(f"wrote {options.plot}")


def isolate() -> None:
    """Keep what this process starts apart from other ROS processes and on this machine."""
    os.environ["ROS_DOMAIN_ID"] = str(free_domain(random.sample(range(1, LAST_DOMAIN + 1), LAST_DOMAIN)))
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"


def free_domain(candidates: Iterable[int]) -> int:
    """Return the first DDS domain whose discovery port nobody has.

    Raises:
        BenchError: all are in use.
    """
    for domain in candidates:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", FIRST_PORT + DOMAIN_PORTS * domain))
            except OSError:
                continue
            return domain
    raise BenchError("no ROS domain is free: end other ROS processes first")


def installed(name: str) -> str:
    """Return the path of one of this package's executables.

    pip installs them beside Python, colcon in the package's lib folder.
    """
    beside_python = Path(sys.executable).with_name(name)
    if beside_python.exists():
        return str(beside_python)
    return str(Path(get_package_prefix("blazepose_ros"), "lib", "blazepose_ros", name))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="blazepose bench",
        description="Measure the way from a camera's stamp to published poses: images delivered, poses per"
        " second, latency, processor time and memory, beside the estimator alone and the stock transport.",
    )
    backends = sorted(BACKENDS, key=lambda backend: backend != REFERENCE)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write a picture (PNG)")
    parser.add_argument("--source", default="", help="a video or an image (default: a photograph in motion)")
    parser.add_argument("--quick", action="store_true", help="measure the few most telling cases alone")
    parser.add_argument(
        "--backends",
        nargs="+",
        choices=backends,
        default=backends,
        metavar="BACKEND",
        help=", ".join(backends),
    )
    parser.add_argument(
        "--models",
        nargs="+",
        choices=MODELS,
        default=[DEFAULT_MODEL],
        metavar="MODEL",
        help=", ".join(MODELS),
    )
    parser.add_argument(
        "--sizes", nargs="+", type=_size, default=SIZES, metavar="WIDTHxHEIGHT", help="of the images"
    )
    parser.add_argument(
        "--cameras",
        type=int,
        choices=range(1, MAX_CAMERAS + 1),
        default=MAX_CAMERAS,
        help=f"the most at once (default: {MAX_CAMERAS})",
    )
    parser.add_argument(
        "--duration",
        type=_seconds,
        default=DURATION_S,
        metavar="SECONDS",
        help=f"how long to measure each case (default: {DURATION_S:g})",
    )
    return parser


def _size(text: str) -> Size:
    numbers = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if not numbers:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 640x480")
    return int(numbers[1]), int(numbers[2])


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201
