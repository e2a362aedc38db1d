# SPDX-License-Identifier: Apache-2.0
"""The evaluation as one page of HTML, with its plot and the worst images in it."""

from __future__ import annotations

import base64
import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.eval.annotations import LabeledFrame, LabeledImage, read_images
from blazepose_ros.cli.eval.pdj import UNLABELED
from blazepose_ros.cli.eval.report import fairness_line, save_plot, table_cells
from blazepose_ros.cli.eval.score import Score, image_name
from blazepose_ros.cli.eval.summary import Fairness, GroupRow

WORST = 12
_THUMBNAIL_PX = 420
_MARK_PX, _LINE_PX = 4, 2
_FOUND_BGR, _LABELED_BGR = (64, 160, 255), (255, 255, 255)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 1000px; margin: 2em auto }
table { border-collapse: collapse; margin: 1em 0 } td, th { padding: .2em .8em; text-align: right }
td:first-child, th:first-child { text-align: left } tr:nth-child(even) { background: #f2f4f7 }
figure { display: inline-block; margin: .5em; vertical-align: top } img { max-width: 100% }
figcaption { font-size: 13px; max-width: 420px }
"""


def write_html(
    path: Path,
    rows: Sequence[GroupRow],
    fair: Sequence[Fairness],
    worst: Iterable[tuple[str, Iterable[tuple[str, NDArray[np.uint8]]]]],
) -> None:
    """Write the page.

    Args:
        path: the file.
        rows: what was found.
        fair: how far the groups of each column are apart.
        worst: of each model and backend, its name and `worst_images`.

    Raises:
        OSError: the disk does not take it.
    """
    parts = ["<h1>Accuracy</h1>", _plot(rows, fair)]
    for model, backend in dict.fromkeys((row.model, row.backend) for row in rows):
        pair = (model, backend)
        parts.append(f"<h2>{escape(model)} on {escape(backend)}</h2>")
        parts.append(_table([row for row in rows if (row.model, row.backend) == pair]))
        parts += [
            f"<p>{escape(fairness_line(each))}</p>" for each in fair if (each.model, each.backend) == pair
        ]
    for name, images in worst:
        parts.append(f"<h2>The worst images: {escape(name)}</h2>")
        parts.append("<p>Dots are what was found, crosses what was labeled.</p>")
        parts += [_figure(caption, bgr) for caption, bgr in images]
    head = "<!doctype html><html lang='en'><meta charset='utf-8'><title>Accuracy</title>"
    path.write_text("\n".join([head, f"<style>{_STYLE}</style>", *parts, "</html>\n"]))


def worst_images(
    images: Path, labels: Sequence[LabeledImage], scores: Sequence[Score]
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield caption and pixels, blue first, of the images with the lowest PDJ, the worst first.

    Args:
        images: the folder or video that was evaluated.
        labels: what is true of the images.
        scores: of the images.
    """
    measured = [score for score in scores if math.isfinite(score.pdj)]
    worst = {score.name: score for score in sorted(measured, key=lambda score: score.pdj)[:WORST]}
    wanted = [each for each in labels if image_name(each) in worst]
    shown = {
        image_name(each.labels): _drawn(each, worst[image_name(each.labels)])
        for each in read_images(images, wanted)
        if image_name(each.labels) in worst
    }
    for name, score in worst.items():
        groups = ", ".join(f"{column} {group}" for column, group in score.groups.items())
        found = f"{score.pdj:.0f} % PDJ" if score.found else "nobody found"
        yield ": ".join(filter(None, (name, found, groups))), shown[name]


def _drawn(image: LabeledFrame, score: Score) -> NDArray[np.uint8]:
    rgb = image.frame.rgb
    scale = min(1.0, _THUMBNAIL_PX / max(rgb.shape[:2]))
    pixels = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    for person in image.labels.people:
        for x, y, flag in person.joints:
            if flag != UNLABELED:
                place = (round(scale * x), round(scale * y))
                cv2.drawMarker(bgr, place, _LABELED_BGR, cv2.MARKER_CROSS, 3 * _MARK_PX, _LINE_PX)
    for x, y in score.screen_px[np.isfinite(score.screen_px).all(axis=1)]:
        cv2.circle(bgr, (round(scale * x), round(scale * y)), _MARK_PX, _FOUND_BGR, -1, cv2.LINE_AA)
    return bgr


def _plot(rows: Sequence[GroupRow], fair: Sequence[Fairness]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "plot.png")
        save_plot(rows, fair, path)
        return _image("png", path.read_bytes())


def _figure(caption: str, bgr: NDArray[np.uint8]) -> str:
    image = _image("jpeg", cv2.imencode(".jpg", bgr)[1].tobytes())
    return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>"


def _image(kind: str, content: bytes) -> str:
    return f"<img alt='' src='data:image/{kind};base64,{base64.b64encode(content).decode()}'>"


def _table(rows: Sequence[GroupRow]) -> str:
    head, *lines = table_cells(rows)
    cells = [f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>"]
    cells += [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines]
    return f"<table>{''.join(cells)}</table>"
