"""Where the hips are, from how a camera sees a body."""

import numpy as np
import pytest
from bodies import CAMERA, FACING_M, pose_of, seen_by
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from blazepose_ros.camera_model import CameraModel
from blazepose_ros.landmarks import Landmark
from blazepose_ros.placement import MIN_LANDMARKS, PIXEL_CENTER_PX, place_mono
from blazepose_ros.pose import Placement

THRESHOLD = 0.5
K = CAMERA.k
CAMERAS = {
    "pinhole": CAMERA,
    "plumb_bob": CameraModel(640, 480, K, (-0.1, 0.02, 0.001, -0.001, 0.0)),
    "rational_polynomial": CameraModel(
        640, 480, K, (0.4, -0.1, 0.0005, -0.0003, 0.01, 0.7, -0.05, 0.02), "rational_polynomial"
    ),
    "equidistant": CameraModel(640, 480, K, (-0.02, 0.005, -0.002, 0.0005), "equidistant"),
    "assumed": CameraModel.from_hfov(640, 480, 60.0),
}
FOUR_METRES = (0.2, 0.1, 4.0)


def noisy(pose, sigma_px, seed=0):
    """Return a pose whose landmarks jitter on the screen."""
    jitter = np.random.default_rng(seed).normal(scale=sigma_px, size=(33, 2))
    return pose_of(pose.world, pose.screen + np.pad(jitter, ((0, 0), (0, 1))), np.float64)


def hidden(shown):
    """Return the visibilities of a person of whom only some landmarks are seen."""
    visibility = np.zeros(33)
    visibility[shown] = 1.0
    return visibility


@pytest.mark.parametrize("lens", ["pinhole", "equidistant", "assumed"])
@pytest.mark.parametrize("position", [(0, 0, 1.5), (-0.4, 0.3, 2), FOUR_METRES, (2.5, -1.0, 5), (-1, 0, 8)])
def test_a_body_is_placed_where_it_is(lens, position):
    hip_center = place_mono(seen_by(CAMERAS[lens], position), CAMERAS[lens], THRESHOLD)
    np.testing.assert_allclose(hip_center.position, position, atol=1e-5)
    assert hip_center.source == Placement.MONO


@pytest.mark.parametrize("lens", ["plumb_bob", "rational_polynomial"])
@pytest.mark.parametrize("position", [(0, 0, 2.5), FOUR_METRES, (1.5, -0.3, 5), (-1, 0, 8)])
def test_a_body_behind_a_distorting_lens_is_placed_where_it_is(lens, position):
    hip_center = place_mono(seen_by(CAMERAS[lens], position), CAMERAS[lens], THRESHOLD)
    np.testing.assert_allclose(hip_center.position, position, atol=2e-3)  # OpenCV stops undistorting there


def test_ignoring_the_distortion_would_misplace_it():
    pose = seen_by(CAMERAS["rational_polynomial"], FOUR_METRES)
    assert np.linalg.norm(place_mono(pose, CAMERA, THRESHOLD).position - FOUR_METRES) > 0.02


@given(st.floats(-0.4, 0.4), st.floats(-0.3, 0.3), st.floats(1.5, 8.0), st.floats(-180, 180))
def test_any_body_in_view_is_placed_where_it_is(x, y, depth_m, turn_deg):
    position = (x * depth_m, y * depth_m, depth_m)
    world = FACING_M @ Rotation.from_euler("y", turn_deg, degrees=True).as_matrix().T
    hip_center = place_mono(seen_by(CAMERA, position, world), CAMERA, THRESHOLD)
    np.testing.assert_allclose(hip_center.position, position, atol=1e-6)


def test_screen_landmarks_count_from_the_images_corner():
    assert PIXEL_CENTER_PX == 0.5
    # A camera of one pixel, whose middle its centre: what is in the middle is at (0.5, 0.5).
    world = FACING_M * (1, 1, 0)
    pixel = CameraModel(1, 1, np.eye(3) * (1, 1, 1))
    pose = pose_of(world, np.column_stack([world[:, :2] / 3.0 + 0.5, world[:, 2]]), np.float64)
    np.testing.assert_allclose(place_mono(pose, pixel, THRESHOLD).position, (0, 0, 3), atol=1e-9)


@pytest.mark.parametrize("sigma_px", [1.0, 3.0])
def test_jitter_moves_a_body_little(sigma_px):
    pose = seen_by(CAMERA, FOUR_METRES)
    errors = [
        np.linalg.norm(place_mono(noisy(pose, sigma_px, seed), CAMERA, THRESHOLD).position - FOUR_METRES)
        for seed in range(20)
    ]
    assert np.median(errors) < 0.02 * sigma_px * FOUR_METRES[2] / 4


def test_a_limb_that_is_torn_away_is_tamed():
    pose = seen_by(CAMERA, FOUR_METRES)
    screen = pose.screen.copy()
    for landmark in Landmark:
        if landmark.name.startswith("LEFT_") and landmark.name.endswith(("WRIST", "PINKY", "INDEX", "THUMB")):
            screen[landmark, :2] += (150, -120)
    torn = place_mono(pose_of(pose.world, screen, np.float64), CAMERA, THRESHOLD)
    assert np.linalg.norm(torn.position - FOUR_METRES) < 0.05 * FOUR_METRES[2]


