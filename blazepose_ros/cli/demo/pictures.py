# SPDX-License-Identifier: Apache-2.0
"""The demo of pictures: each is looked at by itself and annotated, without a camera and a node."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.console import FittingTable, ProgressBar, note, progress, say, show
from blazepose_ros.cli.demo.report import UNKNOWN, person_cells
from blazepose_ros.core.api import create_estimator
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.files import write_atomically
from blazepose_ros.core.frame_anonymizer import FrameAnonymizer
from blazepose_ros.core.frame_sources.files import IMAGE_SUFFIXES, ImageFolder, StillImage
from blazepose_ros.core.frame_sources.frame_source import SourceError
from blazepose_ros.core.models.registry import Bundle
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import Frame
from blazepose_ros.core.visualization.anonymizer import Anonymize
from blazepose_ros.core.visualization.skeleton_overlay import annotate

FOLDER = "pictures"
HEAD = ("picture", "person", "score", "landmarks", "hip distance")


def is_pictures(source: str) -> bool:
    """Tell whether a source is a picture or a folder, in contrast to a video or a webcam."""
    path = Path(source).expanduser()
    return bool(source) and (path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES)


def show_pictures(source: Path, model: Bundle, output: Path, anonymize: Anonymize = Anonymize.NONE) -> int:
    """Annotate a picture, or each of a folder, and say what was found.

    Args:
        source: the picture or the folder.
        model: what looks at them.
        output: a PNG of each is written into this one's folder `pictures`.
        anonymize: what of people is hidden in them.

    Returns:
        The exit status: 0 only if there is a person in one of them.

    Raises:
        SourceError: the source is missing or holds no picture.
        ModelError: the model is missing or damaged.
        EstimatorError: no backend loads, or one fails.
        OSError: a file cannot be written.
    """
    if not source.exists():
        raise SourceError(f"{source} does not exist")
    paths = ImageFolder(source).paths if source.is_dir() else [source]
    folder = output / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    settings, anonymizer = NodeSettings(anonymize=anonymize), FrameAnonymizer(FunctionLogger(note))
    stems, rows = Counter(path.stem for path in paths), []
    with (
        create_estimator(model.complexity) as estimator,
        progress("annotating", len(paths), "pictures") as bar,
    ):
        for path, rgb in _readable(paths, bar):
            estimator.reset()
            anonymizer.reset()
            # People of another picture are others: ids begin anew.
            found = estimator.estimate(frame := Frame(rgb, 0))
            poses = [replace(pose, person_id=number) for number, pose in enumerate(found, 1)]
            shown = anonymizer.shown(frame, poses, settings)
            name = path.stem if stems[path.stem] == 1 else path.name
            _write_png(folder / f"{name}.png", annotate(shown, poses, settings.visibility_threshold))
            rows.append((path.name, "yes" if poses else UNKNOWN, *person_cells(poses[0] if poses else None)))
    if rows:
        show(FittingTable(HEAD, rows))
    with_person = sum(row[1] != UNKNOWN for row in rows)
    say(f"A person in {with_person} of {len(rows)} pictures; wrote them to {folder}")
    if not with_person:
        sys.stderr.write("blazepose demo: there is no person in these pictures\n")
    return 0 if with_person else 1


def _readable(paths: Sequence[Path], bar: ProgressBar) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
    """Yield pictures, (height, width, 3), red first; a damaged one is told of and passed over."""
    for path in paths:
        bar.advance()
        try:
            captured = StillImage(path).read()
        except SourceError as err:
            note(f"blazepose demo: {err}")
            continue
        if captured is not None:
            yield path, cv2.cvtColor(captured.bgr, cv2.COLOR_BGR2RGB)


def _write_png(path: Path, rgb: NDArray[np.uint8]) -> None:
    _, content = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    write_atomically(path, content.tobytes())
