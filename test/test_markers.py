"""Poses as markers."""

import numpy as np
import pytest
from bodies import placed, pose_of

pytest.importorskip("visualization_msgs", reason="visualization_msgs is not installed")

from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from blazepose_ros.colors import landmark_colors
from blazepose_ros.landmarks import BONES, Landmark
from blazepose_ros.markers import MarkerArrays

HEADER = Header(frame_id="eye")
HEADER.stamp.sec, HEADER.stamp.nanosec = 12, 345
THRESHOLD = 0.5
HIPS = (0.5, -0.25, 4.0)


@pytest.fixture
def arrays():
    return MarkerArrays()


@pytest.fixture
def show(arrays):
    return lambda *poses: arrays.update(poses, HEADER, THRESHOLD).markers


def coordinates(marker):
    return np.array([(p.x, p.y, p.z) for p in marker.points])


def colors(marker):
    return np.array([(c.r, c.g, c.b, c.a) for c in marker.colors])


def test_a_person_is_spheres_and_lines_in_the_images_frame(show):
    joints, bones = show(placed(HIPS))
    assert (joints.type, bones.type) == (Marker.SPHERE_LIST, Marker.LINE_LIST)
    assert joints.header == bones.header == HEADER
    assert joints.ns == bones.ns
    assert joints.id != bones.id
    assert {joints.action, bones.action} == {Marker.ADD}


def test_joints_are_the_world_landmarks_around_the_hips(show):
    pose = placed(HIPS)
    joints, _ = show(pose)
    np.testing.assert_allclose(coordinates(joints), pose.world + np.array(HIPS))
    # The points are already in the image's frame: the marker itself is not moved.
    assert joints.pose.position == Marker().pose.position
    assert joints.pose.orientation.w == 1.0


def test_bones_join_the_landmarks_of_the_table(show):
    pose = placed(HIPS)
    _, bones = show(pose)
    ends = [pose.world[landmark] + np.array(HIPS) for bone in BONES for landmark in bone]
    np.testing.assert_allclose(coordinates(bones), ends)


def test_markers_have_the_colours_of_their_landmarks(show):
    visibility = np.ones(33, np.float32)
    visibility[Landmark.LEFT_WRIST] = 0.2
    pose = placed(visibility=visibility)
    joints, bones = show(pose)
    expected = landmark_colors(pose, THRESHOLD)
    np.testing.assert_allclose(colors(joints), expected, atol=1e-6)
    np.testing.assert_allclose(colors(bones), expected[np.ravel(BONES)], atol=1e-6)
    assert colors(joints)[Landmark.LEFT_WRIST] == pytest.approx([0, 0, 0, 1])


def test_markers_can_be_seen(show):
    joints, bones = show(placed())
    assert min(joints.scale.x, joints.scale.y, joints.scale.z) > 0
    assert bones.scale.x > 0
    for marker in (joints, bones):
        assert marker.lifetime.sec > 0  # those of a node that died go away


def deleted(markers):
    return [marker.ns for marker in markers if marker.action == Marker.DELETEALL]


def test_the_markers_of_somebody_who_leaves_are_deleted_once(show):
    (namespace,) = {marker.ns for marker in show(placed())}
    (deletion,) = show()
    assert (deletion.action, deletion.ns, deletion.header) == (Marker.DELETEALL, namespace, HEADER)
    assert show() == []


def test_those_who_stay_keep_their_markers(show):
    first, second = placed(person_id=1), placed(person_id=2)
    of_both = show(first, second)
    assert len({marker.ns for marker in of_both}) == 2
    remaining = show(second)
    (gone,) = deleted(remaining)
    assert gone == of_both[0].ns
    assert [marker.ns for marker in remaining if marker.action == Marker.ADD] == [of_both[2].ns] * 2


def test_somebody_who_comes_back_has_markers_again(show):
    show(placed())
    show()
    assert [marker.action for marker in show(placed())] == [Marker.ADD] * 2
    assert deleted(show()) != []


def test_somebody_who_was_not_placed_has_no_markers(show):
    assert show(pose_of(person_id=1)) == []


def test_somebody_who_is_placed_no_more_loses_the_markers(show):
    show(placed())
    (deletion,) = show(pose_of(person_id=1))
    assert deletion.action == Marker.DELETEALL
