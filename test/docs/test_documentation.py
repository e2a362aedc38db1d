# SPDX-License-Identifier: Apache-2.0
"""README, pages and configuration stay in step with the code."""

import importlib.util
import json
import re
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

pytest.importorskip("rclpy", reason="rclpy is not installed")

from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from support.paths import ROOT
from support.pose_client import PoseClient
from support.processes import ros_arguments, running

from blazepose_ros.core.fusion.settings import FusionSettings
from blazepose_ros.core.gestures.rules import GestureKind, Side
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.repetitions.exercises import EXERCISES
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.msg import ExerciseCount, Gesture, Pose33, Timing
from blazepose_ros.nodes.camera.settings import CameraSettings
from blazepose_ros.nodes.people.settings import GestureSettings, RepetitionSettings

README = (ROOT / "README.md").read_text()
TOPICS = (ROOT / "docs" / "topics.md").read_text()
PARAMETERS = NodeSettings.parameters().values()
CAMERA_PARAMETERS = CameraSettings.parameters().values()
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]

_SPEC = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
generate = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(generate)

# Names that are the same for all nodes.
GLOBAL = {"/tf", "/tf_static", "/diagnostics"}
# What every managed rclpy node brings.
OF_EVERY_NODE = {"/parameter_events", "/rosout", "/blazepose/transition_event"}


def section(page: Any, title: Any) -> Any:
    """Return a second-level section of a page."""
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("path", generate.generated(), ids=lambda path: path.name)
def test_what_is_generated_is_the_declarations(path: Any) -> None:
    assert path.read_text() == generate.generated()[path], "run `make docs`"


@pytest.mark.parametrize(
    ("node", "parameters"),
    [
        ("blazepose_node", PARAMETERS),
        ("blazepose_camera", CAMERA_PARAMETERS),
        ("blazepose_fusion", FusionSettings.parameters().values()),
        ("blazepose_gestures", GestureSettings.parameters().values()),
        ("blazepose_repetitions", RepetitionSettings.parameters().values()),
    ],
)
def test_the_page_of_parameters_has_every_one_with_its_default(node: str, parameters: Any) -> None:
    page = (ROOT / "docs" / "parameters.md").read_text()
    rows = re.findall(r"^\| `(.+?)` \| `(.*?)` \|", section(page, node), re.MULTILINE)
    assert rows == [(parameter.name, json.dumps(parameter.default)) for parameter in parameters]


def test_the_page_of_parameters_says_what_each_takes() -> None:
    page = (ROOT / "docs" / "parameters.md").read_text()
    for parameter in (*PARAMETERS, *CAMERA_PARAMETERS):
        assert f"| `{parameter.name}` | `{json.dumps(parameter.default)}` | {parameter.description} |" in page
        assert f" {parameter.takes} |" in page


def test_the_yaml_holds_every_default() -> None:
    content = yaml.safe_load((ROOT / "config" / "blazepose.yaml").read_text())
    expected = {parameter.name: parameter.default for parameter in PARAMETERS}
    assert content == {"/**": {"ros__parameters": expected}}


def documented(direction: Any) -> Any:
    """Return the topics of a direction, in or out, in the page's tables."""
    table = section(TOPICS, {"in": "Subscribed topics", "out": "Published topics"}[direction])
    return set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))


@pytest.mark.usefixtures("models")
def test_the_table_of_topics_is_what_the_node_has(ros: ModuleType) -> None:
    client = PoseClient(ros)
    client.listen("poses")
    # Depth is subscribed to where it is published.
    client.node.create_publisher(Image, "depth", QoSProfile(depth=1))
    client.node.create_publisher(CompressedImage, "depth/compressedDepth", QoSProfile(depth=1))
    settings = {
        "model_complexity": 0,
        "backend": "openvino",
        "enable_segmentation": True,
        "external_detections": True,
        "publish_detections": True,
        "lazy": False,
    }
    try:
        topics = {"in": set(), "out": set()}
        raw = {"image_transport": "raw", "depth_transport": "raw"}
        compressed = {"image_transport": "compressed", "depth_transport": "compressedDepth"}
        ways = (raw, {"image", "depth"}), (compressed, {"image/compressed", "depth/compressedDepth"})
        for transports, chosen in ways:
            with running("blazepose_node", *ros_arguments({**settings, **transports})):
                client.wait_for(lambda: "blazepose" in client.node.get_node_names(), "the node")
                either = {"image", "image/compressed", "depth", "depth/compressedDepth"}
                inputs = (documented("in") - either) | chosen
                client.wait_for(lambda inputs=inputs: inputs <= subscribed(client), "its subscriptions")
                client.wait_for(lambda: documented("out") <= published(client), "its publishers")
                topics["in"] |= subscribed(client)
                topics["out"] |= published(client)
            client.wait_for(lambda: "blazepose" not in client.node.get_node_names(), "the node's end")
    finally:
        client.close()
    assert topics["in"] == documented("in")
    assert topics["out"] == documented("out")


