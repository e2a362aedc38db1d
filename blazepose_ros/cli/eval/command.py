# SPDX-License-Identifier: Apache-2.0
"""``blazepose eval``: the accuracy of the models on labeled images."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from blazepose_ros.cli.console import count_from_1, file_to_write, progress, say, show
from blazepose_ros.cli.eval.annotations import (
    AnnotationsError,
    LabeledImage,
    is_video,
    read_coco,
    read_csv,
    read_images,
    unlabeled,
)
from blazepose_ros.cli.eval.html_report import worst_images, write_html
from blazepose_ros.cli.eval.model_under_test import DETECTION, MODES, TRACKING, prepare
from blazepose_ros.cli.eval.pdj import REACH, Rule
from blazepose_ros.cli.eval.report import document, image_rows, tables, write_csv, write_json
from blazepose_ros.cli.eval.score import Score, score_all
from blazepose_ros.cli.eval.summary import Fairness, GroupRow, fairness, grouping_columns, rows
from blazepose_ros.cli.executor import ExecutorError, Workers, completed, open_workers
from blazepose_ros.cli.models import ALL_MODELS, MODEL_HELP, some_models
from blazepose_ros.cli.signals import Interruption
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.factory import AUTO, BACKENDS, FASTEST_FIRST
from blazepose_ros.core.models.registry import Bundle, ModelError

NAME = "blazepose eval"
EVERY_BACKEND = "all"
_READERS = {".csv": read_csv, ".json": read_coco}


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose eval`` and return its exit status."""
    options = _parser().parse_args(arguments)
    if options.scheduler:  # workers have working folders of their own
        options.images = options.images.absolute()
    with Interruption():
        try:
            return _run(options)
        except (AnnotationsError, EstimatorError, ExecutorError, ModelError) as err:
            sys.stderr.write(f"{NAME}: {err}\n")
        except OSError as err:
            sys.stderr.write(f"{NAME}: {err.filename} cannot be written: {err.strerror}\n")
    return 1


def _run(options: argparse.Namespace) -> int:
    labels = _labels(options)
    found: list[GroupRow] = []
    images: list[dict[str, Any]] = []
    scored: dict[str, Sequence[Score]] = {}
    with open_workers(options.jobs, options.scheduler) as workers:
        for bundle, wanted in _pairs(options):
            backend, scores = _scores(options, labels, (bundle, wanted), workers)
            columns = options.group_by or grouping_columns(scores)
            found += rows(scores, bundle.name, backend, columns)
            images += image_rows(scores, bundle.name, backend)
            scored[f"{bundle.name} on {backend}"] = scores
    fair = fairness(found)
    show(*tables(found, fair))
    _save(options, found, fair, images)
    if options.html:
        worst = ((name, worst_images(options.images, labels, scores)) for name, scores in scored.items())
        write_html(options.html, found, fair, worst)
        say(f"wrote {options.html}")
    return 0


def _labels(options: argparse.Namespace) -> list[LabeledImage]:
    if not options.images.exists():
        raise AnnotationsError(f"{options.images} does not exist")
    if options.annotations is None:
        return unlabeled(options.images)
    suffix = options.annotations.suffix.lower()
    if suffix not in _READERS:
        raise AnnotationsError(f"{options.annotations} is neither .json (COCO keypoints) nor .csv")
    labels = _READERS[suffix](options.annotations)
    known = {column for each in labels for column in each.groups}
    for column in options.group_by:
        if column not in known:
            names = ", ".join(sorted(known)) or "none"
            raise AnnotationsError(f"there is no column {column!r} to group by; there are: {names}")
    return labels


def _pairs(options: argparse.Namespace) -> Iterator[tuple[Bundle, str]]:
    """Yield each model with each backend."""
    backends = list(FASTEST_FIRST) if EVERY_BACKEND in options.backend else options.backend
    for bundle in dict.fromkeys(chain.from_iterable(options.model)):
        for backend in backends:
            yield bundle, backend


# So many images of a folder are a task for a worker, which loads the model for each.
IMAGES_OF_TASK = 100


def _scores(
    options: argparse.Namespace,
    labels: Sequence[LabeledImage],
    wanted: tuple[Bundle, str],
    workers: Workers,
) -> tuple[str, list[Score]]:
    """Return what ran a model, and the scores of all images in their order."""
    bundle, backend = wanted
    is_alone = options.jobs == 1 and not options.scheduler
    in_sequence = options.mode == TRACKING or is_video(options.images)
    parts = [labels[start : start + IMAGES_OF_TASK] for start in range(0, len(labels), IMAGES_OF_TASK)]
    with progress(f"{bundle.name} on {backend}", len(labels), "images") as bar:
        if is_alone or in_sequence:
            return score_part(options, labels, bundle, backend, bar.advance)
        submit = workers.executor.submit
        futures = {submit(score_part, options, part, bundle, backend): len(part) for part in parts}
        try:
            for future in completed(futures):
                backend, _ = future.result()
                bar.advance(futures[future])
        except workers.lost as err:
            raise EstimatorError(str(err)) from err
    return backend, [score for future in futures for score in future.result()[1]]


