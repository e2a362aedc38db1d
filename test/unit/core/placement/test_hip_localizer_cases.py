# SPDX-License-Identifier: Apache-2.0
"""The place of the hips put together from its parts, by their definitions."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.bodies import CAMERA, CAMERAS, FACING_M, as_described, hidden, noisy, pose_of, seen_by
from support.depths import depth_image

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.bone_length_range import range_from_bones
from blazepose_ros.core.placement.depth_range import range_from_depth
from blazepose_ros.core.placement.hip_localizer import HipLocalizer, place_mono
from blazepose_ros.core.placement.range_filter import RangeFilter, RangeMeasurement
from blazepose_ros.core.placement.translation_fit import fit_translation, rotate_to_optical_axes
from blazepose_ros.core.types import ModelComplexity, Placement

PLACE = (0.6, -0.2, 3.0)
HIPS = (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)
ASSUMED = CameraModel(640, 480, CAMERA.k, assumed=True)


def expected(
    pose: Any, camera: Any, depth: Any = None, model: Any = ModelComplexity.FULL, height_m: float = 0.0
) -> tuple[Any, Any, Any]:
    """Return position, covariance and source of the first image of a person, from the parts."""
    pose = rotate_to_optical_axes(pose, camera)
    fit = fit_translation(pose, camera, 0.5)
    distance_m = np.linalg.norm(fit.position)
    ray = fit.position / distance_m
    scatter = ray @ fit.scatter @ ray / distance_m**2
    depth_std_m = {0: 0.068, 1: 0.058, 2: 0.054}[model]
    bones = range_from_bones(fit, pose.world, depth_std_m)
    by_depth = None if depth is None else range_from_depth(fit, pose.world, depth, camera, pose.mask)
    # A measured depth says nothing of the focal length, of which the two others depend.
    focal = 0.3**2 if camera.assumed and by_depth is not None else 0.0
    measurement = RangeMeasurement(
        math.log(distance_m),
        math.sqrt(scatter + focal),
        *(math.nan,) * 2
        if bones is None
        else (math.log(distance_m) + bones.log_factor, math.sqrt(bones.log_std**2 + focal)),
        *(math.nan,) * 2 if by_depth is None else (by_depth.log_range, by_depth.log_std),
    )
    filtered_m, log_std = RangeFilter(height_m, 1.70).update(measurement, 0)[:2]
    if fit.usable[list(HIPS)].all():
        seen = [np.array([*fit.rays[hip], 1.0]) * (fit.position[2] + pose.world[hip, 2]) for hip in HIPS]
        halfway = 0.5 * fit.position + 0.25 * seen[0] + 0.25 * seen[1]
        ray = halfway / np.linalg.norm(halfway)
    position = filtered_m * ray
    along = np.outer(ray, ray)
    across = np.eye(3) - along
    covariance = (filtered_m / distance_m) ** 2 * across @ fit.scatter @ across
    covariance += 0.02**2 * np.eye(3) + (log_std * filtered_m) ** 2 * along
    if camera.assumed:
        unknown = np.array([0, 0, 1.0] if by_depth is None else [1.0, 1.0, 0])
        covariance += np.diag((0.3 * position * unknown) ** 2)
    return position, covariance, Placement.MONO if by_depth is None else Placement.DEPTH


def torn(position: Any = PLACE, **fields: Any) -> Any:
    """Return a jittering person who leans, of whom the hips are seen where the rest of them is not."""
    lean = Rotation.from_euler("xyz", [20, 30, 10], degrees=True).as_matrix()
    pose = noisy(seen_by(CAMERA, position, FACING_M @ lean.T), 2.0)
    pose.screen[list(HIPS), 0] += 12.0
    return pose_of(pose.world, pose.screen, np.float64, **fields)


@pytest.mark.parametrize("camera", [CAMERA, ASSUMED, CAMERAS["equidistant"]])
@pytest.mark.parametrize("depth", [None, depth_image(PLACE)])
@pytest.mark.parametrize("model", ModelComplexity)
def test_a_place_is_what_its_parts_make(camera: Any, depth: Any, model: ModelComplexity) -> None:
    placed = HipLocalizer().place(torn(), camera, 0.5, 0, depth, model).hip_center
    position, covariance, source = expected(torn(), camera, depth, model)
    np.testing.assert_allclose(placed.position, position, rtol=1e-9)
    np.testing.assert_allclose(placed.covariance, covariance, rtol=1e-7, atol=1e-12)
    assert placed.source == source == (Placement.MONO if depth is None else Placement.DEPTH)


@pytest.mark.parametrize("unseen", [HIPS[:1], HIPS[1:], HIPS])
def test_without_both_hips_the_whole_body_gives_the_direction(unseen: Any) -> None:
    shown = hidden([landmark for landmark in Landmark if landmark not in unseen])
    placed = place_mono(torn(visibility=shown), CAMERA, 0.5)
    position, covariance, _ = expected(torn(visibility=shown), CAMERA)
    np.testing.assert_allclose(placed.position, position, rtol=1e-9)
    np.testing.assert_allclose(placed.covariance, covariance, rtol=1e-7, atol=1e-12)


def test_without_bones_the_body_of_the_model_gives_the_distance() -> None:
    head_and_hips = {"visibility": hidden([*range(11), *HIPS, Landmark.LEFT_PINKY])}
    placed = place_mono(torn(**head_and_hips), CAMERA, 0.5)
    np.testing.assert_allclose(placed.position, expected(torn(**head_and_hips), CAMERA)[0], rtol=1e-9)


def test_a_depth_image_without_the_body_changes_nothing() -> None:
    empty = depth_image((50.0, 0.0, 3.0), wall_m=20.0)
    for camera in (CAMERA, ASSUMED):
        placed, mono = (
            HipLocalizer().place(torn(), camera, 0.5, 0, depth).hip_center for depth in (empty, None)
        )
        np.testing.assert_array_equal(placed.position, mono.position)
        np.testing.assert_array_equal(placed.covariance, mono.covariance)
        assert placed.source == Placement.MONO


def test_the_mask_of_the_pose_is_that_of_its_depths() -> None:
    nowhere = {"mask": np.zeros((480, 640), np.float32)}
    assert (
        HipLocalizer().place(torn(**nowhere), CAMERA, 0.5, 0, depth_image(PLACE)).placement == Placement.MONO
    )


@pytest.mark.parametrize("model", ModelComplexity)
def test_a_model_that_is_less_sure_of_depth_gives_another_place(model: ModelComplexity) -> None:
    placed = {
        each: HipLocalizer().place(torn(), CAMERA, 0.5, 0, model=each).hip_center for each in ModelComplexity
    }
    default = HipLocalizer().place(torn(), CAMERA, 0.5, 0).hip_center
    same = np.array_equal(placed[model].position, default.position)
    assert same is (model is ModelComplexity.FULL)


@pytest.mark.parametrize("turn", [("y", 60), ("y", -60), ("z", 70), ("x", 80), ("x", -80)])
def test_a_body_that_is_turned_is_in_the_direction_of_its_hips(turn: tuple[str, int]) -> None:
    world = FACING_M @ Rotation.from_euler(*turn, degrees=True).as_matrix().T
    described = as_described(seen_by(CAMERA, PLACE, world), CAMERA)
    # The middle of the hips on the screen, which the model turns to, is a little beside that in space.
    placed = place_mono(described, CAMERA, 0.5)
    np.testing.assert_allclose(
        placed.position / np.linalg.norm(placed.position), PLACE / np.linalg.norm(PLACE), atol=2e-3
    )


def test_the_height_is_a_memory_of_the_filter() -> None:
    for height_m in (0.0, 1.2, 1.9):
        placed = place_mono(torn(), CAMERA, 0.5, height_m)
        np.testing.assert_allclose(placed.position, expected(torn(), CAMERA, height_m=height_m)[0], rtol=1e-9)


def test_the_stamp_is_the_filters() -> None:
    """A second later the same person is seen anew, and what was learned counts."""
    localizer, near = HipLocalizer(), torn((0.0, 0.0, 3.0))
    first = localizer.place(near, CAMERA, 0.5, 1_000_000_000).hip_center
    again = localizer.place(near, CAMERA, 0.5, 1_000_000_000).hip_center
    np.testing.assert_allclose(again.position, first.position, rtol=1e-12)
    later = localizer.place(near, CAMERA, 0.5, 1_400_000_000).hip_center
    assert later.covariance.trace() < first.covariance.trace()


@pytest.mark.parametrize("velocity", [(0.8, 0.0, 0.0), (0.0, 0.0, -0.8), (-0.4, 0.1, 0.5)])
def test_who_walks_has_the_velocity_of_the_walk(velocity: Any) -> None:
    localizer, speeds = HipLocalizer(), np.array(velocity)
    for index in range(60):
        place = (0.2, 0.1, 4.0) + speeds * index / 30
        placed = localizer.place(
            as_described(seen_by(CAMERA, place), CAMERA), CAMERA, 0.5, index * 33_333_333
        )
        hips = placed.hip_center
        assert hips is not None
        assert np.isfinite([*hips.velocity, *hips.velocity_covariance.ravel()]).all() == (index > 0)
    wrong = hips.velocity - speeds
    np.testing.assert_allclose(wrong, 0.0, atol=0.15)
    assert wrong @ np.linalg.solve(hips.velocity_covariance, wrong) < 7.8  # 5 % of three dimensions


def test_after_a_gap_the_velocity_is_unknown_again() -> None:
    localizer = HipLocalizer()
    stamps_ns = (0, 33_000_000, 3_000_000_000, 3_033_000_000, 3_033_000_000)
    pose = as_described(seen_by(CAMERA, (0.2, 0.1, 4.0)), CAMERA)
    known = []
    for stamp_ns in stamps_ns:
        hips = localizer.place(pose, CAMERA, 0.5, stamp_ns).hip_center
        assert hips is not None
        known.append(bool(np.isfinite(hips.velocity).all()))
    assert known == [False, True, False, True, True]


def test_without_a_calibration_no_velocity_is_known() -> None:
    localizer = HipLocalizer()
    for stamp_ns in (0, 33_000_000):
        hips = localizer.place(seen_by(CAMERA, (0, 0, 3)), CAMERAS["assumed"], 0.5, stamp_ns).hip_center
    assert hips is not None
    assert np.isnan(hips.velocity).all()
