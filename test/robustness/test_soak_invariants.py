# SPDX-License-Identifier: Apache-2.0
"""What a soak notices, on answers made by hand."""

from typing import Any

import numpy as np
import pytest
from robustness.soak.cameras import Stamps
from robustness.soak.invariants import (
    MAX_BLIND,
    MAX_GHOSTS,
    MAX_LATENCY_S,
    MAX_SILENCE_S,
    MEMORY,
    SETTLED,
    Content,
    Invariants,
    Sent,
)
from robustness.soak.report import COMPARED, MAX_GROWTH_MB, WARM_UP, Findings, growth_mb, report, violations
from support.bodies import FACING_M, pose_of

SIZE = (640, 480)
NOSE = [0]
PLACE = np.array([[100.0, 200.0]])


def sent(
    stamp_ns: Any,
    content: Any = Content.PERSON,
    frame_id: str = "camera",
    sent_s: float = 0.0,
    place: Any = PLACE,
) -> Sent:
    return Sent(stamp_ns, frame_id, SIZE, content, sent_s, place)


def person(x: float = 100.0, y: float = 200.0) -> Any:
    screen = np.zeros((len(FACING_M), 3))
    screen[0, :2] = x, y
    return pose_of(screen=screen)


@pytest.fixture
def ledger() -> Invariants:
    ledger = Invariants()
    ledger.landmarks = NOSE
    return ledger


def exchange(ledger: Any, count: Any, content: Any, poses: Any, size: Any = SIZE) -> None:
    for stamp_ns in range(ledger.sent, ledger.sent + count):
        ledger.send(sent(stamp_ns, content))
        ledger.answer(stamp_ns, "camera", poses, size if poses else (0, 0), 0.01)


def broken(ledger: Any) -> Any:
    return list(ledger.violations)


def test_right_answers_break_nothing(ledger: Invariants) -> None:
    exchange(ledger, 3 * SETTLED, Content.PERSON, [person()])
    exchange(ledger, MAX_GHOSTS, Content.NOBODY, [person()])
    exchange(ledger, 10, Content.NOBODY, [])
    exchange(ledger, MAX_BLIND, Content.PERSON, [])
    assert not ledger.violations
    assert ledger.answers == ledger.sent == len(ledger.latencies_s)


def test_images_may_be_left_out(ledger: Invariants) -> None:
    for stamp_ns in range(10):
        ledger.send(sent(stamp_ns))
    ledger.answer(9, "camera", [person()], SIZE, 0.01)
    assert not ledger.violations


@pytest.mark.parametrize(("x", "is_right"), [(100.0, True), (300.0, True), (200.0, False)])
def test_an_answer_to_images_of_one_stamp_may_be_to_any_of_them(
    ledger: Invariants, x: float, is_right: bool
) -> None:
    exchange(ledger, SETTLED, Content.PERSON, [person()])
    for place in (PLACE, np.add(PLACE, (200.0, 0.0))):
        ledger.send(sent(SETTLED, place=place))
    ledger.answer(SETTLED, "camera", [person(x)], SIZE, 0.01)
    assert (not ledger.violations) == is_right


@pytest.mark.parametrize(("stamp_ns", "frame_id"), [(2, "camera"), (1, "other"), (0, "camera")])
def test_an_invented_stamp_or_frame_is_noticed(ledger: Invariants, stamp_ns: int, frame_id: str) -> None:
    ledger.send(sent(1))
    ledger.answer(stamp_ns, frame_id, [], (0, 0), 0.01)
    assert broken(ledger) == ["an answer has a stamp or frame that no image had"]


def test_the_stamps_of_other_outputs_are_compared_too(ledger: Invariants) -> None:
    ledger.send(sent(1))
    ledger.derived(1, "camera", "/tf")
    assert not ledger.violations
    ledger.derived(2, "camera", "/tf")
    assert broken(ledger) == ["/tf has a stamp or frame that no image had"]


def test_a_second_answer_is_noticed_and_a_second_image_of_the_same_stamp_allows_it(
    ledger: Invariants,
) -> None:
    ledger.send(sent(1))
    ledger.send(sent(1))
    ledger.answer(1, "camera", [], (0, 0), 0.01)
    ledger.answer(1, "camera", [], (0, 0), 0.01)
    assert not ledger.violations
    ledger.answer(1, "camera", [], (0, 0), 0.01)
    assert "an image was answered twice" in broken(ledger)


def test_answers_out_of_order_are_noticed_for_each_camera(ledger: Invariants) -> None:
    for frame_id in ("left", "right"):
        for stamp_ns in (1, 2):
            ledger.send(sent(stamp_ns, frame_id=frame_id))
    ledger.answer(2, "right", [], (0, 0), 0.01)
    ledger.answer(2, "left", [], (0, 0), 0.01)
    assert not ledger.violations
    ledger.answer(1, "left", [], (0, 0), 0.01)
    assert broken(ledger) == ["an answer came after that of a later image"]


