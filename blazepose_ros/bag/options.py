"""The command lines of ``blazepose bag`` and ``blazepose video``: what they have in common."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from types import SimpleNamespace

from blazepose_ros.bag.settings import parse_assignments, read_parameter_file, settings
from blazepose_ros.bag.undertaking import Wanted
from blazepose_ros.bag.writer import STORAGES
from blazepose_ros.estimators import BACKENDS
from blazepose_ros.models.store import BUNDLES

MODELS = {bundle.name: int(complexity) for complexity, bundle in BUNDLES.items()}


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add what both commands take."""
    parser.add_argument("--model", choices=MODELS, help="the landmark model (default: full)")
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


def settings_of(options: argparse.Namespace) -> SimpleNamespace:
    """Return the node's parameters that a command line asks for.

    Raises:
        SettingError: one does not exist or has a wrong value.
    """
    given = read_parameter_file(options.params_file) if options.params_file else {}
    given |= parse_assignments(options.assignments)
    if options.model:
        given["model_complexity"] = MODELS[options.model]
    if options.backend:
        given["backend"] = options.backend
    return settings(given)


def wanted_of(options: argparse.Namespace) -> Wanted:
    """Return what a command line wants to be made."""
    return Wanted(
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
