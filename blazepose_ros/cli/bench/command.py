# SPDX-License-Identifier: Apache-2.0
"""``blazepose bench``: latency, rate and loss from a camera to poses, beside the estimator alone."""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2

from blazepose_ros.cli.bench.estimators import (
    LabeledPhotograph,
    accuracy_rows,
    accuracy_table,
    speed_rows,
    speed_table,
)
from blazepose_ros.cli.bench.plan import MAX_CAMERAS, SIZES, Case, load_clip, plan
from blazepose_ros.cli.bench.report import save_plot, tables
from blazepose_ros.cli.bench.results import known
from blazepose_ros.cli.bench.runner import Bench
from blazepose_ros.cli.bench.worker_process import BenchError
from blazepose_ros.cli.console import file_to_write, number_above_0, progress, say, show
from blazepose_ros.cli.eval.annotations import AnnotationsError, read_coco, read_images
from blazepose_ros.cli.models import MODEL_HELP, one_model
from blazepose_ros.cli.processes import NoFreeDomainError, executable_path, isolate
from blazepose_ros.cli.signals import Interruption
from blazepose_ros.core.estimation.factory import AUTO, BACKENDS
from blazepose_ros.core.estimation.runtimes.runtime import Precision
from blazepose_ros.core.frame_sources.files import PhotographMissingError, photograph
from blazepose_ros.core.frame_sources.frame_source import SourceError
from blazepose_ros.core.frame_sources.resize import Size
from blazepose_ros.core.models.registry import ModelError, load_cached
from blazepose_ros.core.types import Frame
from blazepose_ros.nodes.common.process_tuning import leave_cores_to_the_model

REFERENCE = "mediapipe"
DEFAULT_MODEL = "full"

DURATION_S = 8.0
_DEFINITIONS = """\
delivered   of the images sent after discovery, those that arrived at the node
of raw      poses per second against the raw loop: the estimator alone on the same
            images, without ROS, in a process of its own that takes turns with the node
latency     from an image's stamp to the arrival of its poses at a subscriber
added       latency less the estimator's time on that image
transport   from the stamp to the arrival at the node
delivery    from the node's hand-over of the poses to their arrival
cpu/pose    processor time of the node for each answer
flat out    as many images as the raw loop takes, which has nothing else to do
stock       Fast DDS without this package's profile; stock camera: the camera alone without it
raw+jpeg    the camera offers both, the node takes what arrives (image_transport: auto)"""

