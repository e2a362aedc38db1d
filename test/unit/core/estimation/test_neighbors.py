# SPDX-License-Identifier: Apache-2.0
"""People who stand shoulder to shoulder are read apart, and nobody else is taken for two."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.bodies import FACING_M

from blazepose_ros.core.estimation.landmark_model import LandmarkResult
from blazepose_ros.core.estimation.neighbors import as_two, neighbors_of, next_in_company, pair_in, read_apart
from blazepose_ros.core.estimation.person_detector import Detection
from blazepose_ros.core.estimation.roi import Roi, body_hull
from blazepose_ros.core.estimation.roi_tracker import TrackedRoi
from blazepose_ros.core.estimation.track_confirmation import TrackConfirmation
from blazepose_ros.core.types import Frame

PX_PER_M = 180.0
ROI_PX = 450.0
FRAME = Frame(np.zeros((480, 640, 3), np.uint8), 0)
LEFT_X, RIGHT_X = 330.0, 415.0


def screen_at(x_px: float) -> Any:
    """Return the landmarks of a person whose hips are there, (33, 3), pixels."""
    return FACING_M * PX_PER_M + (x_px, 240.0, 0.0)


def roi_at(x_px: float) -> Roi:
    return Roi(x_px, 240.0, ROI_PX)


def result_at(x_px: float, score: float = 0.99) -> LandmarkResult:
    sure = np.ones(33, np.float32)
    return LandmarkResult(score, screen_at(x_px), sure, sure, FACING_M, roi_at(x_px), roi_at(x_px))


def looked_at(x_px: float, score: float = 0.99, *, confirmed: bool = True, known: bool = True) -> Any:
    screen = screen_at(x_px) if known else None
    return TrackedRoi(roi_at(x_px), TrackConfirmation(confirmed), screen), result_at(x_px, score)


class TwoPeople:
    """A model that sees two people: where neither is painted over, one body in their middle."""

    def __init__(self, *others_px: float) -> None:
        self.people_px = (LEFT_X, RIGHT_X, *others_px)
        self.covers: list[Any] = []

    def read_each(self, _rgb: Any, rois: Any, covered: Any) -> list[LandmarkResult | None]:
        self.covers.append(covered)
        return [self._read(roi, others) for roi, others in zip(rois, covered, strict=True)]

    def _read(self, roi: Roi, covered: Any) -> LandmarkResult | None:
        hulls = [hull[:, 0] for hull in map(body_hull, covered)]
        seen = [
            x for x in self.people_px if not any(hull[:, 0].min() < x < hull[:, 0].max() for hull in hulls)
        ]
        near = [x for x in seen if abs(x - roi.x_px) < ROI_PX / 4]
        return result_at(float(np.mean(near))) if near else None


def track_at(x_px: float, **fields: Any) -> TrackedRoi:
    return replace(looked_at(x_px)[0], **({"in_company": True} | fields))


def beside(*tracks: TrackedRoi, stamp_ns: int = 0) -> list[list[int]]:
    """Return for each person the numbers of those who are painted over."""
    ids = {id(track.screen): number for number, track in enumerate(tracks)}
    return [[ids[id(each)] for each in others] for others in neighbors_of(tracks, stamp_ns)]


def test_who_stands_right_beside_is_a_neighbor() -> None:
    new = track_at(200.0, screen=None)
    assert beside(track_at(LEFT_X), track_at(RIGHT_X), new, track_at(50.0)) == [[1], [0], [], []]
    assert beside(track_at(LEFT_X)) == [[]]


@pytest.mark.parametrize(
    ("apart_px", "is_neighbor"), [(20.0, False), (60.0, False), (85.0, True), (200.0, False)]
)
def test_who_covers_another_is_no_neighbor(apart_px: float, is_neighbor: bool) -> None:
    assert beside(track_at(300.0), track_at(300.0 + apart_px)) == ([[1], [0]] if is_neighbor else [[], []])


def test_who_was_seen_long_before_may_be_elsewhere() -> None:
    pair = track_at(LEFT_X), track_at(RIGHT_X, seen_ns=200_000_000)
    assert beside(*pair, stamp_ns=140_000_000) == [[1], [0]]
    assert beside(*pair, stamp_ns=210_000_000) == [[], []]


def test_people_who_were_not_read_apart_have_no_neighbors() -> None:
    assert beside(track_at(LEFT_X, in_company=False), track_at(RIGHT_X)) == [[], []]


def test_bodies_that_are_not_known_have_no_neighbors() -> None:
    assert beside(track_at(LEFT_X, screen=np.full((33, 3), np.nan)), track_at(RIGHT_X)) == [[], []]


@pytest.mark.parametrize(
    ("places_px", "is_pair"), [((340, 400), True), ((370,), False), ((370, 600), False), ((), False)]
)
def test_a_pair_is_where_one_person_was_read(places_px: Any, is_pair: bool) -> None:
    found = [Detection(0.9 - 0.1 * number, roi_at(x)) for number, x in enumerate(places_px)]
    pair = pair_in(found, roi_at(370.0))
    assert (pair is not None) == is_pair
    if pair is not None:
        assert pair == tuple(found[:2])


def pair_at(*places_px: float) -> list[Detection]:
    return [Detection(0.8, roi_at(x)) for x in places_px]


def test_two_who_are_read_as_one_are_read_apart() -> None:
    model = TwoPeople(560.0)
    other = screen_at(560.0)
    both = read_apart(FRAME, pair_at(LEFT_X + 5, RIGHT_X - 5), [other], model)
    assert [result.screen[:, 0].mean() for result in both] == pytest.approx(
        [screen_at(x)[:, 0].mean() for x in (LEFT_X, RIGHT_X)]
    )
    assert len(model.covers) == 2
    assert all(any(each is other for each in covered) for covers in model.covers for covered in covers)


def test_where_only_one_is_left_nobody_is_two() -> None:
    model = TwoPeople()
    model.people_px = (LEFT_X,)
    assert read_apart(FRAME, pair_at(LEFT_X, RIGHT_X), [], model) is None


def test_one_body_read_twice_is_not_two() -> None:
    class OneBody(TwoPeople):
        def _read(self, _roi: Roi, _covered: Any) -> LandmarkResult:
            return result_at(370.0)

    assert read_apart(FRAME, pair_at(LEFT_X, RIGHT_X), [], OneBody()) is None


@pytest.mark.parametrize("what", ["unsure", "no body"])
def test_what_is_not_plainly_a_person_is_none(what: str) -> None:
    class Furniture(TwoPeople):
        def _read(self, roi: Roi, covered: Any) -> LandmarkResult | None:
            result = super()._read(roi, covered)
            if result is None or what == "unsure":
                return result and replace(result, score=0.8)
            return replace(result, world=0.1 * result.world)

    assert read_apart(FRAME, pair_at(LEFT_X, RIGHT_X), [], Furniture()) is None


def test_everybody_has_a_turn_and_the_least_sure_in_between() -> None:
    looked = [looked_at(100.0), looked_at(300.0, 0.7), looked_at(500.0, 0.9)]
    assert [next_in_company(looked, turn) for turn in range(1, 8)] == [1, 1, 1, 2, 1, 0, 1]


@pytest.mark.parametrize(
    "other",
    [
        [],
        [looked_at(300.0, known=False)],
        [looked_at(300.0, confirmed=False)],
        [(looked_at(300.0)[0], None)],
    ],
)
def test_who_is_alone_has_no_turn(other: Any) -> None:
    assert next_in_company([looked_at(100.0), *other], 1) is None


def test_of_two_the_nearer_one_keeps_the_track() -> None:
    looked = [looked_at(100.0), looked_at(LEFT_X + 15.0), looked_at(560.0)]
    both = [result_at(RIGHT_X), result_at(LEFT_X)]
    found = as_two(looked, 1, both)
    kept, before = found[1][0], looked[1][0]
    assert (kept.roi, kept.confirmation) == (before.roi, before.confirmation)
    assert (kept.seen_ns, kept.since_ns) == (before.seen_ns, before.since_ns)
    assert kept.screen is before.screen
    assert kept.in_company
    assert [found[index][0] is looked[index][0] for index in (0, 2)] == [True, True]
    assert found[1][1] is both[1]
    track, result = found[3]
    assert result is both[0]
    assert track.screen is None
    assert track.confirmation.confirmed
    assert track.in_company