def test_landmarks_that_are_not_seen_do_not_count():
    pose = seen_by(CAMERA, FOUR_METRES, visibility=hidden(slice(0, 25)))
    screen = pose.screen.copy()
    screen[25:, :2] += 300
    wrong_where_hidden = pose_of(pose.world, screen, np.float64, visibility=pose.visibility)
    hip_center = place_mono(wrong_where_hidden, CAMERA, THRESHOLD)
    np.testing.assert_allclose(hip_center.position, FOUR_METRES, atol=1e-6)


def test_an_upper_body_alone_is_placed_where_its_hips_are():
    pose = seen_by(CAMERA, (0, 0.4, 1.2), visibility=hidden(slice(0, Landmark.LEFT_HIP)))
    np.testing.assert_allclose(place_mono(pose, CAMERA, THRESHOLD).position, (0, 0.4, 1.2), atol=1e-6)


def test_too_few_visible_landmarks_say_nothing():
    shown = [0, 7, 8, 11, 12, 23, 24]
    assert len(shown) == MIN_LANDMARKS + 1
    for count, is_placed in [(0, False), (MIN_LANDMARKS - 1, False), (MIN_LANDMARKS, True)]:
        pose = seen_by(CAMERA, FOUR_METRES, visibility=hidden(shown[:count]))
        assert (place_mono(pose, CAMERA, THRESHOLD) is not None) == is_placed


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("field", ["screen", "world"])
@pytest.mark.parametrize("lens", CAMERAS)
def test_landmarks_that_are_missing_or_absurd_hardly_matter(lens, field, missing):
    pose = seen_by(CAMERAS[lens], FOUR_METRES)
    values = getattr(pose, field).copy()
    values[[Landmark.NOSE, Landmark.LEFT_HIP]] = missing
    parts = {"world": pose.world, "screen": pose.screen} | {field: values}
    hip_center = place_mono(pose_of(**parts, dtype=np.float64), CAMERAS[lens], THRESHOLD)
    np.testing.assert_allclose(hip_center.position, FOUR_METRES, atol=0.02)


@pytest.mark.parametrize("field", ["screen", "world", "visibility"])
def test_a_body_of_which_everything_is_missing_is_nowhere(field):
    pose = seen_by(CAMERA, FOUR_METRES)
    parts = {name: getattr(pose, name) for name in ("screen", "world", "visibility")}
    missing = pose_of(**parts | {field: np.full_like(parts[field], np.nan)}, dtype=np.float64)
    assert place_mono(missing, CAMERA, THRESHOLD) is None


def test_a_body_behind_the_camera_is_nowhere():
    assert place_mono(seen_by(CAMERA, (0.2, 0.1, -4.0)), CAMERA, THRESHOLD) is None


def test_a_body_around_the_camera_is_nowhere():
    assert place_mono(seen_by(CAMERA, (0.0, 0.0, 0.05)), CAMERA, THRESHOLD) is None


@pytest.mark.parametrize("lens", CAMERAS)
@given(st.floats(-0.4, 0.4), st.floats(-0.3, 0.3), st.floats(1.5, 8.0), st.floats(0.3, 5.0))
def test_a_covariance_is_symmetric_and_positive_definite(lens, x, y, depth_m, sigma_px):
    pose = noisy(seen_by(CAMERAS[lens], (x * depth_m, y * depth_m, depth_m)), sigma_px)
    covariance = place_mono(pose, CAMERAS[lens], THRESHOLD).covariance
    np.testing.assert_allclose(covariance, covariance.T, atol=1e-12)
    assert np.linalg.eigvalsh(covariance).min() > 0


@pytest.mark.parametrize("position", [(0, 0, 3), (1.5, 0.2, 3), (-2, -0.5, 4)])
def test_a_place_is_least_certain_along_the_viewing_ray(position):
    hip_center = place_mono(noisy(seen_by(CAMERA, position), 1.0), CAMERA, THRESHOLD)
    variances, axes = np.linalg.eigh(hip_center.covariance)
    ray = hip_center.position / np.linalg.norm(hip_center.position)
    assert abs(axes[:, 2] @ ray) > np.cos(np.radians(3))
    assert variances[2] > 9 * variances[1]
    # One in twenty: the sizes of people differ, and the model knows only one.
    assert np.sqrt(variances[2]) == pytest.approx(0.05 * np.linalg.norm(position), rel=0.2)


def test_jitter_makes_a_place_less_certain():
    calm, shaky = (
        place_mono(noisy(seen_by(CAMERA, FOUR_METRES), sigma_px), CAMERA, THRESHOLD).covariance
        for sigma_px in (1.0, 5.0)
    )
    assert (np.diag(shaky) > np.diag(calm)).all()


def test_an_assumed_field_of_view_makes_the_depth_uncertain():
    assumed = CAMERAS["assumed"]
    calibrated = CameraModel(assumed.width, assumed.height, assumed.k)
    pose = noisy(seen_by(assumed, FOUR_METRES), 1.0)
    guess, measured = (place_mono(pose, camera, THRESHOLD).covariance for camera in (assumed, calibrated))
    assert np.sqrt(guess[2, 2]) > 0.2 * FOUR_METRES[2]
    assert guess[2, 2] > 10 * measured[2, 2]
    np.testing.assert_array_equal(guess[:2, :2], measured[:2, :2])


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
def test_whatever_an_estimator_says_the_place_is_finite_or_none(screen, world, visibility, lens, threshold):
    pose = pose_of(world, screen, visibility=visibility)
    hip_center = place_mono(pose, CAMERAS[lens], threshold)
    if hip_center is not None:
        assert np.isfinite(hip_center.position).all()
        assert np.isfinite(hip_center.covariance).all()
