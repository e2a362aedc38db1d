"""The benchmark's figures as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from blazepose_ros.bench.plan import PROFILE, STOCK
from blazepose_ros.bench.rows import MS_PER_S, Row
from blazepose_ros.text_table import aligned

UNKNOWN = "-"

# Heading, unit, format, and what is shown of a row.
_COLUMNS = (
    ("delivered", "%", "{:.1f}", lambda row: 100 * row.delivered),
    ("poses", "1/s", "{:.1f}", lambda row: row.poses_per_s),
    ("of raw", "ratio", "{:.2f}", lambda row: row.of_raw_loop),
    ("latency", "ms", "{:.1f}", lambda row: row.latency_ms_p50),
    ("p99", "ms", "{:.1f}", lambda row: row.latency_ms_p99),
    ("estimator", "ms", "{:.1f}", lambda row: row.estimator_ms_p50),
    ("added", "ms", "{:.1f}", lambda row: row.added_ms_p50),
    ("transport", "ms", "{:.1f}", lambda row: row.stages_ms_p50["transport"]),
    ("waiting", "ms", "{:.1f}", lambda row: row.stages_ms_p50["waiting"]),
    ("decoding", "ms", "{:.1f}", lambda row: row.stages_ms_p50["decoding"]),
    ("publishing", "ms", "{:.1f}", lambda row: row.stages_ms_p50["publishing"]),
    ("delivery", "ms", "{:.1f}", lambda row: row.stages_ms_p50["delivery"]),
    ("cpu/pose", "ms", "{:.1f}", lambda row: MS_PER_S * row.cpu_s_per_frame),
    ("memory", "MB", "{:.0f}", lambda row: row.rss_mb),
)

# What is set side by side of the two transports.
_COMPARED = (
    ("delivered", "{:.1f} %", lambda row: 100 * row.delivered),
    ("poses/s", "{:.1f}", lambda row: row.poses_per_s),
    ("added", "{:.1f} ms", lambda row: row.added_ms_p50),
)


def table(rows: Iterable[Row]) -> str:
    """Return all rows, one block for each backend and model, and what the profile is worth."""
    blocks = []
    for (backend, model), group in groupby(rows, key=lambda row: (row.case.backend, row.case.model)):
        members = list(group)
        lines = aligned([_headings(), _units(), *map(_cells, members)])
        blocks.append("\n".join([f"{backend}, {model}", *lines, *_transports(members)]))
    return "\n\n".join(blocks)


def _headings() -> list[str]:
    return ["", *(heading for heading, *_ in _COLUMNS)]


def _units() -> list[str]:
    return ["", *(unit for _, unit, *_ in _COLUMNS)]


def _cells(row: Row) -> list[str]:
    return [row.case.label, *(_text(form, value(row)) for _, _, form, value in _COLUMNS)]


def _transports(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each case that was measured with both transports."""
    by_case = {row.case: row for row in rows}
    for stock in rows:
        profile = by_case.get(replace(stock.case, transport=PROFILE))
        if stock.case.transport == STOCK and profile is not None:
            figures = (
                f"{name} {_against(form, value(profile), value(stock))}" for name, form, value in _COMPARED
            )
            yield f"{profile.case.label}, profile against stock: {', '.join(figures)}"


def _against(form: str, value: float, other: float) -> str:
    ratio = value / other if other else math.nan
    return f"{_text(form, value)} : {_text(form, other)} ({_text('x{:.2g}', ratio)})"


def _text(form: str, value: Any) -> str:
    return form.format(value) if math.isfinite(value) else UNKNOWN
