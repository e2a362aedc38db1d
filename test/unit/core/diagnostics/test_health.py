# SPDX-License-Identifier: Apache-2.0
"""Each thing that can be wrong, the level it is given, and what is said of it."""

from dataclasses import replace
from typing import Any

import pytest

from blazepose_ros.core.diagnostics.health import (
    MAX_PROCESSING_MS,
    MIN_PROCESSED_SHARE,
    STALE_AFTER_S,
    Level,
    Situation,
    assess,
)
from blazepose_ros.core.diagnostics.statistics import Drop, Snapshot

WELL = Snapshot(
    input_hz=30.0,
    processed_hz=30.0,
    dropped={},
    processing_ms=(12.0, 20.0),
    latency_ms=(15.0, 25.0),
    last_image_age_s=0.02,
    last_person_age_s=5.0,
    time_jumps=0,
    unstamped=0,
    stamp_age_s=0.01,
    people=(),
)
ACTIVE = Situation("active", active=True, listens=True, topic="/image")
SILENT = {"input_hz": 0.0, "processed_hz": 0.0, "last_image_age_s": STALE_AFTER_S}


def health(situation: Any = None, **snapshot: Any) -> Any:
    return assess(replace(WELL, **snapshot), replace(ACTIVE, **(situation or {})))


@pytest.mark.parametrize("stamp_age_s", [-1.0, 0.0, 10.0, float("nan")])
def test_stamps_near_the_nodes_clock_are_well(stamp_age_s: float) -> None:
    assert health(stamp_age_s=stamp_age_s).level == Level.OK


def test_a_node_that_works_is_well() -> None:
    assert (health().level, health().message) == (Level.OK, "working")


@pytest.mark.parametrize(
    ("situation", "snapshot", "level", "message"),
    [
        ({"trouble": "the estimator hangs"}, {}, Level.ERROR, "the estimator hangs"),
        ({}, SILENT, Level.STALE, "no image on /image for 2 s"),
        ({"publishers": 0}, SILENT, Level.STALE, "no publisher on /image"),
        (
            {"publishers": 0, "elsewhere": "/image_raw has one: start the node with ..."},
            SILENT,
            Level.STALE,
            "no publisher on /image; /image_raw has one: start the node with ...",
        ),
        ({"impairment": "on /image 9 % are lost"}, {}, Level.WARN, "on /image 9 % are lost"),
        ({}, {"dropped": {Drop.UNREADABLE: 2}}, Level.WARN, "2 because it could not be read"),
        (
            {},
            {"dropped": {Drop.ESTIMATOR: 9}, "processed_hz": 0.0},
            Level.ERROR,
            "9 because the estimator failed",
        ),
        (
            {},
            {"dropped": {Drop.BUSY: 80}, "processed_hz": 30 * MIN_PROCESSED_SHARE - 1},
            Level.WARN,
            "only 14.0 of 30.0 images a second are processed: choose a lighter model_complexity",
        ),
        ({}, {"processing_ms": (20.0, MAX_PROCESSING_MS + 1)}, Level.WARN, "an image takes up to 251 ms"),
        ({"calibrated": False}, {}, Level.WARN, "not calibrated"),
        ({"concerns": ("depth never fits", "P is used")}, {}, Level.WARN, "depth never fits; P is used"),
        ({}, {"blank": 7}, Level.WARN, "7 images are black, white or without contrast"),
        ({"mismatch": "set image_reliability"}, {}, Level.WARN, "set image_reliability"),
        ({"publishers": 2}, {}, Level.WARN, "2 publishers on /image"),
        ({}, {"time_jumps": 3}, Level.WARN, "stamps went back or jumped 3 times"),
        ({}, {"unstamped": 3}, Level.WARN, "images carry no time"),
        (
            {},
            {"stamp_age_s": 86_400.0},
            Level.WARN,
            "images are stamped 24 hours behind the node's clock: set the clocks of both machines",
        ),
        ({}, {"stamp_age_s": -1.1}, Level.WARN, "stamped 1 s ahead of the node's clock: set the clocks"),
        (
            {"simulated": True},
            {"stamp_age_s": -1.7e9},
            Level.WARN,
            "stamped 19676 days ahead of the node's clock, which follows /clock: with use_sim_time",
        ),
        ({"transforms": "too many frames"}, {}, Level.WARN, "too many frames"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_wrong_has_a_level_and_a_message(
    situation: Any, snapshot: Any, level: Any, message: str
) -> None:
    found = health(situation, **snapshot)
    assert found.level == level
    assert message in found.message


@pytest.mark.parametrize(
    ("situation", "snapshot"),
    [
        ({}, {"dropped": {Drop.BUSY: 70}, "processed_hz": 30 * MIN_PROCESSED_SHARE}),
        ({}, {"last_image_age_s": STALE_AFTER_S - 0.1}),
        ({}, {"processing_ms": (20.0, MAX_PROCESSING_MS)}),
        ({"calibrated": False, "places": False}, {}),
        ({"concerns": ("depth never fits",), "places": False}, {}),
    ],
    ids=["some dropped", "short silence", "slow enough", "nothing to place", "no depth wanted"],
)
def test_what_is_not_wrong_is_no_alarm(situation: Any, snapshot: Any) -> None:
    assert health(situation, **snapshot).level == Level.OK


def test_without_listeners_silence_is_in_order() -> None:
    found = health({"listens": False, "publishers": 0}, **SILENT)
    assert (found.level, found.message) == (Level.OK, "no listeners")


@pytest.mark.parametrize("state", ["unconfigured", "inactive"])
def test_a_node_that_is_not_active_is_in_order_and_says_so(state: str) -> None:
    found = health({"active": False, "state": state, "trouble": "old"}, **SILENT)
    assert (found.level, found.message) == (Level.OK, state)


def test_the_worst_comes_first_and_all_is_told() -> None:
    found = health({"trouble": "it hangs", "calibrated": False}, **SILENT)
    assert found.level == Level.ERROR
    assert found.message.startswith("it hangs; no image on /image")
    assert "not calibrated" in found.message
