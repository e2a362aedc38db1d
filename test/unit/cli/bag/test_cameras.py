# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from blazepose_ros.cli.bag.cameras import COMPRESSED_IMAGE, IMAGE, CameraTopics, ImageTopic, find_cameras
from blazepose_ros.cli.bag.recording_files import BagError


def raw(name: Any) -> ImageTopic:
    return ImageTopic(name, IMAGE, 10)


def compressed(name: Any) -> ImageTopic:
    return ImageTopic(name, COMPRESSED_IMAGE, 10)


def test_a_camera_has_the_topics_of_a_node_in_its_namespace() -> None:
    (camera,) = find_cameras([raw("/front/image_raw")], {"/front/camera_info"})
    assert camera.info_topic == "/front/camera_info"
    assert camera.topic("~/poses") == "/front/blazepose/poses"
    assert camera.topic("/tf") == "/tf"
    assert camera.topic("camera_info") == "/front/camera_info"
    assert camera.tf_prefix == ""


def test_a_camera_without_a_namespace_has_the_node_s_own_topics() -> None:
    (camera,) = find_cameras([raw("/image")], set())
    assert camera.topic("~/poses") == "/blazepose/poses"
    assert camera.info_topic == ""


def test_of_a_camera_that_was_recorded_twice_the_raw_images_are_taken() -> None:
    cameras = find_cameras([compressed("/a/image/compressed"), raw("/a/image")], set())
    assert [camera.images for camera in cameras] == [raw("/a/image")]


def test_several_cameras_are_told_apart_by_namespace_and_prefix() -> None:
    cameras = find_cameras([raw("/left/image_raw"), compressed("/arm/right/image_raw/compressed")], set())
    assert [(camera.namespace, camera.tf_prefix) for camera in cameras] == [
        ("/arm/right", "arm_right_"),
        ("/left", "left_"),
    ]


def test_two_cameras_in_one_namespace_get_their_topics_for_one() -> None:
    cameras = find_cameras([raw("/stereo/left"), raw("/stereo/right")], {"/stereo/camera_info"})
    assert [camera.topic("~/poses") for camera in cameras] == [
        "/stereo/left/blazepose/poses",
        "/stereo/right/blazepose/poses",
    ]


def test_the_images_to_work_on_can_be_chosen() -> None:
    images = [raw("/a/image"), compressed("/a/image/compressed"), raw("/b/image")]
    assert [camera.images.name for camera in find_cameras(images, set(), ["/a/image/compressed"])] == [
        "/a/image/compressed"
    ]


def test_an_unknown_topic_is_refused_with_those_there_are() -> None:
    with pytest.raises(BagError, match=r"no color images on /c, only on: /a/image, /b/image"):
        find_cameras([raw("/b/image"), raw("/a/image")], set(), ["/c"])


def test_cameras_can_be_compared() -> None:
    assert find_cameras([raw("/a/image")], set()) == [CameraTopics(raw("/a/image"), "", "/a")]
