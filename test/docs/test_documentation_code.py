# SPDX-License-Identifier: Apache-2.0
"""The code blocks of all pages: they parse, name things that exist, and run where nothing is needed."""

import ast
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
import yaml

pytest.importorskip("rclpy", reason="rclpy is not installed")

from support.pages import ROOT, RUN_IN_ORDER, blocks, command_lines
from support.processes import executable

from blazepose_ros.cli.main import COMMANDS
from blazepose_ros.core.fusion.settings import FusionSettings
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.nodes.camera.settings import CameraSettings
from blazepose_ros.nodes.people.settings import GestureSettings, RepetitionSettings

DEADLINE_S = 60.0

# What is shown of a longer file has to stand there as it is.
EXAMPLES = "\n".join(path.read_text() for path in sorted(ROOT.glob("examples/**/*")) if path.is_file())

NODES = {
    "blazepose_node": NodeSettings.parameters(),
    "blazepose_camera": CameraSettings.parameters(),
    "blazepose_fusion": FusionSettings.parameters(),
    "blazepose_gestures": GestureSettings.parameters(),
    "blazepose_repetitions": RepetitionSettings.parameters(),
}
EXECUTABLES = {"blazepose", *NODES}


ALL = list(blocks())


def of(*languages: Any) -> Any:
    chosen = [block for block in ALL if block.language in languages]
    return pytest.mark.parametrize("block", chosen, ids=[f"{block.page}:{block.line}" for block in chosen])


def commands(block: Any) -> Any:
    """Return the commands of a shell block as lists of words."""
    lines = [shlex.split(line, comments=True) for line in command_lines(block)]
    return [_plain(words) for words in lines if words]


def _plain(words: Any) -> Any:
    """Return a command without what goes before it: ros2 run, a folder, environment variables."""
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if words[:3] == ["ros2", "run", "blazepose_ros"]:
        words = words[3:]
    return [words[0].rpartition("/")[2], *words[1:]] if words else words


def all_commands() -> Any:
    return [(block, words) for block in ALL if block.language == "bash" for words in commands(block) if words]


def called(*names: Any) -> Any:
    chosen = [(block, words) for block, words in all_commands() if words[0] in names]
    ids = [f"{block.page}:{block.line}:{' '.join(words)[:40]}" for block, words in chosen]
    return pytest.mark.parametrize("words", [words for _, words in chosen], ids=ids)


def test_every_block_is_in_a_language_that_is_tested() -> None:
    assert {block.language for block in ALL} <= {"bash", "cmake", "cpp", "python", "text", "yaml"}


@of("bash")
def test_a_shell_block_parses(block: Any) -> None:
    subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)


@of("python")
def test_a_python_block_runs_or_is_part_of_an_example(block: Any) -> None:
    if block.text in EXAMPLES or block.page in RUN_IN_ORDER:  # test_python_api.py runs the latter
        return
    ast.parse(block.text)
    subprocess.run([sys.executable, "-c", block.text], check=True, timeout=DEADLINE_S)


@of("cpp", "cmake")
def test_a_cpp_block_is_part_of_an_example(block: Any) -> None:
    assert block.text in EXAMPLES


@of("yaml")
def test_a_parameter_file_is_one_that_the_node_takes(block: Any) -> None:
    by_name = NodeSettings.parameters()
    for node in yaml.safe_load(block.text).values():
        for name, value in node["ros__parameters"].items():
            by_name[name].check(value)


@called("blazepose")
def test_a_command_of_the_package_exists_with_its_options(words: Any) -> None:
    command, *arguments = words[1:] if len(words) > 1 else ["--help"]
    assert command in {*COMMANDS, "--help"}
    usage = [executable("blazepose"), command]
    if command in ("calibrate", "models"):
        usage.append(arguments[0])
    if command != "--help":
        usage.append("--help")
    shown = subprocess.run(usage, capture_output=True, text=True, check=True, timeout=DEADLINE_S).stdout
    for option in (word.partition("=")[0] for word in arguments if word.startswith("--")):
        assert option in shown


@called(*NODES)
def test_a_node_is_given_parameters_that_it_takes(words: Any) -> None:
    by_name = NODES[words[0]]
    for flag, value in pairwise(words):
        if flag == "-p":
            name, _, text = value.partition(":=")
            by_name[name].check(yaml.safe_load(text))


@called("make")
def test_a_target_of_make_exists(words: Any) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in (word for word in words[1:] if "=" not in word):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    for variable in (word.partition("=")[0] for word in words[1:] if "=" in word):
        assert re.search(rf"^{variable} \?=", makefile, re.MULTILINE)


LAUNCHES = [words for _, words in all_commands() if words[:3] == ["ros2", "launch", "blazepose_ros"]]


@pytest.mark.parametrize("words", LAUNCHES, ids=" ".join)
def test_a_launch_file_exists_with_its_arguments(words: Any) -> None:
    launch_files = "".join(path.read_text() for path in ROOT.glob("launch/*.py"))
    launch_files += "".join(path.read_text() for path in ROOT.glob("blazepose_ros/launch_support/*.py"))
    assert (ROOT / "launch" / words[3]).exists()
    for argument in (word.partition(":=")[0] for word in words[4:] if ":=" in word):
        assert f'"{argument}"' in launch_files


@called("pip")
def test_what_pip_installs_exists(words: Any) -> None:
    assert words[:2] == ["pip", "install"]
    extras = [extra[1] for word in words if (extra := re.fullmatch(r"\.\[(\w+)\]", word))]
    lists = [value for flag, value in pairwise(words) if flag == "-r"]
    assert extras or lists or "." in words
    # In a workspace of colcon the repository is src/blazepose_ros.
    lists = [path.removeprefix("src/blazepose_ros/") for path in lists]
    for path in (*lists, *(f"requirements/{extra}.in" for extra in extras)):
        assert (ROOT / path).exists()


@pytest.mark.usefixtures("models")
def test_the_doctor_of_the_pages_runs() -> None:
    assert ["blazepose", "doctor"] in [words for _, words in all_commands()]
    done = subprocess.run(
        [executable("blazepose"), "doctor"], capture_output=True, text=True, check=False, timeout=DEADLINE_S
    )
    assert "python: 3." in done.stdout
