# SPDX-License-Identifier: Apache-2.0
"""``blazepose bag``: finds the people in recordings, with a bar of the progress."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from blazepose_ros.cli.bag.bag_files import BagError
from blazepose_ros.cli.bag.camera_jobs import run_jobs
from blazepose_ros.cli.bag.conversion_task import (
    KEEP_ALL,
    KEEPS,
    SINGLE_FILES,
    ConversionTask,
    conversion_task,
)
from blazepose_ros.cli.bag.options import SettingError, add_common, output_options, settings_of
from blazepose_ros.cli.console import note, progress
from blazepose_ros.cli.signals import Interruption
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.visualization.video_writer import RecordingError


def carry_out(name: str, tasks: Callable[[], Sequence[ConversionTask]], processes: int) -> int:
    """Do everything and return the exit status.

    Args:
        name: the command's, for messages.
        tasks: says what is to be done.
        processes: how many cameras to work on at once.
    """
    with Interruption():
        try:
            _convert(tasks(), processes)
        except (BagError, SettingError, RecordingError) as err:
            note(f"{name}: {err}")
            return 1
        except OSError as err:
            note(f"{name}: cannot write: {err.strerror}. What is finished is kept: run it again to go on")
            return 1
    return 0


def _convert(tasks: Sequence[ConversionTask], processes: int) -> None:
    with ExitStack() as closing:
        for task in tasks:
            closing.callback(task.folder.close)
            _open(task)
        unfinished = [task for task in tasks if not task.folder.is_finished]
        _find_people(unfinished, processes)
        for task in unfinished:
            for path in task.finish(FunctionLogger(note)):
                note(f"wrote {path}")
        for task in tasks:  # until then an output that exists is known to be this command's
            task.folder.remove()


def _open(task: ConversionTask) -> None:
    if not task.folder.open(task.purpose):
        return
    if task.folder.is_finished:
        note(f"{task.folder.target} is finished")
    else:
        finished = sum(job.is_finished for job in task.jobs)
        note(f"going on with {task.folder.path}: {finished} of {len(task.jobs)} cameras finished")


def _find_people(tasks: Iterable[ConversionTask], processes: int) -> None:
    pairs = [pair for task in tasks for pair in zip(task.cameras, task.jobs, strict=True)]
    unfinished = [(camera, job) for camera, job in pairs if not job.is_finished]
    if not unfinished:
        return
    images = sum(camera.images.count for camera, _ in unfinished)
    with progress("finding people", images, "images") as bar:
        run_jobs([job for _, job in unfinished], processes, bar.advance, FunctionLogger(note))


NAME = "blazepose bag"


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose bag`` and return its exit status."""
    options = _parser().parse_args(arguments)
    return carry_out(NAME, lambda: [_task(options, *pair) for pair in _targets(options)], options.jobs)


def _task(options: argparse.Namespace, source: Path, target: Path) -> ConversionTask:
    return conversion_task(
        source,
        target,
        settings_of(options),
        output_options(options),
        topics=options.topics,
        keep=options.keep,
    )


def _targets(options: argparse.Namespace) -> list[tuple[Path, Path]]:
    """Return each input with its output; several inputs have theirs in a folder."""
    if len(options.sources) == 1:
        return [(options.sources[0], options.target)]
    if options.target.suffix in SINGLE_FILES:
        raise BagError(f"{options.target} is one file: several inputs go into a folder")
    options.target.mkdir(parents=True, exist_ok=True)
    pairs = [(source, options.target / source.name) for source in options.sources]
    if len({target for _, target in pairs}) < len(pairs):
        raise BagError("two of the inputs have the same name")
    return pairs


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
        "sources", nargs="+", type=Path, metavar="IN", help="a recording: a folder, an .mcap or a .db3 file"
    )
    parser.add_argument(
        "target",
        type=Path,
        metavar="OUT",
        help="the new recording: a folder, or one file that ends in .mcap or .db3; for several inputs the"
        " folder for all of theirs",
    )
    parser.add_argument(
        "--topics",
        nargs="+",
        default=[],
        metavar="TOPIC",
        help="the images to work on, raw or compressed (default: those of all cameras, raw where there are)",
    )
    parser.add_argument(
        "--keep",
        choices=KEEPS,
        default=KEEP_ALL,
        help="what of the recording OUT holds as well (default: all)",
    )
    add_common(parser)
    return parser
