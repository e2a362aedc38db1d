# SPDX-License-Identifier: Apache-2.0
"""The evaluation as tables, CSV, JSON and a plot."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import RenderableType

from blazepose_ros.cli.console import FittingTable
from blazepose_ros.cli.eval.score import Score
from blazepose_ros.cli.eval.summary import FAIR_SPREAD, Fairness, GroupRow

# The figures of each image.
_OF_IMAGES = ("found", "pdj", "mpjpe_mm", "hip_error_mm", "hip_error_percent", "latency_ms")
_OF_EACH = "pdj_of_images"
# Figures beside PDJ: heading, field, form. Those that nothing is known of are left out.
_FIGURES = (
    ("found %", "found_percent", "{:.0f}"),
    ("MPJPE mm", "mpjpe_mm", "{:.0f}"),
    ("hips mm", "hip_error_mm", "{:.0f}"),
    ("hips %", "hip_error_percent", "{:.1f}"),
    ("ms p50", "latency_ms_p50", "{:.1f}"),
    ("ms p95", "latency_ms_p95", "{:.1f}"),
    ("jitter %", "jitter_percent", "{:.2f}"),
)


def tables(rows: Sequence[GroupRow], fair: Sequence[Fairness]) -> Iterator[RenderableType]:
    """Yield a table for each model and backend, with what holds of the groups below it."""
    for model, backend in dict.fromkeys((row.model, row.backend) for row in rows):
        yield _table(
            f"{model} on {backend}",
            [row for row in rows if (row.model, row.backend) == (model, backend)],
        )
        yield from (fairness_line(each) for each in fair if (each.model, each.backend) == (model, backend))
        yield ""


def fairness_line(fair: Fairness) -> str:
    """Return in words how far the groups of a column are apart."""
    verdict = "within" if fair.is_fair else "beyond"
    doubt = "" if fair.is_sure else ", which may be chance: the images are too few"
    return (
        f"{fair.column}: average {fair.average:.1f} % +/- {fair.std:.1f}, range [{fair.lowest:.1f},"
        f" {fair.highest:.1f}], spread {fair.spread:.1f} (95 %: {fair.spread_low:.1f} to"
        f" {fair.spread_high:.1f}): {verdict} the model card's {FAIR_SPREAD:g} % PDJ{doubt}"
    )


def document(
    rows: Iterable[GroupRow],
    fair: Iterable[Fairness],
    images: Iterable[Mapping[str, Any]],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return everything as JSON takes it; null for what is not known."""
    return {
        "settings": dict(settings),
        "images": [_known(each) for each in images],
        "rows": [_figures(row) for row in rows],
        "fairness": [
            {**_known(asdict(each)), "spread": each.spread, "fair": each.is_fair, "sure": each.is_sure}
            for each in fair
        ],
    }


def image_rows(scores: Iterable[Score], model: str, backend: str) -> list[dict[str, Any]]:
    """Return the figures of each image."""
    return [
        {
            "image": score.name,
            "model": model,
            "backend": backend,
            **{name: getattr(score, name) for name in _OF_IMAGES},
        }
        for score in scores
    ]


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a document."""
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def write_csv(path: Path, rows: Iterable[GroupRow]) -> None:
    """Write the rows as a CSV file with a header; nothing for what is not known."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(GroupRow) if field.name != _OF_EACH])
        writer.writeheader()
        writer.writerows(map(_figures, rows))


def _figures(row: GroupRow) -> dict[str, Any]:
    """Return the figures of a group, less those of each image."""
    return {name: value for name, value in _known(asdict(row)).items() if name != _OF_EACH}


def _table(title: str, rows: Sequence[GroupRow]) -> FittingTable:
    head, *lines = table_cells(rows)
    return FittingTable([title, *head[1:]], lines)


def table_cells(rows: Sequence[GroupRow]) -> list[list[str]]:
    """Return the headings, then a line for each group, as text."""
    shown = [figure for figure in _FIGURES if any(_is_known(row, figure[1]) for row in rows)]
    lines = []
    for row in rows:
        name = f"{row.column}: {row.group}" if row.column else row.group
        figures = [_text(getattr(row, field), form) for _, field, form in shown]
        lines.append([name, str(row.images), _pdj(row), *figures])
    return [["group", "images", "PDJ %", *(heading for heading, _, _ in shown)], *lines]


