# SPDX-License-Identifier: Apache-2.0
"""How a camera's topics are called, and the remapping that a node lacks."""

import pytest

from blazepose_ros.nodes.common.image_topics import camera_info_topic, color_topics, remapping


def test_the_calibration_is_beside_the_images() -> None:
    assert camera_info_topic("/camera/image_raw") == "/camera/camera_info"
    assert camera_info_topic("/camera/image_raw/compressed") == "/camera/camera_info"
    assert camera_info_topic("/image_raw") == "/camera_info"


def test_depth_and_this_packages_own_images_are_not_looked_at() -> None:
    topics = ["/camera/depth/image_raw", "/camera/infra1/image_rect_raw", "/blazepose/annotated_image"]
    assert color_topics(topics) == []
    assert color_topics([*topics, "/a/other", "/b/image_raw/compressed", "/b/image_raw"]) == [
        "/b/image_raw",
        "/a/other",
    ]


@pytest.mark.parametrize(("published", "said"), [
    (["/image_raw"], "/image_raw has one: start the node with --ros-args -r image:=/image_raw"),
    (["/image_raw/compressed"], "/image_raw has one: start the node with --ros-args -r image:=/image_raw"),
    (["/eye/image_raw"], "/eye/image_raw has one: start the node with --ros-args -r image:=/eye/image_raw"
     " -r camera_info:=/eye/camera_info"),
    (["/b/image_raw", "/a/image_raw"], "/a/image_raw has one (or one of /b/image_raw): start the node with"
     " --ros-args -r image:=/a/image_raw -r camera_info:=/a/camera_info"),
    ([], ""), (["/image"], ""), (["/image/compressed"], ""), (["/depth/image_raw"], ""),
])  # fmt: skip
def test_a_node_that_waits_in_vain_is_told_the_remapping(published: list[str], said: str) -> None:
    assert remapping("/image", "/camera_info", published) == said


def test_who_waits_for_depth_is_not_sent_to_color_images() -> None:
    assert remapping("/depth", "/camera_info", ["/image_raw"]) == ""
