# SPDX-License-Identifier: Apache-2.0
"""Poses as frames."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.bodies import FACING_AXES, FACING_M, placed, pose_of

pytest.importorskip("tf2_msgs", reason="tf2_msgs is not installed")

from std_msgs.msg import Header

from blazepose_ros.conversions.frames import to_tf_message
from blazepose_ros.core.body_frame import body_axes
from blazepose_ros.core.landmarks import Landmark

HEADER = Header(frame_id="eye")
HEADER.stamp.sec, HEADER.stamp.nanosec = 12, 345
HIPS = (0.5, -0.25, 4.0)
TURN = Rotation.from_euler("xyz", [20, 130, -40], degrees=True).as_matrix()


def frames(*poses: Any, visibility: float = 0.5, **options: Any) -> Any:
    """Return the transforms by their child."""
    transforms = to_tf_message(poses, HEADER, landmark_visibility=visibility, **options).transforms
    by_child = {transform.child_frame_id: transform for transform in transforms}
    assert len(by_child) == len(transforms)
    return by_child


def parents(transforms: Any) -> Any:
    return {child: transform.header.frame_id for child, transform in transforms.items()}


def matrix(transform: Any) -> Any:
    """Return a transform as (4, 4)."""
    rotation, translation = transform.transform.rotation, transform.transform.translation
    result = np.eye(4)
    result[:3, :3] = Rotation.from_quat([rotation.x, rotation.y, rotation.z, rotation.w]).as_matrix()
    result[:3, 3] = (translation.x, translation.y, translation.z)
    return result


def in_image_frame(transforms: Any, child: Any) -> Any:
    """Return where a frame is in the image's, by way of all its parents."""
    result = np.eye(4)
    while child != HEADER.frame_id:
        result = matrix(transforms[child]) @ result
        child = transforms[child].header.frame_id
    return result


def test_frames_hang_on_the_image_the_body_and_nothing_else() -> None:
    transforms = frames(placed(HIPS))
    assert parents(transforms) == {
        "hip_center_1": "eye",
        "body_1": "eye",
        **{f"{landmark.name.lower()}_1": "body_1" for landmark in Landmark},
    }


def test_every_frame_has_the_images_stamp() -> None:
    assert {transform.header.stamp.nanosec for transform in frames(placed()).values()} == {345}
    assert {transform.header.stamp.sec for transform in frames(placed()).values()} == {12}


def test_the_hip_center_has_the_cameras_axes() -> None:
    expected = np.eye(4)
    expected[:3, 3] = HIPS
    np.testing.assert_allclose(matrix(frames(placed(HIPS))["hip_center_1"]), expected, atol=1e-12)


def test_a_body_that_faces_the_camera_has_its_axes() -> None:
    body = matrix(frames(placed(HIPS))["body_1"])
    np.testing.assert_allclose(body[:3, :3], FACING_AXES, atol=1e-6)
    np.testing.assert_allclose(body[:3, 3], HIPS)


def test_a_turned_body_has_the_axes_of_its_torso() -> None:
    pose = placed(HIPS, world=FACING_M @ TURN.T)
    body = matrix(frames(pose)["body_1"])
    np.testing.assert_allclose(body[:3, :3], body_axes(pose.world), atol=1e-9)
    np.testing.assert_allclose(body[:3, :3], TURN @ FACING_AXES, atol=1e-6)


def test_landmarks_composed_over_their_parents_are_where_the_camera_sees_them() -> None:
    pose = placed(HIPS, world=FACING_M @ TURN.T)
    transforms = frames(pose)
    for landmark in Landmark:
        position = in_image_frame(transforms, f"{landmark.frame_name}_1")[:3, 3]
        np.testing.assert_allclose(position, np.array(HIPS) + pose.world[landmark], atol=1e-6)


def test_landmarks_have_no_rotation_of_their_own() -> None:
    transforms = frames(placed(world=FACING_M @ TURN.T))
    np.testing.assert_allclose(matrix(transforms["left_wrist_1"])[:3, :3], np.eye(3), atol=1e-12)


