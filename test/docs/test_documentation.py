"""README, pages and configuration stay in step with the code."""

import importlib.util
import json
import re

import pytest
import yaml

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.paths import ROOT
from support.pose_client import PoseClient
from support.processes import ros_arguments, running

from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.msg import Pose33, Timing
from blazepose_ros.nodes.camera.settings import CameraSettings

README = (ROOT / "README.md").read_text()
PARAMETERS = NodeSettings.parameters().values()
CAMERA_PARAMETERS = CameraSettings.parameters().values()
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]

_SPEC = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
generate = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(generate)

# Names that are the same for all nodes.
OF_EVERYBODY = {"/tf", "/diagnostics"}
# What every managed rclpy node brings.
OF_EVERY_NODE = {"/parameter_events", "/rosout", "/blazepose/transition_event"}


def section(title):
    """Return a second-level section of the README."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("path", generate.generated(), ids=lambda path: path.name)
def test_what_is_generated_is_the_declarations(path):
    assert path.read_text() == generate.generated()[path], "run `make docs`"


@pytest.mark.parametrize(
    ("title", "parameters"),
    [("Parameters of blazepose_node", PARAMETERS), ("Parameters of blazepose_camera", CAMERA_PARAMETERS)],
)
def test_the_readme_has_every_parameter_with_its_default(title, parameters):
    rows = re.findall(r"^\| `(.+?)` \| `(.*?)` \|", section(title), re.MULTILINE)
    assert rows == [(parameter.name, json.dumps(parameter.default)) for parameter in parameters]


def test_the_page_of_parameters_says_what_each_takes():
    page = (ROOT / "docs" / "parameters.md").read_text()
    for parameter in (*PARAMETERS, *CAMERA_PARAMETERS):
        assert f"| `{parameter.name}` | `{json.dumps(parameter.default)}` | {parameter.description} |" in page
        assert f" {parameter.takes} |" in page


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
    settings = {
        "model_complexity": 0,
        "backend": "openvino",
        "enable_segmentation": True,
        "external_detections": True,
        "lazy": False,
    }
    try:
        topics = {"in": set(), "out": set()}
        for transport, image in (("raw", "image"), ("compressed", "image/compressed")):
            with running("blazepose_node", *ros_arguments({**settings, "image_transport": transport})):
                client.wait_for(lambda: "blazepose" in client.node.get_node_names(), "the node")
                inputs = documented("in") - {"image", "image/compressed"} | {image}
                client.wait_for(lambda inputs=inputs: inputs <= subscribed(client), "its subscriptions")
                client.wait_for(lambda: documented("out") <= published(client), "its publishers")
                topics["in"] |= subscribed(client)
                topics["out"] |= published(client)
            client.wait_for(lambda: "blazepose" not in client.node.get_node_names(), "the node's end")
    finally:
        client.close()
    assert topics["in"] == documented("in")
    assert topics["out"] == documented("out")


def published(client):
    return names(client.node.get_publisher_names_and_types_by_node("blazepose", "/"))


def subscribed(client):
    return names(client.node.get_subscriber_names_and_types_by_node("blazepose", "/"))


def names(names_and_types):
    """Return topics as the README writes them."""
    found = {name for name, _ in names_and_types} - OF_EVERY_NODE
    return {
        re.sub("^/blazepose/", "~/", name) if name.startswith("/blazepose/") else name.removeprefix("/")
        for name in found - OF_EVERYBODY
    } | (found & OF_EVERYBODY)


def test_the_topics_of_the_page_are_those_of_the_readme():
    page = (ROOT / "docs" / "topics.md").read_text()
    assert set(re.findall(r"^\| `([^`]+)` \| [^|]+ \| [^|]+ \|$", page, re.MULTILINE)) == (
        documented("in") | documented("out")
    )


def test_every_field_of_the_messages_is_described():
    page = (ROOT / "docs" / "topics.md").read_text()
    for message in (Pose33, Timing):
        for field in message.get_fields_and_field_types():
            assert f"`{field}`" in page, field


@pytest.mark.parametrize("name", ["README.md", "docs/frames.md"])
def test_frames_are_named_as_the_code_names_them(name):
    text = (ROOT / name).read_text()
    assert f"`{Landmark.LEFT_SHOULDER.frame_name}_1`" in text
    assert "`body_<id>`" in text
    assert "`hip_center_<id>`" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page):
    text = page.read_text()
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert "://" in link or (page.parent / link).exists(), link
    for module in re.findall(r"`(blazepose_ros/[a-z0-9_/]+\.py)`", text):
        assert (ROOT / module).exists(), module


def test_every_page_is_in_the_readmes_list():
    for page in (ROOT / "docs").glob("*.md"):
        assert f"](docs/{page.name})" in README


def places():
    """Return the places that the map of the source names, each with the names to be found there."""
    rows = re.findall(r"^\| .+ \| (`.+`) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    for row in rows:
        for place, names_there in re.findall(r"`([a-z0-9_]+/[a-z0-9_/.]*)`(?:: ((?:`\w+`(?:, )?)+))?", row):
            yield place, re.findall(r"`(\w+)`", names_there)


def test_the_map_of_the_source_names_every_folder_of_it():
    folders = {f"blazepose_ros/{path.parent.name}/" for path in ROOT.glob("blazepose_ros/*/__init__.py")}
    assert folders <= {place for place, _ in places()}


@pytest.mark.parametrize(("place", "names_there"), places(), ids=[place for place, _ in places()])
def test_what_the_map_of_the_source_names_is_there(place, names_there):
    path = ROOT / place
    assert path.exists()
    text = (
        (path / "__init__.py" if names_there and path.is_dir() else path).read_text() if names_there else ""
    )
    for name in names_there:
        assert re.search(rf"^(?:def |class )?{name}\b", text, re.MULTILINE), name
