# SPDX-License-Identifier: Apache-2.0
"""RViz's configuration shows what the node publishes."""

import re
from typing import Any

import numpy as np
import yaml
from support.paths import ROOT

from blazepose_ros.launch_support.drivers import body_frame, frame_name

CONFIG = yaml.safe_load((ROOT / "config" / "blazepose.rviz").read_text())
MANAGER = CONFIG["Visualization Manager"]
DISPLAYS = {display["Class"]: display for display in MANAGER["Displays"]}

# What the display of a class takes, as rviz_default_plugins describes it.
SHOWN_TYPES = {
    "rviz_default_plugins/Image": "sensor_msgs/Image",
    "rviz_default_plugins/MarkerArray": "visualization_msgs/MarkerArray",
}
WITHOUT_TOPIC = {"rviz_default_plugins/Grid", "rviz_default_plugins/TF"}


def published() -> Any:
    """Return the type of each output of the page's table, by its full name."""
    page = (ROOT / "docs" / "topics.md").read_text()
    rows = re.findall(r"^\| `~/([^`]+)` \| (\S+) \|", page, re.MULTILINE)
    return {f"/blazepose/{name}": message_type for name, message_type in rows}


def test_image_skeleton_and_frames_are_shown_at_once() -> None:
    assert DISPLAYS.keys() == SHOWN_TYPES.keys() | WITHOUT_TOPIC
    assert all(display["Enabled"] and display["Value"] for display in DISPLAYS.values())


def test_every_display_shows_a_topic_of_the_node_of_its_type() -> None:
    outputs = published()
    for name, message_type in SHOWN_TYPES.items():
        assert outputs[DISPLAYS[name]["Topic"]["Value"]] == message_type


def test_everything_is_shown_in_the_frame_of_the_default_camera() -> None:
    assert MANAGER["Global Options"]["Fixed Frame"] == body_frame(frame_name("camera"))


def test_every_topic_of_a_display_is_renamed_by_the_launch_file() -> None:
    launch_file = (ROOT / "launch" / "blazepose.launch.py").read_text()
    (displayed,) = re.findall(r"^DISPLAYED = \((.+)\)$", launch_file, re.MULTILINE)
    topics = {DISPLAYS[name]["Topic"]["Value"] for name in SHOWN_TYPES}
    assert topics == {f"/blazepose/{name}" for name in re.findall(r'"(\w+)"', displayed)}


def test_text_and_hidden_landmarks_both_stand_out_from_the_background() -> None:
    background = [int(value) for value in MANAGER["Global Options"]["Background Color"].split(";")]
    assert contrast(luminance([255] * 3), luminance(background)) > 4.5
    assert contrast(luminance(background), luminance([0] * 3)) > 3


def luminance(rgb: Any) -> Any:
    """Return the relative luminance of an sRGB colour (WCAG 2.1, IEC 61966-2-1)."""
    shares = np.array(rgb) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(lighter: Any, darker: Any) -> Any:
    return (lighter + 0.05) / (darker + 0.05)