def test_in_the_bodys_frame_left_is_left_forward_is_forward_and_up_is_up() -> None:
    transforms = frames(placed(world=FACING_M @ TURN.T))
    assert matrix(transforms["left_shoulder_1"])[1, 3] > 0.1
    assert matrix(transforms["right_shoulder_1"])[1, 3] < -0.1
    assert matrix(transforms["nose_1"])[0, 3] > 0.1
    assert matrix(transforms["nose_1"])[2, 3] > 0.5


def test_a_landmark_that_is_not_seen_has_no_frame() -> None:
    visibility = np.ones(33, np.float32)
    visibility[[Landmark.LEFT_WRIST, Landmark.NOSE]] = 0.49, np.nan
    visibility[Landmark.RIGHT_WRIST] = 0.5
    children = frames(placed(visibility=visibility)).keys()
    assert "left_wrist_1" not in children
    assert "nose_1" not in children
    assert "right_wrist_1" in children


def test_landmarks_can_be_left_out() -> None:
    assert frames(placed(), visibility=None).keys() == {"hip_center_1", "body_1"}


def test_a_prefix_goes_before_every_frame_but_the_images() -> None:
    transforms = frames(placed(), prefix="front/")
    assert all(child.startswith("front/") for child in transforms)
    assert set(parents(transforms).values()) == {"eye", "front/body_1"}
    assert "front/left_wrist_1" in transforms


def test_each_person_has_frames_of_their_own_with_one_parent() -> None:
    transforms = frames(placed(person_id=1), placed((1, 0, 5), person_id=2))
    assert Counter(parents(transforms).values()) == {"eye": 4, "body_1": 33, "body_2": 33}
    assert in_image_frame(transforms, "body_2")[:3, 3] == pytest.approx([1, 0, 5])


def test_a_person_who_was_not_placed_has_no_frames() -> None:
    assert frames(pose_of(person_id=1)) == {}
    assert frames() == {}


def test_a_torso_without_axes_leaves_the_hip_center_alone() -> None:
    missing = np.full((33, 3), np.nan)
    assert frames(placed(world=missing)).keys() == {"hip_center_1"}


def test_a_body_has_a_second_name_for_those_who_know_it_from_rep_155s_topics() -> None:
    transforms = frames(placed(person_id=7), hri=True)
    assert transforms["body_b7"].header.frame_id == "body_7"
    np.testing.assert_array_equal(matrix(transforms["body_b7"]), np.eye(4))


def test_whoever_is_placed_has_a_body_even_where_all_landmarks_coincide() -> None:
    assert "body_1" in frames(placed(world=np.zeros((33, 3))))


def test_limbs_have_frames_that_are_turned_with_them() -> None:
    """X of each leads from its joint to the next one, in the image's frame."""
    world = FACING_M @ TURN.T
    transforms = frames(placed(HIPS, world=world, person_id=3), limb_visibility=0.5)
    for limb, start, end in (
        ("left_upper_arm", Landmark.LEFT_SHOULDER, Landmark.LEFT_ELBOW),
        ("right_forearm", Landmark.RIGHT_ELBOW, Landmark.RIGHT_WRIST),
        ("right_thigh", Landmark.RIGHT_HIP, Landmark.RIGHT_KNEE),
    ):
        assert parents(transforms)[f"{limb}_3"] == "body_3"
        found = in_image_frame(transforms, f"{limb}_3")
        bone = world[end] - world[start]
        np.testing.assert_allclose(found[:3, 3], world[start] + HIPS, atol=1e-6)
        np.testing.assert_allclose(found[:3, 0], bone / np.linalg.norm(bone), atol=1e-6)


def test_limbs_have_frames_only_where_they_are_asked_for() -> None:
    assert "left_upper_arm_1" not in frames(placed(HIPS))
    shown = frames(placed(HIPS), visibility=2.0, limb_visibility=0.5)
    assert "left_upper_arm_1" in shown
    assert "left_shoulder_1" not in shown
