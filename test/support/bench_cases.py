# SPDX-License-Identifier: Apache-2.0
"""Rows of the benchmark with chosen figures."""

import math
from typing import Any

from blazepose_ros.cli.bench.plan import Case
from blazepose_ros.cli.bench.results import Answer, BenchRow
from blazepose_ros.core.diagnostics.statistics import STAGES

MS = 1_000_000


def answer(stamp_ms: Any, received: Any, latency_ms: float = 30.0, inference_ms: float = 20.0) -> Answer:
    """Return what a node said: 1 ms for each stage but inference."""
    stages_ms = dict.fromkeys(STAGES, 1.0) | {"inference": inference_ms}
    return Answer(round(stamp_ms * MS), received, stages_ms, round((stamp_ms + latency_ms) * MS))


def row(case: Any = None, **fields: Any) -> BenchRow:
    """Return a row of a node that keeps up with a camera."""
    figures = {
        "offered_hz": 30.0,
        "delivered": 1.0,
        "poses_per_s": 30.0,
        "latency_ms_p50": 25.0,
        "latency_ms_p99": 31.0,
        "estimator_ms_p50": 20.0,
        "added_ms_p50": 5.0,
        "stages_ms_p50": {**dict.fromkeys(STAGES, 1.0), "inference": 20.0, "delivery": 1.0},
        "cpu_s_per_frame": 0.024,
        "rss_mb": 250.0,
        "raw_loop_ms_p50": 20.0,
        "raw_loop_poses_per_s": 50.0,
    }
    return BenchRow(case or Case("mediapipe", "full", 640, 480), **{**figures, **fields})


def silent_row(case: Any) -> BenchRow:
    """Return a row of a node that heard nothing."""
    nothing = dict.fromkeys((*STAGES, "delivery"), math.nan)
    names = ("latency_ms_p50", "latency_ms_p99", "estimator_ms_p50", "added_ms_p50", "cpu_s_per_frame")
    unknown = dict.fromkeys(names, math.nan)
    return row(case, delivered=0.0, poses_per_s=0.0, stages_ms_p50=nothing, **unknown)
