"""``blazepose bag``: finds the people in recordings, with a bar of the progress."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from blazepose_ros.cli.bag.bag_files import BagError
from blazepose_ros.cli.bag.conversion_task import (
    KEEP_ALL,
    KEEPS,
    SINGLE_FILES,
    ConversionTask,
    conversion_task,
)
from blazepose_ros.cli.bag.options import SettingError, add_common, settings_of, wanted_of
from blazepose_ros.cli.bag.workers import run
from blazepose_ros.cli.signals import Interruption
from blazepose_ros.core.visualization.video_writer import RecordingError


def carry_out(name: str, undertake: Callable[[], Sequence[ConversionTask]], processes: int) -> int:
    """Do everything and return the exit status.

    Args:
        name: the command's, for messages.
        undertake: says what is to be done.
        processes: how many cameras to work on at once.
    """
    with Interruption():
        try:
            undertakings = undertake()
            _work(undertakings, processes)
        except (BagError, SettingError, RecordingError) as err:
            say(f"{name}: {err}")
            return 1
        except OSError as err:
            say(f"{name}: cannot write: {err.strerror}. What was done is kept: run it again to go on")
            return 1
    return 0


def say(text: str) -> None:
    """Write a line without disturbing the bar."""
    tqdm.write(text, file=sys.stderr)


def _work(undertakings: Sequence[ConversionTask], processes: int) -> None:
    with ExitStack() as closing:
        for each in undertakings:
            closing.callback(each.folder.close)
            if each.folder.open(each.purpose):
                say(f"going on with {each.folder.path}")
        _find_people(undertakings, processes)
        for each in undertakings:
            for path in each.finish(say):
                say(f"wrote {path}")


def _find_people(undertakings: Sequence[ConversionTask], processes: int) -> None:
    jobs = [job for each in undertakings for job in each.jobs]
    images = sum(camera.images.count for each in undertakings for camera in each.cameras)
    with tqdm(total=images, unit="image", disable=None) as progress:
        run(jobs, processes, progress.update, say)


NAME = "blazepose bag"


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose bag`` and return its exit status."""
    options = _parser().parse_args(arguments)
    return carry_out(NAME, lambda: [_undertake(options, *pair) for pair in _targets(options)], options.jobs)


def _undertake(options: argparse.Namespace, source: Path, target: Path) -> ConversionTask:
    return conversion_task(
        source,
        target,
        settings_of(options),
        wanted_of(options),
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
        "publish into a new recording, with the stamps of the images. An interrupted run goes on\n"
        "where it was when it is started again.",
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
