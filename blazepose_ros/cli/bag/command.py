# SPDX-License-Identifier: Apache-2.0
"""``blazepose bag``: finds the people in recordings; the command line it shares with ``video``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from blazepose_ros.cli.bag.bag_files import STORAGES
from blazepose_ros.cli.bag.conversion_run import MAX_NOTE, Plan, PlannedRecording, carry_out
from blazepose_ros.cli.bag.conversion_task import KEEP_ALL, KEEPS, ConversionTask, conversion_task
from blazepose_ros.cli.bag.motions import MOTION_WRITERS
from blazepose_ros.cli.bag.outputs import MOTION, SINGLE_FILES, OutputOptions, beside, check_target
from blazepose_ros.cli.bag.recording_files import BagError
from blazepose_ros.cli.bag.recording_folders import (
    FAILED,
    RecordingSummary,
    beside_files,
    find_recordings,
    may_hold_recordings,
)
from blazepose_ros.cli.bag.tables import partition
from blazepose_ros.cli.console import count_from_1, note
from blazepose_ros.cli.models import MODEL_HELP, one_model
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.estimation.factory import BACKENDS
from blazepose_ros.core.files import InputFileError, parse_yaml, read_yaml
from blazepose_ros.core.parameters import ParameterError
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.text import printable
from blazepose_ros.core.visualization.anonymizer import HIDEABLE

MOTION_HELP = {
    "trc": "each person's landmarks in space as a TRC file, which OpenSim opens,",
    "bvh": "each person's skeleton as a BVH file, which Blender opens,",
    "c3d": "each person's landmarks in space as a C3D file (needs ezc3d)",
}


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
            given[name] = parse_yaml(value)
        except InputFileError as err:
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
        content: Any = read_yaml(path)
        sections = [section["ros__parameters"] for section in content.values()]
        return {name: value for section in sections for name, value in section.items()}
    except OSError as err:
        raise SettingError(f"{path} cannot be read: {err.strerror}") from err
    except InputFileError as err:
        raise SettingError(f"{path} {err}") from err
    except (AttributeError, KeyError, TypeError) as err:
        raise SettingError(f"{path} is not a ROS parameter file") from err


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
    parser.add_argument(
        "--anonymize",
        choices=HIDEABLE,
        help="paint over everybody's face or body in the images; what else may show people is left out",
    )
    parser.add_argument("--csv", action="store_true", help="write the people as OUT.csv as well")
    parser.add_argument(
        "--parquet", action="store_true", help="write the people as OUT.parquet as well (needs pyarrow)"
    )
    for suffix, what in MOTION_HELP.items():
        parser.add_argument(f"--{suffix}", action="store_true", help=f"write {what} in OUT_motion")
    parser.add_argument("--video", action="store_true", help="write a video with skeletons as well, OUT.webm")
    parser.add_argument(
        "--storage", choices=STORAGES, default="mcap", help="of an OUT that is a folder (default: mcap)"
    )
    parser.add_argument("--compress", action="store_true", help="compress an MCAP with zstd; slower")
    parser.add_argument(
        "--jobs",
        type=count_from_1,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many cameras to work on at once (default: one for each core)",
    )
    parser.add_argument(
        "--scheduler",
        default="",
        metavar="ADDRESS",
        help="have the workers of a Dask cluster do it instead, such as tcp://host:8786; they need the"
        " same paths",
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
    if options.anonymize:
        given["anonymize"] = options.anonymize
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
        motions=tuple(suffix for suffix in MOTION_WRITERS if getattr(options, suffix)),
        fuse=getattr(options, "fuse", ""),
    )


NAME = "blazepose bag"


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose bag`` and return its exit status."""
    options = _parser().parse_args(arguments)
    if options.scheduler:  # workers have working folders of their own
        options.sources = [source.absolute() for source in options.sources]
        options.target = options.target.absolute()
    return carry_out(NAME, lambda: _plan(options), options.jobs, options.scheduler)


