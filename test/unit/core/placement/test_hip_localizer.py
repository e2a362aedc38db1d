# SPDX-License-Identifier: Apache-2.0
"""Where the hips are, from one colour image or many, and how certain that is."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from support.bodies import CAMERA, CAMERAS, FACING_M, as_described, hidden, noisy, pose_of, seen_by

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.placement.hip_localizer import HIP_ALONG_STD_M, HipLocalizer, place_mono
from blazepose_ros.core.placement.translation_fit import turn_to
from blazepose_ros.core.timestamps import RESTART_NS
from blazepose_ros.core.tracking.smoothing import SmoothingOptions
from blazepose_ros.core.tracking.tracker import TrackingOptions
from blazepose_ros.core.types import Frame, Placement

THRESHOLD = 0.5
FOUR_METRES = (0.2, 0.1, 4.0)
PERIOD_NS = 33_000_000


def deviation(hip_center: Any, position: Any) -> Any:
    """Return how many standard deviations a hip centre is off."""
    error = hip_center.position - position
    return np.sqrt(error @ np.linalg.solve(hip_center.covariance, error))


@pytest.mark.parametrize("lens", [name for name in CAMERAS if name != "assumed"])
@pytest.mark.parametrize("position", [(0, 0, 1.5), FOUR_METRES, (1.5, -0.3, 5), (-1, 0, 8)])
def test_a_body_is_in_the_direction_where_it_is_seen_and_about_as_far(lens: Any, position: Any) -> None:
    described = as_described(seen_by(CAMERAS[lens], position), CAMERAS[lens])
    hip_center = place_mono(described, CAMERAS[lens], THRESHOLD)
    ray = np.array(position) / np.linalg.norm(position)
    np.testing.assert_allclose(hip_center.position / np.linalg.norm(hip_center.position), ray, atol=1e-5)
    assert np.linalg.norm(hip_center.position) == pytest.approx(np.linalg.norm(position), rel=0.06)
    assert hip_center.source == Placement.MONO


@pytest.mark.parametrize("tangent", [-1.2, -0.6, 0.0, 0.6, 1.2])
def test_a_body_at_the_edge_of_a_wide_image_is_as_far_as_one_in_the_middle(tangent: float) -> None:
    wide = CameraModel(1600, 480, CAMERA.k * [[1, 0, 799.5 / 319.5], [0, 1, 1], [0, 0, 1]])
    direction = np.array([tangent, 0.0, 1.0]) / np.hypot(tangent, 1.0)
    turn = turn_to(tangent, 0.0)  # it shows the same side of it
    there, middle = (
        place_mono(as_described(seen_by(wide, position, world), wide), wide, THRESHOLD).position
        for position, world in ((4 * direction, FACING_M @ turn.T), ((0, 0, 4), FACING_M))
    )
    np.testing.assert_allclose(there, np.linalg.norm(middle) * direction, rtol=0.02, atol=0.02)


def test_a_given_height_moves_a_person_by_as_much() -> None:
    pose = seen_by(CAMERA, FOUR_METRES)
    short, tall = (
        np.linalg.norm(place_mono(pose, CAMERA, THRESHOLD, height_m).position) for height_m in (1.5, 1.9)
    )
    assert tall / short == pytest.approx(1.9 / 1.5, rel=1e-3)


def test_too_little_of_a_body_is_nowhere() -> None:
    pose = seen_by(CAMERA, FOUR_METRES, visibility=hidden([0, 7, 8]))
    assert place_mono(pose, CAMERA, THRESHOLD) is None


@pytest.mark.parametrize("lens", CAMERAS)
@given(st.floats(-0.4, 0.4), st.floats(-0.3, 0.3), st.floats(1.5, 8.0), st.floats(0.3, 5.0))
def test_a_covariance_is_symmetric_and_positive_definite(
    lens: Any, x: float, y: float, depth_m: float, sigma_px: float
) -> None:
    pose = noisy(seen_by(CAMERAS[lens], (x * depth_m, y * depth_m, depth_m)), sigma_px)
    covariance = place_mono(pose, CAMERAS[lens], THRESHOLD).covariance
    np.testing.assert_allclose(covariance, covariance.T, atol=1e-12)
    assert np.linalg.eigvalsh(covariance).min() >= 0.99 * HIP_ALONG_STD_M**2


@pytest.mark.parametrize("position", [(0, 0, 3), (1.5, 0.2, 3), (-2, -0.5, 4)])
def test_a_place_is_least_certain_along_the_viewing_ray(position: Any) -> None:
    hip_center = place_mono(noisy(seen_by(CAMERA, position), 1.0), CAMERA, THRESHOLD)
    variances, axes = np.linalg.eigh(hip_center.covariance)
    ray = hip_center.position / np.linalg.norm(hip_center.position)
    assert abs(axes[:, 2] @ ray) > np.cos(np.radians(3))
    assert variances[2] > 4 * variances[1]
    assert 0.055 < np.sqrt(variances[2]) / np.linalg.norm(position) < 0.065  # sizes are not known


def test_jitter_makes_a_direction_less_certain() -> None:
    calm, shaky = (
        place_mono(noisy(seen_by(CAMERA, FOUR_METRES), sigma_px), CAMERA, THRESHOLD).covariance
        for sigma_px in (1.0, 5.0)
    )
    assert (np.diag(shaky) > np.diag(calm))[:2].all()


def test_an_assumed_field_of_view_makes_the_depth_uncertain() -> None:
    assumed = CAMERAS["assumed"]
    calibrated = CameraModel(assumed.width, assumed.height, assumed.k)
    pose = noisy(seen_by(assumed, FOUR_METRES), 1.0)
    guess, measured = (place_mono(pose, camera, THRESHOLD).covariance for camera in (assumed, calibrated))
    assert np.sqrt(guess[2, 2]) > 0.2 * FOUR_METRES[2]
    assert guess[2, 2] > 10 * measured[2, 2]
    np.testing.assert_array_equal(guess[:2, :2], measured[:2, :2])


def test_the_direction_is_the_images_own_while_the_distance_is_smoothed() -> None:
    localizer = HipLocalizer()
    for index in range(20):
        position = np.array([0.02 * index, 0.1, 4.0])
        jitter = noisy(seen_by(CAMERA, position), 2.0, seed=index)
        hip_center = localizer.place(jitter, CAMERA, THRESHOLD, index * PERIOD_NS).hip_center
        alone = place_mono(jitter, CAMERA, THRESHOLD)
        np.testing.assert_allclose(
            hip_center.position / np.linalg.norm(hip_center.position),
            alone.position / np.linalg.norm(alone.position),
            atol=1e-12,
        )


SPOILT = st.lists(st.integers(0, 32), max_size=16)


@settings(deadline=None)
@given(
    arrays(np.float32, (33, 3), elements=st.floats(-30, 30, width=32)),
    arrays(np.float32, (33, 3), elements=st.floats(-0.25, 0.25, width=32)),
    SPOILT,
    st.sampled_from([np.nan, np.inf, -np.inf, 1e30]),
    st.sampled_from(list(CAMERAS)),
)
def test_whatever_an_estimator_says_of_half_a_body_it_is_placed_somewhere(
    shifts: Any, stretch: Any, spoilt: Any, value: Any, lens: Any
) -> None:
    pose = seen_by(CAMERAS[lens], FOUR_METRES)
    screen, world = pose.screen + shifts, pose.world + stretch
    screen[spoilt[::2]] = world[spoilt[1::2]] = value
    hip_center = place_mono(pose_of(world, screen), CAMERAS[lens], THRESHOLD)
    assert np.isfinite(hip_center.position).all()
    assert np.isfinite(hip_center.covariance).all()
    assert 0.3 < hip_center.position[2] < 100


FRAME = Frame(np.full((CAMERA.height, CAMERA.width, 3), 120, np.uint8), 0)
UNSMOOTHED = TrackingOptions(smoothing=SmoothingOptions(enabled=False))


def pipeline_for(height_m: float = 0.0) -> PersonPipeline:
    return PersonPipeline(PipelineOptions(tracking=UNSMOOTHED, person_height_m=height_m))


def localized(pipeline: Any, positions: Any, stamp_ns: Any) -> Any:
    """Return where people at some positions are localized, by their ids."""
    poses = [seen_by(CAMERA, position) for position in positions]
    people = pipeline.update(replace(FRAME, stamp_ns=stamp_ns), poses, FrameContext(CAMERA))
    return {person.person_id: person.hip_center.position for person in people}


def alone(position: Any, height_m: float = 0.0) -> Any:
    return localized(pipeline_for(height_m), [position], 0)[1]


def remembering() -> tuple[Any, Any]:
    """Return a pipeline that has seen a person walk away, and where that person is now."""
    pipeline = pipeline_for()
    for index in range(30):
        position = (0.0, 0.0, 4.0 + 0.03 * index)
        localized(pipeline, [position], index * PERIOD_NS)
    return pipeline, position


def test_each_person_is_localized_by_their_own_past() -> None:
    pipeline, now = remembering()
    moved, other = (0.0, 0.0, now[2] + 0.2), (1.5, 0.0, now[2] + 0.2)
    found = localized(pipeline, [moved, other], 30 * PERIOD_NS)
    np.testing.assert_array_equal(found[2], alone(other))
    assert not np.allclose(found[1], alone(moved), rtol=1e-4)


@pytest.mark.parametrize("what", ["a jump back in time", "reset", "another height"])
def test_what_was_remembered_is_forgotten_after(what: str) -> None:
    pipeline, now = remembering()
    stamp_ns, height_m = 30 * PERIOD_NS, 0.0
    if what == "a jump back in time":
        stamp_ns -= RESTART_NS + PERIOD_NS
    elif what == "reset":
        pipeline.reset()
    else:
        height_m = 1.8
        pipeline.options = replace(pipeline.options, person_height_m=height_m)
    moved = (0.0, 0.0, now[2] + 0.2)
    (found,) = localized(pipeline, [moved], stamp_ns).values()
    np.testing.assert_array_equal(found, alone(moved, height_m))


def test_an_upper_body_alone_is_placed() -> None:
    pose = seen_by(CAMERA, (0, 0.4, 1.2), visibility=hidden(slice(0, Landmark.LEFT_HIP)))
    hip_center = place_mono(pose, CAMERA, THRESHOLD)
    assert deviation(hip_center, (0, 0.4, 1.2)) < 3
    assert FACING_M[Landmark.LEFT_HIP, 1] == 0
