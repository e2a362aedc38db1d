# SPDX-License-Identifier: Apache-2.0
"""People whose feet are on a floor that is known: distance, stature, and when it is not believed."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.bodies import CAMERA, CAMERAS, FACING_M, as_described, pose_of, seen_by
from support.depths import depth_image

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.placement.floor_range import Floor, range_from_floor
from blazepose_ros.core.placement.hip_localizer import HipLocalizer
from blazepose_ros.core.placement.translation_fit import fit_translation
from blazepose_ros.core.types import Frame, Placement, Pose, Status, covariance_matrices

PERIOD_NS = 33_333_333
TILT_DEG, HEIGHT_M = 20.0, 1.6
FEET = [landmark for landmark in Landmark if landmark >= Landmark.LEFT_ANKLE]
# From the hips down to the floor of the body that stands upright, as tall as it is.
HIPS_M, STATURE_M = 0.86, 1.70


def floor(**fields: Any) -> Floor:
    return replace(Floor.under_camera(HEIGHT_M, TILT_DEG), **fields)


def stands(
    ahead_m: float, stature_m: float = STATURE_M, rise_m: float = 0.0, aside_m: float = 0.0, **fields: Any
) -> Pose:
    """Return an upright person as a model describes them: of one size, whoever it is.

    Args:
        ahead_m: how far ahead on the floor.
        stature_m: how tall.
        rise_m: how far the feet are above the floor.
        aside_m: how far to the right.
        fields: of the pose.
    """
    size = stature_m / STATURE_M
    tilt = Rotation.from_euler("x", TILT_DEG, degrees=True).as_matrix()  # to the axes of the camera
    level = (aside_m, HEIGHT_M - HIPS_M * size - rise_m, ahead_m)
    seen = seen_by(CAMERA, tilt @ level, FACING_M @ tilt.T * size)
    return replace(as_described(replace(seen, world=FACING_M @ tilt.T), CAMERA), **fields)


def true_hips(ahead_m: float, stature_m: float = STATURE_M, rise_m: float = 0.0) -> Any:
    tilt = Rotation.from_euler("x", TILT_DEG, degrees=True).as_matrix()
    return tilt @ (0.0, HEIGHT_M - HIPS_M * stature_m / STATURE_M - rise_m, ahead_m)


def error(pose: Pose, truth: Any) -> float:
    """Return the error of the hips' distance as a share."""
    assert pose.hip_center is not None
    return float(np.linalg.norm(pose.hip_center.position) / np.linalg.norm(truth)) - 1.0


def shown(localizer: HipLocalizer, poses: Any, ground: Floor | None, start: int = 0) -> list[Pose]:
    return [
        localizer.place(pose, CAMERA, 0.5, index * PERIOD_NS, floor=ground)
        for index, pose in enumerate(poses, start)
    ]


@pytest.mark.parametrize("stature_m", [1.1, 1.37, 1.7, 2.05])
@pytest.mark.parametrize("ahead_m", [2.5, 5.0])
def test_everybody_is_as_far_away_as_their_feet_on_the_floor(stature_m: float, ahead_m: float) -> None:
    person = stands(ahead_m, stature_m)
    placed = shown(HipLocalizer(), [person] * 60, floor())[-1]
    alone = shown(HipLocalizer(), [person] * 60, None)[-1]
    assert placed.placement is Placement.FLOOR
    assert error(placed, true_hips(ahead_m, stature_m)) == pytest.approx(0.0, abs=0.03)
    assert abs(error(alone, true_hips(ahead_m, stature_m))) >= 0.9 * abs(1.7 / stature_m - 1.0) - 0.02
    assert placed.stature_m == pytest.approx(stature_m, rel=0.06)
    assert abs(placed.stature_m - stature_m) < 2.0 * placed.stature_std_m < 0.2
    assert math.isnan(alone.stature_m)


def test_landmarks_get_the_size_of_the_person_and_lie_where_they_are_seen() -> None:
    ahead_m, stature_m = 3.0, 1.3
    person = stands(ahead_m, stature_m, aside_m=0.8)
    placed = shown(HipLocalizer(), [person] * 60, floor())[-1]
    tilt = Rotation.from_euler("x", TILT_DEG, degrees=True).as_matrix()
    np.testing.assert_allclose(placed.world, FACING_M @ tilt.T * stature_m / STATURE_M, atol=0.04)
    assert placed.hip_center is not None
    pixels = CAMERA.project(placed.world + placed.hip_center.position) + 0.5
    np.testing.assert_allclose(pixels, placed.screen[:, :2], atol=6.0)


