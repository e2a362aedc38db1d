"""PDJ by group as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from blazepose_ros.evaluation.report import fairness_line
from blazepose_ros.evaluation.summary import FAIR_SPREAD, Fairness, Row

WIDTH_INCHES = 10.0
MARK_INCHES, LINE_INCHES, PANEL_INCHES = 0.2, 0.2, 0.9
DPI = 110
INK, GRID_INK, UNFAIR_INK = "#1f2933", "#dfe4ea", "#d1495b"
COLORS = matplotlib.colormaps["tab10"].colors  # type: ignore[attr-defined]
FULL_PERCENT = 100.0
GROUP_SHARE = 0.8  # of the room between two groups, for the marks of one

Contender = tuple[str, str]


def save_plot(rows: Sequence[Row], fair: Sequence[Fairness], path: Path) -> None:
    """Write a picture: a panel for the whole set and each column, a mark for each model and backend.

    Args:
        rows: what was found.
        fair: how far the groups of each column are apart.
        path: a picture, such as a PNG file.
    """
    contenders = list(dict.fromkeys((row.model, row.backend) for row in rows))
    columns = list(dict.fromkeys(row.column for row in rows))
    verdicts = {column: [each for each in fair if each.column == column] for column in columns}
    heights = [_height_inches(rows, verdicts[column], column, len(contenders)) for column in columns]
    figure = Figure(figsize=(WIDTH_INCHES, sum(heights) + PANEL_INCHES), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(columns), 1, squeeze=False, sharex=True, height_ratios=heights)
    for axes, column in zip(panels[:, 0], columns, strict=True):
        _panel(axes, [row for row in rows if row.column == column], verdicts[column], contenders)
    panels[-1, 0].set_xlabel("PDJ, % (mean and standard deviation over the images)")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=3, loc="outside lower center", frameon=False)
    figure.savefig(path)


def _height_inches(rows: Sequence[Row], verdicts: Sequence[Fairness], column: str, contenders: int) -> float:
    groups = len({row.group for row in rows if row.column == column})
    return PANEL_INCHES + LINE_INCHES * len(verdicts) + MARK_INCHES * groups * (contenders + 1)


def _panel(
    axes: Axes, rows: Sequence[Row], verdicts: Sequence[Fairness], contenders: Sequence[Contender]
) -> None:
    groups = list(dict.fromkeys(row.group for row in rows))
    highest = {(each.model, each.backend): each.highest for each in verdicts}
    for row in rows:
        contender = row.model, row.backend
        number = contenders.index(contender)
        place = groups.index(row.group) + GROUP_SHARE * ((number + 0.5) / len(contenders) - 0.5)
        if math.isfinite(row.pdj_mean):
            _mark(axes, place, row, COLORS[number % len(COLORS)], highest.get(contender, 0.0))
    axes.set_yticks(range(len(groups)), [_label(rows, group) for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(0, FULL_PERCENT)
    lines = [f"{each.model} on {each.backend}: {fairness_line(each)}" for each in verdicts]
    axes.set_title("\n".join(lines), fontsize="small", loc="left", color=INK)
    axes.grid(axis="x", color=GRID_INK)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0, colors=INK)


def _label(rows: Sequence[Row], group: str) -> str:
    row = next(row for row in rows if row.group == group)
    return f"{group} ({row.images})"


def _mark(axes: Axes, place: float, row: Row, color: tuple[float, ...], highest: float) -> None:
    """Draw a group's mean; with a red ring where it is too far below the best group."""
    low = min(row.pdj_std, row.pdj_mean)
    high = min(row.pdj_std, FULL_PERCENT - row.pdj_mean)
    name = f"{row.model} on {row.backend}"
    axes.errorbar(
        row.pdj_mean, place, xerr=[[low], [high]], fmt="o", markersize=5, capsize=2, color=color, label=name
    )
    if highest - row.pdj_mean > FAIR_SPREAD:
        axes.plot(row.pdj_mean, place, "o", markersize=10, markerfacecolor="none", color=UNFAIR_INK)
