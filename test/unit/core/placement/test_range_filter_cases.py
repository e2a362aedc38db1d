# SPDX-License-Identifier: Apache-2.0
"""The distance over time, against a Kalman filter as textbooks have it, and over minutes."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from blazepose_ros.core.placement.range_filter import RangeFilter, RangeMeasurement

MEAN_M = 1.70
SECOND_NS = 1_000_000_000
PERIOD_NS = SECOND_NS // 10


def measured(
    body_m: Any, bones_m: Any = None, depth_m: Any = None, stds: Any = (0.02, 0.06, 0.015)
) -> RangeMeasurement:
    logs = [math.nan if meters is None else math.log(meters) for meters in (body_m, bones_m, depth_m)]
    return RangeMeasurement(logs[0], stds[0], logs[1], stds[1], logs[2], stds[2])


class Textbook:
    """Matrices and one joint update. States: log distance, its rate, stature, the model's body."""

    SEES = np.array([[1.0, 0, -1, 1], [1, 0, -1, 0], [1, 0, 0, 0]])

    def __init__(self, height_m: Any) -> None:
        stature, std = (math.log(height_m / MEAN_M), 0.02) if height_m else (0.0, 0.055)
        self.mean = np.array([0.0, 0.0, stature, 0.0])
        self.covariance = np.diag([0.0, 0.0, std**2, 0.08**2])
        self.stamp_ns = None

    def update(self, seen: Any, stamp_ns: Any) -> tuple[Any, Any]:
        elapsed_s = math.inf if self.stamp_ns is None else (stamp_ns - self.stamp_ns) / 1e9
        self.stamp_ns = stamp_ns
        values = np.array([seen.log_range, seen.bones_log_range, seen.depth_log_range])
        stds = np.array([math.hypot(seen.log_std, 0.03), seen.bones_log_std, seen.depth_log_std])
        there = np.isfinite(values)
        sees, values, noise = self.SEES[there], values[there], np.diag(stds[there] ** 2)
        if elapsed_s <= 1.0:
            self._predict(elapsed_s)
            error = values - sees @ self.mean
            expected = sees @ self.covariance @ sees.T + noise
            if error @ np.linalg.solve(expected, error) > 27.6:
                elapsed_s = math.inf
        if elapsed_s > 1.0:
            self._start(seen.log_range)
        share = min(1.0, elapsed_s / 0.4)
        if share > 0.0:
            expected = sees @ self.covariance @ sees.T + noise / share
            gain = self.covariance @ sees.T @ np.linalg.inv(expected)
            self.mean = self.mean + gain @ (values - sees @ self.mean)
            self.covariance = (np.eye(4) - gain @ sees) @ self.covariance
        return math.exp(self.mean[0]), math.sqrt(self.covariance[0, 0])

    def _predict(self, elapsed_s: Any) -> None:
        fade = math.exp(-elapsed_s / 10.0)
        density = 1.0 / math.exp(self.mean[0]) ** 2  # 1 m/s2 for half a second, as white noise
        step = np.diag([1.0, 1, 1, fade])
        step[0, 1] = elapsed_s
        noise = np.zeros((4, 4))
        noise[:2, :2] = density * np.array(
            [[elapsed_s**3 / 3, elapsed_s**2 / 2], [elapsed_s**2 / 2, elapsed_s]]
        )
        noise[3, 3] = 0.08**2 * (1 - fade**2)
        self.mean = step @ self.mean
        self.covariance = step @ self.covariance @ step.T + noise

    def _start(self, log_range: Any) -> None:
        self.mean[:2] = log_range, 0.0
        sizes = self.covariance[2:, 2:]
        self.covariance = np.zeros((4, 4))
        self.covariance[2:, 2:] = sizes
        self.covariance[0, 0] = 1.0
        self.covariance[1, 1] = math.exp(-log_range) ** 2  # 1 m/s


def walks(seed: Any) -> Iterator[tuple[Any, Any]]:
    """Yield measurements of a person who walks about, and the stamps: pauses, gaps and jumps among them."""
    rng = np.random.default_rng(seed)
    stamp_ns, distance_m = 0, 3.0
    for index in range(60):
        elapsed_s = (0.1, 0.033, 0.6, 1.0, 1.5, 0.0)[rng.choice(6, p=(0.5, 0.3, 0.08, 0.04, 0.04, 0.04))]
        stamp_ns += round(elapsed_s * SECOND_NS)
        distance_m *= math.exp(rng.normal(0, 0.03)) * (1.6 if index == 40 else 1.0)
        body, bones, depth = distance_m * np.exp(rng.normal(0, (0.03, 0.05, 0.02))) * (0.9, 0.97, 1.0)
        stds = tuple(rng.uniform((0.005, 0.03, 0.01), (0.05, 0.1, 0.03)))
        yield (
            measured(body, bones if rng.random() < 0.8 else None, depth if index % 20 > 9 else None, stds),
            stamp_ns,
        )


@pytest.mark.parametrize("height_m", [0.0, 0.9, 1.9])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_filter_of_the_textbook(seed: Any, height_m: float) -> None:
    ours, textbook = RangeFilter(height_m, MEAN_M), Textbook(height_m)
    for seen, stamp_ns in walks(seed):
        assert ours.update(seen, stamp_ns)[:2] == pytest.approx(textbook.update(seen, stamp_ns), rel=1e-9)


def standing(seen: Any, minutes: Any, kalman: Any = None) -> Any:
    """Return what a filter says after minutes of the same measurement."""
    kalman = kalman or RangeFilter(0.0, MEAN_M)
    for index in range(round(minutes * 600)):
        answer = kalman.update(seen, index * PERIOD_NS)[:2]
    return answer


def test_for_minutes_bones_keep_their_share_of_the_distance() -> None:
    """The size of the model's body fades: were it learned for good, this would be 4.1 m."""
    distance_m, _ = standing(measured(4.0, 4.4), minutes=2)
    assert 4.3 < distance_m < 4.4


def test_for_minutes_the_distance_does_not_become_surer_than_the_stature() -> None:
    _, std = standing(measured(4.0, 4.0, stds=(0.01, 0.01, math.nan)), minutes=2)
    assert 0.055 < std < 0.06


def test_after_a_minute_without_depth_the_learned_stature_still_counts() -> None:
    kalman = RangeFilter(0.0, MEAN_M)
    standing(measured(4.0, 4.0, 3.6), 0.5, kalman)  # a tenth shorter than the mean person
    for index in range(300, 900):
        distance_m = kalman.update(measured(4.0, 4.0), index * PERIOD_NS).distance_m
    assert distance_m == pytest.approx(3.6, rel=0.02)


@pytest.mark.parametrize(("factor", "jumps"), [(1.10, False), (1.6, True)])
def test_who_is_further_off_than_once_in_a_million_has_jumped(factor: float, jumps: bool) -> None:
    kalman = RangeFilter(0.0, MEAN_M)
    standing(measured(4.0, 4.0), 0.5, kalman)
    distance_m = kalman.update(measured(4.0 * factor, 4.0 * factor), 301 * PERIOD_NS).distance_m
    assert (distance_m == pytest.approx(4.0 * factor, rel=1e-3)) is jumps