def test_a_stature_that_was_learned_tells_the_distance_when_feet_are_hidden() -> None:
    localizer, stature_m = HipLocalizer(), 1.37
    shown(localizer, [stands(3.0, stature_m)] * 40, floor())
    hidden = np.ones(33)
    hidden[FEET] = 0.1
    walk = [stands(ahead_m, stature_m, visibility=hidden) for ahead_m in np.linspace(3.0, 5.0, 60)]
    last = shown(localizer, walk, floor(), 40)[-1]
    assert last.placement is Placement.MONO
    assert error(last, true_hips(5.0, stature_m)) == pytest.approx(0.0, abs=0.04)
    assert last.stature_m == pytest.approx(stature_m, rel=0.06)


def test_one_foot_is_enough_and_says_less() -> None:
    one = np.ones(33)
    one[FEET[::2]] = 0.1
    both, single = (
        fit_and_measure(replace(stands(3.0), visibility=visibility)) for visibility in (np.ones(33), one)
    )
    assert single.log_range == pytest.approx(both.log_range, abs=0.02)
    assert single.log_std > 1.5 * both.log_std


def fit_and_measure(pose: Pose, ground: Floor | None = None) -> Any:
    """Return what the floor says of a person whose landmarks have the camera's axes already."""
    fit = fit_translation(pose, CAMERA, 0.5)
    assert fit is not None
    return range_from_floor(fit, pose.world, ground or floor(), 0.058, STATURE_M)


def test_of_two_feet_the_lower_one_stands() -> None:
    raised = FACING_M.copy()
    raised[FEET[::2]] += (0.0, -0.4, 0.1)  # the left foot
    tilt = Rotation.from_euler("x", TILT_DEG, degrees=True).as_matrix()
    placed, standing = (
        fit_and_measure(seen_by(CAMERA, true_hips(3.0), body @ tilt.T)) for body in (raised, FACING_M)
    )
    assert placed.log_range == pytest.approx(standing.log_range, abs=0.02)


@pytest.mark.parametrize("stature_m", [1.4, 1.7, 2.05])
def test_a_jump_is_no_step_back(stature_m: float) -> None:
    localizer = HipLocalizer()
    shown(localizer, [stands(3.0, stature_m)] * 40, floor())
    shares = np.linspace(0.0, 1.0, 14)  # half a second in the air
    jump = [0.25 * 4.0 * share * (1.0 - share) for share in shares]
    placed = shown(localizer, [stands(3.0, stature_m, rise_m) for rise_m in jump], floor(), 40)
    errors = [
        error(pose, true_hips(3.0, stature_m, rise_m)) for pose, rise_m in zip(placed, jump, strict=True)
    ]
    assert np.abs(errors).max() < 0.045  # by the floor alone it would be 0.16
    assert Placement.MONO in [pose.placement for pose in placed]


def test_who_stays_on_a_step_is_believed_in_the_end() -> None:
    localizer = HipLocalizer()
    shown(localizer, [stands(3.0)] * 40, floor())
    placed = shown(localizer, [stands(3.0, rise_m=0.3)] * 600, floor(), 40)
    assert placed[5].placement is Placement.MONO
    assert placed[-1].placement is Placement.FLOOR


@pytest.mark.parametrize("ahead_m", [2.5, 4.0])
def test_what_is_uncertain_about_the_floor_is_uncertain_about_the_person(ahead_m: float) -> None:
    certain, tilted, high = (
        shown(HipLocalizer(), [stands(ahead_m)] * 300, ground)[-1].hip_center
        for ground in (floor(), floor(tilt_std=math.radians(4.0)), floor(height_std_m=0.3))
    )
    assert certain is not None
    for doubtful in (tilted, high):
        assert doubtful is not None
        assert np.trace(doubtful.covariance) > 2.0 * np.trace(certain.covariance)


def test_a_tilt_that_is_wrong_does_not_average_out() -> None:
    off = Floor.under_camera(HEIGHT_M, TILT_DEG + 1.0, math.radians(1.0))
    placed = shown(HipLocalizer(), [stands(4.0, 1.9)] * 300, off)[-1].hip_center
    assert placed is not None
    wrong = placed.position - true_hips(4.0, 1.9)
    assert wrong @ np.linalg.solve(placed.covariance, wrong) < 12.0  # 1 % of three dimensions


@pytest.mark.parametrize(
    "ground",
    [
        Floor.under_camera(HEIGHT_M, -60.0),  # every ray goes up
        Floor.under_camera(0.02, TILT_DEG),  # ankles are above the camera
        Floor.under_camera(9.0, TILT_DEG),  # a giant
        Floor.under_camera(0.3, TILT_DEG),  # a dwarf
    ],
)
def test_a_floor_that_nobody_can_stand_on_says_nothing(ground: Floor) -> None:
    placed, alone = (shown(HipLocalizer(), [stands(3.0)], each)[0] for each in (ground, None))
    assert placed.placement is Placement.MONO
    assert placed.hip_center is not None
    assert alone.hip_center is not None
    np.testing.assert_array_equal(placed.hip_center.position, alone.hip_center.position)


def test_a_person_right_under_the_camera_is_placed_without_the_floor() -> None:
    straight_down = Floor.under_camera(3.0, 90.0)
    placed = shown(HipLocalizer(), [seen_by(CAMERA, (0.0, 0.0, 3.0))], straight_down)[0]
    assert placed.placement is Placement.MONO


