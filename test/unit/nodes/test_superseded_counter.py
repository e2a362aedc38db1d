# SPDX-License-Identifier: Apache-2.0
"""What became of the images between two that are taken."""

from typing import Any

import pytest

from blazepose_ros.nodes.pose.image_subscription import Gap, SupersededCounter

PERIOD_S = 0.01


class Owner:
    """Takes images at times that it is told."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._counter = SupersededCounter(lambda: self.now_s)
        self.takes(10, waiting_s=PERIOD_S)

    def takes(
        self, sequence: Any, waiting_s: float = 0.0, resting_s: float = 0.0, decoding_s: float = 0.0
    ) -> Any:
        self.now_s += waiting_s
        self._counter.there()
        self.now_s += resting_s
        self.gap = self._counter.taken(sequence)
        self.now_s += decoding_s
        self._counter.wait()
        return self.gap.superseded

    def finds_a_part(self, after_s: float) -> None:
        self.now_s += after_s
        self._counter.there()
        self._counter.not_there()


@pytest.fixture
def owner() -> Owner:
    return Owner()


def test_the_next_image_replaces_none(owner: Owner) -> None:
    assert owner.takes(11, waiting_s=PERIOD_S) == 0


def test_images_that_come_while_one_is_left_to_the_middleware_make_way(owner: Owner) -> None:
    assert owner.takes(14, waiting_s=PERIOD_S, resting_s=3.5 * PERIOD_S) == 3


def test_images_that_come_while_one_is_decoded_make_way(owner: Owner) -> None:
    owner.takes(11, waiting_s=PERIOD_S, decoding_s=3.5 * PERIOD_S)
    assert owner.takes(14) == 2


def test_images_that_are_missing_though_they_were_waited_for_are_lost(owner: Owner) -> None:
    assert owner.takes(20, waiting_s=10 * PERIOD_S) == 0
    assert owner.gap == Gap(9, 0)
    assert owner.takes(30, waiting_s=9.7 * PERIOD_S, resting_s=0.3 * PERIOD_S) == 0


def test_images_whose_parts_alone_were_there_are_lost(owner: Owner) -> None:
    owner.finds_a_part(after_s=0.3 * PERIOD_S)
    assert owner.takes(20, waiting_s=9.7 * PERIOD_S) == 0
    assert owner.gap == Gap(9, 0)


def test_of_many_that_are_missing_each_time_has_its_share(owner: Owner) -> None:
    assert owner.takes(30, waiting_s=10 * PERIOD_S, resting_s=10 * PERIOD_S) == 10


@pytest.mark.parametrize(
    "sequence",
    [
        pytest.param(1, id="of a publisher that started anew"),
        pytest.param(100_000, id="of another publisher"),
        pytest.param(0, id="unknown"),
    ],
)
def test_numbers_that_cannot_be_are_not_counted(owner: Owner, sequence: int) -> None:
    assert owner.takes(sequence, resting_s=2 * PERIOD_S) == 0


def test_before_the_first_image_none_is_lost() -> None:
    assert Owner().gap == Gap()


def test_a_clock_that_stands_still_counts_nothing(owner: Owner) -> None:
    assert owner.takes(12) == 0
