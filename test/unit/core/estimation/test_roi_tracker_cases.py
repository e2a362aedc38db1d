# SPDX-License-Identifier: Apache-2.0
"""An unconfirmed track gives way to a person: whom to look for first, and who is confirmed when."""

from typing import Any

import numpy as np
import pytest
from support.bodies import FACING_M
from unit.core.estimation.test_blazepose_estimator import Setup

from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.landmark_model import LandmarkResult
from blazepose_ros.core.estimation.person_detector import Detection
from blazepose_ros.core.estimation.roi import Roi
from blazepose_ros.core.estimation.roi_tracker import (
    RoiTracker,
    RoiTrackerOptions,
    TrackedRoi,
    plain_people,
    screens_of,
)
from blazepose_ros.core.estimation.track_confirmation import TrackConfirmation
from blazepose_ros.core.types import Frame

UNSURE, SURE = 0.59, 0.6
CHAIR, PERSON, OTHER = Roi(150, 240, 200), Roi(450, 240, 200), Roi(450, 700, 200)
PERIOD_NS = 33_000_000


def tracker(num_poses: Any = 1) -> RoiTracker:
    return RoiTracker(RoiTrackerOptions(num_poses, max_lost_s=1.0, sure_confidence=0.6, same_overlap=0.5))


def result(roi: Any, score: float = 0.5) -> LandmarkResult:
    """Return what the landmark model says of a body that fills half of a ROI, as sure as it is."""
    screen = np.column_stack([FACING_M[:, :2] * 0.4 * roi.size_px + (roi.x_px, roi.y_px), FACING_M[:, 2]])
    ones = np.ones(33, np.float32)
    return LandmarkResult(score, screen, ones, ones, FACING_M, roi, roi)


def see(rois: Any, detections: Any, index: Any, score: float = 0.5) -> tuple[Any, Any]:
    """Return the ROIs that are looked at, and those of the people who are found in all of them."""
    chosen = rois.choose(detections, index * PERIOD_NS)
    frame = Frame(np.zeros((900, 640, 3), np.uint8), index * PERIOD_NS)
    found = rois.update([(each, result(each.roi, score)) for each in chosen], frame)
    return [each.roi for each in chosen], [each.roi for each in found]


@pytest.mark.parametrize("order", [1, -1])
def test_a_person_who_is_sure_is_looked_at_before_furniture_that_is_not(order: int) -> None:
    rois = tracker()
    assert see(rois, [Detection(UNSURE, CHAIR)], 0) == ([CHAIR], [])
    assert see(rois, [Detection(UNSURE, CHAIR), Detection(SURE, PERSON)][::order], 1) == ([PERSON], [PERSON])


def test_furniture_that_is_tracked_is_looked_at_before_new_furniture() -> None:
    rois = tracker()
    see(rois, [Detection(UNSURE, CHAIR)], 0)
    assert see(rois, [Detection(UNSURE, OTHER)], 1)[0] == [CHAIR]


def test_a_person_who_is_tracked_is_looked_at_before_a_new_one() -> None:
    rois = tracker()
    see(rois, [Detection(SURE, PERSON)], 0)
    assert see(rois, [Detection(0.99, OTHER)], 1) == ([PERSON], [PERSON])


def test_the_sure_come_first_the_known_of_them_before_the_new() -> None:
    rois = tracker(num_poses=4)
    see(rois, [Detection(SURE, PERSON), Detection(UNSURE, CHAIR)], 0)
    looked, found = see(rois, [Detection(0.99, OTHER), Detection(UNSURE, Roi(150, 700, 200))], 1)
    assert looked == [PERSON, OTHER, CHAIR, Roi(150, 700, 200)]
    assert found == [PERSON, OTHER]


def test_an_unconfirmed_track_is_confirmed_by_one_sure_detection() -> None:
    rois = tracker()
    assert see(rois, [Detection(UNSURE, PERSON)], 0)[1] == []
    assert see(rois, [Detection(UNSURE, PERSON)], 1)[1] == []
    assert see(rois, [Detection(SURE, PERSON)], 2)[1] == [PERSON]
    assert see(rois, None, 3)[1] == [PERSON]


def test_a_confirmed_track_stays_so_whatever_the_detector_says_later() -> None:
    rois = tracker()
    see(rois, [Detection(SURE, PERSON)], 0)
    assert see(rois, [Detection(UNSURE, PERSON)], 1)[1] == [PERSON]


def test_a_detection_is_of_the_track_that_it_overlaps_most_and_by_enough() -> None:
    beside = Roi(PERSON.x_px + 40, PERSON.y_px, 200)
    assert beside.overlap(PERSON) > 0.5
    rois = tracker(num_poses=2)
    see(rois, [Detection(SURE, PERSON)], 0)
    assert see(rois, [Detection(SURE, beside)], 1)[0] == [PERSON]
    apart = Roi(PERSON.x_px + 80, PERSON.y_px, 200)
    assert apart.overlap(PERSON) < 0.5
    assert see(rois, [Detection(SURE, apart)], 2)[0] == [PERSON, apart]


def test_while_furniture_alone_is_tracked_the_detector_runs_on() -> None:
    rois = tracker()
    see(rois, [Detection(UNSURE, CHAIR)], 0)
    assert rois.want_detections(1)
    see(rois, [Detection(SURE, CHAIR)], 1)
    assert not rois.want_detections(2 * PERIOD_NS)


