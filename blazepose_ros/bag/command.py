"""``blazepose bag``: finds the people in recordings."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from blazepose_ros.bag.bag_undertaking import KEEP_ALL, KEEPS, undertake
from blazepose_ros.bag.errors import BagError
from blazepose_ros.bag.options import add_common, settings_of, wanted_of
from blazepose_ros.bag.session import carry_out
from blazepose_ros.bag.undertaking import SINGLE_FILES, Undertaking

NAME = "blazepose bag"


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose bag`` and return its exit status."""
    options = _parser().parse_args(arguments)
    return carry_out(NAME, lambda: [_undertake(options, *pair) for pair in _targets(options)], options.jobs)


def _undertake(options: argparse.Namespace, source: Path, target: Path) -> Undertaking:
    return undertake(
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
