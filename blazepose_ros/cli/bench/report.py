# SPDX-License-Identifier: Apache-2.0
"""The benchmark's figures as text and as a plot."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from rich.console import RenderableType

from blazepose_ros.cli.bench.plan import PROFILE, STOCK
from blazepose_ros.cli.bench.results import MS_PER_S, BenchRow
from blazepose_ros.cli.console import FittingTable

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


def tables(rows: Iterable[BenchRow]) -> Iterator[RenderableType]:
    """Yield all rows, one block for each backend and model, and how the profile compares to stock."""
    head = ["", *(f"{heading}\n{unit}" for heading, unit, *_ in _COLUMNS)]
    for (backend, model), group in groupby(rows, key=lambda row: (row.case.backend, row.case.model)):
        members = list(group)
        yield f"{backend}, {model}"
        yield FittingTable(head, list(map(_cells, members)))
        yield from _transports(members)
        yield ""


def _cells(row: BenchRow) -> list[str]:
    return [row.case.label, *(_text(form, value(row)) for _, _, form, value in _COLUMNS)]


def _transports(rows: Sequence[BenchRow]) -> Iterator[str]:
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


WIDTH_INCHES = 15.0
ROW_INCHES, FRAME_INCHES = 0.32, 1.6
DPI = 110
LEGEND_COLUMNS = 7  # all in a line
INK, GRID_INK = "#1f2933", "#dfe4ea"
RAW_LOOP_INK = "#d1495b"

# The parts of the latency, in order: the estimator in gray, what is added in colors.
PARTS = {
    "transport": "#2a6f97",
    "waiting": "#f2a541",
    "decoding": "#61a5c2",
    "inference": "#c9ced6",
    "publishing": "#5b8e7d",
    "delivery": "#a7c957",
}
BAR = "#2a6f97"
LABEL_ROOM = 0.15  # of the axis, for the figure beside the longest bar


def save_plot(rows: Sequence[BenchRow], title: str, path: Path) -> None:
    """Write a plot of latencies, poses per second and delivered images.

    Args:
        rows: what was measured, the first on top.
        title: the machine.
        path: a PNG file.
    """
    height_inches = FRAME_INCHES + ROW_INCHES * len(rows)
    figure = Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, color=INK)
    panels = figure.subplots(1, 3, sharey=True, width_ratios=(3, 2, 1))
    for axes, draw in zip(panels, (_latencies, _rates, _delivered), strict=True):
        draw(axes, rows)
        _dress(axes)
    panels[0].set_yticks(range(len(rows)), [_case_label(rows, row) for row in rows])
    panels[0].invert_yaxis()
    figure.legend(ncols=LEGEND_COLUMNS, loc="outside lower center", frameon=False)
    figure.savefig(path)


def _case_label(rows: Sequence[BenchRow], row: BenchRow) -> str:
    """Return what tells a row from the others."""
    pairs = {(other.case.backend, other.case.model) for other in rows}
    pair = f"{row.case.backend} {row.case.model}, " if len(pairs) > 1 else ""
    return pair + row.case.label


def _latencies(axes: Axes, rows: Sequence[BenchRow]) -> None:
    ends = [0.0] * len(rows)
    for part, color in PARTS.items():
        widths = [_drawable(row.stages_ms_p50[part]) for row in rows]
        axes.barh(range(len(rows)), widths, left=ends, color=color, label=part)
        ends = [end + width for end, width in zip(ends, widths, strict=True)]
    axes.set_title("from an image's stamp to its poses, ms (medians of the parts)")


def _rates(axes: Axes, rows: Sequence[BenchRow]) -> None:
    figures = _bars(axes, rows, lambda row: row.poses_per_s, "{:.1f}")
    room = LABEL_ROOM * max((_drawable(row.raw_loop_poses_per_s) for row in rows), default=0.0)
    for number, row in enumerate(rows):
        if (limit := row.raw_loop_poses_per_s) > 0:
            axes.plot([limit, limit], [number - 0.4, number + 0.4], color=RAW_LOOP_INK, linewidth=2)
        if 0 <= limit - row.poses_per_s < room:
            figures[number].xy = (limit, number)  # behind the mark, not under it
    axes.plot([], [], color=RAW_LOOP_INK, linewidth=2, label="raw loop, no ROS")
    axes.set_title("poses per second")


def _delivered(axes: Axes, rows: Sequence[BenchRow]) -> None:
    _bars(axes, rows, lambda row: 100 * row.delivered, "{:.1f}")
    axes.set_xlim(0, 130)  # room for the figure beside a full bar
    axes.set_xticks([0, 50, 100])
    axes.set_title("images delivered, %")


def _bars(
    axes: Axes, rows: Sequence[BenchRow], value: Callable[[BenchRow], float], form: str
) -> Sequence[Annotation]:
    """Draw a bar for each row and return the figures beside them."""
    bars = axes.barh(range(len(rows)), [_drawable(value(row)) for row in rows], color=BAR)
    axes.margins(x=LABEL_ROOM)
    return axes.bar_label(bars, fmt=form, padding=4, fontsize="small", color=INK)


def _drawable(value: float) -> float:
    """Return the length of a bar: none for what is not known, nor where clocks disagree."""
    return max(value, 0.0) if math.isfinite(value) else 0.0


def _dress(axes: Axes) -> None:
    axes.grid(axis="x", color=GRID_INK)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0, colors=INK)
