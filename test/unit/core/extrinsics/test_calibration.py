# SPDX-License-Identifier: Apache-2.0
"""Where cameras are, from a person who is made up: exact answers, and what is refused."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.walks import HIPS_M, MOUNTS, Mount, line, still

from blazepose_ros.core.extrinsics.alignment import MIN_SHARED, CameraPlace
from blazepose_ros.core.extrinsics.calibration import (
    MIN_LENGTH_M,
    MIN_WIDTH_M,
    Baseline,
    ExtrinsicCalibration,
    ExtrinsicCalibrationError,
    calibrate_cameras,
)
from blazepose_ros.core.extrinsics.sightings import MAX_TIMES, CameraSightings, common_times

TIMES_S = np.arange(50) * 0.1
FRONT, LEFT, REAR = MOUNTS


def seen(mounts: Any = MOUNTS, times_s: Any = TIMES_S, **options: Any) -> list[CameraSightings]:
    return [mount.sightings(times_s, **options) for mount in mounts]


def errors(found: ExtrinsicCalibration, mounts: Any = MOUNTS) -> tuple[float, float, float]:
    """Return the largest errors of rotations (degrees), places (m) and clocks (s)."""
    by_name = {mount.name: mount for mount in mounts}
    reference = by_name[found.cameras[0].name]
    wrong = []
    for camera in found.cameras:
        true, place = by_name[camera.name].place(reference), camera.place
        turn = Rotation.from_matrix(place.rotation @ true.rotation.T).magnitude()
        moved = np.linalg.norm(place.center - true.center)
        wrong.append((math.degrees(turn), moved, abs(place.offset_s - true.offset_s)))
    return tuple(np.max(wrong, axis=0).tolist())


@pytest.mark.parametrize("count", [2, 3])
def test_cameras_are_found_where_they_are(count: int) -> None:
    found = calibrate_cameras(seen(MOUNTS[:count]))
    assert errors(found) == pytest.approx((0.0, 0.0, 0.0), abs=1e-3)
    assert [camera.name for camera in found.cameras] == [mount.name for mount in MOUNTS[:count]]
    assert all(camera.error_px < 0.01 for camera in found.cameras)
    assert not found.left_out


def test_noise_of_two_pixels_costs_what_the_deviations_say() -> None:
    found = calibrate_cameras(seen(noise=np.random.default_rng(1), noise_px=2.0))
    turned_deg, moved_m, late_s = errors(found)
    assert turned_deg < 1.0
    assert moved_m < 0.06
    assert late_s < 0.015
    for camera in found.cameras[1:]:
        assert camera.error_px == pytest.approx(2.0, abs=1.0)
        assert turned_deg < 3.0 * camera.rotation_std_deg < 6.0
        assert moved_m < 3.0 * camera.position_std_m < 0.4


@pytest.mark.parametrize("late_s", [0.03, -0.03, 0.25])
def test_clocks_are_found_with_the_places(late_s: float) -> None:
    mounts = FRONT, replace(LEFT, late_s=late_s)
    turned_deg, moved_m, wrong_s = errors(calibrate_cameras(seen(mounts, np.arange(120) / 30.0)), mounts)
    assert wrong_s < 0.002
    assert turned_deg < 0.1
    assert moved_m < 0.02


def test_images_at_other_times_are_brought_to_common_ones() -> None:
    shifted = [FRONT.sightings(TIMES_S), LEFT.sightings(TIMES_S + 0.04), REAR.sightings(TIMES_S[::2])]
    turned_deg, moved_m, _ = errors(calibrate_cameras(shifted))
    assert turned_deg < 0.5
    assert moved_m < 0.03


def test_scale_is_that_of_the_cameras_places_unless_a_baseline_was_measured() -> None:
    true_m = float(np.linalg.norm(np.subtract(FRONT.center, LEFT.center)))
    found = calibrate_cameras(seen(scale=1.1))
    assert np.linalg.norm(found.cameras[1].place.center) == pytest.approx(1.1 * true_m, rel=0.01)
    assert found.scale_std == pytest.approx(0.09 / 1.87)
    measured = calibrate_cameras(seen(scale=1.1), baseline=Baseline("front", "left", true_m))
    assert errors(measured) == pytest.approx((0.0, 0.0, 0.0), abs=1e-3)
    assert measured.scale_std == 0.0


def test_scale_follows_the_height_of_the_person() -> None:
    people = {
        mount.name: {
            1_000_000_000 + round(time_s * 1e9): [mount.sees(time_s, scale=1.2)] for time_s in TIMES_S
        }
        for mount in MOUNTS
    }
    sightings = [CameraSightings.of(mount.name, mount.lens, people[mount.name], 1.7) for mount in MOUNTS]
    found = calibrate_cameras(sightings, person_height_known=True)
    assert errors(found) == pytest.approx((0.0, 0.0, 0.0), abs=1e-3)
    assert found.scale_std < 0.03


def test_a_guess_is_taken_from_any_frame_and_does_no_harm() -> None:
    world = Mount("world", (1.0, 2.0, 3.0))
    right = {mount.name: mount.place(world) for mount in MOUNTS}
    wrong = {
        name: CameraPlace(
            Rotation.from_euler("x", 150, degrees=True).as_matrix() @ place.rotation, place.translation
        )
        for name, place in right.items()
    }
    for guess in (right, wrong, {"front": right["front"]}):
        assert errors(calibrate_cameras(seen(), guess)) == pytest.approx((0.0, 0.0, 0.0), abs=1e-3)


def test_the_floor_and_the_walk_are_told() -> None:
    found = calibrate_cameras(seen())
    up = FRONT.rotation @ (0.0, 0.0, 1.0)
    assert math.degrees(math.acos(float(found.up @ up))) < 3.0
    assert found.height_m == pytest.approx(1.8, abs=0.15)
    assert found.length_m == pytest.approx(2.2, abs=0.3)
    level = found.level_axes
    assert level @ level.T == pytest.approx(np.eye(3), abs=1e-9)
    hips = found.path @ level.T + (0.0, 0.0, found.height_m)
    assert np.nanmedian(hips[:, 2]) == pytest.approx(HIPS_M, abs=0.1)


@pytest.mark.parametrize(
    ("path", "reason"),
    [(still, "stood still: the hips moved over 0.0"), (line, "walked along a straight line, 3")],
)
def test_walks_that_leave_places_open_are_refused(path: Any, reason: str) -> None:
    with pytest.raises(ExtrinsicCalibrationError, match=reason):
        calibrate_cameras(seen(path=path))
    assert MIN_LENGTH_M > MIN_WIDTH_M


def test_a_single_camera_is_refused() -> None:
    nobody = replace(LEFT, name="blind").sightings([])
    for sightings in ([FRONT.sightings(TIMES_S)], [FRONT.sightings(TIMES_S), nobody], []):
        with pytest.raises(ExtrinsicCalibrationError, match="at least two cameras have to see the person"):
            calibrate_cameras(sightings)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TIMES_S[: MIN_SHARED - 2], TIMES_S[: MIN_SHARED - 2]),  # too few
        (TIMES_S, TIMES_S + 100.0),  # never at once
        (TIMES_S[:1], TIMES_S[:1]),
    ],
)
def test_too_few_common_images_are_refused(first: Any, second: Any) -> None:
    with pytest.raises(ExtrinsicCalibrationError, match="too few images of the same person"):
        calibrate_cameras([FRONT.sightings(first), LEFT.sightings(second)])


def test_two_persons_are_not_taken_for_one() -> None:
    def elsewhere(time_s: float) -> tuple[float, float]:
        return 1.5 * math.sin(2.3 * time_s), 1.0 * math.cos(0.9 * time_s)

    with pytest.raises(ExtrinsicCalibrationError, match="too few images of the same person"):
        calibrate_cameras([FRONT.sightings(TIMES_S), LEFT.sightings(TIMES_S, path=elsewhere)])


def test_a_camera_that_shares_nothing_is_left_out_with_the_reason() -> None:
    sightings = [FRONT.sightings(TIMES_S), LEFT.sightings(TIMES_S), REAR.sightings(TIMES_S + 100.0)]
    found = calibrate_cameras(sightings)
    assert [camera.name for camera in found.cameras] == ["front", "left"]
    assert found.left_out == {
        "rear": "it has too few images of the same person at the same times as front, left"
    }


def test_a_camera_that_shares_with_one_of_the_others_is_found_through_it() -> None:
    early, late = TIMES_S[:25], TIMES_S[25:]
    sightings = [FRONT.sightings(early), LEFT.sightings(TIMES_S), REAR.sightings(late)]
    assert errors(calibrate_cameras(sightings)) == pytest.approx((0.0, 0.0, 0.0), abs=5e-3)


def test_a_baseline_of_an_unknown_camera_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ExtrinsicCalibrationError, match="top is none of those that were placed: front, left"):
        calibrate_cameras(seen(MOUNTS[:2]), baseline=Baseline("front", "top", 1.0))


def test_advice_names_what_is_not_good_enough() -> None:
    late = replace(LEFT, late_s=0.04)
    found = calibrate_cameras(seen((FRONT, late)))
    texts = list(found.advice())
    assert [text for text in texts if "left: stamps are 40 ms late: synchronize" in text]
    assert [text for text in texts if "--person-height" in text]
    exact = calibrate_cameras(seen(), baseline=Baseline("front", "left", 5.3))
    assert list(exact.advice()) == []
    bad = replace(exact.cameras[1], error_m=0.2, rotation_std_deg=4.0)
    worse = list(replace(exact, cameras=[exact.cameras[0], bad]).advice())
    assert "left: joints are off by 20.0 cm: check its camera_info" in worse[0]
    assert "left may be off by 4.0 degrees" in worse[1]


def test_long_walks_are_thinned_out() -> None:
    times_s = np.arange(3000) / 30.0
    empty = np.full((3000, 16, 2), 0.1)
    one = FRONT.sightings(TIMES_S)
    sightings = [
        CameraSightings(
            name, one.camera, times_s, empty, np.full((3000, 16, 3), 2.0), empty[:, :, 0], 1.7, 0.1
        )
        for name in ("a", "b")
    ]
    common = common_times(sightings)
    assert len(common) == MAX_TIMES
    assert common[-1] - common[0] == pytest.approx(times_s[-1], abs=0.1)


def test_a_gap_is_not_interpolated() -> None:
    sightings = FRONT.sightings([0.0, 0.1, 1.0, 1.1])
    seconds = sightings.stamps_s[0] + np.array([0.05, 0.5, 1.05])
    assert sightings.at(seconds).seen.any(axis=1).tolist() == [True, False, True]