# Starting and stopping processes, loading the model twice, warming up at each turn.
OVERHEAD_S = 14.0


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose bench``; the exit status is 0 only if every case was measured.

    Raises:
        KeyboardInterrupt: Ctrl-C; every process has ended.
    """
    options = _parser().parse_args(arguments)
    with Interruption():
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    try:
        source = options.source or str(photograph())
        load_clip(source, options.sizes[0], frames=1)
        photographs = _photographs(options)
        models = {bundle.name: load_cached(bundle).content for bundle in options.models}
        isolate()
    except (AnnotationsError, ModelError, NoFreeDomainError, PhotographMissingError, SourceError) as err:
        sys.stderr.write(f"blazepose bench: {err}\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="blazepose_bench_") as folder:
        bench = Bench(source, [executable_path("blazepose_node")], options.duration, Path(folder))
        backends = options.backends or _those_that_load(bench, options)
        cases = plan(
            backends, list(models), options.sizes, options.cameras, options.precision, quick=options.quick
        )
        failures = _run_all(bench, cases)
    show(*tables(bench.rows))
    document = {**bench.document(), **_estimators_alone(options, source, models, photographs)}
    _save(document, bench, options)
    for failure in failures:
        sys.stderr.write(f"blazepose bench: {failure}\n")
    return 1 if failures or not bench.rows else 0


def _those_that_load(bench: Bench, options: argparse.Namespace) -> list[str]:
    """Return the reference and the other backends that load on this machine."""
    found = [REFERENCE]
    for backend in BACKENDS:
        if backend in (REFERENCE, AUTO):
            continue
        try:
            width, height = options.sizes[0]
            bench.try_out(Case(backend, options.models[0].name, width, height, precision=options.precision))
        except BenchError as err:
            say(f"{backend} is passed over: {err}")
        else:
            found.append(backend)
    return found


def _run_all(bench: Bench, cases: Sequence[Case]) -> list[str]:
    """Measure the cases and return what failed."""
    expected_s = len(cases) * (2 * bench.duration_s + OVERHEAD_S)
    say(f"{len(cases)} cases, about {expected_s / 60:.0f} minutes, showing {bench.source}")
    started_s = time.monotonic()
    failures = []
    with progress("", len(cases), "cases") as bar:
        for case in cases:
            name = f"{case.backend} {case.model} {case.label}"
            bar.describe(name)
            try:
                bench.run(case)
            except BenchError as err:
                failures.append(f"{name}: {err}")
            bar.advance()
    say(f"measured in {time.monotonic() - started_s:.0f} s\n")
    return failures


def _photographs(options: argparse.Namespace) -> list[LabeledPhotograph]:
    if options.annotations is None:
        return []
    images = options.images or options.annotations.parent
    return [
        LabeledPhotograph(image.frame, tuple(person.joints for person in image.labels.people))
        for image in read_images(images, read_coco(options.annotations))
    ]


def _estimators_alone(
    options: argparse.Namespace,
    source: str,
    models: Mapping[str, bytes],
    photographs: Sequence[LabeledPhotograph],
) -> dict[str, Any]:
    """Time every backend and precision, taking turns, and see what they get right."""
    leave_cores_to_the_model()
    document: dict[str, Any] = {"estimators": [], "accuracy": []}
    bgr = load_clip(source, options.sizes[0], frames=1)[0]
    frame = Frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), 0)
    for name, model in models.items():
        speed = speed_rows(model, frame, devices=options.devices)
        show(speed_table(name, speed), "")
        document["estimators"] += [{"model": name, **known(asdict(row))} for row in speed]
        if photographs:
            accuracy = accuracy_rows(model, photographs, devices=options.devices)
            show(accuracy_table(name, accuracy), "")
            document["accuracy"] += [{"model": name, **known(asdict(row))} for row in accuracy]
    return document


def _save(document: dict[str, Any], bench: Bench, options: argparse.Namespace) -> None:
    if options.json:
        options.json.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
        say(f"wrote {options.json}")
    if options.plot and bench.rows:
        hardware = document["machine"]
        save_plot(bench.rows, f"{hardware['cpu']}, {hardware['cores']} cores", options.plot)
        say(f"wrote {options.plot}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="blazepose bench",
        description="Measure the way from a camera's stamp to published poses: images delivered, poses per\n"
        "second, latency, processor time and memory, beside the estimator alone and the stock transport.",
        epilog=_DEFINITIONS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=file_to_write, metavar="FILE", help="write all figures")
    parser.add_argument("--plot", type=file_to_write, metavar="FILE", help="write a plot (PNG)")
    parser.add_argument("--source", default="", help="a video or an image (default: a photograph in motion)")
    parser.add_argument(
        "--annotations", type=Path, metavar="FILE", help="COCO keypoints, to measure the backends' accuracy"
    )
    parser.add_argument(
        "--images", type=Path, metavar="FOLDER", help="where their images are (default: beside the file)"
    )
    parser.add_argument("--quick", action="store_true", help="measure a short list of cases alone")
    parser.add_argument(
        "--devices", action="store_true", help="compare the estimators alone on GPUs and NPUs as well"
    )
    parser.add_argument(
        "--backends",
        nargs="+",
        choices=BACKENDS,
        metavar="BACKEND",
        help=f"{', '.join(BACKENDS)} (default: all that load)",
    )
    parser.add_argument(
        "--precision",
        choices=[each.value for each in Precision],
        default=Precision.F32.value,
        help="what the backends compute in, through ROS and in the raw loop (default: f32; auto suits all)",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        type=one_model,
        default=[one_model(DEFAULT_MODEL)],
        metavar="MODEL",
        help=f"{MODEL_HELP} (default: {DEFAULT_MODEL})",
    )
    parser.add_argument(
        "--sizes", nargs="+", type=_size, default=SIZES, metavar="WIDTHxHEIGHT", help="of the images"
    )
    parser.add_argument(
        "--cameras",
        type=int,
        choices=range(1, MAX_CAMERAS + 1),
        default=MAX_CAMERAS,
        help=f"the most at once (default: {MAX_CAMERAS})",
    )
    parser.add_argument(
        "--duration",
        type=number_above_0,
        default=DURATION_S,
        metavar="SECONDS",
        help=f"how long to measure each case (default: {DURATION_S:g})",
    )
    return parser


def _size(text: str) -> Size:
    numbers = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if not numbers:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 640x480")
    return int(numbers[1]), int(numbers[2])
