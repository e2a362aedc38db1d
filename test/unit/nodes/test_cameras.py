# SPDX-License-Identifier: Apache-2.0
"""What the cameras of a fusion are called."""

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from blazepose_ros.core.fusion.settings import FusionSettings
from blazepose_ros.nodes.fusion.cameras import camera_name


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("/front/blazepose/poses", "front"),
        ("/cell/front/blazepose/poses", "cell/front"),
        ("/blazepose/poses", "blazepose"),
        ("/front/people/poses", "front/people"),
    ],
)
def test_a_camera_is_called_by_its_namespace(topic: str, name: str) -> None:
    assert camera_name(topic) == name


@pytest.mark.parametrize("given", [["front", "rear"], "front,rear", "front rear", ("front", "rear")])
def test_cameras_are_a_list_or_a_text(given: object) -> None:
    assert FusionSettings.from_values({"cameras": given}).camera_names == ("front", "rear")
