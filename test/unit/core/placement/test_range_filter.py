# SPDX-License-Identifier: Apache-2.0
"""The distance of one person over time."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazepose_ros.core.placement.range_filter import BODY_STD, STATURE_STD, RangeFilter, RangeMeasurement

PERIOD_NS = 33_000_000
STATURE_M = 1.70


def measured(body_m: Any, bones_m: Any = None, std: float = 0.01) -> RangeMeasurement:
    bones = {} if bones_m is None else {"bones_log_range": math.log(bones_m), "bones_log_std": std}
    return RangeMeasurement(math.log(body_m), std, **bones)


def run(distances_m: Any, height_m: float = 0.0, period_ns: Any = PERIOD_NS) -> Any:
    """Return the filtered distances and their deviations where both measurements agree."""
    kalman = RangeFilter(height_m, STATURE_M)
    updates = [
        kalman.update(measured(distance, distance), index * period_ns)[:2]
        for index, distance in enumerate(distances_m)
    ]
    return np.array(updates).T


def test_the_first_image_is_between_its_two_measurements() -> None:
    distance, std = RangeFilter(0.0, STATURE_M).update(measured(3.0, 3.3), 0)[:2]
    assert 3.05 < distance < 3.3
    assert STATURE_STD < std < math.hypot(STATURE_STD, BODY_STD)


def test_without_bones_the_models_body_says_it_all() -> None:
    distance, std = RangeFilter(0.0, STATURE_M).update(measured(3.0), 0)[:2]
    assert distance == pytest.approx(3.0, rel=1e-2)
    assert std >= math.hypot(STATURE_STD, BODY_STD)


def test_a_person_of_known_height_is_as_much_further_as_taller() -> None:
    tall, std = RangeFilter(1.87, STATURE_M).update(measured(3.0, 3.0), 0)[:2]
    unknown, unknown_std = RangeFilter(0.0, STATURE_M).update(measured(3.0, 3.0), 0)[:2]
    assert tall == pytest.approx(3.3, rel=1e-3)  # a tenth taller: looks as large from a tenth further
    assert unknown == pytest.approx(3.0)
    assert std < unknown_std


def test_a_person_who_stands_still_stays_there() -> None:
    distances, _ = run(np.full(100, 4.0))
    np.testing.assert_allclose(distances, 4.0, atol=1e-9)


def test_jitter_is_smoothed() -> None:
    jittery = 4.0 * np.exp(np.random.default_rng(0).normal(scale=0.02, size=300))
    distances, _ = run(jittery)
    assert np.std(np.diff(distances[30:])) < 0.25 * np.std(np.diff(jittery[30:]))


def test_a_person_who_walks_is_followed_without_lag() -> None:
    walk = np.linspace(5.0, 2.0, 90)  # a metre per second
    distances, _ = run(walk)
    np.testing.assert_allclose(distances[45:], walk[45:], rtol=0.02)


def test_the_rate_comes_from_the_stamps() -> None:
    slow, _ = run(np.linspace(5.0, 4.0, 30), period_ns=PERIOD_NS)
    fast, _ = run(np.linspace(5.0, 4.0, 30), period_ns=PERIOD_NS // 10)
    assert not np.allclose(slow[5:], fast[5:], rtol=1e-6)


def test_a_jump_is_followed_at_once() -> None:
    distances, _ = run([*np.full(30, 4.0), *np.full(5, 7.0)])
    np.testing.assert_allclose(distances[30:], 7.0, rtol=0.02)


def test_a_person_who_was_away_is_found_where_they_are() -> None:
    kalman = RangeFilter(0.0, STATURE_M)
    for index in range(30):
        kalman.update(measured(4.0, 4.0), index * PERIOD_NS)
    distance, _ = kalman.update(measured(4.4, 4.4), 5_000_000_000)[:2]
    assert distance == pytest.approx(4.4, rel=1e-3)


def test_how_the_models_body_compares_is_learned_slowly() -> None:
    kalman = RangeFilter(0.0, STATURE_M)
    for index in range(300):
        kalman.update(measured(4.0, 4.4), index * PERIOD_NS)
    distance, std = kalman.update(measured(4.0, 4.4), 300 * PERIOD_NS)[:2]
    assert 4.3 < distance < 4.4
    # One image more that shows no bone does not tear their share away.
    alone, _ = kalman.update(measured(4.0), 301 * PERIOD_NS)[:2]
    assert alone == pytest.approx(distance, rel=0.01)
    assert 0.02 < std < 0.06


def test_the_same_stamp_again_changes_nothing() -> None:
    kalman = RangeFilter(0.0, STATURE_M)
    first = kalman.update(measured(4.0, 4.0), 7)[:2]
    assert kalman.update(measured(4.1, 4.1), 7)[:2] == pytest.approx(first)


def test_its_deviations_are_those_of_people_it_does_not_know() -> None:
    rng = np.random.default_rng(1)
    squares = []
    for _ in range(300):
        stature, body = rng.normal(scale=STATURE_STD), rng.normal(scale=BODY_STD)
        kalman = RangeFilter(0.0, STATURE_M)
        seen = measured(4.0 * math.exp(body - stature), 4.0 * math.exp(-stature))
        for index in range(10):
            distance, std = kalman.update(seen, index * PERIOD_NS)[:2]
        squares.append((math.log(distance / 4.0) / std) ** 2)
    assert 0.5 < np.mean(squares) < 1.5


@given(
    st.lists(st.tuples(st.floats(0.3, 100), st.floats(0.3, 100), st.integers(0, 10**10)), max_size=20),
    st.sampled_from([0.0, 1.2, 2.2]),
)
def test_whatever_it_is_told_its_answer_is_finite(images: Any, height_m: Any) -> None:
    kalman, stamp_ns = RangeFilter(height_m, STATURE_M), 0
    for body_m, bones_m, elapsed_ns in images:
        stamp_ns += elapsed_ns
        distance, std = kalman.update(measured(body_m, bones_m), stamp_ns)[:2]
        assert 0 < distance < 1e4
        assert 0 < std < 10
