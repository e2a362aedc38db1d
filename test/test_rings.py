"""Who may import whom: the pure ring, the message ring around it, and ROS outside."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import blazepose_ros

PACKAGE = "blazepose_ros"
FOLDER = Path(blazepose_ros.__file__).parent
GENERATED = f"{PACKAGE}.msg"

# Everything else is pure. A module that moves to another ring moves here, too, on purpose.
MESSAGE_RING = {
    "bag.camera_recording",
    "bag.first_look",
    "bag.definitions",
    "bag.reader",
    "bag.shot",
    "bag.writer",
    "calibration_source",
    "depth_source",
    "detection_source",
    "camera.messages",
    "commands",
    "cdr",
    "serialized_messages",
    "diagnostics.messages",
    "image_messages",
    "image_transports",
    "images",
    "inference",
    "launching.packages",
    "markers",
    "hri_messages",
    "hri_publishers",
    "messages",
    "camera.resource_url",
    "received",
    "scene_source",
    "stages",
    "soak.picture",
    "target_frame",
    "transforms",
    "view.feed",
}
ROS_RING = {
    "bag.bag_undertaking",
    "bag.command",
    "bag.job",
    "bag.options",
    "bag.outputs",
    "bag.session",
    "bag.settings",
    "bag.tables",
    "bag.undertaking",
    "bag.video_command",
    "bag.video_recording",
    "bag.workers",
    "awaitable",
    "bench.command",
    "bench.camera",
    "bench.listener",
    "bench.measure",
    "bench.runner",
    "camera.node",
    "camera.parameters",
    "declare_parameters",
    "demo.command",
    "demo.listener",
    "doctor.graph",
    "executables",
    "image_subscription",
    "diagnostics.publisher",
    "inputs",
    "launching.starting",
    "live_parameters",
    "managed_node",
    "node",
    "parameters",
    "publishers",
    "receiver",
    "run_node",
    "view.command",
    "view.follower",
    "view.show",
    "soak.cameras",
    "soak.command",
    "soak.events",
    "soak.rig",
}

ROS_LIBRARIES = {"rclpy", "launch", "launch_ros", "tf2_ros", "message_filters", "diagnostic_updater"}
MESSAGE_LIBRARIES = {"cv_bridge", "rosbags", "ament_index_python"}
MESSAGE_SUFFIXES = ("_msgs", "_interfaces")
INFERENCE_LIBRARIES = {"mediapipe", "openvino", "ai_edge_litert"}
MAY_INFER = ("estimators", "blazepose")  # subpackages


def module_name(path):
    parts = path.relative_to(FOLDER).with_suffix("").parts
    return ".".join((PACKAGE, *parts)).removesuffix(".__init__")


MODULES = {
    module_name(path): path for path in sorted(FOLDER.rglob("*.py")) if FOLDER / "msg" not in path.parents
}


def absolute(node, name):
    """Return the module that a ``from`` imports from, relative ones resolved."""
    if not node.level:
        return node.module
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    for _ in range(node.level - 1):
        package = package.rpartition(".")[0]
    return ".".join(filter(None, (package, node.module)))


def imports(name):
    """Return every module that a module imports, at its top or inside of a function."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, name)
            submodules = {f"{source}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= submodules or {source}
    return found


IMPORTS = {name: imports(name) for name in MODULES}


def libraries(name):
    return {imported.partition(".")[0] for imported in IMPORTS[name]}


def uses_ros(name):
    return bool(libraries(name) & ROS_LIBRARIES)


def uses_messages(name):
    return (
        bool(libraries(name) & MESSAGE_LIBRARIES)
        or any(library.endswith(MESSAGE_SUFFIXES) for library in libraries(name))
        or any(imported == GENERATED or imported.startswith(f"{GENERATED}.") for imported in IMPORTS[name])
    )


def with_importers(names):
    """Return modules and all that import them, directly or by way of others."""
    reached = set(names)
    while grown := {name for name in MODULES if name not in reached and IMPORTS[name] & reached}:
        reached |= grown
    return reached


ROS = with_importers(filter(uses_ros, MODULES))
MESSAGE = with_importers(filter(uses_messages, MODULES)) - ROS
PURE = MODULES.keys() - ROS - MESSAGE


def listed(ring):
    return {f"{PACKAGE}.{name}" for name in ring}


def test_every_module_is_looked_at():
    assert {f"{PACKAGE}.{name}" for name in ("pose", "images", "node", "estimators.mediapipe_estimator")} <= (
        MODULES.keys()
    )
    assert f"{PACKAGE}.stages" in IMPORTS[f"{PACKAGE}.node"]
    assert "mediapipe" in IMPORTS[f"{PACKAGE}.estimators.mediapipe_estimator"]  # inside of a function


def test_the_ros_ring_is_the_one_written_down():
    assert listed(ROS_RING) == ROS


def test_the_message_ring_is_the_one_written_down():
    assert listed(MESSAGE_RING) == MESSAGE


@pytest.mark.parametrize("name", sorted(MODULES.keys() - listed(ROS_RING) - listed(MESSAGE_RING)))
def test_a_pure_module_imports_pure_ones_alone(name):
    assert not uses_ros(name)
    assert not uses_messages(name)
    assert not IMPORTS[name] & (listed(ROS_RING) | listed(MESSAGE_RING))


@pytest.mark.parametrize("name", sorted(listed(MESSAGE_RING)))
def test_a_module_of_the_message_ring_imports_nothing_of_ros(name):
    assert not uses_ros(name)
    assert not IMPORTS[name] & listed(ROS_RING)


def test_inference_libraries_stay_inside_of_their_estimators():
    users = {name for name in MODULES if libraries(name) & INFERENCE_LIBRARIES}
    allowed = tuple(f"{PACKAGE}.{folder}." for folder in MAY_INFER)
    assert users
    assert all(name.startswith(allowed) for name in users)


WITHOUT_ROS = f"""
import importlib, sys

class NoRos:
    def find_spec(self, name, path=None, target=None):
        library = name.partition(".")[0]
        blocked = {sorted(ROS_LIBRARIES | MESSAGE_LIBRARIES)}
        if library in blocked or library.endswith({MESSAGE_SUFFIXES}) or name == {GENERATED!r}:
            raise ModuleNotFoundError(name + " is blocked", name=name)

sys.meta_path.insert(0, NoRos())
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def import_without_ros(*names):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_ROS, *names], capture_output=True, text=True, check=False, cwd="/"
    )


def test_the_pose_imports_without_ros():
    result = import_without_ros(f"{PACKAGE}.pose")
    assert result.returncode == 0, result.stderr


def test_the_whole_pure_ring_imports_without_ros():
    result = import_without_ros(*sorted(PURE))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["images", "node"])
def test_the_other_rings_do_not(name):
    result = import_without_ros(f"{PACKAGE}.{name}")
    assert result.returncode != 0
    assert "is blocked" in result.stderr
