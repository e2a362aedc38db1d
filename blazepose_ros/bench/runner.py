"""Runs the cases of the benchmark one after the other.

Each case runs in processes of its own, as in real use: a camera that does nothing but publish,
the node, and a listener. Right before and after it the raw loop, the estimator alone on the same
images, runs in a process, too: both meet the same machine in the same minute.

Flat out means as many images as the raw loop took just before. The node, which is slower than
that, is hardly ever short of an image then, and the camera, which shares the processor with it, has
no more to do than that takes.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blazepose_ros.bench.machine import machine
from blazepose_ros.bench.measure import BenchError, Job
from blazepose_ros.bench.plan import Case
from blazepose_ros.bench.rows import MS_PER_S, Measurement, Row, median_ms, per_s, row_fields, to_row
from blazepose_ros.camera.frame_fit import Size
from blazepose_ros.child_processes import ChildProcesses

RAW_LOOP_S = 2.0
CASE_TIMEOUT_S = 120.0
POLL_S = 0.05

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
    rows: list[Row] = field(default_factory=list)
    raw_loops_ms: dict[Loop, list[float]] = field(default_factory=lambda: defaultdict(list))
    _last: tuple[Loop, list[float]] | None = None

    def run(self, case: Case) -> None:
        """Measure a case.

        Raises:
            BenchError: it could not be measured.
        """
        before_ms = self._just_before(case)
        offered_hz = case.rate_hz or MS_PER_S / median_ms(before_ms)
        job = Job(case, self.node_command, self.source, offered_hz, self.duration_s, self.folder)
        job.save(self.folder / "job.json")
        seen = Measurement.from_dict(self._child("measure"))
        self.rows.append(to_row(case, offered_hz, before_ms + self.raw_loop(case), seen))

    def _just_before(self, case: Case) -> list[float]:
        """Return the raw loop's times after the case before, where they are a case's own, or new ones."""
        if self._last is not None and self._last[0] == _loop(case):
            return self._last[1]
        return self.raw_loop(case)

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
        times_ms: list[float] = self._child("raw_loop")
        self.raw_loops_ms[_loop(case)] += times_ms
        self._last = _loop(case), times_ms
        return times_ms

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

    def _child(self, module: str) -> Any:
        """Run a module of this package with the job, and return what it wrote."""
        result = self.folder / "result.json"
        result.unlink(missing_ok=True)
        command = [sys.executable, "-m", f"blazepose_ros.bench.{module}"]
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


def _loop(case: Case) -> Loop:
    return case.backend, case.model, case.size
