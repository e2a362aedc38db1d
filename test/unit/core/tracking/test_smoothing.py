# SPDX-License-Identifier: Apache-2.0
"""Landmarks are steady while a person is still and soon where a person goes."""

from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, FACING_M, pose_of, seen_by

from blazepose_ros.core.tracking.smoothing import OneEuroTuning, PoseSmoother, SmoothingOptions
from blazepose_ros.core.tracking.tracker import Tracker, TrackingOptions
from blazepose_ros.core.types import Frame

OPTIONS = SmoothingOptions()
RATES_HZ = (30, 10)
PLACE_M = (0.0, 0.0, 3.0)
STILL = 100
STEP_PX = 60
NOISES_PX = (0.5, 1.0)


def person(**fields: Any) -> Any:
    return seen_by(CAMERA, PLACE_M, **fields)


def moved(pose: Any, pixels: Any) -> Any:
    """Return a pose moved on the screen, by (x, y, z) or by (33, 3)."""
    return pose_of(FACING_M, pose.screen + pixels, np.float64)


def smoothed(poses: Any, rate_hz: Any, options: Any = OPTIONS) -> Any:
    """Return the screen landmarks, (n, 33, 3), of one person's poses at a rate."""
    smoother = PoseSmoother()
    period_ns = round(1e9 / rate_hz)
    return np.array(
        [smoother.apply(pose, index * period_ns, options).screen for index, pose in enumerate(poses)]
    )


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("noise_px", NOISES_PX)
def test_jitter_of_a_still_person_is_halved(rate_hz: int, noise_px: float) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, noise_px, (STILL, 33, 3))
    out = smoothed([moved(person(), pixels) for pixels in noise], rate_hz)
    assert np.median(out.std(axis=0)) <= 0.5 * noise_px


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("noise_px", [0.0, *NOISES_PX])
def test_a_jump_is_followed_within_two_images(rate_hz: int, noise_px: Any) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, noise_px, (STILL, 33, 3))
    noise[STILL // 2 :, :, 0] += STEP_PX
    out = smoothed([moved(person(), pixels) for pixels in noise], rate_hz)
    way = np.median(out[:, :, 0] - person().screen[:, 0], axis=1)
    assert way[STILL // 2 + 1] > 0.9 * STEP_PX


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_walk_lags_less_than_half_an_image(rate_hz: int) -> None:
    speed_px_s = 200
    poses = [moved(person(), (speed_px_s * index / rate_hz, 0, 0)) for index in range(60)]
    behind_px = poses[-1].screen[:, 0] - smoothed(poses, rate_hz)[-1, :, 0]
    assert np.all(behind_px < 0.5 * speed_px_s / rate_hz)


def test_people_near_and_far_are_smoothed_alike() -> None:
    world = FACING_M
    near, far = [], []
    for shift_m in (0, 0.1, -0.05, 0.3):
        near.append(seen_by(CAMERA, (shift_m, 0, 2.0), world))
        far.append(seen_by(CAMERA, (shift_m, 0, 8.0), world))
    lag = [
        np.median((out[-1, :, 0] - poses[0].screen[:, 0]) / (poses[-1].screen[:, 0] - poses[0].screen[:, 0]))
        for poses, out in ((near, smoothed(near, 30)), (far, smoothed(far, 30)))
    ]
    assert lag[0] == pytest.approx(lag[1], abs=0.02)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_visibility_fades_within_five_images(rate_hz: int) -> None:
    smoother = PoseSmoother()
    period_ns = round(1e9 / rate_hz)
    smoother.apply(person(), 0, OPTIONS)
    for index in range(1, 6):
        hidden = smoother.apply(person(visibility=np.zeros(33)), index * period_ns, OPTIONS)
    assert np.all(hidden.visibility < 0.1)


def tracked(tracker: Any, poses: Any, stamp_ns: Any) -> Any:
    """Return the people of an image, smoothed."""
    frame = Frame(np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8), stamp_ns)
    return [track.person for track in tracker.update(frame, poses, TrackingOptions())]


def test_each_person_is_smoothed_by_their_own_past() -> None:
    tracker, alone = Tracker(), PoseSmoother()
    for index in range(5):
        walker = moved(person(), (9 * index, 0, 0))
        other = moved(person(), (-150 - 30 * index, 0, 0))
        both = tracked(tracker, [other, walker], index * 10**8)
        by_itself = alone.apply(walker, index * 10**8, OPTIONS)
        (found,) = (each for each in both if each.person_id == 2)
        np.testing.assert_array_equal(found.screen, by_itself.screen)


def test_a_new_person_and_one_whose_track_ended_are_taken_as_they_are() -> None:
    tracker = Tracker()
    tracked(tracker, [person()], 0)
    tracker.reset()
    jumped = moved(person(), (50, 0, 0))
    new = moved(person(), (250, 0, 0))
    for pose, out in zip((jumped, new), tracked(tracker, [jumped, new], 10**8), strict=True):
        np.testing.assert_allclose(out.screen, pose.screen, rtol=1e-6)


def test_switched_off_nothing_changes_and_switched_on_again_nothing_is_remembered() -> None:
    smoother = PoseSmoother()
    off = SmoothingOptions(enabled=False)
    smoother.apply(person(), 0, OPTIONS)
    jumped = moved(person(), (50, 0, 0))
    assert smoother.apply(jumped, 10**8, off) is jumped
    again = moved(person(), (90, 0, 0))
    np.testing.assert_allclose(smoother.apply(again, 2 * 10**8, OPTIONS).screen, again.screen, rtol=1e-6)


def test_a_lower_cutoff_is_steadier_and_a_higher_beta_is_quicker() -> None:
    rng = np.random.default_rng(0)
    poses = [moved(person(), pixels) for pixels in rng.normal(0, 1, (STILL, 33, 3))]
    jitter = [
        smoothed(poses, 30, SmoothingOptions(tuning=OneEuroTuning(cutoff, 1.0))).std(axis=0).mean()
        for cutoff in (0.1, 5.0)
    ]
    assert jitter[0] < 0.5 * jitter[1]
    jump = [person(), moved(person(), (60, 0, 0))]
    first = [
        smoothed(jump, 30, SmoothingOptions(tuning=OneEuroTuning(0.1, beta)))[-1, 0, 0]
        for beta in (1.0, 100.0)
    ]
    assert first[0] + 30 < first[1]


def test_poses_without_extent_stay_finite() -> None:
    smoother = PoseSmoother()
    for index in range(3):
        out = smoother.apply(pose_of(np.zeros((33, 3))), index, OPTIONS)
        assert np.isfinite(out.screen).all()
        assert np.isfinite(out.world).all()


def test_with_a_camera_that_has_no_clock_a_person_who_moves_is_followed_as_at_thirty_hertz() -> None:
    untimed, timed = PoseSmoother(), PoseSmoother()
    for index in range(60):
        pose = moved(person(), (5 * index, 0, 0))
        found = untimed.apply(pose, 0, OPTIONS)
        expected = timed.apply(pose, round(index * 1e9 / 30), OPTIONS)
        np.testing.assert_allclose(found.screen, expected.screen, atol=1e-2)
    assert 1e-1 < abs(found.screen - pose.screen).max() < 5
