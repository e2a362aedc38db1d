# SPDX-License-Identifier: Apache-2.0
"""The floor under a camera that stands still, from synthetic people who walk about."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.bodies import CAMERA, FACING_M, as_described, seen_by

from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.placement.floor_calibration import FloorCalibrationError, Sighting, find_floor
from blazepose_ros.core.types import Frame

RATE_HZ = 15
GRAY = np.full((480, 640, 3), 128, np.uint8)
HIPS_M = 0.86


def level_axes(tilt_deg: float, roll_deg: float) -> Any:
    """Return the axes of a level camera in those of one that looks down and is rolled, (3, 3)."""
    return Rotation.from_euler("zx", [roll_deg, tilt_deg], degrees=True).as_matrix()


def walk(
    tilt_deg: float,
    height_m: float,
    roll_deg: float = 0.0,
    seconds: float = 20.0,
    distances_m: tuple[float, float] = (2.0, 5.0),
    **options: Any,
) -> list[Sighting]:
    """Return how a pipeline without a floor sees somebody of 1.70 m who walks near and far and turns."""
    axes, noise = level_axes(tilt_deg, roll_deg), np.random.default_rng(0)
    pipeline = PersonPipeline(PipelineOptions(**options))
    near_m, far_m = distances_m
    sightings = []
    for index in range(round(seconds * RATE_HZ)):
        time_s = index / RATE_HZ
        ahead_m = (near_m + far_m) / 2 + (far_m - near_m) / 2 * math.sin(0.5 * time_s)
        hips = axes @ (0.6 * math.sin(0.9 * time_s), height_m - HIPS_M, ahead_m)
        body = FACING_M @ Rotation.from_euler("y", 40 * time_s, degrees=True).as_matrix().T @ axes.T
        seen = seen_by(CAMERA, hips, body)
        described = as_described(
            replace(
                seen,
                world=body + noise.normal(size=(33, 3)) * (0.02, 0.02, 0.05),
                screen=seen.screen + noise.normal(size=(33, 3)) * (2, 2, 0),
            ),
            CAMERA,
        )
        stamp_ns = 1_000_000_000 + index * 1_000_000_000 // RATE_HZ
        people = pipeline.update(Frame(GRAY, stamp_ns), [described], FrameContext(CAMERA))
        sightings += [Sighting(person, stamp_ns) for person in people]
    return sightings


@pytest.mark.parametrize(
    ("tilt_deg", "height_m", "roll_deg"),
    [(20.0, 1.6, 0.0), (10.0, 1.1, -3.0), (35.0, 2.5, 5.0), (5.0, 0.8, 0.0)],
)
def test_height_and_tilt_are_found(tilt_deg: float, height_m: float, roll_deg: float) -> None:
    found = find_floor(walk(tilt_deg, height_m, roll_deg), CAMERA, person_height_m=1.70)
    assert found.tilt_deg == pytest.approx(tilt_deg, abs=1.0)
    assert found.roll_deg == pytest.approx(roll_deg, abs=1.5)
    assert found.floor.height_m == pytest.approx(height_m, rel=0.05)
    assert abs(math.radians(found.tilt_deg - tilt_deg)) < 2.5 * found.floor.tilt_std
    assert abs(found.floor.height_m - height_m) < 2.5 * found.floor.height_std_m
    assert found.floor.tilt_std < math.radians(1.5)


def test_the_cameras_axes_on_the_floor_turn_its_vertical_upwards() -> None:
    found = find_floor(walk(20.0, 1.6, 4.0), CAMERA)
    axes = found.camera_axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(axes @ found.floor.up, (0, 0, 1), atol=1e-9)
    looks = axes @ (0.0, 0.0, 1.0)
    assert looks[0] > 0.9
    assert looks[1] == pytest.approx(0.0, abs=1e-9)
    assert math.degrees(math.asin(-looks[2])) == pytest.approx(found.tilt_deg)


def test_the_scale_is_that_of_the_people_and_as_uncertain() -> None:
    sightings = walk(20.0, 1.6)
    unknown, known = (find_floor(sightings, CAMERA, person_height_m=height_m) for height_m in (0.0, 1.7))
    assert unknown.floor.height_std_m > 1.5 * known.floor.height_std_m


def test_at_one_distance_the_tilt_is_uncertain() -> None:
    apart, together = (
        find_floor(walk(20.0, 1.6, distances_m=distances_m), CAMERA)
        for distances_m in ((2.0, 5.0), (3.4, 3.6))
    )
    assert together.floor.tilt_std > 2.0 * apart.floor.tilt_std


def test_people_of_whom_too_little_was_seen_are_not_enough() -> None:
    sightings = walk(20.0, 1.6, seconds=4.0)
    hidden = np.ones(33)
    hidden[27:] = 0.0
    footless = [each._replace(pose=replace(each.pose, visibility=hidden)) for each in sightings]
    for few in (sightings[:10], footless, []):
        with pytest.raises(FloorCalibrationError, match=r"from the shoulders to the feet for 0\.\d s"):
            find_floor(few, CAMERA)
