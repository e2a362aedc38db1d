# SPDX-License-Identifier: Apache-2.0
"""The demo's table on a terminal and in a file."""

import io
import math
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console
from support.bodies import placed, pose_of
from support.consoles import printed

from blazepose_ros.cli.console import plain_console
from blazepose_ros.cli.demo.report import HEAD, DemoSnapshot, LiveTable, cells, table

NOTHING = DemoSnapshot(math.nan, math.nan, math.nan, None)


def show(console: Any) -> None:
    """Show a row every 50 ms for 2.5 s."""
    with LiveTable(console) as live:
        for step in range(51):
            live.show(step / 20, NOTHING)


def terminal() -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, force_terminal=True, width=80, highlight=False), text


def test_a_row_shows_the_rates_the_latency_and_the_person() -> None:
    pose = placed((0.0, 0.0, 2.5), score=0.987)
    shown = cells(3.2, DemoSnapshot(30.04, 14.96, 21.4, pose))
    assert shown == ("3 s", "30.0", "15.0", "21 ms", "0.99", "33 / 33", "2.50 ± 0.55 m")


def test_columns_stand_under_their_heads_in_80_columns() -> None:
    busy = DemoSnapshot(300.0, 30.0, 2000.0, placed((0, 0, 20), score=1.0), 20.5)
    rows = [cells(3600.0, busy), cells(0.0, replace(NOTHING, true_m=math.nan))]
    whole = printed(table(rows), width=80).splitlines()
    assert [line.split() for line in whole[1:]] == [" ".join(row).split() for row in rows]
    assert len({len(line.rstrip()) for line in whole}) == 1
    assert len(whole[0]) <= 80
    one_by_one = [printed(table([row], head=False), width=80) for row in rows]
    assert "".join(one_by_one).splitlines() == whole[1:]


@pytest.mark.parametrize("pose", [pose_of(), None])
def test_a_dash_stands_for_what_is_not_known(pose: Any) -> None:
    shown = cells(0.0, DemoSnapshot(math.nan, math.nan, math.nan, pose))
    assert shown[1:5] == ("-",) * 4


def test_a_file_gets_a_line_a_second_of_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    show(plain_console())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == " ".join(HEAD[:-1]).split()
    assert [line.split()[0] for line in lines[1:]] == ["1", "2"]
    assert not any("\x1b" in line for line in lines)


def test_a_terminal_gets_one_row_that_changes() -> None:
    console, text = terminal()
    show(console)
    shown = text.getvalue()
    assert shown.count("images/s") > 5
    frames = re.sub(r"\x1b\[[^A-Za-z]*[A-Za-z]", "", shown).split("\r")
    assert all(len(frame.strip().splitlines()) <= 2 for frame in frames)
    assert shown.rstrip().endswith("\x1b[?25h")  # the cursor is back


def test_no_table_is_drawn_where_nothing_came() -> None:
    console, text = terminal()
    with LiveTable(console):
        pass
    assert text.getvalue() == ""
