# SPDX-License-Identifier: Apache-2.0
"""The rows of the benchmark; how long anything takes is no matter of tests."""

import math
from pathlib import Path

import numpy as np
import pytest
from support.photographs import PERSON, labelled_people, read_rgb

from blazepose_ros.cli.bench.estimators import (
    REFERENCE,
    LabeledPhotograph,
    accuracy_rows,
    interleaved_ms,
    speed_rows,
)
from blazepose_ros.core.types import Frame, ModelComplexity


def test_cases_take_turns() -> None:
    calls = []
    times_ms = interleaved_ms({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2)
    assert set(times_ms) == {"a", "b"}
    assert all(time_ms >= 0 for time_ms in times_ms.values())
    turns = "".join(calls[-20:]).replace("aaaaa", "A").replace("bbbbb", "B")
    assert turns == "ABAB"


def test_every_installed_backend_has_a_row_and_a_floor(
    models: dict[ModelComplexity, bytes], data: Path
) -> None:
    pytest.importorskip("openvino")
    frame = Frame(read_rgb(data / PERSON), 0)
    rows = {row.name: row for row in speed_rows(models[ModelComplexity.LITE], frame, rounds=1)}
    assert {REFERENCE, "openvino f32", "openvino f32, one inference"} <= set(rows)
    assert rows[REFERENCE].speedup == 1
    for row in rows.values():
        assert row.speedup == pytest.approx(rows[REFERENCE].frame_ms / row.frame_ms)


def test_accuracy_is_measured_for_every_backend(models: dict[ModelComplexity, bytes], data: Path) -> None:
    pytest.importorskip("openvino")
    photographs = [
        LabeledPhotograph(Frame(read_rgb(data / file), 0), tuple(people))
        for file, people in labelled_people(data).items()
        if file in (str(PERSON), "images/walker_far_away.png")
    ]
    assert len(photographs) == 2
    rows = {row.name: row for row in accuracy_rows(models[ModelComplexity.LITE], photographs)}
    assert rows[REFERENCE].world_error_m == 0
    assert rows["openvino f32"].pdj == rows[REFERENCE].pdj > 0.5
    assert rows["openvino f32"].world_error_m < 0.005


def test_without_anybody_found_there_is_no_accuracy(models: dict[ModelComplexity, bytes]) -> None:
    blank = LabeledPhotograph(Frame(np.zeros((64, 64, 3), np.uint8), 0), ())
    for row in accuracy_rows(models[ModelComplexity.LITE], [blank]):
        assert math.isnan(row.pdj)
        assert math.isnan(row.world_error_m)
