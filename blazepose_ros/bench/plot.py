"""The benchmark's figures as a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from blazepose_ros.bench.rows import Row

WIDTH_INCHES = 15.0
ROW_INCHES, FRAME_INCHES = 0.32, 1.6
DPI = 110
LEGEND_COLUMNS = 7  # all in a line
INK, GRID_INK = "#1f2933", "#dfe4ea"
RAW_LOOP_INK = "#d1495b"

# The parts of the latency, in order: the estimator in grey, what is added in colours.
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


def save_plot(rows: Sequence[Row], title: str, path: Path) -> None:
    """Write a picture of latencies, poses per second and delivered images.

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
    panels[0].set_yticks(range(len(rows)), [_label(rows, row) for row in rows])
    panels[0].invert_yaxis()
    figure.legend(ncols=LEGEND_COLUMNS, loc="outside lower center", frameon=False)
    figure.savefig(path)


def _label(rows: Sequence[Row], row: Row) -> str:
    """Return what tells a row from the others."""
    pairs = {(other.case.backend, other.case.model) for other in rows}
    pair = f"{row.case.backend} {row.case.model}, " if len(pairs) > 1 else ""
    return pair + row.case.label


def _latencies(axes: Axes, rows: Sequence[Row]) -> None:
    ends = [0.0] * len(rows)
    for part, color in PARTS.items():
        widths = [_drawable(row.stages_ms_p50[part]) for row in rows]
        axes.barh(range(len(rows)), widths, left=ends, color=color, label=part)
        ends = [end + width for end, width in zip(ends, widths, strict=True)]
    axes.set_title("from an image's stamp to its poses, ms (medians of the parts)")


def _rates(axes: Axes, rows: Sequence[Row]) -> None:
    figures = _bars(axes, rows, lambda row: row.poses_per_s, "{:.1f}")
    room = LABEL_ROOM * max((_drawable(row.raw_loop_poses_per_s) for row in rows), default=0.0)
    for number, row in enumerate(rows):
        if (limit := row.raw_loop_poses_per_s) > 0:
            axes.plot([limit, limit], [number - 0.4, number + 0.4], color=RAW_LOOP_INK, linewidth=2)
        if 0 <= limit - row.poses_per_s < room:
            figures[number].xy = (limit, number)  # behind the mark, not under it
    axes.plot([], [], color=RAW_LOOP_INK, linewidth=2, label="raw loop, no ROS")
    axes.set_title("poses per second")


def _delivered(axes: Axes, rows: Sequence[Row]) -> None:
    _bars(axes, rows, lambda row: 100 * row.delivered, "{:.1f}")
    axes.set_xlim(0, 130)  # room for the figure beside a full bar
    axes.set_xticks([0, 50, 100])
    axes.set_title("images delivered, %")


def _bars(axes: Axes, rows: Sequence[Row], value: Callable[[Row], float], form: str) -> Sequence[Annotation]:
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
