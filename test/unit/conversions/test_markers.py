# SPDX-License-Identifier: Apache-2.0
"""Poses as markers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.bodies import CAMERA, FACING_M, placed, pose_of
from support.several_cameras import CAMERAS

pytest.importorskip("visualization_msgs", reason="visualization_msgs is not installed")

from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from blazepose_ros.conversions.markers import FRUSTUM_ID, LABEL_ID, MarkerArrays
from blazepose_ros.core.landmarks import BONES, Landmark
from blazepose_ros.core.visualization.palette import landmark_colors
from blazepose_ros.core.visualization.scene_view import SceneCamera

HEADER = Header(frame_id="eye")
HEADER.stamp.sec, HEADER.stamp.nanosec = 12, 345
THRESHOLD = 0.5
HIPS = (0.5, -0.25, 4.0)
POINTS = (Marker.SPHERE_LIST, Marker.CUBE_LIST)


@pytest.fixture
def arrays() -> MarkerArrays:
    return MarkerArrays()


@pytest.fixture
def show(arrays: MarkerArrays) -> Any:
    return lambda *poses: arrays.update(poses, HEADER, THRESHOLD).markers


def of_type(markers: Any, *types: Any) -> Any:
    return [marker for marker in markers if marker.type in types]


def coordinates(*markers: Any) -> Any:
    return np.array([(p.x, p.y, p.z) for marker in markers for p in marker.points])


def colors(*markers: Any) -> Any:
    return np.array([(c.r, c.g, c.b, c.a) for marker in markers for c in marker.colors])


def as_set(array: Any) -> Any:
    return set(map(tuple, np.round(array, 4).tolist()))


def test_everything_of_a_person_is_in_the_images_frame_and_one_namespace(show: Any) -> None:
    markers = show(placed(HIPS, person_id=7))
    assert {marker.ns for marker in markers} == {"person_7"}
    assert len({marker.id for marker in markers}) == len(markers)
    assert all(marker.header == HEADER and marker.action == Marker.ADD for marker in markers)


def test_joints_are_the_world_landmarks_around_the_hips(show: Any) -> None:
    pose = placed(HIPS)
    joints = of_type(show(pose), *POINTS)
    assert as_set(coordinates(*joints)) == as_set(pose.world + np.array(HIPS))
    # The points are already in the image's frame: the markers themselves are not moved.
    assert all(marker.pose == Marker().pose for marker in joints)


def test_the_joints_of_the_right_side_are_cubes_and_all_others_spheres(show: Any) -> None:
    pose = placed(HIPS)
    right = [landmark for landmark in Landmark if "RIGHT" in landmark.name]
    cubes = of_type(show(pose), Marker.CUBE_LIST)
    assert as_set(coordinates(*cubes)) == as_set(pose.world[right] + np.array(HIPS))


def test_the_joints_of_the_face_are_smaller_than_those_of_the_body(show: Any) -> None:
    joints = of_type(show(placed(HIPS)), *POINTS)
    nose, knee = (
        next(each for each in joints if as_set(FACING_M[[landmark]] + HIPS) <= as_set(coordinates(each)))
        for landmark in (Landmark.NOSE, Landmark.LEFT_KNEE)
    )
    assert 0 < nose.scale.x < knee.scale.x / 2


def test_bones_join_the_landmarks_of_the_table(show: Any) -> None:
    pose = placed(HIPS)
    (bones,) = of_type(show(pose), Marker.LINE_LIST)
    ends = [pose.world[landmark] + np.array(HIPS) for bone in BONES for landmark in bone]
    np.testing.assert_allclose(coordinates(bones), ends)
    assert bones.scale.x > 0


def test_markers_have_the_colors_of_their_landmarks(show: Any) -> None:
    visibility = np.ones(33, np.float32)
    visibility[Landmark.LEFT_WRIST] = 0.2
    pose = placed(visibility=visibility)
    markers = show(pose)
    expected = landmark_colors(pose, THRESHOLD)
    (bones,) = of_type(markers, Marker.LINE_LIST)
    np.testing.assert_allclose(colors(bones), expected[np.ravel(BONES)], atol=1e-6)
    joints = of_type(markers, *POINTS)
    assert as_set(np.hstack([coordinates(*joints), colors(*joints)])) == as_set(
        np.hstack([pose.world + np.array([0, 0, 3.0]), expected])
    )
    assert (0, 0, 0, 1) in as_set(colors(*joints))


def test_a_text_above_the_head_says_who_it_is_and_how_far(show: Any) -> None:
    (text,) = of_type(show(placed((3.0, 0.0, 4.0), person_id=7)), Marker.TEXT_VIEW_FACING)
    assert text.text == "person 7  5.00 m"
    assert text.scale.z > 0
    highest = FACING_M[:, 1].min()  # y points down
    assert highest - 0.5 < text.pose.position.y < highest - 0.1


def test_the_text_is_beyond_the_head_of_a_person_who_lies(show: Any) -> None:
    lying = FACING_M[:, [1, 0, 2]]  # the head where the image's left is
    (text,) = of_type(show(placed((0.0, 0.0, 4.0), world=lying)), Marker.TEXT_VIEW_FACING)
    assert text.pose.position.x < lying[:, 0].min()


TURN = Rotation.from_euler("xyz", [0.4, -0.3, 0.9]).as_matrix()


def test_the_ellipsoid_at_the_hips_is_one_standard_deviation_to_each_side(show: Any) -> None:
    covariance = TURN @ np.diag([0.01, 0.04, 0.25]) @ TURN.T
    (ellipsoid,) = of_type(show(placed(HIPS, covariance)), Marker.SPHERE)
    center, turn, size = ellipsoid.pose.position, ellipsoid.pose.orientation, ellipsoid.scale
    assert (center.x, center.y, center.z) == HIPS
    axes = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]).as_matrix()
    shape = axes @ np.diag([size.x / 2, size.y / 2, size.z / 2]) ** 2 @ axes.T
    np.testing.assert_allclose(shape, covariance, atol=1e-9)
    assert 0 < ellipsoid.color.a < 0.5  # the body is seen through it


def test_a_certain_place_still_has_an_ellipsoid_that_can_be_drawn(show: Any) -> None:
    (ellipsoid,) = of_type(show(placed(HIPS, np.zeros((3, 3)))), Marker.SPHERE)
    assert min(ellipsoid.scale.x, ellipsoid.scale.y, ellipsoid.scale.z) > 0


def finite(marker: Any) -> Any:
    numbers = [*coordinates(marker).ravel(), *colors(marker).ravel()]
    position, turn, size = marker.pose.position, marker.pose.orientation, marker.scale
    numbers += [position.x, position.y, position.z, turn.x, turn.y, turn.z, turn.w, size.x, size.y, size.z]
    return np.isfinite(numbers).all()


def test_what_is_missing_is_left_out_for_rviz_refuses_a_marker_with_nan(show: Any) -> None:
    world = FACING_M.copy()
    world[[Landmark.LEFT_WRIST, Landmark.NOSE]] = np.nan
    markers = show(placed(HIPS, np.full((3, 3), np.nan), world=world))
    assert all(map(finite, markers))
    assert len(coordinates(*of_type(markers, *POINTS))) == 31
    assert not of_type(markers, Marker.SPHERE, Marker.TEXT_VIEW_FACING)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("world", [np.full((33, 3), np.nan), np.zeros((33, 3))])
def test_a_body_without_extent_gives_no_marker_that_rviz_refuses(show: Any, world: Any) -> None:
    assert all(map(finite, show(placed(HIPS, world=world))))


def deleted(markers: Any) -> Any:
    return {(marker.ns, marker.id) for marker in markers if marker.action == Marker.DELETE}


def added(markers: Any) -> Any:
    return {(marker.ns, marker.id) for marker in markers if marker.action == Marker.ADD}


def test_the_markers_of_a_person_who_leaves_are_deleted_at_once_and_once(show: Any) -> None:
    shown = added(show(placed()))
    gone = show()
    assert deleted(gone) == shown
    assert all(marker.header == HEADER for marker in gone)
    assert show() == []


def test_those_who_stay_keep_their_markers(show: Any) -> None:
    first, second = placed(person_id=1), placed(person_id=2)
    both = added(show(first, second))
    remaining = show(second)
    assert {namespace for namespace, _ in deleted(remaining)} == {"person_1"}
    assert added(remaining) == both - deleted(remaining)


def test_a_marker_that_a_person_has_no_longer_is_deleted(show: Any) -> None:
    show(placed())
    (ellipsoid,) = deleted(show(placed(covariance=np.full((3, 3), np.nan))))
    assert ellipsoid not in added(show(placed(covariance=np.full((3, 3), np.nan))))


def test_a_person_who_comes_back_has_markers_again(show: Any) -> None:
    shown = added(show(placed()))
    show()
    assert added(show(placed())) == shown
    assert deleted(show()) == shown


def test_a_person_who_was_not_placed_has_no_markers(show: Any) -> None:
    assert show(pose_of(person_id=1)) == []


def test_a_person_who_is_no_longer_placed_loses_the_markers(show: Any) -> None:
    shown = added(show(placed()))
    assert deleted(show(pose_of(person_id=1))) == shown


def lifetimes_s(arrays: Any, stamps_s: Any) -> Iterator[Any]:
    """Return how long the markers of each image last."""
    for stamp_s in stamps_s:
        header = Header(frame_id="eye")
        header.stamp.sec, header.stamp.nanosec = divmod(round(stamp_s * 1e9), 1_000_000_000)
        (lifetime,) = {
            (marker.lifetime.sec, marker.lifetime.nanosec)
            for marker in arrays.update([placed()], header, THRESHOLD).markers
        }
        yield lifetime[0] + lifetime[1] / 1e9


@pytest.mark.parametrize(("interval_s", "expected_s"), [(1 / 30, 0.5), (0.2, 1.0), (1.0, 5.0), (60.0, 10.0)])
def test_markers_outlast_some_images_whatever_their_rate(
    arrays: MarkerArrays, interval_s: Any, expected_s: float
) -> None:
    *_, last = lifetimes_s(arrays, np.arange(10) * interval_s)
    assert last == pytest.approx(expected_s, abs=1e-6)


def test_the_first_image_has_a_lifetime_too_and_so_has_one_after_a_jump_back(arrays: MarkerArrays) -> None:
    first, second, after_a_jump = lifetimes_s(arrays, [100.0, 102.0, 1.0])
    assert (first, second, after_a_jump) == pytest.approx((1.0, 10.0, 1.0))


def test_a_pause_does_not_change_the_lifetime(arrays: MarkerArrays) -> None:
    *_, last = lifetimes_s(arrays, [0.0, 0.2, 0.4, 0.6, 30.0])
    assert last == pytest.approx(1.0)


def test_a_camera_is_a_frustum_from_where_it_is_to_what_it_sees_and_goes_with_it(
    arrays: MarkerArrays,
) -> None:
    header = Header(frame_id="map")
    camera = SceneCamera("front", CAMERA, CAMERAS["east"])
    frustum, name = arrays.update([], header, 0.5, [camera]).markers
    assert (frustum.id, frustum.ns, frustum.header.frame_id) == (FRUSTUM_ID, "camera_front", "map")
    assert (name.id, name.text) == (LABEL_ID, "front")
    ends = np.array([(end.x, end.y, end.z) for end in frustum.points])
    center, *corners = camera.corners()
    assert len(ends) == 2 * 8  # four edges from the lens, four sides of what it sees
    assert np.count_nonzero((ends == center).all(axis=1)) == len(corners)
    for corner in corners:
        assert np.count_nonzero((ends == corner).all(axis=1)) == 3
    gone = arrays.update([], header, 0.5).markers
    assert [(marker.ns, marker.action) for marker in gone] == [("camera_front", Marker.DELETE)] * 2