def published(client: Any) -> Any:
    return names(client.node.get_publisher_names_and_types_by_node("blazepose", "/"))


def subscribed(client: Any) -> Any:
    """Return what the node hears, and the one beside it that hears depth."""
    nodes = {"blazepose", "_blazepose_receiving"} & set(client.node.get_node_names())
    return set().union(
        *(names(client.node.get_subscriber_names_and_types_by_node(node, "/")) for node in nodes)
    )


def names(names_and_types: Any) -> Any:
    """Return topics as the page writes them."""
    found = {name for name, _ in names_and_types} - OF_EVERY_NODE
    return {
        re.sub("^/blazepose/", "~/", name) if name.startswith("/blazepose/") else name.removeprefix("/")
        for name in found - GLOBAL
    } | (found & GLOBAL)


def test_every_field_of_the_messages_is_described() -> None:
    for message in (Pose33, Timing):
        for field in message.get_fields_and_field_types():
            assert f"`{field}`" in TOPICS, field


USES = (ROOT / "docs" / "uses.md").read_text()


def test_every_field_of_gestures_and_repetitions_is_described() -> None:
    for message in (Gesture, ExerciseCount):
        for field in message.get_fields_and_field_types():
            assert f"`{field}`" in USES, field


def test_every_gesture_and_exercise_is_described() -> None:
    for kind in GestureKind:
        assert f"| {kind.name} |" in USES
        assert getattr(Gesture, kind.name) == kind
    for side in Side:
        assert getattr(Gesture, side.name) == side
    for name, exercise in EXERCISES.items():
        assert re.search(
            rf"^\| `{name}` \| .* \| {exercise.rest:g} \| {exercise.turn:g} \|", USES, re.MULTILINE
        )


def test_frames_are_named_as_the_code_names_them() -> None:
    text = (ROOT / "docs" / "frames.md").read_text()
    assert f"`{Landmark.LEFT_SHOULDER.frame_name}_1`" in text
    assert "`body_<id>`" in text
    assert "`hip_center_<id>`" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Any) -> None:
    text = page.read_text()
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert "://" in link or (page.parent / link).exists(), link
    for module in re.findall(r"`(blazepose_ros/[a-z0-9_/]+\.py)`", text):
        assert (ROOT / module).exists(), module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_section_that_a_page_links_to_exists(page: Any) -> None:
    for link, anchor in re.findall(r"\]\(([^):#]*)#([^)]+)\)", page.read_text()):
        assert anchor in anchors(page.parent / link if link else page), f"{link}#{anchor}"


def anchors(page: Any) -> Any:
    """Return the anchors that GitHub gives to a page's titles."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def test_every_page_is_in_the_readmes_list() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        assert f"](docs/{page.name})" in README


PACKAGE = ElementTree.parse(ROOT / "package.xml")


def test_the_citation_names_this_version_and_license() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PACKAGE.findtext("version")
    assert citation["license"] == PACKAGE.findtext("license")
    assert citation["repository-code"] == PACKAGE.findtext("url[@type='repository']")


def test_the_changelog_is_one_that_ros_releases_take() -> None:
    catkin_changelog = pytest.importorskip("catkin_pkg.changelog", reason="catkin_pkg is not installed")
    text = (ROOT / "CHANGELOG.rst").read_text()
    versions = catkin_changelog.populate_changelog_from_rst(
        catkin_changelog.Changelog("blazepose_ros"), text
    ).foreach_version(reverse=True)
    newest, _, entries = next(versions)
    assert newest == PACKAGE.findtext("version")
    assert entries
    assert re.search(r"^Forthcoming.*\n-+\n", text, re.MULTILINE)
