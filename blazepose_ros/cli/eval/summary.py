# SPDX-License-Identifier: Apache-2.0
"""Scores as the model card sums them up: by group, how far groups are apart, and how landmarks shake."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

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
        pdj_of_images: the PDJ of each image.
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
    pdj_of_images: tuple[float, ...] = field(default=(), repr=False)


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
        spread_low: what the spread of all people like these is at least, with 95 % confidence.
        spread_high: what it is at most.
    """

    column: str
    model: str
    backend: str
    average: float
    std: float
    lowest: float
    highest: float
    spread_low: float
    spread_high: float

    @property
    def spread(self) -> float:
        """From the worst to the best group."""
        return self.highest - self.lowest

    @property
    def is_fair(self) -> bool:
        """Whether the model card's criterion holds."""
        return self.spread <= FAIR_SPREAD

    @property
    def is_sure(self) -> bool:
        """Whether so many images tell that, and not chance."""
        return self.spread_high <= FAIR_SPREAD or self.spread_low > FAIR_SPREAD


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
    together: dict[tuple[str, str, str], list[GroupRow]] = {}
    for row in found:
        if row.column and np.isfinite(row.pdj_mean):
            together.setdefault((row.column, row.model, row.backend), []).append(row)
    return [_fairness(key, groups) for key, groups in together.items() if len(groups) > 1]


def _fairness(key: tuple[str, str, str], groups: Sequence[GroupRow]) -> Fairness:
    means = [group.pdj_mean for group in groups]
    interval = spread_interval([np.array(group.pdj_of_images) for group in groups])
    return Fairness(
        *key, float(np.mean(means)), float(np.std(means, ddof=1)), min(means), max(means), *interval
    )


CONFIDENCE = 0.95
RESAMPLES = 2000
# Fewer images do not tell how much images of their group differ: those of all groups do.
_FEW = 10


def spread_interval(groups: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """Return between what the spread of the groups' true means is, with 95 % confidence.

    A bootstrap: means of images that are drawn again are off by so much. The spread of these
    deviations bounds the error of the spread, because a range is a seminorm:
    ``|range(m) - range(mu)| <= range(m - mu)``. Unlike the percentiles of the drawn spreads, this does not
    take the noise of small groups for a spread. The same images give the same interval.

    Args:
        groups: the figures of the images of each group, in percent.
    """
    means = np.array([group.mean() for group in groups])
    residuals = [_residuals(group) for group in groups]
    pooled = np.concatenate(residuals)
    if not pooled.size:  # one image in each group: nothing is known
        return 0.0, PERCENT
    random = np.random.default_rng(0)
    deviations = [
        random.choice(own if len(group) >= _FEW else pooled, (RESAMPLES, len(group))).mean(axis=1)
        for group, own in zip(groups, residuals, strict=True)
    ]
    error = float(np.quantile(np.ptp(deviations, axis=0), CONFIDENCE))
    spread = float(np.ptp(means))
    return max(0.0, spread - error), min(PERCENT, spread + error)


def _residuals(group: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far images are from their group's mean, as far as those of the whole population are."""
    count = len(group)
    return (group - group.mean()) * math.sqrt(count / (count - 1)) if count > 1 else np.empty(0)


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
        pdj_of_images=tuple(score.pdj for score in measured),
    )


def _mean_over(
    scores: Iterable[Score], value: Callable[[Score], float], statistic: Callable[[Sequence[float]], object]
) -> float:
    """Return a statistic over what is known."""
    known = [figure for score in scores if np.isfinite(figure := value(score))]
    return float(statistic(known)) if known else float("nan")  # type: ignore[arg-type]
