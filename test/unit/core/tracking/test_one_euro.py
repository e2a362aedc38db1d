# SPDX-License-Identifier: Apache-2.0
"""The smoothing, against its definition one number at a time."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazepose_ros.core.tracking.smoothing import OneEuroFilter, OneEuroTuning

TUNING = OneEuroTuning(0.05, 80.0)


def smoothed_one_by_one(values: Any, steps_s: Any, min_cutoff_hz: Any, beta: Any, scale: Any) -> Any:
    """Casiez' filter on scalars."""

    def alpha(cutoff_hz: Any, step_s: Any) -> Any:
        return 1 / (1 + 1 / (2 * math.pi * cutoff_hz) / step_s)

    raw = smooth = values[0]
    speed, out = 0.0, [smooth]
    for value, step_s in zip(values[1:], steps_s[1:], strict=True):
        weight = alpha(1.0, step_s)
        speed = weight * (value - raw) / scale / step_s + (1 - weight) * speed
        weight = alpha(min_cutoff_hz + beta * abs(speed), step_s)
        raw, smooth = value, weight * value + (1 - weight) * smooth
        out.append(smooth)
    return out


@given(
    st.lists(st.floats(-1000, 1000), min_size=1, max_size=8),
    st.lists(st.floats(1e-3, 10), min_size=8, max_size=8),
    st.floats(0.01, 1000),
)
def test_the_filter_is_what_its_definition_says(values: Any, steps_s: Any, scale: float) -> None:
    one_euro = OneEuroFilter()
    out = [one_euro.apply(np.array([v]), s, TUNING, scale)[0] for v, s in zip(values, steps_s, strict=False)]
    expected = smoothed_one_by_one(values, steps_s[: len(values)], 0.05, 80.0, scale)
    np.testing.assert_allclose(out, expected, atol=1e-9)


def test_each_value_is_filtered_by_itself() -> None:
    together, alone = OneEuroFilter(), OneEuroFilter()
    steps = np.array([[0, 0], [5, 0.1], [6, -9], [6, 0]])
    both = [together.apply(values, 0.03, TUNING)[1] for values in steps]
    assert both == [alone.apply(values[1:], 0.03, TUNING)[0] for values in steps]


def test_what_was_unknown_is_taken_as_it_comes() -> None:
    one_euro = OneEuroFilter()
    for values in ([0.0, 0.0], [np.nan, 1.0]):
        one_euro.apply(np.array(values), 0.03, TUNING)
    out = one_euro.apply(np.array([7.0, 1.0]), 0.03, TUNING)
    assert out[0] == 7
    assert np.isfinite(one_euro.apply(np.array([8.0, 1.0]), 0.03, TUNING)).all()


@pytest.mark.parametrize("step_s", [-1.0, 0.0, 1e-9, 1e9])
def test_any_step_in_time_gives_values_between_old_and_new(step_s: float) -> None:
    one_euro = OneEuroFilter()
    one_euro.apply(np.zeros(3), 0.03, TUNING)
    out = one_euro.apply(np.ones(3), step_s, TUNING)
    assert np.all((out > 0) & (out <= 1))


@pytest.mark.parametrize("numbers", [(-0.1, 1.0), (0.1, -1.0), (float("nan"), 1.0), (1.0, float("nan"))])
def test_a_tuning_without_sense_is_refused(numbers: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="negative"):
        OneEuroTuning(*numbers)