def score_part(
    options: argparse.Namespace,
    labels: Sequence[LabeledImage],
    bundle: Bundle,
    backend: str,
    advance: Callable[[], object] = lambda: None,
) -> tuple[str, list[Score]]:
    """Return what ran a model, and the scores of some of the images; a task for a worker.

    Raises:
        AnnotationsError, EstimatorError, ModelError: an image, the backend or the model cannot be read.
    """
    model = prepare(bundle, backend, options.mode, options.min_detection_confidence)
    tracked = options.mode == TRACKING
    rule = Rule(options.threshold, None if options.ignore_visibility else options.visibility_threshold)
    images = read_images(options.images, labels, in_sequence=tracked)
    scores = []
    try:
        for score in score_all(model.search, images, rule, bundle.complexity, tracked=tracked):
            scores.append(score)
            advance()
    finally:
        model.search.close()
    return model.backend, scores


def _save(
    options: argparse.Namespace,
    found: Sequence[GroupRow],
    fair: Sequence[Fairness],
    images: Sequence[dict[str, Any]],
) -> None:
    if options.json:
        write_json(options.json, document(found, fair, images, _settings(options)))
    if options.csv:
        write_csv(options.csv, found)
    if options.plot:
        from blazepose_ros.cli.eval.report import save_plot

        save_plot(found, fair, options.plot)
    for path in filter(None, (options.json, options.csv, options.plot)):
        say(f"wrote {path}")


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options as JSON has them."""
    settings = {
        name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()
    }
    return settings | {"model": [bundle.name for bundle in chain.from_iterable(options.model)]}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="Measure the models' accuracy on labeled images, as BlazePose GHUM 3D's model card\n"
        "does: PDJ, the percentage of joints whose visibility is predicted as it is and that are found\n"
        "within a fifth of the torso's diameter; by group, with the card's criterion of fairness.",
        epilog="docs/accuracy.md describes the formats of ANNOTATIONS, and what else they may hold: groups,\n"
        "3D joints, calibration, true places.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("images", type=Path, metavar="IMAGES", help="a folder of images, or a video")
    parser.add_argument(
        "annotations",
        type=Path,
        nargs="?",
        metavar="ANNOTATIONS",
        help="COCO keypoints (.json) or a table (.csv); without them, jitter and latency alone",
    )
    parser.add_argument(
        "--model",
        nargs="+",
        type=some_models,
        default=[some_models("full")],
        metavar="MODEL",
        help=f"{MODEL_HELP}, or {ALL_MODELS} (default: full)",
    )
    parser.add_argument(
        "--backend", nargs="+", choices=[*BACKENDS, EVERY_BACKEND], default=[AUTO], help=f"(default: {AUTO})"
    )
    parser.add_argument(
        "--mode",
        choices=MODES,
        default=DETECTION,
        help="detect the person in each image by itself, track from the image before, or, as the model"
        " card does, take the ROI from the labels (default: detection)",
    )
    parser.add_argument(
        "--group-by", nargs="+", default=[], metavar="COLUMN", help="(default: every column there is)"
    )
    parser.add_argument(
        "--threshold",
        type=_share,
        default=REACH,
        metavar="SHARE",
        help=f"how far off a joint may be, in diameters of the torso (default: {REACH:g})",
    )
    parser.add_argument(
        "--visibility-threshold",
        type=_share,
        default=0.5,
        metavar="SHARE",
        help="from which predicted visibility on a joint counts as visible (default: 0.5)",
    )
    parser.add_argument("--ignore-visibility", action="store_true", help="leave visibility out of PDJ")
    parser.add_argument(
        "--min-detection-confidence",
        type=_share,
        default=0.6,
        metavar="SHARE",
        help="detections below it are left out (default: 0.6, the node's)",
    )
    parser.add_argument(
        "--jobs",
        type=count_from_1,
        default=1,
        metavar="N",
        help="how many parts of a folder to work on at once (default: 1, so that latency is that of one)",
    )
    parser.add_argument(
        "--scheduler", default="", metavar="ADDRESS", help="have the workers of a Dask cluster do it instead"
    )
    parser.add_argument(
        "--html", type=file_to_write, metavar="FILE", help="write a page with all that and the worst images"
    )
    parser.add_argument("--json", type=file_to_write, metavar="FILE", help="write all figures")
    parser.add_argument("--csv", type=file_to_write, metavar="FILE", help="write all figures as a table")
    parser.add_argument("--plot", type=file_to_write, metavar="FILE", help="write a plot (PNG)")
    return parser


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return share
