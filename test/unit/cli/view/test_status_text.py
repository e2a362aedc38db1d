# SPDX-License-Identifier: Apache-2.0
"""What the page says, in its own words and in those of strangers."""

from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from support.bodies import placed, pose_of

from blazepose_ros.cli.view import status_text
from blazepose_ros.cli.view.status_text import CameraStatus, Diagnosis
from blazepose_ros.core.diagnostics.statistics import STAGES
from blazepose_ros.core.visualization.palette import label

THRESHOLD = 0.5
BUSY = CameraStatus(poses_hz=29.94, images_hz=15.0, latency_ms=18.25, stages_ms={"transport": 1.0})
EVIL = "<img src=x onerror=alert(1)>\n\x1b[31m& \u202e" + "x" * 100_000


class Shown(HTMLParser):
    """The elements and the text of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_rates_are_written() -> None:
    text = status_text.rates(BUSY)
    for number in ("29.9", "15.0", "18.2"):
        assert number in text
    assert ">-<" in status_text.rates(CameraStatus(poses_hz=1.0))


def test_a_person_has_the_same_distance_as_in_the_image() -> None:
    person = placed((0.0, 0.0, 3.0), covariance=np.diag([0.1, 0.1, 0.2]) ** 2)
    text = Shown(status_text.people_list([person], THRESHOLD)).text
    assert text == "person 1  3.00 m ± 0.20 m33 of 33 visible"
    assert text.startswith(label(person))


def test_what_a_person_has_done_stands_below() -> None:
    people = [pose_of(person_id=number) for number in (1, 2)]
    text = Shown(status_text.people_list(people, THRESHOLD, {2: ["squat 3", "lunge 1"], 5: ["squat 9"]})).text
    assert text == "person 133 of 33 visibleperson 2squat 3lunge 133 of 33 visible"
    evil = Shown(status_text.people_list(people, THRESHOLD, {1: [EVIL]}))
    assert "img" not in evil.elements


@pytest.mark.parametrize("covariance", [np.full((3, 3), np.nan), -np.eye(3)])
def test_a_covariance_that_is_none_is_left_out(covariance: Any) -> None:
    assert "±" not in Shown(status_text.people_list([placed(covariance=covariance)], THRESHOLD)).text


def test_people_without_a_place_and_hidden_landmarks() -> None:
    visibility = np.r_[np.zeros(3), np.ones(30)]
    text = Shown(status_text.people_list([pose_of(person_id=4, visibility=visibility)], THRESHOLD)).text
    assert text == "person 430 of 33 visible"
    assert "Nobody" in status_text.people_list([], THRESHOLD)


@pytest.mark.parametrize(
    ("camera", "status", "hint"),
    [
        ("", CameraStatus(), "blazepose_node"),
        ("/a/poses", CameraStatus(), "Is the camera running, and is the node active?"),
        ("/a/poses", CameraStatus(poses_hz=5.0), "/a/annotated_image"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(camera: str, status: CameraStatus, hint: str) -> None:
    assert hint in status_text.hints(camera, status)


def test_nothing_is_said_where_nothing_is_missing() -> None:
    assert status_text.hints("/a/poses", BUSY) == ""
    assert status_text.hints("/a/poses", CameraStatus(poses_hz=5.0, fused=True)) == ""


def test_stages_are_written_or_the_topic_that_brings_them() -> None:
    stages = dict.fromkeys(STAGES, 2.0)
    assert "2.0 ms" in status_text.stages(CameraStatus(stages_ms=stages))
    assert "timing" in status_text.stages(CameraStatus())


def test_the_worst_diagnostic_comes_first() -> None:
    text = status_text.diagnostics([Diagnosis("a", 0, "fine"), Diagnosis("b", 2, "broken")])
    assert text.index("broken") < text.index("fine")
    assert "ERROR" in text
    assert "No diagnostics" in status_text.diagnostics([])


def test_texts_from_outside_cannot_change_the_page() -> None:
    plain = status_text.diagnostics([Diagnosis("a", 7, "b")]) + status_text.hints("/a/b", CameraStatus())
    evil = status_text.diagnostics([Diagnosis(EVIL, 7, EVIL)]) + status_text.hints(EVIL, CameraStatus())
    assert Shown(evil).elements == Shown(plain).elements
    assert r"<img src=x onerror=alert(1)>\n\x1b[31m& \u202e" in Shown(evil).text
    assert len(evil) < 5000
