"""The smoothing, against its definition one number at a time."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazepose_ros.blazepose.landmark_model import Reading
from blazepose_ros.blazepose.one_euro import OneEuroFilter, ReadingSmoother
from blazepose_ros.blazepose.region import Region

FRAME_NS = 33_000_000


def smoothed_one_by_one(values, steps_s, min_cutoff_hz, beta, scale):
    """Casiez' filter on scalars."""

    def alpha(cutoff_hz, step_s):
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


def reading(value, visibility=1.0, size_px=200.0):
    region = Region(100, 100, size_px)
    ones = np.ones(33)
    return Reading(
        1.0, np.full((33, 3), value), ones * visibility, ones, np.full((33, 3), value), region, region
    )


@given(
    st.lists(st.floats(-1000, 1000), min_size=1, max_size=8),
    st.lists(st.floats(1e-3, 10), min_size=8, max_size=8),
    st.floats(0.01, 1000),
)
def test_the_filter_is_what_its_definition_says(values, steps_s, scale):
    one_euro = OneEuroFilter(0.05, 80.0)
    out = [one_euro.apply(np.array([v]), s, scale)[0] for v, s in zip(values, steps_s, strict=False)]
    expected = smoothed_one_by_one(values, steps_s[: len(values)], 0.05, 80.0, scale)
    np.testing.assert_allclose(out, expected, atol=1e-9)


def test_each_value_is_filtered_by_itself():
    together, alone = OneEuroFilter(0.1, 40.0), OneEuroFilter(0.1, 40.0)
    steps = np.array([[0, 0], [5, 0.1], [6, -9], [6, 0]])
    both = [together.apply(values, 0.03)[1] for values in steps]
    assert both == [alone.apply(values[1:], 0.03)[0] for values in steps]


def test_a_reset_filter_takes_the_next_value_as_it_is():
    one_euro = OneEuroFilter(0.05, 80.0)
    one_euro.apply(np.zeros(1), 0.03)
    one_euro.reset()
    assert one_euro.apply(np.ones(1), 0.03) == 1


def test_a_still_person_stays_and_a_jump_is_followed():
    smoother = ReadingSmoother()
    for index in range(5):
        still = smoother.apply(reading(10), index * FRAME_NS)
    np.testing.assert_allclose(still.screen, 10)
    moved = smoother.apply(reading(60), 5 * FRAME_NS)
    assert np.all((moved.screen > 10) & (moved.screen < 60))
    for index in range(6, 40):
        moved = smoother.apply(reading(60), index * FRAME_NS)
    np.testing.assert_allclose(moved.screen, 60, atol=2)


def test_people_near_and_far_are_smoothed_alike():
    near, far = ReadingSmoother(), ReadingSmoother()
    for index, value in enumerate([0, 4, -2, 30]):
        a = near.apply(reading(value * 10, size_px=2000), index * FRAME_NS)
        b = far.apply(reading(value, size_px=200), index * FRAME_NS)
        np.testing.assert_allclose(a.screen, b.screen * 10, atol=1e-9)


def test_visibility_moves_a_tenth_of_the_way():
    smoother = ReadingSmoother()
    smoother.apply(reading(0, visibility=1), 0)
    np.testing.assert_allclose(smoother.apply(reading(0, visibility=0), FRAME_NS).visibility, 0.9)


@pytest.mark.parametrize("step_ns", [0, 1, 10**18])
def test_any_step_in_time_gives_finite_landmarks_between_old_and_new(step_ns):
    smoother = ReadingSmoother()
    smoother.apply(reading(0), 0)
    out = smoother.apply(reading(1), step_ns)
    assert np.all((out.screen > 0) & (out.screen <= 1))
    assert np.all((out.world > 0) & (out.world <= 1))


def test_what_is_not_smoothed_passes_through():
    smoother = ReadingSmoother()
    smoother.apply(reading(0), 0)
    new = replace(reading(5), score=0.7, presence=np.zeros(33))
    out = smoother.apply(new, FRAME_NS)
    assert (out.score, out.next_region) == (0.7, new.next_region)
    assert out.presence is new.presence