@pytest.mark.parametrize("failing", ["landmarks", "detector"])
def test_after_a_failed_frame_the_detector_runs_anew(failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Setup()
    setup.see()
    model = getattr(setup, failing)
    if failing == "detector":
        setup.estimator.reset()
    runs = setup.detector.runs
    with monkeypatch.context() as patch:
        patch.setattr(model, "run", fail)
        with pytest.raises(EstimatorError, match="torn"):
            setup.see()
    assert len(setup.see()) == 1
    assert setup.detector.runs == runs + 1


def fail(_image: Any) -> None:
    raise RuntimeError("torn")


BESIDE = Roi(390, 240, 200)
IMAGE = Frame(np.zeros((900, 640, 3), np.uint8), 0)


def known(roi: Any) -> TrackedRoi:
    return TrackedRoi(roi, TrackConfirmation(confirmed=True), result(roi).screen)


def new(roi: Any) -> TrackedRoi:
    return TrackedRoi(roi, TrackConfirmation(confirmed=True))


def test_who_is_read_as_another_is_read_again_without_that_one() -> None:
    rois = tracker(2)
    there, here = (known(PERSON), result(PERSON)), known(BESIDE)
    assert rois.misread([there, (here, result(BESIDE))]) == {}
    for mistaken in (result(PERSON), None):
        again = rois.misread([there, (here, mistaken)])
        assert list(again) == [1]
        assert again[1][0] is there[1].screen
    assert rois.misread([there, (known(Roi(50, 800, 100)), None)]) == {}  # nobody is in the way


def test_somebody_new_is_not_read_again() -> None:
    assert tracker(2).misread([(known(PERSON), result(PERSON)), (new(BESIDE), result(PERSON))]) == {}


def test_what_is_left_of_a_covered_person_is_no_other_person() -> None:
    covered = screens_of([(known(PERSON), result(PERSON))])
    ghost = (new(PERSON), result(Roi(455, 236, 200), 0.99))
    other = (new(CHAIR), result(CHAIR, 0.99))
    unsure = (new(CHAIR), result(CHAIR, 0.8))
    assert plain_people([ghost, other, unsure], covered, IMAGE, False) == [other]


def test_in_a_tile_a_person_has_to_be_seen_as_a_whole() -> None:
    hidden = result(CHAIR, 0.99)
    hidden.visibility[11:] = 0.5
    looked = [(new(CHAIR), hidden)]
    assert plain_people(looked, [], IMAGE, False) == looked
    assert plain_people(looked, [], IMAGE, True) == []


def test_a_lost_person_who_comes_back_beside_others_is_taken_back() -> None:
    back = (known(CHAIR), result(CHAIR, 0.6))
    assert plain_people([back], [], IMAGE, True) == [back]


def test_every_second_turn_is_for_others_beside_known_people() -> None:
    rois = tracker(2)
    turns = []
    for index in range(14):
        stamp_ns = index * PERIOD_NS
        plain = rois.want_detections(stamp_ns)
        chosen = rois.choose([Detection(0.99, PERSON)] if plain else None, stamp_ns)
        looked = [(each, result(each.roi, 0.99)) for each in chosen]
        others = rois.want_others(looked, stamp_ns)
        rois.update(looked, Frame(IMAGE.rgb, stamp_ns))
        if plain or others:
            turns.append((index, plain, others))
    assert turns == [(0, True, True), (3, True, False), (6, False, True), (9, True, False), (12, False, True)]


def test_whole_images_and_tiles_take_turns() -> None:
    rois = tracker(2)
    squares = [rois.next_square(IMAGE) for _ in range(20)]
    assert squares[::2] == [None] * 10
    assert len({square.x_px + 1000 * square.y_px for square in squares[1::2] if square}) > 4


def test_there_are_no_others_to_look_for_where_all_are_found_or_nobody_is() -> None:
    rois = tracker(2)
    two = [(new(PERSON), result(PERSON)), (new(CHAIR), result(CHAIR))]
    assert not rois.want_others(two, 0)
    assert not rois.want_others([], 0)
    assert not rois.want_others([(new(PERSON), None)], 0)
    assert rois.want_others(two[:1], 0)


def test_beside_others_the_place_of_a_lost_person_is_kept_for_that_person() -> None:
    rois = tracker(2)
    for index in range(12):  # long enough to be kept when lost
        see(rois, [Detection(0.99, PERSON), Detection(0.98, CHAIR)], index, 0.99)
    (here,) = [each for each in rois.choose(None, 12 * PERIOD_NS) if each.roi == PERSON]
    (gone,) = [each for each in rois.choose(None, 12 * PERIOD_NS) if each.roi == CHAIR]
    rois.update([(here, result(PERSON)), (gone, None)], IMAGE)
    looked = [(here, result(PERSON))]
    assert rois.choose_others([Detection(0.99, OTHER)], looked, 13 * PERIOD_NS) == []
    back = rois.choose_others([Detection(0.99, OTHER), Detection(0.9, CHAIR)], looked, 13 * PERIOD_NS)
    assert [each.roi for each in back] == [CHAIR]


def test_what_the_detector_is_not_sure_of_beside_others_is_nobody() -> None:
    looked = [(known(PERSON), result(PERSON))]
    assert tracker(2).choose_others([Detection(UNSURE, CHAIR)], looked, 0) == []
    assert tracker(2).choose_others([Detection(0.99, Roi(455, 238, 200))], looked, 0) == []  # it is known
    (found,) = tracker(2).choose_others([Detection(UNSURE, OTHER), Detection(SURE, CHAIR)], looked, 0)
    assert found.roi == CHAIR
