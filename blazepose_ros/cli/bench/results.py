# SPDX-License-Identifier: Apache-2.0
"""From what was seen of the cameras and their nodes to the benchmark's figures.

``delivered`` counts arrivals at the node, which numbers the images it receives and sends the
number with each answer (``Timing.received``). Between two answers, the numbers say how many
images arrived and the camera's own list says how many were sent; the node drops images that
are superseded while it works, and those arrived, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from blazepose_ros.cli.bench.plan import Case
from blazepose_ros.core.diagnostics.statistics import STAGES
from blazepose_ros.core.timestamps import NS_PER_MS, NS_PER_S

MS_PER_S = 1_000


@dataclass(frozen=True)
class Answer:
    """What the node said of one image.

    Attributes:
        stamp_ns: of the image.
        received: how many images had arrived at the node with this one.
        stages_ms: how long each of ``STAGES`` took.
        arrival_ns: when the poses arrived at a subscriber.
    """

    stamp_ns: int
    received: int
    stages_ms: Mapping[str, float]
    arrival_ns: int

    @property
    def latency_ms(self) -> float:
        """From the image's stamp to the arrival of its poses."""
        return (self.arrival_ns - self.stamp_ns) / NS_PER_MS

    @property
    def added_ms(self) -> float:
        """The latency less the time that the estimator took for this image."""
        return self.latency_ms - self.stages_ms["inference"]

    @property
    def delivery_ms(self) -> float:
        """From the node's hand-over of the poses to their arrival.

        Below zero where they arrived before the node, short of processor time, noted the hand-over.
        """
        return self.latency_ms - sum(self.stages_ms.values())


@dataclass(frozen=True)
class CameraRecord:
    """What was seen of one camera and its node, from the first image to the last.

    Attributes:
        sent_ns: stamps of the images sent since the camera had a subscriber, ascending.
        answers: the node's answers, by stamp ascending.
    """

    sent_ns: Sequence[int]
    answers: Sequence[Answer]


@dataclass(frozen=True)
class Window:
    """A time in which was measured, in the midst of one in which the cameras played.

    Attributes:
        start_ns: when it began.
        end_ns: when it ended.
        cpu_s: processor time of all nodes in between, in seconds.
    """

    start_ns: int
    end_ns: int
    cpu_s: float

    def has(self, time_ns: int) -> bool:
        """Tell whether a time lies in it."""
        return self.start_ns <= time_ns < self.end_ns


@dataclass(frozen=True)
class Measurement:
    """What was seen of a case.

    Attributes:
        windows: when was measured, ascending.
        rss_mb: resident memory of all nodes at the end, in millions of bytes.
        offered_hz: images per second that each camera was to send at the end.
        raw_loop_ms: the times of the raw loop on the same images, in between.
        cameras: one record for each.
    """

    windows: Sequence[Window]
    rss_mb: float
    offered_hz: float
    raw_loop_ms: Sequence[float]
    cameras: Sequence[CameraRecord]

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Measurement:
        """Return what ``asdict`` made a dictionary of."""
        windows = [Window(**window) for window in fields["windows"]]
        cameras = [
            CameraRecord(camera["sent_ns"], [Answer(**answer) for answer in camera["answers"]])
            for camera in fields["cameras"]
        ]
        return cls(**{**fields, "windows": windows, "cameras": cameras})

    def has(self, time_ns: int) -> bool:
        """Tell whether a time lies in one of the windows."""
        return any(window.has(time_ns) for window in self.windows)


