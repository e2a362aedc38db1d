"""How much landmarks shake from frame to frame."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from blazepose_ros.evaluation.score import PERCENT, Score


def jitter_percent(scores: Sequence[Score]) -> float:
    """Return how far landmarks are from the middle between the frames before and after.

    A steady movement has none, whatever its speed. The mean over landmarks and frames, as a
    percentage of the torso's diameter; NaN without three frames in a row that show somebody.
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
