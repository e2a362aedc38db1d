# SPDX-License-Identifier: Apache-2.0
"""Where a body of known size is, from how a camera sees it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation
from support.bodies import CAMERA, CAMERAS, FACING_AXES, FACING_M, hidden, noisy, pose_of, seen_by

from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.translation_fit import MIN_LANDMARKS, PIXEL_CENTER_PX, fit_translation

THRESHOLD = 0.5
FOUR_METRES = (0.2, 0.1, 4.0)


@pytest.mark.parametrize("lens", ["pinhole", "equidistant", "assumed"])
@pytest.mark.parametrize(
    "position", [(0, 0, 1), (-0.1, 0.1, 1.5), (-0.4, 0.3, 2), FOUR_METRES, (2.5, -1.0, 5), (-1, 0, 8)]
)
def test_a_body_is_placed_where_it_is(lens: str, position: Any) -> None:
    fit = fit_translation(seen_by(CAMERAS[lens], position), CAMERAS[lens], THRESHOLD)
    np.testing.assert_allclose(fit.position, position, atol=1e-5)


@pytest.mark.parametrize("lens", ["plumb_bob", "rational_polynomial"])
@pytest.mark.parametrize("position", [(0, 0, 2.5), FOUR_METRES, (1.5, -0.3, 5), (-1, 0, 8)])
def test_a_body_behind_a_distorting_lens_is_placed_where_it_is(lens: str, position: Any) -> None:
    fit = fit_translation(seen_by(CAMERAS[lens], position), CAMERAS[lens], THRESHOLD)
    np.testing.assert_allclose(fit.position, position, atol=1e-6)


def test_ignoring_the_distortion_would_misplace_it() -> None:
    pose = seen_by(CAMERAS["rational_polynomial"], FOUR_METRES)
    assert np.linalg.norm(fit_translation(pose, CAMERA, THRESHOLD).position - FOUR_METRES) > 0.02


# A lens whose distortion moves the corners of the image by a tenth of its width.
STRONG = CameraModel(640, 480, CAMERA.k, (-0.28, 0.09, 0.001, -0.0005, -0.01))


def seen_through(camera: Any, position: Any, world: Any) -> Any:
    """Return a person of whom only what a real lens shows is seen.

    It lies inside of the image, and where the model of the lens holds: beyond, far off the axis,
    the polynomial turns back and puts a foot beside the camera into the middle of the image.
    """
    pose = seen_by(camera, position, world)
    x, y = pose.screen[:, 0], pose.screen[:, 1]
    inside = (x > 0) & (x < camera.width) & (y > 0) & (y < camera.height)
    points = world + np.asarray(position)
    undone = camera.normalize(pose.screen[:, :2] - PIXEL_CENTER_PX)
    holds = np.isclose(undone, points[:, :2] / points[:, 2:], atol=1e-6).all(axis=1)
    return replace(pose, visibility=hidden(inside & holds & (points[:, 2] > 0)))


@settings(deadline=None)
@example(0.25, 0.0, 1.0, np.array([1.0, 0.0, 0.0, -0.75]), STRONG)
@given(
    st.floats(-0.3, 0.3),
    st.floats(-0.2, 0.2),
    st.floats(1.0, 8.0),
    arrays(float, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 0.1),
    st.sampled_from([CAMERA, STRONG, CAMERAS["rational_polynomial"]]),
)
def test_any_body_however_it_is_turned_is_placed_and_turned_as_it_is(
    x: float, y: float, depth_m: float, quaternion: Any, camera: Any
) -> None:
    """It stands, lies, hangs upside down, shows its back or side; the camera may be rolled."""
    position = (x * depth_m, y * depth_m, depth_m)
    turn = Rotation.from_quat(quaternion).as_matrix()
    pose = seen_through(camera, position, FACING_M @ turn.T)
    assume((pose.visibility > 0).sum() >= MIN_LANDMARKS)
    fit = fit_translation(pose, camera, THRESHOLD)
    np.testing.assert_allclose(fit.position, position, atol=1e-6)
    np.testing.assert_allclose(body_axes(pose.world), turn @ FACING_AXES, atol=1e-9)


def test_screen_landmarks_count_from_the_images_corner() -> None:
    assert PIXEL_CENTER_PX == 0.5
    # A camera of one pixel, whose middle its centre: what is in the middle is at (0.5, 0.5).
    world = FACING_M * (1, 1, 0)
    pixel = CameraModel(1, 1, np.eye(3) * (1, 1, 1))
    pose = pose_of(world, np.column_stack([world[:, :2] / 3.0 + 0.5, world[:, 2]]), np.float64)
    np.testing.assert_allclose(fit_translation(pose, pixel, THRESHOLD).position, (0, 0, 3), atol=1e-9)


@pytest.mark.parametrize("sigma_px", [1.0, 3.0])
def test_jitter_moves_a_body_little(sigma_px: float) -> None:
    pose = seen_by(CAMERA, FOUR_METRES)
    errors = [
        np.linalg.norm(fit_translation(noisy(pose, sigma_px, seed), CAMERA, THRESHOLD).position - FOUR_METRES)
        for seed in range(20)
    ]
    assert np.median(errors) < 0.02 * sigma_px * FOUR_METRES[2] / 4


def test_a_limb_that_is_torn_away_is_tamed() -> None:
    pose = seen_by(CAMERA, FOUR_METRES)
    screen = pose.screen.copy()
    for landmark in Landmark:
        if landmark.name.startswith("LEFT_") and landmark.name.endswith(("WRIST", "PINKY", "INDEX", "THUMB")):
            screen[landmark, :2] += (150, -120)
    torn = fit_translation(pose_of(pose.world, screen, np.float64), CAMERA, THRESHOLD)
    assert np.linalg.norm(torn.position - FOUR_METRES) < 0.05 * FOUR_METRES[2]


def test_landmarks_that_are_not_seen_do_not_count() -> None:
    pose = seen_by(CAMERA, FOUR_METRES, visibility=hidden(slice(0, 25)))
    screen = pose.screen.copy()
    screen[25:, :2] += 300
    wrong_where_hidden = pose_of(pose.world, screen, np.float64, visibility=pose.visibility)
    fit = fit_translation(wrong_where_hidden, CAMERA, THRESHOLD)
    np.testing.assert_allclose(fit.position, FOUR_METRES, atol=1e-6)


def test_an_upper_body_alone_is_placed_where_its_hips_are() -> None:
    pose = seen_by(CAMERA, (0, 0.4, 1.2), visibility=hidden(slice(0, Landmark.LEFT_HIP)))
    np.testing.assert_allclose(fit_translation(pose, CAMERA, THRESHOLD).position, (0, 0.4, 1.2), atol=1e-6)


def test_too_few_visible_landmarks_say_nothing() -> None:
    shown = [0, 7, 8, 11, 12, 23, 24]
    assert len(shown) == MIN_LANDMARKS + 1
    for count, is_placed in [(0, False), (MIN_LANDMARKS - 1, False), (MIN_LANDMARKS, True)]:
        pose = seen_by(CAMERA, FOUR_METRES, visibility=hidden(shown[:count]))
        assert (fit_translation(pose, CAMERA, THRESHOLD) is not None) == is_placed


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("field", ["screen", "world"])
@pytest.mark.parametrize("lens", CAMERAS)
def test_landmarks_that_are_missing_or_absurd_hardly_matter(lens: Any, field: str, missing: Any) -> None:
    pose = seen_by(CAMERAS[lens], FOUR_METRES)
    values = getattr(pose, field).copy()
    values[[Landmark.NOSE, Landmark.LEFT_HIP]] = missing
    parts = {"world": pose.world, "screen": pose.screen} | {field: values}
    fit = fit_translation(pose_of(**parts, dtype=np.float64), CAMERAS[lens], THRESHOLD)
    np.testing.assert_allclose(fit.position, FOUR_METRES, atol=0.02)


@pytest.mark.parametrize("field", ["screen", "world", "visibility"])
def test_a_body_of_which_everything_is_missing_is_nowhere(field: str) -> None:
    pose = seen_by(CAMERA, FOUR_METRES)
    parts = {name: getattr(pose, name) for name in ("screen", "world", "visibility")}
    missing = pose_of(**parts | {field: np.full_like(parts[field], np.nan)}, dtype=np.float64)
    assert fit_translation(missing, CAMERA, THRESHOLD) is None


def test_a_body_behind_the_camera_is_nowhere() -> None:
    assert fit_translation(seen_by(CAMERA, (0.2, 0.1, -4.0)), CAMERA, THRESHOLD) is None


def test_a_body_around_the_camera_is_nowhere() -> None:
    assert fit_translation(seen_by(CAMERA, (0.0, 0.0, 0.05)), CAMERA, THRESHOLD) is None


def test_jitter_makes_the_scatter_wider() -> None:
    calm, shaky = (
        fit_translation(noisy(seen_by(CAMERA, FOUR_METRES), sigma_px), CAMERA, THRESHOLD).scatter
        for sigma_px in (1.0, 5.0)
    )
    assert (np.diag(shaky) > np.diag(calm)).all()


ANY_NUMBER = st.one_of(
    st.floats(width=32), st.floats(-1000, 1000, width=32), st.sampled_from([0.0, np.float32(3e38), np.nan])
)


@settings(deadline=None)
@given(
    arrays(np.float32, (33, 3), elements=ANY_NUMBER),
    arrays(np.float32, (33, 3), elements=ANY_NUMBER),
    arrays(np.float32, 33, elements=st.one_of(st.floats(0, 1, width=32), st.just(1.0))),
    st.sampled_from(list(CAMERAS)),
    st.sampled_from([0.0, 0.5]),
)
def test_whatever_an_estimator_says_the_place_is_finite_or_none(
    screen: Any, world: Any, visibility: Any, lens: Any, threshold: Any
) -> None:
    pose = pose_of(world, screen, visibility=visibility)
    fit = fit_translation(pose, CAMERAS[lens], threshold)
    if fit is not None:
        assert np.isfinite(fit.position).all()
        assert np.isfinite(fit.scatter).all()


@pytest.mark.parametrize("lens", CAMERAS)
@pytest.mark.parametrize("landmark", [Landmark.NOSE, Landmark.LEFT_WRIST, Landmark.RIGHT_FOOT_INDEX])
def test_one_landmark_that_is_far_off_and_near_moves_nobody_far(lens: str, landmark: Landmark) -> None:
    """Least squares alone would put the person behind the camera."""
    place = (0.2, 0.1, 3.0)
    pose = seen_by(CAMERAS[lens], place)
    screen, world = pose.screen.copy(), pose.world.copy()
    screen[landmark] = world[landmark] = 2.0
    fit = fit_translation(pose_of(world, screen, visibility=np.ones(33)), CAMERAS[lens], THRESHOLD)
    assert fit is not None
    assert np.linalg.norm(fit.position - place) < 0.15 * np.linalg.norm(place)


@settings(deadline=None)
@given(
    arrays(np.float32, (33, 3), elements=st.floats(-100, 100, width=32)),
    arrays(np.float32, (33, 3), elements=st.floats(-0.5, 0.5, width=32)),
    arrays(np.float32, 33, elements=st.floats(0.5, 1, width=32)),
    st.lists(st.tuples(st.integers(0, 32), ANY_NUMBER), max_size=16),
    st.sampled_from(list(CAMERAS)),
)
def test_a_body_half_of_which_is_anywhere_is_placed_at_finite_numbers(
    shifts: Any, stretch: Any, seen: Any, torn: Any, lens: Any
) -> None:
    pose = seen_by(CAMERAS[lens], (0.2, 0.1, 3.0))
    screen, world = (pose.screen + shifts).astype(np.float32), (pose.world + stretch).astype(np.float32)
    for landmark, value in torn:
        screen[landmark] = world[landmark] = value
    fit = fit_translation(pose_of(world, screen, visibility=seen), CAMERAS[lens], THRESHOLD)
    event("placed" if fit is not None else "nowhere")
    if len(torn) < 6 and abs(shifts).max() < 30:
        assert fit is not None
    if fit is not None:
        assert np.isfinite(fit.position).all()
        assert (np.linalg.eigvalsh(fit.scatter) >= -1e-9).all()
        assert fit.usable.sum() >= MIN_LANDMARKS