def _plan(options: argparse.Namespace) -> Plan:
    """Return what is to be done.

    Raises:
        BagError: there is no recording, or two outputs would have the same name.
        SettingError: a parameter is wrong.
    """
    check_target(options.target)
    settings, outputs = settings_of(options), output_options(options)
    how = [settings.values(), asdict(outputs), options.topics, options.keep]
    sources, unreadable = _sources(options)

    def planned(source: Path, name: Path) -> PlannedRecording:
        target = options.target / name

        def open_recording() -> ConversionTask:
            target.parent.mkdir(parents=True, exist_ok=True)
            has_partition = name.parts and (outputs.csv or outputs.parquet)
            tables = partition(options.target, str(name)) if has_partition else None
            return conversion_task(
                source, target, settings, outputs, topics=options.topics, keep=options.keep, tables=tables
            )

        return PlannedRecording(str(name) if name.parts else "", source, target, open_recording)

    recordings = [planned(source, name) for source, name in sources]
    is_one = not recordings[0].name
    return Plan(recordings, None if is_one else options.target, how, unreadable)


def _sources(options: argparse.Namespace) -> tuple[list[tuple[Path, Path]], list[RecordingSummary]]:
    """Return each recording with the path of its output in OUT, and what could not be looked into."""
    pairs: list[tuple[Path, Path]] = []
    unreadable: list[RecordingSummary] = []
    several = len(options.sources) > 1
    for source in options.sources:
        name = Path(source.name) if several else Path()
        is_folder = options.recursive or may_hold_recordings(source)
        found = find_recordings(source, options.target) if is_folder else beside_files(source, options.target)
        if not found.paths and not options.recursive:
            pairs.append((source, name))
        pairs += [(path, name / path.relative_to(source)) for path in found.paths]
        for path, why in found.unreadable.items():
            note(printable(f"{NAME}: {path} is left out: {why}", MAX_NOTE))
            unreadable.append(RecordingSummary(str(path), FAILED, left_out=(why,)))
    _check(options, pairs)
    return pairs, unreadable


def _check(options: argparse.Namespace, pairs: Sequence[tuple[Path, Path]]) -> None:
    if not pairs:
        raise BagError(f"there are no recordings in {', '.join(map(str, options.sources))}")
    if pairs[0][1].parts and options.target.suffix in SINGLE_FILES:
        raise BagError(f"{options.target} is one file: several inputs go into a folder")
    names = {name for _, name in pairs}
    if len(names) < len(pairs):
        raise BagError("two of the inputs have the same name")
    has_motions = any(getattr(options, suffix) for suffix in MOTION_WRITERS)
    for name in names & {beside(each, MOTION) for each in names if has_motions and each.parts}:
        raise BagError(f"{name} is a recording, and what the motions of another one would be called")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="Find the people in recorded images, as blazepose_node does, and write what it would\n"
        "publish into a new recording, with the stamps of the images. Of an interrupted run the cameras\n"
        "that were finished are kept for the next run of the same command.",
        epilog="Each camera's output goes where a node in the camera's namespace would publish it:\n"
        "/front/image_raw gives /front/blazepose/poses, pose and markers. With several cameras their\n"
        "frames on /tf are told apart by a prefix, such as front_body_1.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "sources",
        nargs="+",
        type=Path,
        metavar="IN",
        help="a recording: a folder, an .mcap or a .db3 file; or a folder of recordings",
    )
    parser.add_argument(
        "target",
        type=Path,
        metavar="OUT",
        help="the new recording: a folder, or one file that ends in .mcap or .db3; for several recordings the"
        " folder for all of theirs",
    )
    parser.add_argument(
        "--recursive",
        action="store_true",
        help="IN is a folder of recordings: each file and each folder with a metadata.yaml is one",
    )
    parser.add_argument(
        "--topics",
        nargs="+",
        default=[],
        metavar="TOPIC",
        help="the images to work on, raw or compressed (default: those of all cameras, raw where there are)",
    )
    parser.add_argument(
        "--fuse",
        default="",
        metavar="FRAME",
        help="add the people of all cameras as blazepose_fusion makes them, in this frame, in which the"
        " recording's transforms tell where the cameras are",
    )
    parser.add_argument(
        "--keep",
        choices=KEEPS,
        default=KEEP_ALL,
        help="what of the recording OUT holds as well (default: all)",
    )
    add_common(parser)
    return parser
