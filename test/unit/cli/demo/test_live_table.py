"""The demo's table on a terminal and in a file."""

import io
import math

import pytest
from support.bodies import placed, pose_of

from blazepose_ros.cli.demo.report import HEADER, DemoSnapshot, LiveTable, row

NOTHING = DemoSnapshot(math.nan, math.nan, math.nan, None)


def show(*, terminal):
    """Return what is written where a row is shown every 50 ms for 2.5 s."""
    stream = io.StringIO()
    table = LiveTable(stream.write, terminal=terminal)
    for step in range(51):
        table.show(step / 20, NOTHING)
    table.end()
    return stream.getvalue()


def test_a_row_shows_the_rates_the_latency_and_the_person():
    pose = placed((0.0, 0.0, 2.5), score=0.987)
    shown = row(3.2, DemoSnapshot(30.04, 14.96, 21.4, pose))
    assert shown.split("  ")[1:] != []
    for value in ("3 s", "30.0", "15.0", "21 ms", "0.99", "2.50 ± 0.55 m", "33 / 33"):
        assert value in shown


def test_columns_stand_under_their_heads():
    assert len(row(3.0, DemoSnapshot(30.0, 30.0, 20.0, placed()))) == len(row(0.0, NOTHING)) == len(HEADER)


@pytest.mark.parametrize("pose", [pose_of(), None])
def test_a_dash_stands_for_what_is_not_known(pose):
    cells = row(0.0, DemoSnapshot(math.nan, math.nan, math.nan, pose)).split()
    assert cells[2:7] == ["-"] * 5


def test_a_file_gets_a_line_a_second():
    lines = show(terminal=False).splitlines()
    assert lines[0] == HEADER
    assert [line.split()[0] for line in lines[1:]] == ["1", "2"]


def test_a_terminal_gets_one_line_that_changes():
    shown = show(terminal=True)
    assert shown.startswith(HEADER + "\n\r")
    assert shown.count("\n") == 2
    assert shown.endswith("\n")
    assert shown.count("\r") > 5


def test_no_table_is_drawn_where_nothing_came():
    stream = io.StringIO()
    LiveTable(stream.write, terminal=True).end()
    assert stream.getvalue() == ""