@dataclass(frozen=True)
class BenchRow:
    """The figures of one case, over all its cameras; NaN where there were no answers.

    Attributes:
        case: what was measured.
        offered_hz: images per second that each camera sent.
        delivered: of the images sent after discovery, the fraction that arrived at the nodes.
        poses_per_s: answers per second, of all cameras together.
        latency_ms_p50: from an image's stamp to the arrival of its poses, the median.
        latency_ms_p99: the same, 99th percentile.
        estimator_ms_p50: the estimator's time on an image inside of the node, the median.
        added_ms_p50: the latency less the estimator's time on that image, the median.
        stages_ms_p50: median of each part of the latency; delivery is that of the poses.
        cpu_s_per_frame: processor time of the nodes for each answer, in seconds.
        rss_mb: resident memory of all nodes together at the end.
        raw_loop_ms_p50: the estimator alone on the same images, in turns with the node, the median.
        raw_loop_poses_per_s: the same, answers per second.
    """

    case: Case
    offered_hz: float
    delivered: float
    poses_per_s: float
    latency_ms_p50: float
    latency_ms_p99: float
    estimator_ms_p50: float
    added_ms_p50: float
    stages_ms_p50: Mapping[str, float]
    cpu_s_per_frame: float
    rss_mb: float
    raw_loop_ms_p50: float
    raw_loop_poses_per_s: float

    @property
    def of_raw_loop(self) -> float:
        """Poses per second, as a fraction of the raw loop's: means of all that disturbed either."""
        return self.poses_per_s / self.raw_loop_poses_per_s


def to_row(case: Case, seen: Measurement) -> BenchRow:
    """Return the figures of a case.

    Args:
        case: what was measured.
        seen: what was seen.
    """
    everything = [answer for camera in seen.cameras for answer in camera.answers]
    answers = [answer for answer in everything if seen.has(answer.stamp_ns)]
    in_time = sum(seen.has(answer.arrival_ns) for answer in everything)
    duration_ns = sum(window.end_ns - window.start_ns for window in seen.windows)
    used_s = sum(window.cpu_s for window in seen.windows)
    return BenchRow(
        case=case,
        offered_hz=seen.offered_hz,
        delivered=_delivered(seen),
        poses_per_s=in_time * NS_PER_S / duration_ns,
        latency_ms_p50=_percentile((answer.latency_ms for answer in answers), 50),
        latency_ms_p99=_percentile((answer.latency_ms for answer in answers), 99),
        estimator_ms_p50=_percentile((answer.stages_ms["inference"] for answer in answers), 50),
        added_ms_p50=_percentile((answer.added_ms for answer in answers), 50),
        stages_ms_p50={
            **{stage: _percentile((answer.stages_ms[stage] for answer in answers), 50) for stage in STAGES},
            "delivery": _percentile((answer.delivery_ms for answer in answers), 50),
        },
        cpu_s_per_frame=used_s / in_time if in_time else math.nan,
        rss_mb=seen.rss_mb,
        raw_loop_ms_p50=_percentile(seen.raw_loop_ms, 50),
        raw_loop_poses_per_s=per_s(seen.raw_loop_ms),
    )


def median_ms(times_ms: Iterable[float]) -> float:
    """Return the median; NaN of nothing."""
    return _percentile(times_ms, 50)


def per_s(times_ms: Sequence[float]) -> float:
    """Return how many there are in a second, one after the other; NaN of nothing."""
    return MS_PER_S * len(times_ms) / sum(times_ms) if times_ms else math.nan


def row_fields(row: BenchRow) -> dict[str, Any]:
    """Return a row as JSON has it: flat, unknown numbers as null."""
    fields = asdict(row)
    case, stages = fields.pop("case"), fields.pop("stages_ms_p50")
    flat = {**case, **fields, **{f"{stage}_ms_p50": value for stage, value in stages.items()}}
    return known(flat)


def known(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields for JSON, unknown numbers as null."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in fields.items()
    }


def _delivered(seen: Measurement) -> float:
    """Return the fraction of the images that arrived, NaN where none were sent.

    Counted from the last answer before measuring began, after which the numbers rise, to the
    last answer at all: the newest image is never dropped, so it is the last to arrive.
    """
    counts = [_arrived_and_sent(camera, seen.windows[0].start_ns) for camera in seen.cameras]
    arrived, sent = (sum(count) for count in zip(*counts, strict=True))
    return arrived / sent if sent else math.nan


def _arrived_and_sent(camera: CameraRecord, start_ns: int) -> tuple[int, int]:
    before = [answer for answer in camera.answers if answer.stamp_ns < start_ns]
    base_ns, base = (before[-1].stamp_ns, before[-1].received) if before else (0, 0)
    arrived = camera.answers[-1].received - base if camera.answers else 0
    return arrived, sum(stamp_ns > base_ns for stamp_ns in camera.sent_ns)


def _percentile(values: Iterable[float], percent: float) -> float:
    numbers = list(values)
    return float(np.percentile(numbers, percent)) if numbers else math.nan
