# SPDX-License-Identifier: Apache-2.0
"""``import blazepose_ros`` is instant, and gives the public names when they are used."""

import ast
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.paths import ROOT

import blazepose_ros

# What takes longest to import, and what needs not be installed.
HEAVY = ("cv2", "matplotlib", "numpy", "rclpy", "scipy")


def imported_by(code: Any) -> Any:
    """Return which of the heavy libraries a program has imported at its end."""
    program = (
        f"{code}\nimport json, sys; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    )
    return json.loads(subprocess.check_output([sys.executable, "-c", program], text=True))


def names_for_type_checkers() -> Any:
    """Return what the package imports under ``if TYPE_CHECKING``, by name."""
    tree = ast.parse(Path(blazepose_ros.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_importing_the_package_imports_no_library() -> None:
    assert imported_by("import blazepose_ros; blazepose_ros.__version__") == []


def test_a_name_imports_what_it_needs_only() -> None:
    assert imported_by("from blazepose_ros import Landmark, Pose") == ["numpy"]


def test_estimating_needs_no_ros_and_no_plots() -> None:
    assert imported_by("from blazepose_ros import create_estimator, read_frames") == ["cv2", "numpy", "scipy"]


@pytest.mark.parametrize("module", ["nodes.camera.node", "nodes.pose.node", "cli.bag.command"])
def test_what_runs_for_long_starts_without_plots(module: str) -> None:
    assert "matplotlib" not in imported_by(f"import blazepose_ros.{module}")


@pytest.mark.parametrize("name", blazepose_ros.__all__)
def test_every_public_name_is_there(name: Any) -> None:
    assert getattr(blazepose_ros, name) is not None
    assert name in dir(blazepose_ros)


def test_type_checkers_see_every_name_where_it_is() -> None:
    for name, module in names_for_type_checkers().items():
        assert getattr(sys.modules[module], name) is getattr(blazepose_ros, name)
    assert names_for_type_checkers().keys() | {"__version__"} == set(blazepose_ros.__all__)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'blazepose_ros' has no attribute 'create_estimater'"):
        _ = blazepose_ros.create_estimater  # type: ignore[attr-defined]


def test_the_version_is_that_of_package_xml() -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    assert blazepose_ros.__version__ == version("blazepose_ros") == package.findtext("version")


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(blazepose_ros.__file__).parent / "py.typed").is_file()