@pytest.mark.parametrize(
    ("up", "height_m"),
    [
        ((0, -1, 0), 0.0),
        ((0, -1, 0), -1.0),
        ((0, -1, 0), math.inf),
        ((0, -2, 0), 1.0),
        ((math.nan, 0, 0), 1.0),
    ],
)
def test_a_floor_above_the_camera_or_without_a_direction_is_refused(up: Any, height_m: float) -> None:
    with pytest.raises(ValueError, match=r"above the floor|unit vector"):
        Floor(np.array(up, float), height_m)


def test_depth_that_is_measured_goes_before_the_floor() -> None:
    place = true_hips(3.0, 1.5)
    low = Floor.under_camera(HEIGHT_M - 0.3, TILT_DEG)  # wrong by 0.3 m
    person = stands(3.0, 1.5)
    localizer = HipLocalizer()
    for index in range(30):
        placed = localizer.place(person, CAMERA, 0.5, index * PERIOD_NS, depth_image(place), floor=low)
    assert placed.placement is Placement.DEPTH
    assert error(placed, place) == pytest.approx(0.0, abs=0.03)
    assert placed.stature_m == pytest.approx(1.5, rel=0.05)


def test_without_a_calibration_the_floor_is_not_used() -> None:
    placed = HipLocalizer().place(stands(3.0), CAMERAS["assumed"], 0.5, 0, floor=floor())
    assert placed.placement is Placement.MONO


@pytest.mark.parametrize(("lens", "turned"), [("pinhole", True), ("assumed", False)])
def test_only_a_calibrated_camera_turns_landmarks_and_the_status_says_so(lens: str, turned: bool) -> None:
    camera = CAMERAS[lens]
    described = as_described(seen_by(camera, (1.5, 0.2, 3.0)), camera)
    frame = Frame(np.full((480, 640, 3), 128, np.uint8), 0)
    (person,) = PersonPipeline(PipelineOptions()).update(frame, [described], FrameContext(camera))
    (nowhere,) = PersonPipeline(PipelineOptions()).update(frame, [described], FrameContext())
    expected = FACING_M if turned else described.world
    np.testing.assert_allclose(person.world, expected, atol=0.02)
    assert (Status.UNCALIBRATED in person.status) is not turned
    assert np.isfinite(person.landmark_covariances).all() == turned
    assert Status.UNCALIBRATED in nowhere.status


def test_without_a_place_a_person_has_no_covariances_but_true_axes() -> None:
    options = PipelineOptions(depth_only=True)
    described = as_described(seen_by(CAMERA, (1.5, 0.2, 3.0)), CAMERA)
    frame = Frame(np.full((480, 640, 3), 128, np.uint8), 0)
    (person,) = PersonPipeline(options).update(frame, [described], FrameContext(CAMERA))
    assert person.hip_center is None
    assert np.isnan(person.landmark_covariances).all()
    np.testing.assert_allclose(person.world, FACING_M, atol=0.02)


def test_a_landmark_is_more_certain_across_its_ray_and_when_it_is_seen() -> None:
    visibility = np.ones(33)
    visibility[Landmark.LEFT_WRIST] = 0.25
    placed = shown(HipLocalizer(), [stands(3.0, visibility=visibility)], floor())[0]
    assert placed.hip_center is not None
    hips, places = placed.hip_center, placed.world + placed.hip_center.position
    covariances = covariance_matrices(placed.landmark_covariances.astype(float))
    for landmark in (Landmark.NOSE, Landmark.RIGHT_HEEL):
        variances, axes = np.linalg.eigh(covariances[landmark])
        ray = places[landmark] / np.linalg.norm(places[landmark])
        assert abs(axes[:, 2] @ ray) == pytest.approx(1.0, abs=1e-4)
        assert variances[1] == pytest.approx(variances[0], rel=1e-3)
    ray = hips.position / np.linalg.norm(hips.position)
    assert ray @ covariances[Landmark.NOSE] @ ray > ray @ hips.covariance @ ray
    ratio = np.trace(covariances[Landmark.LEFT_WRIST]) / np.trace(covariances[Landmark.RIGHT_WRIST])
    assert ratio == pytest.approx(4.0, rel=0.05)


def test_a_person_of_known_height_has_a_stature_without_any_floor() -> None:
    placed = HipLocalizer(1.8).place(stands(3.0, 1.8), CAMERA, 0.5, 0)
    assert placed.stature_m == pytest.approx(1.8, rel=0.01)
    assert 0.0 < placed.stature_std_m < 0.05


def test_nobody_is_placed_whose_landmarks_are_not_seen() -> None:
    nobody = pose_of(visibility=np.zeros(33))
    placed = HipLocalizer().place(nobody, CAMERA, 0.5, 0, floor=floor())
    assert placed.hip_center is None
