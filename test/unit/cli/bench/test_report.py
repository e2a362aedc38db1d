# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest
from support.bench_cases import row, silent_row
from support.consoles import printed

from blazepose_ros.cli.bench.plan import Case
from blazepose_ros.cli.bench.report import save_plot, tables

CASE = Case("mediapipe", "full", 640, 480)
STOCK = replace(CASE, transport="stock")


def lines(*rows: Any) -> Any:
    return printed(*tables(rows)).rstrip().splitlines()


def test_a_row_shows_its_figures() -> None:
    title, headings, _units, figures = lines(row())
    assert title == "mediapipe, full"
    assert figures.startswith("640x480 raw 30 Hz")
    shown = dict(zip(headings.replace("of raw", "of_raw").split(), figures.split()[4:], strict=True))
    assert shown["delivered"] == "100.0"
    assert shown["of_raw"] == "0.60"
    assert shown["added"] == "5.0"
    assert shown["cpu/pose"] == "24.0"
    assert shown["memory"] == "250"


def test_columns_stand_under_each_other() -> None:
    _title, *shown = lines(row(), row(replace(CASE, width=1920, height=1080, cameras=4), poses_per_s=1234.5))
    assert len({len(line) for line in shown}) == 1


def test_on_a_narrow_terminal_columns_go_on_below_and_no_number_is_cut() -> None:
    wide, narrow = (printed(*tables([row(poses_per_s=1234.5)]), width=width) for width in (300, 80))
    assert max(map(len, narrow.splitlines())) <= 80
    assert len(narrow.splitlines()) > len(wide.splitlines())
    assert set(narrow.split()) == set(wide.split())
    assert narrow.count("640x480 raw 30 Hz") > 1


def test_what_is_not_known_is_a_dash() -> None:
    assert lines(silent_row(STOCK))[3].split()[-2] == "-"


def test_each_backend_and_model_has_a_block() -> None:
    rows = [
        row(),
        row(replace(CASE, backend="openvino")),
        row(replace(CASE, backend="openvino", model="lite")),
    ]
    assert [block.splitlines()[0] for block in printed(*tables(rows)).rstrip().split("\n\n")] == [
        "mediapipe, full",
        "openvino, full",
        "openvino, lite",
    ]


def test_both_transports_stand_side_by_side_with_their_ratio() -> None:
    compared = lines(row(), row(STOCK, delivered=0.25, poses_per_s=7.5, added_ms_p50=10.0))[-1]
    assert compared == (
        "640x480 raw 30 Hz, profile against stock: delivered 100.0 % : 25.0 % (x4),"
        " poses/s 30.0 : 7.5 (x4), added 5.0 ms : 10.0 ms (x0.5)"
    )


def test_a_transport_that_delivers_nothing_has_no_ratio() -> None:
    assert "delivered 100.0 % : 0.0 % (-)" in lines(row(), silent_row(STOCK))[-1]


@pytest.mark.parametrize(
    "rows", [[row()], [row(), silent_row(STOCK), row(replace(CASE, backend="openvino"))]]
)
def test_a_plot_is_a_picture_that_grows_with_the_rows(rows: Any, tmp_path: Path) -> None:
    save_plot(rows, "a machine", tmp_path / "bench.png")
    picture = cv2.imread(str(tmp_path / "bench.png"))
    assert picture.shape[1] > 1000
    assert picture.std() > 10
    save_plot(rows * 4, "a machine", tmp_path / "more.png")
    assert cv2.imread(str(tmp_path / "more.png")).shape[0] > picture.shape[0]
