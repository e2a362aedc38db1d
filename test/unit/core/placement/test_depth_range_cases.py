# SPDX-License-Identifier: Apache-2.0
"""Depth images of bodies that lean and turn, of children, and behind masks that vary by row."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.bodies import FACING_M, hidden, pose_of, seen_by

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.placement.depth_range import DepthImage, metres, range_from_depth
from blazepose_ros.core.placement.translation_fit import fit_translation

PLACE = (0.3, 0.1, 3.0)
FAR_M = np.linalg.norm(PLACE)
HIPS = (Landmark.LEFT_HIP, Landmark.RIGHT_HIP)
SHOULDERS = (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER)
TORSO = (*HIPS, *SHOULDERS)
# Where the torso is looked at, and how far the skin is before it.
SPOTS = {(hip,): 0.10 for hip in HIPS} | {TORSO: 0.12} | {(shoulder,): 0.06 for shoulder in SHOULDERS}
# The same focal length across and down, so that pixels and rays differ by a factor alone.
SQUARE = CameraModel(640, 480, np.array([[500.0, 0, 319.5], [0, 500, 239.5], [0, 0, 1]]))
ASSUMED = CameraModel(640, 480, SQUARE.k, assumed=True)


def place_of(spot: Any, world: Any = FACING_M, position: Any = PLACE) -> Any:
    return (world[list(spot)] + np.array(position)).mean(axis=0)


def squares(
    world: Any = FACING_M, position: Any = PLACE, camera: Any = SQUARE, half_px: Any = 9, nearer: Any = None
) -> DepthImage:
    """Return a depth image with skin around the spots of a torso and nothing elsewhere.

    ``nearer`` says by how many meters spots are nearer than they should be; NaN leaves one out.
    """
    depth_m = np.full((camera.height, camera.width), np.nan, np.float32)
    for spot, inside_m in SPOTS.items():
        place = place_of(spot, world, position)
        x, y = np.rint(camera.project([place])[0]).astype(int)
        window = np.s_[max(0, y - half_px) : y + half_px + 1, max(0, x - half_px) : x + half_px + 1]
        depth_m[window] = place[2] - inside_m - (nearer or {}).get(spot, 0.0)
    return DepthImage(depth_m, camera)


def found(
    depth: Any,
    world: Any = FACING_M,
    position: Any = PLACE,
    camera: Any = SQUARE,
    mask: Any = None,
    size: float = 1.0,
    **fields: Any,
) -> Any:
    """Return what is found of a body that the model takes for one of another size."""
    pose = pose_of(world * size, seen_by(camera, position, world).screen, np.float64, **fields)
    return range_from_depth(fit_translation(pose, camera, 0.5), pose.world, depth, camera, mask)


def distance_m(*arguments: Any, **fields: Any) -> Any:
    answer = found(*arguments, **fields)
    return None if answer is None else math.exp(answer.log_range)


@pytest.mark.parametrize(
    "unseen", [[], HIPS, SHOULDERS, [Landmark.LEFT_HIP], [*SHOULDERS, Landmark.RIGHT_HIP]]
)
@pytest.mark.parametrize("axis", ["x", "y", "z"])
@pytest.mark.parametrize("degrees", [-60, -25, 25, 60])
def test_a_body_that_leans_or_turns_is_where_its_hips_are(axis: str, degrees: int, unseen: Any) -> None:
    world = FACING_M @ Rotation.from_euler(axis, degrees, degrees=True).as_matrix().T
    shown = hidden([landmark for landmark in Landmark if landmark not in unseen])
    assert distance_m(squares(world), world, visibility=shown) == pytest.approx(FAR_M, rel=1e-4)


@pytest.mark.parametrize("position", [(0, 0, 1.2), (-1.5, 0.3, 4.0), (1.2, -0.5, 5.0)])
def test_the_distance_is_along_the_ray(position: Any) -> None:
    depth = squares(position=position, half_px=round(12 / position[2]))
    assert distance_m(depth, position=position) == pytest.approx(np.linalg.norm(position), rel=1e-4)


@pytest.mark.parametrize(
    ("lost", "std_m"), [((), 0.04), ([HIPS[:1]], 0.04), ([HIPS[:1], HIPS[1:]], 0.07), ([*SPOTS][:3], 0.07)]
)
def test_it_is_surer_with_a_hip_than_with_the_rest_of_the_torso(lost: Any, std_m: float) -> None:
    answer = found(squares(nearer=dict.fromkeys(map(tuple, lost), math.nan)))
    assert answer.log_std == pytest.approx(std_m / PLACE[2], rel=1e-3)


@pytest.mark.parametrize(
    ("camera", "size", "is_found"),
    [
        *[(SQUARE, 1.5, True), (SQUARE, 1.8, False), (ASSUMED, 1.8, True), (ASSUMED, 2.5, False)],
        *[(SQUARE, 0.7, True), (SQUARE, 0.55, False), (ASSUMED, 0.55, True), (ASSUMED, 0.4, False)],
    ],
)
def test_a_child_may_be_much_nearer_than_it_looks_and_more_so_where_the_camera_is_assumed(
    camera: Any, size: Any, is_found: Any
) -> None:
    answer = distance_m(squares(), camera=camera, size=size)
    assert answer == (pytest.approx(FAR_M, rel=0.03) if is_found else None)


def rows(start: Any, stop: Any) -> Any:
    """Return a mask of the rows between two distances down from the hips, in meters."""
    mask = np.zeros((480, 640), np.float32)
    top, bottom = (round(SQUARE.project([np.add(PLACE, (0, y, 0))])[0, 1]) for y in (start, stop))
    mask[max(0, top) : bottom] = 1.0
    return mask


@pytest.mark.parametrize("flip", [False, True])
def test_a_mask_that_varies_by_row_keeps_out_what_is_before_one_half(flip: bool) -> None:
    depth_m = squares(half_px=9).depth_m.copy()
    cover = rows(0.005, 2.0) if flip else rows(-2.0, -0.005)
    depth_m[cover > 0] -= 0.6  # nearer, and of the half that is left the body is the other
    assert distance_m(DepthImage(depth_m, SQUARE)) != pytest.approx(FAR_M, rel=0.05)
    assert distance_m(DepthImage(depth_m, SQUARE), mask=1 - cover) == pytest.approx(FAR_M, rel=1e-3)


def test_half_sure_pixels_of_a_mask_are_not_the_person() -> None:
    assert found(squares(), mask=np.full((480, 640), 0.5, np.float32)) is None
    assert distance_m(squares(), mask=np.full((480, 640), 0.51, np.float32)) == pytest.approx(FAR_M, rel=1e-3)


@pytest.mark.parametrize("corner", [(0, 0), (639, 479), (0, 479), (320, 240), (637, 2)])
@pytest.mark.parametrize("half", [1, 4])
def test_a_patch_holds_the_pixels_around_a_ray_and_where_they_are(corner: tuple[int, int], half: int) -> None:
    numbers = np.arange(480 * 640, dtype=np.float32).reshape(480, 640)
    aside = np.array([0.3, -0.2])
    ray = SQUARE.normalize([np.array(corner) + aside])[0]
    depths, offsets = DepthImage(numbers, SQUARE).patch(ray, (half + 0.2) / 500.0)
    pixels = np.rint(np.array(corner) + aside + offsets * 500.0)
    np.testing.assert_allclose(pixels, np.array(corner) + aside + offsets * 500.0, atol=1e-6)
    np.testing.assert_array_equal(depths, pixels[:, 1] * 640 + pixels[:, 0])
    inside = [
        (x, y)
        for x in range(corner[0] - half, corner[0] + half + 1)
        for y in range(corner[1] - half, corner[1] + half + 1)
        if 0 <= x < 640 and 0 <= y < 480
    ]
    assert sorted(map(tuple, pixels.astype(int).tolist())) == sorted(inside)


@pytest.mark.parametrize("radius", [0.0, 1e-9])
def test_a_patch_is_three_pixels_wide_at_least(radius: float) -> None:
    depths, _ = DepthImage(np.ones((480, 640), np.float32), SQUARE).patch(np.zeros(2), radius)
    assert len(depths) == 9


def test_a_patch_is_no_larger_than_the_image() -> None:
    depths, offsets = DepthImage(np.ones((480, 640), np.float32), SQUARE).patch(np.zeros(2), 1e9)
    assert len(depths) == len(offsets) == 480 * 640


@pytest.mark.parametrize(
    "ray", [(math.nan, 0.0), (math.inf, 0.0), (1e12, 0.0), (0.0, -1e12), (-1e12, 0.0), (0.0, 1e12)]
)
def test_a_ray_out_of_the_image_has_no_patch(ray: Any) -> None:
    depths, offsets = DepthImage(np.ones((480, 640), np.float32), SQUARE).patch(np.array(ray), 0.02)
    assert (depths.shape, offsets.shape) == ((0,), (0, 2))


ONLY_HIPS = {"visibility": hidden([*range(11), *HIPS])}


@pytest.mark.parametrize(("left", "right"), [(0.1, -0.1), (-0.05, 0.05), (0.0, 0.0)])
def test_two_hips_that_differ_meet_in_the_middle(left: float, right: float) -> None:
    depth = squares(nearer={HIPS[:1]: left, HIPS[1:]: right})
    assert distance_m(depth, **ONLY_HIPS) == pytest.approx(FAR_M, rel=1e-4)


def test_the_weighted_median_is_of_three_for_a_hip_two_for_the_middle_and_one_for_a_shoulder() -> None:
    nearer = dict(zip(SPOTS, (0.20, 0.05, 0.10, -0.05, -0.02), strict=True))
    # In their order, nearest first: 3, 2, 3, 1, 1 of 10. Half of it is where the two ends at 5.
    expected_m = (3.0 - (0.10 + 0.05) / 2) * FAR_M / 3.0
    assert distance_m(squares(nearer=nearer)) == pytest.approx(expected_m, rel=1e-4)


@pytest.mark.parametrize(("apart_m", "is_found"), [(0.24, True), (0.26, False)])
def test_spots_agree_within_a_quarter_of_a_meter_or_say_nothing(apart_m: float, is_found: bool) -> None:
    """Of two hips each is half as far from the middle as from the other."""
    depth = squares(nearer={HIPS[:1]: apart_m, HIPS[1:]: -apart_m})
    assert (found(depth, **ONLY_HIPS) is not None) is is_found


def test_half_of_the_weight_is_enough_to_agree() -> None:
    nearer = dict(zip(SPOTS, (0.0, 0.7, 0.0, -0.7, -0.7), strict=True))  # 5 of 10
    assert distance_m(squares(nearer=nearer)) == pytest.approx(FAR_M, rel=1e-4)
    nearer = dict(zip(SPOTS, (0.5, 0.0, -0.5, -0.9, 0.9), strict=True))  # 3 of 10
    assert found(squares(nearer=nearer)) is None


def one_hip(depths: Any) -> Any:
    """Return the distance by one hip alone around which depths, (n,), were measured, in its middle first."""
    camera = CameraModel(64, 48, np.array([[50.0, 0, 31.5], [0, 50, 23.5], [0, 0, 1]]))
    depth_m = np.full((48, 64), np.nan, np.float32)
    x, y = np.rint(camera.project([place_of(HIPS[:1], position=(0, 0, 3.0))])[0]).astype(int)
    view = depth_m[y - 1 : y + 2, x - 1 : x + 2].ravel()
    view[: len(depths)] = depths
    depth_m[y - 1 : y + 2, x - 1 : x + 2] = view.reshape(3, 3)
    shown = {"visibility": hidden([*range(11), Landmark.LEFT_HIP])}
    answer = distance_m(DepthImage(depth_m, camera), position=(0, 0, 3.0), camera=SQUARE, **shown)
    return None if answer is None else answer - 0.10


@pytest.mark.parametrize(("count", "is_found"), [(4, False), (5, True), (9, True)])
def test_five_pixels_are_the_least(count: int, is_found: bool) -> None:
    answer = one_hip([2.9] * count)
    assert answer == (pytest.approx(2.9, rel=1e-5) if is_found else None)


@pytest.mark.parametrize(
    ("depths", "layer_m"),
    [
        ([2.0, 2.0, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9], 2.9),  # a cable covers less than a third
        ([2.0, 2.0, 2.0, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9], 2.0),  # a hand more
        ([2.80, 2.84, 2.88, 2.90, 2.91, 3.4, 3.4, 3.4, 3.4], 2.88),  # a layer is 12 cm deep
        ([2.80, 2.84, 2.88, 2.90, 2.93, 2.93, 2.93, 2.93, 2.93], 2.86),
    ],
)
def test_the_nearest_layer_that_covers_a_third_is_the_body(depths: Any, layer_m: float) -> None:
    assert one_hip(depths) == pytest.approx(layer_m, abs=1e-4)


@pytest.mark.filterwarnings("error")
def test_depths_of_any_unit_and_bytes_become_meters_or_nan() -> None:
    values = np.array([0, 99, 100, 101, 65535], np.uint16)
    np.testing.assert_allclose(metres(values, 0.001), [np.nan, np.nan, 0.1, 0.101, 65.535], rtol=1e-6)
    odd = np.array([np.nan, np.inf, -np.inf, -1.0, 1e300, 0.05, 2.0])
    np.testing.assert_allclose(metres(odd), [np.nan] * 6 + [2.0])
    assert metres(odd).dtype == np.float32
    np.testing.assert_allclose(metres(np.array([2.0])), [2.0])  # a scale of one by default
    signaling = np.array([0x7F800001, 0x40000000], np.uint32).view(np.float32)
    np.testing.assert_allclose(metres(signaling), [np.nan, 2.0])


def test_a_body_at_the_camera_is_not_measured() -> None:
    fit = fit_translation(seen_by(SQUARE, (0, 0, 0.35)), SQUARE, 0.5)
    world = FACING_M - (0, 0, 0.4)  # of which the torso is behind the camera
    assert fit is None or range_from_depth(fit, world, squares(), SQUARE) is None
