# SPDX-License-Identifier: Apache-2.0
"""What the console scripts call: the nodes' programs, with their help and version.

Nothing heavy is imported here: `common.main.run_node` does so once signals are handled.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pkgutil import resolve_name

from blazepose_ros.core.parameters import ParameterSpec, Settings
from blazepose_ros.nodes.common.dds import remove_dead_segments, use_image_profile
from blazepose_ros.nodes.common.main import run_node
from blazepose_ros.nodes.common.process_tuning import configure_opencv, use_one_arena

ROS_ARGUMENTS = "--ros-args"
WIDTH = 100


@dataclass(frozen=True)
class Program:
    """A program that is a node.

    Attributes:
        name: what it is called.
        purpose: what it does.
        node: where the node's class is, as ``module:class``.
        settings: where its `Settings` are; imported for the help only.
    """

    name: str
    purpose: str
    node: str
    settings: str


def answer(program: Program, arguments: Sequence[str]) -> str:
    """Return what to print in place of starting the node, or nothing.

    Args:
        program: the program.
        arguments: its command line; arguments from ``--ros-args`` on are ROS's.
    """
    own = arguments[: arguments.index(ROS_ARGUMENTS)] if ROS_ARGUMENTS in arguments else arguments
    asked, _ = _parser(program).parse_known_args(own)
    if asked.help:
        settings: type[Settings] = resolve_name(program.settings)
        return _parser(program, settings).format_help()
    if asked.version:
        from blazepose_ros import __version__

        return f"{program.name} {__version__}\n"
    return ""


def _parser(program: Program, settings: type[Settings] = Settings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program.name,
        usage=f"{program.name} [--help] [--version] [{ROS_ARGUMENTS} -p NAME:=VALUE ...]",
        description=program.purpose,
        epilog="\n".join(
            [
                f"parameters, given as {ROS_ARGUMENTS} -p NAME:=VALUE or {ROS_ARGUMENTS} --params-file FILE:",
                *map(_described, settings.parameters().values()),
            ]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("-h", "--help", action="store_true", help="show this and leave")
    parser.add_argument("--version", action="store_true", help="show the version and leave")
    return parser


def _described(parameter: ParameterSpec) -> str:
    text = f"{parameter.description} Takes {parameter.takes}."
    indent = " " * 6
    wrapped = textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent)
    return f"  {parameter.name} (default: {json.dumps(parameter.default)})\n{wrapped}"


NODE = Program(
    "blazepose_node",
    "Finds the people in a camera's images and publishes them.",
    node="blazepose_ros.nodes.pose.node:BlazePoseNode",
    settings="blazepose_ros.core.settings:NodeSettings",
)
CAMERA = Program(
    "blazepose_camera",
    "Plays a video, an image, a folder of images or a webcam as a camera's topics.",
    node="blazepose_ros.nodes.camera.node:CameraNode",
    settings="blazepose_ros.nodes.camera.settings:CameraSettings",
)
FUSION = Program(
    "blazepose_fusion",
    "Makes one of each person whom several cameras see.",
    node="blazepose_ros.nodes.fusion.node:BlazePoseFusionNode",
    settings="blazepose_ros.core.fusion.settings:FusionSettings",
)
GESTURES = Program(
    "blazepose_gestures",
    "Tells what the people of blazepose/poses do: raised hands, pointing, sitting, lying and the like.",
    node="blazepose_ros.nodes.people.gestures:GesturesNode",
    settings="blazepose_ros.nodes.people.settings:GestureSettings",
)
REPETITIONS = Program(
    "blazepose_repetitions",
    "Counts the exercises of the people of blazepose/poses.",
    node="blazepose_ros.nodes.people.repetitions:RepetitionsNode",
    settings="blazepose_ros.nodes.people.settings:RepetitionSettings",
)


def camera() -> int:
    """Run ``blazepose_camera``."""
    return _run(CAMERA)


def fusion() -> int:
    """Run ``blazepose_fusion``."""
    return _run(FUSION)


def gestures() -> int:
    """Run ``blazepose_gestures``."""
    return _run(GESTURES)


def repetitions() -> int:
    """Run ``blazepose_repetitions``."""
    return _run(REPETITIONS)


def node() -> int:
    """Run ``blazepose_node``."""
    return _run(NODE)


def _run(program: Program) -> int:
    configure_opencv()
    if text := answer(program, sys.argv[1:]):
        sys.stdout.write(text)
        return 0
    use_one_arena()
    use_image_profile()
    remove_dead_segments()
    return run_node(program.node)
