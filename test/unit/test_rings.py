# SPDX-License-Identifier: Apache-2.0
"""The folders are the rings: who may import whom is read from where a module lies."""

import ast
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

import blazepose_ros

PACKAGE = "blazepose_ros"
FOLDER = Path(blazepose_ros.__path__[0])
GENERATED = f"{PACKAGE}.msg"

# A ring imports itself and those before it.
RINGS = ("core", "conversions", "nodes", "cli")
ABOVE = {"launch_support": len(RINGS)}
RANK = {ring: rank for rank, ring in enumerate(RINGS)} | ABOVE

ROS_LIBRARIES = {"rclpy", "launch", "launch_ros", "tf2_ros", "message_filters", "diagnostic_updater"}
MESSAGE_LIBRARIES = {"cv_bridge", "rosbags", "ament_index_python"}
MESSAGE_SUFFIXES = ("_msgs", "_interfaces")
# Each inference library is imported by one module.
INFERENCE = {
    "mediapipe": "core.estimation.mediapipe_estimator",
    "openvino": "core.estimation.runtimes.openvino_library",
    "ai_edge_litert": "core.estimation.runtimes.litert",
}
MAX_LINES = 350


def module_name(path: Any) -> Any:
    parts = path.relative_to(FOLDER).with_suffix("").parts
    return ".".join((PACKAGE, *parts)).removesuffix(".__init__")


MODULES = {
    module_name(path): path for path in sorted(FOLDER.rglob("*.py")) if FOLDER / "msg" not in path.parents
}
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def imports(name: Any) -> Any:
    """Return every module that a module imports, at its top or inside of a function."""
    found = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} has a relative import"
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= submodules or {node.module}
    return found


IMPORTS = {name: imports(name) for name in MODULES}
IN_RINGS = sorted(name for name in MODULES if name.count("."))


def ring(name: Any) -> Any:
    return name.split(".")[1]


def libraries(name: Any) -> Any:
    return {imported.partition(".")[0] for imported in IMPORTS[name]}


def uses_ros(name: Any) -> Any:
    return bool(libraries(name) & ROS_LIBRARIES)


def uses_messages(name: Any) -> Any:
    return (
        bool(libraries(name) & MESSAGE_LIBRARIES)
        or any(library.endswith(MESSAGE_SUFFIXES) for library in libraries(name))
        or any(imported == GENERATED or imported.startswith(f"{GENERATED}.") for imported in IMPORTS[name])
    )


def circle(edges: Any) -> Any:
    """Return the members of circles among nodes, given what each of them points to."""
    left = dict(edges)
    while ends := [node for node, targets in left.items() if not targets & left.keys() - {node}]:
        for node in ends:
            del left[node]
    return sorted(left)


def test_every_module_is_looked_at() -> None:
    assert {f"{PACKAGE}.core.types", f"{PACKAGE}.nodes.pose.node", f"{PACKAGE}.cli.main"} <= MODULES.keys()
    assert f"{PACKAGE}.nodes.pose.image_pipeline" in IMPORTS[f"{PACKAGE}.nodes.pose.node"]
    assert "mediapipe" in IMPORTS[f"{PACKAGE}.core.estimation.mediapipe_estimator"]  # inside of a function


def test_every_module_is_in_a_ring() -> None:
    assert {ring(name) for name in IN_RINGS} == RANK.keys()


@pytest.mark.parametrize("name", IN_RINGS)
def test_imports_go_down_only(name: Any) -> None:
    own = {imported for imported in IMPORTS[name] if imported in MODULES and imported != PACKAGE}
    assert [other for other in sorted(own) if RANK[ring(other)] > RANK[ring(name)]] == []


@pytest.mark.parametrize("name", [name for name in IN_RINGS if ring(name) == "core"])
def test_the_core_knows_neither_messages_nor_ros(name: Any) -> None:
    assert not uses_ros(name)
    assert not uses_messages(name)


@pytest.mark.parametrize("name", [name for name in IN_RINGS if ring(name) == "conversions"])
def test_conversions_know_messages_but_not_ros(name: Any) -> None:
    assert not uses_ros(name)


def test_no_module_imports_its_importer() -> None:
    assert circle({name: IMPORTS[name] & MODULES.keys() for name in MODULES}) == []


def test_no_folder_imports_its_importer() -> None:
    for depth in (2, 3):
        edges = defaultdict(set)
        for name in MODULES:
            folder = tuple(name.split(".")[:depth])
            for other in IMPORTS[name] & MODULES.keys():
                if other.count(".") >= depth and name.count(".") >= depth:
                    edges[folder].add(tuple(other.split(".")[:depth]))
        assert circle({folder: targets - {folder} for folder, targets in edges.items()}) == []


def test_each_inference_library_has_one_module() -> None:
    for library, module in INFERENCE.items():
        assert {name for name in MODULES if library in libraries(name)} == {f"{PACKAGE}.{module}"}


def test_no_module_is_longer_than_a_chapter() -> None:
    lines = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def test_no_class_name_has_two_meanings() -> None:
    classes = [
        node.name for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    assert [name for name, count in Counter(classes).items() if count > 1] == []


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


def import_without_ros(*names: Any) -> Any:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_ROS, *names], capture_output=True, text=True, check=False, cwd="/"
    )


def test_a_type_of_the_core_imports_without_ros() -> None:
    result = import_without_ros(f"{PACKAGE}.core.types")
    assert result.returncode == 0, result.stderr


def test_the_whole_core_imports_without_ros() -> None:
    result = import_without_ros(*(name for name in IN_RINGS if ring(name) == "core"))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["conversions.images", "nodes.pose.node"])
def test_the_other_rings_do_not(name: str) -> None:
    result = import_without_ros(f"{PACKAGE}.{name}")
    assert result.returncode != 0
    assert "is blocked" in result.stderr