def test_a_size_of_another_image_is_noticed(ledger: Invariants) -> None:
    exchange(ledger, 1, Content.PERSON, [person()], size=(320, 240))
    assert broken(ledger) == ["an answer has a size that its image had not"]


def test_a_late_answer_is_noticed(ledger: Invariants) -> None:
    ledger.send(sent(1, sent_s=5.0))
    ledger.answer(1, "camera", [], (0, 0), 5.1 + MAX_LATENCY_S)
    assert broken(ledger) == [f"an answer took more than {MAX_LATENCY_S:g} s"]


def test_a_ghost_is_noticed(ledger: Invariants) -> None:
    exchange(ledger, MAX_GHOSTS + 1, Content.NOBODY, [person()])
    assert broken(ledger) == ["a ghost: somebody in an image of nobody"]


def test_blindness_is_noticed(ledger: Invariants) -> None:
    exchange(ledger, MAX_BLIND + 1, Content.PERSON, [])
    assert broken(ledger) == ["nobody in an image of a person"]


def test_a_wrong_pose_is_noticed_once_smoothing_has_settled(ledger: Invariants) -> None:
    exchange(ledger, SETTLED, Content.PERSON, [person(x=200)])
    assert not ledger.violations
    exchange(ledger, 1, Content.PERSON, [person(x=200), person()])  # one of them is right
    assert not ledger.violations
    exchange(ledger, 1, Content.PERSON, [person(x=200)])
    assert broken(ledger) == ["a wrong pose: landmarks are not where the person is"]


def test_a_pose_of_no_numbers_is_wrong(ledger: Invariants) -> None:
    exchange(ledger, SETTLED + 1, Content.PERSON, [person(x=np.nan)])
    assert broken(ledger) == ["a wrong pose: landmarks are not where the person is"]


def test_an_answer_to_what_cannot_be_read_is_noticed(ledger: Invariants) -> None:
    exchange(ledger, 1, Content.BROKEN, [])
    assert broken(ledger) == ["an image that cannot be read was answered"]


def test_silence_is_noticed_unless_something_has_just_happened(ledger: Invariants) -> None:
    ledger.send(sent(1, sent_s=0.0))
    ledger.check_silence(MAX_SILENCE_S - 1)
    ledger.disturb("a test")
    ledger.check_silence(MAX_SILENCE_S + 1)
    assert not ledger.violations
    ledger.send(sent(2, sent_s=10.0))
    ledger.check_silence(11 + MAX_SILENCE_S)
    assert broken(ledger) == [f"images came and no answer for {MAX_SILENCE_S:g} s, during a test"]


def test_images_that_cannot_be_read_need_no_answer(ledger: Invariants) -> None:
    ledger.send(sent(1, Content.BROKEN))
    ledger.check_silence(100.0)
    assert not ledger.violations


def test_the_ledger_itself_does_not_grow(ledger: Invariants) -> None:
    for stamp_ns in range(MEMORY + 10):
        ledger.send(sent(stamp_ns))
    ledger.derived(0, "camera", "/tf")
    assert ledger.violations  # it has forgotten


def test_growth_is_told_once_there_are_enough_stops() -> None:
    warm_up = [10.0] * WARM_UP
    assert growth_mb([*warm_up, *[300.0] * (2 * COMPARED - 1)]) is None
    assert growth_mb([*warm_up, *[300.0] * COMPARED, 500.0, *[301.0] * COMPARED]) == pytest.approx(1)


def test_the_report_names_what_was_broken(ledger: Invariants) -> None:
    exchange(ledger, 1, Content.BROKEN, [])
    grown = [0.0] * WARM_UP + [300.0] * COMPARED + [301.0 + MAX_GROWTH_MB] * COMPARED
    findings = Findings(1200.0, stops_mb=grown, problems=["the node has ended"])
    found = violations(ledger, findings)
    assert [line.partition(" ")[0] for line in found] == ["an", "the", "the"]
    text = report(ledger, findings)
    assert all(line in text for line in found)
    assert "violations  3" in text
    assert not violations(Invariants(), Findings())


def test_stamps_jump_stand_still_and_begin_at_zero() -> None:
    now_ns = iter(range(10**18, 2 * 10**18, 10**9))
    stamps = Stamps(lambda: next(now_ns))
    assert stamps.next_ns() == 10**18
    stamps.offset_ns = -(10**10)
    assert stamps.next_ns() == 10**18 - 9 * 10**9
    stamps.repeating = True
    assert stamps.next_ns() == 10**18 - 9 * 10**9
    stamps.repeating = False
    stamps.begin_at_zero()
    assert stamps.next_ns() == 10**9
