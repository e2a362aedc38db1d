# SPDX-License-Identifier: Apache-2.0
"""People as detections of vision_msgs."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.bodies import CAMERA, FACING_AXES, FACING_M, placed, pose_of, seen_by

pytest.importorskip("vision_msgs", reason="vision_msgs is not installed")

from std_msgs.msg import Header

from blazepose_ros.conversions.detections import (
    MARGIN_M,
    to_detection_2d_array,
    to_detection_3d_array,
)

HEADER = Header(frame_id="eye")
SIZE = CAMERA.width, CAMERA.height
HIPS = (0.5, -0.25, 4.0)


def xyz(point: Any) -> Any:
    return np.array([point.x, point.y, point.z])


def rotation(pose: Any) -> Any:
    turned = pose.orientation
    return Rotation.from_quat([turned.x, turned.y, turned.z, turned.w]).as_matrix()


def test_a_placed_person_is_a_detection_at_the_hips_with_a_box_around_the_body() -> None:
    (found,) = to_detection_3d_array([placed(HIPS, person_id=7, score=0.75)], HEADER).detections
    (result,) = found.results
    assert (found.id, found.header, result.hypothesis.class_id) == ("7", HEADER, "person")
    assert result.hypothesis.score == pytest.approx(0.75)
    np.testing.assert_allclose(xyz(result.pose.pose.position), HIPS)
    np.testing.assert_allclose(rotation(result.pose.pose), FACING_AXES, atol=1e-6)
    np.testing.assert_allclose(np.reshape(result.pose.covariance, (6, 6))[:3, :3], np.diag([0.1, 0.2, 0.3]))
    box = found.bbox
    corners = (FACING_M + HIPS - xyz(box.center.position)) @ rotation(box.center)
    half = xyz(box.size) / 2 - MARGIN_M
    np.testing.assert_allclose(np.abs(corners).max(axis=0), half, atol=1e-6)


def test_who_has_no_place_is_in_two_dimensions_alone() -> None:
    pose = seen_by(CAMERA, (0, 0, 3), person_id=2)
    assert to_detection_3d_array([pose], HEADER).detections == []
    assert [each.id for each in to_detection_2d_array([pose], *SIZE, HEADER).detections] == ["2"]


def test_a_box_in_the_image_holds_all_landmarks_and_nothing_more() -> None:
    pose = seen_by(CAMERA, (0, 0, 3))
    (found,) = to_detection_2d_array([pose], *SIZE, HEADER).detections
    center, size = found.bbox.center.position, np.array([found.bbox.size_x, found.bbox.size_y])
    lowest, highest = pose.screen[:, :2].min(axis=0), pose.screen[:, :2].max(axis=0)
    np.testing.assert_allclose((center.x, center.y), (lowest + highest) / 2)
    np.testing.assert_allclose(size, highest - lowest)


def test_a_box_ends_at_the_images_edge() -> None:
    (found,) = to_detection_2d_array([seen_by(CAMERA, (0, 0, 0.8))], *SIZE, HEADER).detections
    assert found.bbox.center.position.y + found.bbox.size_y / 2 <= CAMERA.height


def test_without_a_score_the_visibility_counts() -> None:
    pose = seen_by(CAMERA, (0, 0, 3), visibility=np.full(33, 0.25))
    (found,) = to_detection_2d_array([pose], *SIZE, HEADER).detections
    assert found.results[0].hypothesis.score == pytest.approx(0.25)


def test_a_body_without_axes_is_left_out() -> None:
    world = np.full((33, 3), np.nan)
    assert to_detection_3d_array([placed(HIPS, world=world)], HEADER).detections == []


def test_an_image_without_people_gives_empty_lists() -> None:
    for message in (to_detection_2d_array([], *SIZE, HEADER), to_detection_3d_array([], HEADER)):
        assert message.header == HEADER
        assert message.detections == []


def test_an_unknown_landmark_does_not_spoil_the_box() -> None:
    world = FACING_M.copy()
    world[0] = np.nan
    screen = seen_by(CAMERA, (0, 0, 3)).screen
    screen[0] = np.nan
    poses = [pose_of(world, screen, hip_center=placed(HIPS).hip_center)]
    assert np.isfinite(xyz(to_detection_3d_array(poses, HEADER).detections[0].bbox.size)).all()
    assert np.isfinite(to_detection_2d_array(poses, *SIZE, HEADER).detections[0].bbox.size_x)
