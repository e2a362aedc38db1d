# SPDX-License-Identifier: Apache-2.0
"""What commands print: tables that fit, progress, and no escape codes where there is no terminal."""

import io
from typing import Any

import pytest
from rich.console import Console
from support.consoles import printed

from blazepose_ros.cli import console
from blazepose_ros.cli.console import FittingTable, note, print_on, progress, show

HEAD = ("case\nname", *(f"column {number}\nms" for number in range(12)))
ROWS = [
    [f"a case [{name}] of some length", *(f"{number * 1000.25:.2f}" for number in range(12))] for name in "ab"
]
TABLE = FittingTable(HEAD, ROWS)


def numbers(text: Any) -> Any:
    return [word for word in text.split() if "." in word]


def test_where_there_is_room_a_table_is_one_block() -> None:
    lines = printed(TABLE, width=300).splitlines()
    assert len(lines) == 4
    assert len(set(map(len, lines))) == 1
    assert lines[2].split()[-12:] == list(ROWS[0][1:])


@pytest.mark.parametrize("width", [20, 60, 80, 120])
def test_on_a_narrow_terminal_no_number_is_cut(width: int) -> None:
    text = printed(TABLE, width=width)
    assert sorted(numbers(text)) == sorted(cell for row in ROWS for cell in row[1:])
    assert all(text.count(row[0]) == len(text.splitlines()) // 4 for row in ROWS)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_table_is_as_narrow_as_the_terminal(width: int) -> None:
    assert max(map(len, printed(TABLE, width=width).splitlines())) <= width


def test_words_stand_left_and_numbers_right() -> None:
    lines = printed(FittingTable(("name", "n", "file"), [("a", "1", "x"), ("long", "100", "y.z")], (0, 2)))
    assert [line.rstrip() for line in lines.splitlines()] == [
        "name    n  file",
        "a       1  x",
        "long  100  y.z",
    ]


def test_wide_letters_take_their_room() -> None:
    table = FittingTable(("地域", "PDJ %"), [("アジア太平洋", "93.25")])
    assert "アジア太平洋  93.25" in printed(table, width=20)


def test_off_a_terminal_a_table_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    show(TABLE, "a [line] :smile: as it is " + 10 * "and on")
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert shown.splitlines()[-1] == "a [line] :smile: as it is " + 10 * "and on"


def test_on_a_terminal_the_headings_stand_out() -> None:
    text = io.StringIO()
    terminal = Console(file=text, force_terminal=True, width=200)
    print_on(terminal, TABLE)
    assert "\x1b[1m" in text.getvalue()


def test_off_a_terminal_progress_is_one_line_of_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("[full] on openvino", 3, "images") as bar:
        bar.advance()
        note("a [note]")
        bar.advance(2)
    said, line = capsys.readouterr().err.splitlines()
    assert said == "a [note]"
    assert line.startswith("[full] on openvino ")
    assert "3/3 images" in line
    assert "\x1b" not in line


def test_progress_names_what_is_being_done(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    terminal = Console(file=text, force_terminal=True, width=80)
    monkeypatch.setattr(console, "_STDERR", terminal)
    with progress("", 2, "cases") as bar:
        bar.describe("mediapipe full 640x480 raw 30 Hz")
        bar.advance()
    assert "mediapipe full 640x480 raw 30 Hz" in text.getvalue()
    assert "1/2 cases" in text.getvalue()
