# SPDX-License-Identifier: Apache-2.0
"""The command lines of ``blazepose bag`` and ``blazepose video``: what they have in common."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from blazepose_ros.cli.bag.bag_files import STORAGES
from blazepose_ros.cli.bag.conversion_task import OutputOptions
from blazepose_ros.cli.models import MODEL_HELP, one_model
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.estimation.factory import BACKENDS
from blazepose_ros.core.parameters import ParameterError
from blazepose_ros.core.settings import NodeSettings


class SettingError(BlazePoseError, ValueError):
    """A parameter does not exist or has a wrong value."""


def settings(given: Mapping[str, object]) -> NodeSettings:
    """Return all parameters of the node, those not given at their defaults.

    Raises:
        SettingError: there is no such parameter, or it takes another value.
    """
    known = NodeSettings.parameters()
    for name in given:
        if name not in known:
            raise SettingError(f"there is no parameter {name!r}; these are: {', '.join(known)}")
    try:
        return NodeSettings.from_values(given)
    except ParameterError as err:
        raise SettingError(str(err)) from err


def parse_assignments(assignments: Iterable[str]) -> dict[str, object]:
    """Return what ``NAME:=VALUE`` texts say, values as YAML, as ROS reads them.

    Raises:
        SettingError: one is no such text.
    """
    given: dict[str, object] = {}
    for text in assignments:
        name, separator, value = text.partition(":=")
        try:
            given[name] = yaml.safe_load(value)
        except yaml.YAMLError as err:
            raise SettingError(f"{text!r}: the value is not YAML") from err
        if not separator:
            raise SettingError(f"{text!r} is not NAME:=VALUE")
    return given


def read_parameter_file(path: Path) -> dict[str, object]:
    """Return the parameters in a ROS parameter file, of whichever node.

    Raises:
        SettingError: it is missing or no such file.
    """
    try:
        content = yaml.safe_load(path.read_text())
        sections = [section["ros__parameters"] for section in content.values()]
    except OSError as err:
        raise SettingError(f"{path} cannot be read: {err.strerror}") from err
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, UnicodeDecodeError) as err:
        raise SettingError(f"{path} is not a ROS parameter file") from err
    return {name: value for section in sections for name, value in section.items()}


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add what both commands take."""
    parser.add_argument("--model", type=one_model, metavar="MODEL", help=f"{MODEL_HELP} (default: 1)")
    parser.add_argument("--backend", choices=BACKENDS, help="what runs it (default: auto)")
    parser.add_argument(
        "-p",
        dest="assignments",
        action="append",
        default=[],
        metavar="NAME:=VALUE",
        help="set a parameter of blazepose_node",
    )
    parser.add_argument(
        "--params-file", type=Path, metavar="FILE", help="take parameters from a ROS parameter file"
    )
    parser.add_argument("--annotated", action="store_true", help="add images with skeletons drawn on them")
    parser.add_argument("--csv", action="store_true", help="write the people as OUT.csv as well")
    parser.add_argument(
        "--parquet", action="store_true", help="write the people as OUT.parquet as well (needs pyarrow)"
    )
    parser.add_argument("--video", action="store_true", help="write a video with skeletons as well, OUT.mp4")
    parser.add_argument(
        "--storage", choices=STORAGES, default="mcap", help="of an OUT that is a folder (default: mcap)"
    )
    parser.add_argument("--compress", action="store_true", help="compress an MCAP with zstd; slower")
    parser.add_argument(
        "--jobs",
        type=_count,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many cameras to work on at once (default: one for each core)",
    )


def settings_of(options: argparse.Namespace) -> NodeSettings:
    """Return the node's parameters that a command line asks for.

    Raises:
        SettingError: one does not exist or has a wrong value.
    """
    given = read_parameter_file(options.params_file) if options.params_file else {}
    given |= parse_assignments(options.assignments)
    if options.model:
        given["model_complexity"] = int(options.model.complexity)
    if options.backend:
        given["backend"] = options.backend
    return settings(given)


def output_options(options: argparse.Namespace) -> OutputOptions:
    """Return what a command line asks to be made."""
    return OutputOptions(
        storage=options.storage,
        compressed=options.compress,
        annotated=options.annotated,
        csv=options.csv,
        parquet=options.parquet,
        video=options.video,
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)
