# SPDX-License-Identifier: Apache-2.0
"""The newest item wins, and nothing queues."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from blazepose_ros.nodes.pose import latest_worker
from blazepose_ros.nodes.pose.latest_worker import LatestItemWorker

TIMEOUT_S = 10.0


class Gate:
    """Work that takes until it is let go."""

    def __init__(self) -> None:
        self.done = []
        self._started = threading.Semaphore(0)
        self._go_on = threading.Semaphore(0)
        self._finished = threading.Semaphore(0)

    def __call__(self, item: Any) -> None:
        self._started.release()
        assert self._go_on.acquire(timeout=TIMEOUT_S)
        self.done.append(item)
        self._finished.release()

    def wait_until_started(self) -> None:
        assert self._started.acquire(timeout=TIMEOUT_S)

    def let_go(self) -> None:
        self._go_on.release()

    def finish_one(self) -> None:
        self.let_go()
        assert self._finished.acquire(timeout=TIMEOUT_S)


@pytest.fixture
def work() -> Gate:
    return Gate()


@pytest.fixture
def worker(work: Gate) -> Iterator[LatestItemWorker]:
    worker = LatestItemWorker(work, "test")
    yield worker
    work.let_go()
    assert worker.stop()


def test_an_item_is_worked_on(worker: LatestItemWorker, work: Gate) -> None:
    assert worker.offer("a")
    work.finish_one()
    assert work.done == ["a"]


def test_of_the_items_that_come_meanwhile_only_the_newest_is_next(
    worker: LatestItemWorker, work: Gate
) -> None:
    worker.offer(0)
    work.wait_until_started()
    kept = [worker.offer(item) for item in range(1, 100)]
    assert kept == [True] + [False] * 98  # each but the first takes the place of one that waited
    work.finish_one()
    work.wait_until_started()
    work.finish_one()
    assert work.done == [0, 99]


def test_items_are_worked_on_in_the_order_they_came(worker: LatestItemWorker, work: Gate) -> None:
    for item in range(5):
        worker.offer(item)
        work.wait_until_started()
        work.finish_one()
    assert work.done == [0, 1, 2, 3, 4]


def test_one_item_is_worked_on_at_a_time(worker: LatestItemWorker, work: Gate) -> None:
    worker.offer("a")
    work.wait_until_started()
    worker.offer("b")
    assert not work._started.acquire(blocking=False)
    work.finish_one()
    work.wait_until_started()
    work.finish_one()
    assert work.done == ["a", "b"]


def test_stopping_finishes_the_item_at_hand_and_forgets_the_one_that_waits(
    work: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = LatestItemWorker(work, "test")
    worker.offer("a")
    work.wait_until_started()
    worker.offer("b")
    with monkeypatch.context() as patch:
        patch.setattr(latest_worker, "STOP_TIMEOUT_S", 0.01)
        assert not worker.stop()  # it does not wait for ever
    work.let_go()
    assert worker.stop()
    assert work.done == ["a"]


def test_stopping_an_idle_worker_ends_its_thread(work: Gate) -> None:
    worker = LatestItemWorker(work, "test")
    assert worker.stop()
    assert "test" not in [thread.name for thread in threading.enumerate()]
    assert worker.stop()  # a second time, nothing happens


def test_stopping_does_not_wait_for_ever_for_an_item(work: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest_worker, "STOP_TIMEOUT_S", 0.01)
    worker = LatestItemWorker(work, "test")
    worker.offer("a")
    work.wait_until_started()
    assert not worker.stop()
    work.let_go()


def test_a_worker_that_stopped_ignores_offers(work: Gate) -> None:
    worker = LatestItemWorker(work, "test")
    worker.stop()
    worker.offer("a")
    worker.hand_over("b")
    assert not work.done


def test_what_is_handed_over_waits_its_turn_and_nothing_is_dropped(work: Gate) -> None:
    worker = LatestItemWorker(work, "test")
    giver = threading.Thread(target=lambda: [worker.hand_over(item) for item in "abcd"])
    giver.start()
    for _ in "abcd":
        work.wait_until_started()
        work.finish_one()
    giver.join(TIMEOUT_S)
    assert work.done == list("abcd")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_work_that_raises_ends_the_worker_and_the_next_offer_says_so() -> None:
    def fail(_item: Any) -> None:
        raise ZeroDivisionError

    worker = LatestItemWorker(fail, "test")
    worker.offer("a")
    worker._thread.join(TIMEOUT_S)
    with pytest.raises(RuntimeError, match="has ended"):
        worker.offer("b")
