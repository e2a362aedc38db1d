"""README and configuration stay in step with the code."""

import json
import re
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy", reason="rclpy is not installed")

from pose_client import PoseClient
from processes import ros_arguments, running

from blazepose_ros.camera.parameters import CAMERA_PARAMETERS
from blazepose_ros.landmarks import Landmark
from blazepose_ros.msg import Pose33, Timing
from blazepose_ros.parameters import PARAMETERS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()

# What every rclpy node brings.
OF_EVERY_NODE = {"/parameter_events", "/rosout"}


def section(title):
    """Return a second-level section of the README."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def row(parameter):
    """Return a parameter's row of the README's table."""
    changes = "" if parameter.read_only else "yes"
    takes = f"{parameter.description} Takes {parameter.takes}."
    return f"| `{parameter.name}` | `{json.dumps(parameter.default)}` | {takes} | {changes} |"


@pytest.mark.parametrize(
    ("title", "parameters"),
    [("Parameters of blazepose_node", PARAMETERS), ("Parameters of blazepose_camera", CAMERA_PARAMETERS)],
)
def test_the_table_of_parameters_is_the_declarations(title, parameters):
    rows = [line for line in section(title).splitlines() if line.startswith("| `")]
    assert rows == [row(parameter) for parameter in parameters]


def test_the_yaml_holds_every_default():
    content = yaml.safe_load((ROOT / "config" / "blazepose.yaml").read_text())
    expected = {parameter.name: parameter.default for parameter in PARAMETERS}
    assert content == {"/**": {"ros__parameters": expected}}


def documented(direction):
    """Return the topics of a direction in the README's table."""
    return set(re.findall(rf"^\| {direction} \| `([^`]+)` \|", section("Topics"), re.MULTILINE))


@pytest.mark.usefixtures("models")
def test_the_table_of_topics_is_what_the_node_has(ros):
    client = PoseClient(ros)
    client.listen("poses")
    settings = {"model_complexity": 0, "enable_segmentation": True, "lazy": False}
    try:
        topics = {"in": set(), "out": set()}
        for transport in ("raw", "compressed"):
            with running("blazepose_node", *ros_arguments({**settings, "image_transport": transport})):
                client.wait_for(lambda: "blazepose" in client.node.get_node_names(), "the node")
                client.wait_for(lambda: len(subscribed(client)) > 1, "its subscriptions")
                topics["in"] |= subscribed(client)
                topics["out"] |= names(client.node.get_publisher_names_and_types_by_node("blazepose", "/"))
            client.wait_for(lambda: "blazepose" not in client.node.get_node_names(), "the node's end")
    finally:
        client.close()
    assert topics["in"] == documented("in")
    assert topics["out"] == documented("out")


def subscribed(client):
    return names(client.node.get_subscriber_names_and_types_by_node("blazepose", "/"))


def names(names_and_types):
    """Return topics as the README writes them."""
    found = {name for name, _ in names_and_types} - OF_EVERY_NODE
    return {
        re.sub("^/blazepose/", "~/", name) if name.startswith("/blazepose/") else name.removeprefix("/")
        for name in found - {"/tf"}
    } | (found & {"/tf"})


def test_every_field_of_the_messages_is_described():
    text = section("Messages")
    for field in Pose33.get_fields_and_field_types():
        assert f"`{field}`" in text
    for field in Timing.get_fields_and_field_types():
        assert field.removesuffix("_ms") in text


def test_the_frames_of_the_readme_are_named_as_the_code_names_them():
    text = section("Frames")
    assert f"`{Landmark.LEFT_SHOULDER.frame_name}_1`" in text
    assert "`body_<id>`" in text
    assert "`hip_center_<id>`" in text


def test_every_file_that_the_readme_names_exists():
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
    for module in re.findall(r"`(blazepose_ros/[a-z_/]+\.py)`", README):
        assert (ROOT / module).exists(), module
