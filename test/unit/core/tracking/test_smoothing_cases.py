# SPDX-License-Identifier: Apache-2.0
"""Smoothing of whole poses, against its definition, and with stamps that stand still."""

import math
from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, FACING_M, noisy, pose_of, seen_by

from blazepose_ros.core.tracking.appearance import size_px
from blazepose_ros.core.tracking.smoothing import OneEuroFilter, OneEuroTuning, PoseSmoother, SmoothingOptions

OPTIONS = SmoothingOptions()
PERSON = seen_by(CAMERA, (0, 0, 3.0))
SECOND_NS = 1_000_000_000


def with_visibility(value: Any) -> Any:
    return pose_of(PERSON.world, PERSON.screen, np.float64, visibility=np.full(33, value))


def faded(step_s: Any, images: Any) -> Any:
    """Return a landmark's visibility after so many images that do not show it any more."""
    smoother = PoseSmoother()
    smoother.apply(with_visibility(1.0), 0, OPTIONS)
    for index in range(1, images + 1):
        out = smoother.apply(with_visibility(0.0), round(index * step_s * SECOND_NS), OPTIONS)
    return out.visibility[0]


@pytest.mark.parametrize("step_s", [0.01, 1 / 30, 0.2])
def test_visibility_passes_a_filter_of_four_hertz(step_s: Any) -> None:
    kept = 1 / (1 + 2 * math.pi * 4.0 * step_s)
    assert faded(step_s, 3) == pytest.approx(kept**3, rel=1e-5)


def test_with_constant_stamps_visibility_follows_as_at_thirty_hertz() -> None:
    assert faded(0.0, 3) == pytest.approx(faded(1 / 30, 3), rel=1e-5)


def test_a_stamp_that_goes_back_leaves_visibility_as_it_was() -> None:
    smoother = PoseSmoother()
    smoother.apply(with_visibility(1.0), SECOND_NS, OPTIONS)
    assert smoother.apply(with_visibility(0.0), 0, OPTIONS).visibility[0] == 1.0


@pytest.mark.parametrize("enabled", [True, False])
def test_the_first_visibility_is_taken_as_it_is(enabled: bool) -> None:
    out = PoseSmoother().apply(with_visibility(0.3), 5, SmoothingOptions(enabled=enabled))
    np.testing.assert_allclose(out.visibility, 0.3, rtol=1e-6)


def test_screen_and_world_are_smoothed_by_the_size_of_the_body_and_the_time_between() -> None:
    """In pixels of two meters for the screen, in two meters for the world."""
    smoother, screen, world = PoseSmoother(), OneEuroFilter(), OneEuroFilter()
    tuning = OneEuroTuning(0.3, 7.0)
    stamp_ns, step_s = 0, 1 / 30
    for index, elapsed_s in enumerate((0.0, 0.1, 0.02, 0.0, 0.3)):
        stamp_ns += round(elapsed_s * SECOND_NS)
        step_s = elapsed_s or 1 / 30
        jittering = noisy(seen_by(CAMERA, (0.1 * index, 0, 3.0 - 0.2 * index)), 5.0, index)
        pose = pose_of(FACING_M * (1 + 0.1 * index), jittering.screen, np.float64)
        out = smoother.apply(pose, stamp_ns, SmoothingOptions(tuning=tuning))
        expected = (
            screen.apply(pose.screen, step_s, tuning, size_px(pose)),
            world.apply(pose.world, step_s, tuning, 2.0),
        )
        np.testing.assert_allclose(out.screen, expected[0], rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(out.world, expected[1], rtol=1e-5, atol=1e-6)


def test_a_smoothed_pose_is_single_precision_and_keeps_the_rest() -> None:
    pose = noisy(PERSON, 1.0)
    smoother = PoseSmoother()
    smoother.apply(pose, 0, OPTIONS)
    out = smoother.apply(pose, SECOND_NS, OPTIONS)
    assert out.screen.dtype == out.world.dtype == out.visibility.dtype == np.float32
    np.testing.assert_array_equal(out.presence, pose.presence)


def test_the_tuning_of_the_paper_is_not_that_of_mediapipe() -> None:
    assert OneEuroTuning() == OneEuroTuning(0.05, 40.0)
    assert OneEuroTuning(0.0, 0.0).beta == 0.0
    assert SmoothingOptions() == SmoothingOptions(enabled=True, tuning=OneEuroTuning())


def test_a_step_is_a_millisecond_at_least() -> None:
    for step_s in (0.0, 1e-9):
        short, least = OneEuroFilter(), OneEuroFilter()
        for filtered in (short, least):
            filtered.apply(np.zeros(1), 0.03, OneEuroTuning())
        np.testing.assert_array_equal(
            short.apply(np.ones(1), step_s, OneEuroTuning()), least.apply(np.ones(1), 1e-3, OneEuroTuning())
        )


def test_values_are_scaled_by_one_by_default() -> None:
    with_one, without = OneEuroFilter(), OneEuroFilter()
    for value in (0.0, 3.0, 2.0):
        np.testing.assert_array_equal(
            with_one.apply(np.array([value]), 0.1, OneEuroTuning(), 1.0),
            without.apply(np.array([value]), 0.1, OneEuroTuning()),
        )
