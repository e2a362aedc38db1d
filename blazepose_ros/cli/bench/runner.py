# SPDX-License-Identifier: Apache-2.0
"""Runs the cases of the benchmark one after the other, and says what it ran on.

Each case runs in processes of its own, as in real use: a camera that does nothing but publish,
the node, and a listener; and the raw loop, which takes turns with them.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psutil

from blazepose_ros.cli.bench.measure import TURN_TIMEOUT_S, BenchJob, start_raw_loop
from blazepose_ros.cli.bench.plan import Case
from blazepose_ros.cli.bench.results import BenchRow, Measurement, median_ms, per_s, row_fields, to_row
from blazepose_ros.cli.bench.worker_process import BenchError
from blazepose_ros.cli.processes import ChildProcesses
from blazepose_ros.core.frame_sources.resize import Size
from blazepose_ros.nodes.common.process_tuning import BYTES_PER_MB

# Distributions whose version a result depends on.
_LIBRARIES = ("ai-edge-litert", "mediapipe", "numpy", "opencv-contrib-python", "openvino")
_RCLPY = re.compile(r"ros-(\w+)-rclpy")


def machine() -> dict[str, Any]:
    """Return processor, cores, Python, ROS distribution and the versions of what runs models."""
    installed = dict(_installed())
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": round(psutil.virtual_memory().total / BYTES_PER_MB),
        "system": platform.platform(),
        "python": platform.python_version(),
        "distro": os.environ.get("ROS_DISTRO") or _distro_of_wheels(installed),
        "middleware": os.environ.get("RMW_IMPLEMENTATION", "default"),
        "versions": {name: installed[name] for name in _LIBRARIES if name in installed},
    }


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name; that of its architecture where Linux gives none (ARM)."""
    name = re.search(r"^model name\s*: (.+)$", cpuinfo.read_text(), re.MULTILINE)
    return name[1].strip() if name else platform.machine()


def _installed() -> Iterator[tuple[str, str]]:
    for distribution in distributions():
        yield distribution.metadata["Name"].lower(), distribution.version


def _distro_of_wheels(installed: dict[str, str]) -> str:
    """Return the ROS distribution that came with pip."""
    return next((match[1] for name in installed if (match := _RCLPY.fullmatch(name))), "unknown")


# Whether a model loads shows with its first image.
TRIAL_S = 0.1
CASE_TIMEOUT_S = 240.0

# A raw loop's backend, model and size.
Loop = tuple[str, str, Size]


@dataclass
class Bench:
    """Runs cases one after the other.

    Attributes:
        source: a video or an image.
        node_command: what starts a node.
        duration_s: how long each case is measured.
        folder: where jobs, logs and results lie.
        rows: the figures of each case so far.
        raw_loops_ms: every time of the raw loop so far.
    """

    source: str
    node_command: Sequence[str]
    duration_s: float
    folder: Path
    rows: list[BenchRow] = field(default_factory=list)
    raw_loops_ms: dict[Loop, list[float]] = field(default_factory=lambda: defaultdict(list))

    def run(self, case: Case) -> None:
        """Measure a case.

        Raises:
            BenchError: it could not be measured.
        """
        job, result = self.folder / "job.json", self.folder / "result.json"
        BenchJob(case, self.node_command, self.source, self.duration_s, self.folder).save(job)
        command = [sys.executable, "-m", "blazepose_ros.cli.bench.measure", str(job), str(result)]
        with ChildProcesses() as children:
            child = children.start(command, self.folder / "measure.log")
            child.wait(CASE_TIMEOUT_S + 2 * self.duration_s)
            if child.exit_status is None:
                raise BenchError("measuring does not end")
        if failure := child.failure():
            raise BenchError(failure)
        seen = Measurement.from_dict(json.loads(result.read_text()))
        self.rows.append(to_row(case, seen))
        self.raw_loops_ms[case.backend, case.model, case.size] += seen.raw_loop_ms

    def try_out(self, case: Case) -> None:
        """Have the estimator of a case work for a moment.

        Raises:
            BenchError: the backend or the model does not load.
        """
        with ChildProcesses() as children:
            raw_loop = start_raw_loop(case, self.source, self.folder, children)
            raw_loop.begin(TRIAL_S)
            raw_loop.end(TURN_TIMEOUT_S)

    def document(self) -> dict[str, Any]:
        """Return everything as JSON has it; the raw loop's at the smallest size."""
        smallest = min((size for _, _, size in self.raw_loops_ms), default=None)
        raw_loop = [
            {
                "backend": backend,
                "model": model,
                "width": size[0],
                "height": size[1],
                "ms_p50": median_ms(ms),
                "poses_per_s": per_s(ms),
            }
            for (backend, model, size), ms in self.raw_loops_ms.items()
            if size == smallest
        ]
        return {"machine": machine(), "raw_loop": raw_loop, "rows": [row_fields(row) for row in self.rows]}
