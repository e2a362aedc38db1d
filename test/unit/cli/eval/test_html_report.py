# SPDX-License-Identifier: Apache-2.0
"""The evaluation as a page."""

import math
from pathlib import Path

import cv2
import numpy as np

from blazepose_ros.cli.eval.annotations import LabeledImage, LabeledPerson
from blazepose_ros.cli.eval.html_report import WORST, worst_images, write_html
from blazepose_ros.cli.eval.score import Score
from blazepose_ros.cli.eval.summary import fairness, rows

SIZE = 40


def score(name: str, pdj: float) -> Score:
    place = np.full((33, 2), SIZE / 2, np.float32)
    groups = {"region": "<north>" if pdj > 50 else "south"}
    return Score(name, groups, pdj > 0, pdj, math.nan, math.nan, math.nan, 1.0, None, place, 10.0)


def test_the_page_shows_the_worst_images_first_and_what_is_labeled(tmp_path: Path) -> None:
    joints = np.zeros((33, 3))
    joints[11] = (5, 30, 2)
    names = [f"{number}.jpg" for number in range(WORST + 3)]
    for name in names:
        cv2.imwrite(str(tmp_path / name), np.zeros((SIZE, SIZE, 3), np.uint8))
    labels = [LabeledImage(name, people=(LabeledPerson(joints),)) for name in names]
    scores = [score(name, 90.0 - number) for number, name in enumerate(names)]
    scores[3] = score(names[3], 0.0)

    shown = list(worst_images(tmp_path, labels, scores))
    assert len(shown) == WORST
    captions = [caption for caption, _ in shown]
    assert captions[0] == "3.jpg: nobody found: region south"
    assert captions[1] == f"{names[-1]}: 76 % PDJ: region <north>"
    pixels = shown[1][1]
    assert pixels[30, 5].tolist() == [255, 255, 255]  # the label
    assert pixels[SIZE // 2, SIZE // 2].max() > 200  # what was found

    found = rows(scores, "lite", "none", ["region"])
    write_html(tmp_path / "eval.html", found, fairness(found), [("lite on none", shown)])
    page = (tmp_path / "eval.html").read_text()
    assert page.count("<figure>") == WORST
    assert "region: &lt;north&gt;" in page
    assert "<north>" not in page
    assert "model card&#x27;s 7.5 % PDJ" in page
