# SPDX-License-Identifier: Apache-2.0
"""What the programs of the nodes answer without starting."""

import json
import subprocess
import sys
from typing import Any

import pytest

import blazepose_ros
from blazepose_ros.core.parameters import Settings
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.nodes.camera.settings import CameraSettings
from blazepose_ros.nodes.main import CAMERA, NODE, Program, answer

SETTINGS: dict[Program, type[Settings]] = {NODE: NodeSettings, CAMERA: CameraSettings}
WITHOUT_RCLPY = """
import sys
sys.modules["rclpy"] = None
from blazepose_ros.nodes import main
sys.exit(getattr(main, sys.argv.pop(1))())
"""


@pytest.mark.parametrize("program", SETTINGS, ids=lambda program: program.name)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_the_help_has_every_parameter_with_its_default_and_says_how_to_give_one(
    program: Any, option: str
) -> None:
    text = answer(program, [option])
    assert "--ros-args -p NAME:=VALUE" in text
    words = " ".join(text.split())
    for parameter in SETTINGS[program].parameters().values():
        expected = f"{parameter.name} (default: {json.dumps(parameter.default)}) {parameter.description}"
        assert f" {' '.join(expected.split())} Takes {parameter.takes}." in words


def test_the_version_is_the_packages() -> None:
    assert answer(NODE, ["--version"]) == f"blazepose_node {blazepose_ros.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--ros-args", "-p", "lazy:=false"],
        ["--ros-args", "-r", "__node:=--help", "--", "--version"],
        ["--vers"],
        ["help"],
    ],
)
def test_anything_else_is_for_the_node(arguments: Any) -> None:
    assert answer(NODE, arguments) == ""


@pytest.mark.parametrize("function", ["node", "camera"])
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_both_are_answered_before_rclpy_is_imported(function: str, option: str) -> None:
    command = [sys.executable, "-c", WITHOUT_RCLPY, function, option]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"blazepose_{function}" in result.stdout
