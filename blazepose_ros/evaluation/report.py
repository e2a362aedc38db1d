"""The evaluation as tables: in the terminal, as CSV, and as JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from blazepose_ros.evaluation.score import Score
from blazepose_ros.evaluation.summary import FAIR_SPREAD, Fairness, Row
from blazepose_ros.text_table import aligned

# What is told of each image.
_OF_IMAGES = ("found", "pdj", "mpjpe_mm", "hip_error_mm", "hip_error_percent", "latency_ms")
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


def terminal_table(rows: Sequence[Row], fair: Sequence[Fairness]) -> str:
    """Return a table for each model and backend, with what holds of the groups below it."""
    contenders = dict.fromkeys((row.model, row.backend) for row in rows)
    return "\n\n".join(
        _table(
            f"{model} on {backend}",
            [row for row in rows if (row.model, row.backend) == (model, backend)],
            [each for each in fair if (each.model, each.backend) == (model, backend)],
        )
        for model, backend in contenders
    )


def fairness_line(fair: Fairness) -> str:
    """Return in words how far the groups of a column are apart."""
    verdict = "within" if fair.is_fair else "beyond"
    return (
        f"{fair.column}: average {fair.average:.1f} % +/- {fair.std:.1f}, range [{fair.lowest:.1f},"
        f" {fair.highest:.1f}], spread {fair.spread:.1f}: {verdict} the model card's {FAIR_SPREAD:g} % PDJ"
    )


def document(
    rows: Iterable[Row],
    fair: Iterable[Fairness],
    images: Iterable[Mapping[str, Any]],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return everything as JSON takes it; null for what is not known."""
    return {
        "settings": dict(settings),
        "images": [_known(each) for each in images],
        "rows": [_known(asdict(row)) for row in rows],
        "fairness": [{**_known(asdict(each)), "spread": each.spread, "fair": each.is_fair} for each in fair],
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


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write the rows as a CSV file with a header; nothing for what is not known."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(_known(asdict(row)) for row in rows)


def _table(title: str, rows: Sequence[Row], fair: Iterable[Fairness]) -> str:
    shown = [figure for figure in _FIGURES if any(_is_known(row, figure[1]) for row in rows)]
    lines = [[title, "images", "PDJ %", *(heading for heading, _, _ in shown)]]
    for row in rows:
        name = f"{row.column}: {row.group}" if row.column else row.group
        figures = [_text(getattr(row, field), form) for _, field, form in shown]
        lines.append([name, str(row.images), _pdj(row), *figures])
    return "\n".join([*aligned(lines), *map(fairness_line, fair)])


def _pdj(row: Row) -> str:
    return f"{row.pdj_mean:.1f} +/- {row.pdj_std:.1f}" if _is_known(row, "pdj_mean") else "-"


def _is_known(row: Row, field: str) -> bool:
    return math.isfinite(getattr(row, field))


def _text(value: float, form: str) -> str:
    return form.format(value) if math.isfinite(value) else "-"


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }
