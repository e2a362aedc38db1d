# SPDX-License-Identifier: Apache-2.0
"""Scores as the model card sums them up: by group, how far groups are apart, and how landmarks shake."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from blazepose_ros.cli.eval.score import PERCENT, Score


def jitter_percent(scores: Sequence[Score]) -> float:
    """Return how far landmarks are from the middle between the frames before and after.

    A steady movement has none, whatever its speed. The mean over landmarks and frames, as a
    percentage of the torso's diameter; NaN without three frames in a row that show a person.
    """
    by_place = {score.place: score for score in scores if score.place is not None and score.found}
    shares = [
        _off_px(by_place[place - 1], score, by_place[place + 1]) / score.scale_px
        for place, score in by_place.items()
        if place - 1 in by_place and place + 1 in by_place
    ]
    return PERCENT * float(np.mean(shares)) if shares else math.nan


def _off_px(before: Score, score: Score, after: Score) -> float:
    middle_px = (before.screen_px + after.screen_px) / 2
    return float(np.linalg.norm(score.screen_px - middle_px, axis=1).mean())


ALL = "all"
# The model card's criterion: groups may be three times as far apart as people who label joints are.
FAIR_SPREAD = 7.5


@dataclass(frozen=True)
class GroupRow:
    """The scores of one group; NaN for what cannot be told.

    Attributes:
        column: what the images are grouped by; empty for the whole set.
        group: whose images these are.
        model: lite, full or heavy.
        backend: what ran it.
        images: how many could be scored.
        found_percent: in how many of them a person was found.
        pdj_mean: mean percentage of detected joints of the images.
        pdj_std: the standard deviation of that from image to image.
        mpjpe_mm: mean error of the world landmarks.
        hip_error_mm: median error of the hip center.
        hip_error_percent: the same as a share of the distance.
        latency_ms_p50: median time for an image.
        latency_ms_p95: 95th percentile.
        jitter_percent: how much landmarks shake from frame to frame, in percent of the torso.
    """

    column: str
    group: str
    model: str
    backend: str
    images: int
    found_percent: float
    pdj_mean: float
    pdj_std: float
    mpjpe_mm: float
    hip_error_mm: float
    hip_error_percent: float
    latency_ms_p50: float
    latency_ms_p95: float
    jitter_percent: float


@dataclass(frozen=True)
class Fairness:
    """How far the groups of a column are apart, in percent PDJ.

    Attributes:
        column: what the images are grouped by.
        model: lite, full or heavy.
        backend: what ran it.
        average: mean of the groups' means.
        std: standard deviation of the groups' means, as the model card has it: of a sample.
        lowest: the smallest of them.
        highest: the largest.
    """

    column: str
    model: str
    backend: str
    average: float
    std: float
    lowest: float
    highest: float

    @property
    def spread(self) -> float:
        """From the worst to the best group."""
        return self.highest - self.lowest

    @property
    def is_fair(self) -> bool:
        """Whether the model card's criterion holds."""
        return self.spread <= FAIR_SPREAD


def rows(scores: Sequence[Score], model: str, backend: str, columns: Iterable[str]) -> list[GroupRow]:
    """Return the whole set, then every group of every column in the order of its name."""
    found = [_row(scores, "", ALL, model, backend)]
    for column in columns:
        for group in sorted({score.groups[column] for score in scores if score.groups.get(column)}):
            members = [score for score in scores if score.groups.get(column) == group]
            found.append(_row(members, column, group, model, backend))
    return found


def fairness(found: Iterable[GroupRow]) -> list[Fairness]:
    """Return how far apart the groups of each column are, for each model and backend."""
    together: dict[tuple[str, str, str], list[float]] = {}
    for row in found:
        if row.column and np.isfinite(row.pdj_mean):
            together.setdefault((row.column, row.model, row.backend), []).append(row.pdj_mean)
    return [
        Fairness(*key, float(np.mean(means)), float(np.std(means, ddof=1)), min(means), max(means))
        for key, means in together.items()
        if len(means) > 1
    ]


def grouping_columns(scores: Iterable[Score]) -> list[str]:
    """Return the columns that images are grouped by, in the order in which they come."""
    return list(dict.fromkeys(column for score in scores for column in score.groups))


def _row(scores: Sequence[Score], column: str, group: str, model: str, backend: str) -> GroupRow:
    measured = [score for score in scores if np.isfinite(score.pdj)]
    counted = measured or scores
    return GroupRow(
        column=column,
        group=group,
        model=model,
        backend=backend,
        images=len(counted),
        found_percent=_mean_over(counted, lambda score: PERCENT * score.found, np.mean),
        pdj_mean=_mean_over(scores, lambda score: score.pdj, np.mean),
        pdj_std=_mean_over(scores, lambda score: score.pdj, np.std),
        mpjpe_mm=_mean_over(scores, lambda score: score.mpjpe_mm, np.mean),
        hip_error_mm=_mean_over(scores, lambda score: score.hip_error_mm, np.median),
        hip_error_percent=_mean_over(scores, lambda score: score.hip_error_percent, np.median),
        latency_ms_p50=_mean_over(scores, lambda score: score.latency_ms, np.median),
        latency_ms_p95=_mean_over(
            scores, lambda score: score.latency_ms, lambda values: np.percentile(values, 95)
        ),
        jitter_percent=jitter_percent(scores),
    )


def _mean_over(
    scores: Iterable[Score], value: Callable[[Score], float], statistic: Callable[[Sequence[float]], object]
) -> float:
    """Return a statistic over what is known."""
    known = [figure for score in scores if np.isfinite(figure := value(score))]
    return float(statistic(known)) if known else float("nan")  # type: ignore[arg-type]
