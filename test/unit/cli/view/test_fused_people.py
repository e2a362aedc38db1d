# SPDX-License-Identifier: Apache-2.0
"""Fused people stand upright in the view, among the cameras that see them."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.serialization import deserialize_message
from std_msgs.msg import Header
from support.bodies import CAMERA, placed
from support.several_cameras import CAMERAS

from blazepose_ros.cli.view.camera_feed import CameraFeed
from blazepose_ros.cli.view.page import SCENE_AXES
from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.conversions.markers import MarkerArrays
from blazepose_ros.conversions.pose33 import serialize_pose33_array
from blazepose_ros.core.fusion.sightings import in_frame
from blazepose_ros.core.types import ImageSize, ModelComplexity, Placement, Pose
from blazepose_ros.core.visualization.scene_view import SceneCamera
from blazepose_ros.msg import Pose33Array


def test_up_is_up_and_left_is_left() -> None:
    person = placed((3.0, 1.0, 0.9), world=np.zeros((33, 3)))  # ahead, to the left, above the floor
    world = person.world.copy()
    world[0] = (0.0, 0.0, 0.7)  # the nose is above the hips
    assert person.hip_center is not None
    fused = replace(person, world=world, hip_center=replace(person.hip_center, source=Placement.FUSED))
    shown = in_frame(fused, SCENE_AXES)
    assert shown.hip_center is not None
    assert shown.hip_center.position == pytest.approx([-1.0, -0.9, 3.0])
    assert shown.world[0] == pytest.approx([0.0, -0.7, 0.0])
    assert np.diag(shown.hip_center.covariance) == pytest.approx([0.2, 0.3, 0.1])


def test_people_in_no_image_are_fused_and_bring_their_cameras() -> None:
    feed = CameraFeed(0.5)
    person = to_message(placed(), ImageSize(640, 480))
    feed.take_poses(person, 0.0, 0)
    assert not feed.shown().fused
    feed.take_poses(to_message(placed(), ImageSize(0, 0)), 0.0, 0)  # whom one camera alone sees, too
    camera = SceneCamera("front", CAMERA, CAMERAS["east"])
    feed.take_markers(MarkerArrays().update([placed()], Header(), 0.5, [camera]))
    shown = feed.shown()
    assert shown.fused
    assert shown.cameras.keys() == {"front"}
    np.testing.assert_allclose(shown.cameras["front"][0], camera.corners()[:2])
    feed.take_markers(MarkerArrays().update([placed()], Header(), 0.5))
    assert not feed.shown().cameras


def to_message(person: Pose, image: ImageSize) -> Pose33Array:
    header = header_message(1, "map")
    return deserialize_message(
        serialize_pose33_array([person], header, image, ModelComplexity.FULL), Pose33Array
    )