def _pdj(row: GroupRow) -> str:
    return f"{row.pdj_mean:.1f} +/- {row.pdj_std:.1f}" if _is_known(row, "pdj_mean") else "-"


def _is_known(row: GroupRow, field: str) -> bool:
    return math.isfinite(getattr(row, field))


def _text(value: float, form: str) -> str:
    return form.format(value) if math.isfinite(value) else "-"


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }


WIDTH_INCHES = 10.0
MARK_INCHES, LINE_INCHES, PANEL_INCHES = 0.2, 0.2, 0.9
DPI = 110
INK, GRID_INK, UNFAIR_INK = "#1f2933", "#dfe4ea", "#d1495b"
COLORS = matplotlib.colormaps["tab10"].colors  # type: ignore[attr-defined]
FULL_PERCENT = 100.0
GROUP_SHARE = 0.8  # of the room between two groups, for the marks of one

ModelAndBackend = tuple[str, str]


def save_plot(rows: Sequence[GroupRow], fair: Sequence[Fairness], path: Path) -> None:
    """Write a plot: a panel for the whole set and each column, a mark for each model and backend.

    Args:
        rows: what was found.
        fair: how far the groups of each column are apart.
        path: an image, such as a PNG file.
    """
    pairs = list(dict.fromkeys((row.model, row.backend) for row in rows))
    columns = list(dict.fromkeys(row.column for row in rows))
    verdicts = {column: [each for each in fair if each.column == column] for column in columns}
    heights = [_height_inches(rows, verdicts[column], column, len(pairs)) for column in columns]
    figure = Figure(figsize=(WIDTH_INCHES, sum(heights) + PANEL_INCHES), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(columns), 1, squeeze=False, sharex=True, height_ratios=heights)
    for axes, column in zip(panels[:, 0], columns, strict=True):
        _panel(axes, [row for row in rows if row.column == column], verdicts[column], pairs)
    panels[-1, 0].set_xlabel("PDJ, % (mean and standard deviation over the images)")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=3, loc="outside lower center", frameon=False)
    figure.savefig(path)


def _height_inches(rows: Sequence[GroupRow], verdicts: Sequence[Fairness], column: str, pairs: int) -> float:
    groups = len({row.group for row in rows if row.column == column})
    return PANEL_INCHES + LINE_INCHES * len(verdicts) + MARK_INCHES * groups * (pairs + 1)


def _panel(
    axes: Axes, rows: Sequence[GroupRow], verdicts: Sequence[Fairness], pairs: Sequence[ModelAndBackend]
) -> None:
    groups = list(dict.fromkeys(row.group for row in rows))
    highest = {(each.model, each.backend): each.highest for each in verdicts}
    for row in rows:
        pair = row.model, row.backend
        number = pairs.index(pair)
        place = groups.index(row.group) + GROUP_SHARE * ((number + 0.5) / len(pairs) - 0.5)
        if math.isfinite(row.pdj_mean):
            _mark(axes, place, row, COLORS[number % len(COLORS)], highest.get(pair, 0.0))
    axes.set_yticks(range(len(groups)), [_bar_label(rows, group) for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(0, FULL_PERCENT)
    lines = [f"{each.model} on {each.backend}: {fairness_line(each)}" for each in verdicts]
    axes.set_title("\n".join(lines), fontsize="small", loc="left", color=INK)
    axes.grid(axis="x", color=GRID_INK)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0, colors=INK)


def _bar_label(rows: Sequence[GroupRow], group: str) -> str:
    row = next(row for row in rows if row.group == group)
    return f"{group} ({row.images})"


def _mark(axes: Axes, place: float, row: GroupRow, color: tuple[float, ...], highest: float) -> None:
    """Draw a group's mean; with a red ring where it is too far below the best group."""
    low = min(row.pdj_std, row.pdj_mean)
    high = min(row.pdj_std, FULL_PERCENT - row.pdj_mean)
    name = f"{row.model} on {row.backend}"
    axes.errorbar(
        row.pdj_mean, place, xerr=[[low], [high]], fmt="o", markersize=5, capsize=2, color=color, label=name
    )
    if highest - row.pdj_mean > FAIR_SPREAD:
        axes.plot(row.pdj_mean, place, "o", markersize=10, markerfacecolor="none", color=UNFAIR_INK)
