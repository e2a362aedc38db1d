# SPDX-License-Identifier: Apache-2.0
"""Numbers stay with people, on synthetic walks with known truth."""

from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, FACING_M, pose_of, seen_by

from blazepose_ros.core.landmarks import MIRRORED
from blazepose_ros.core.tracking.tracker import Tracker, TrackingOptions
from blazepose_ros.core.types import Frame

OPTIONS = TrackingOptions(max_lost_s=1.0)


def frame(time_s: float = 0.0) -> Frame:
    return Frame(np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8), round(time_s * 1e9))


def at(x_m: Any, z_m: float = 4.0, world: Any = FACING_M) -> Any:
    return seen_by(CAMERA, (x_m, 0.0, z_m), world)


def numbers(tracks: Any) -> Any:
    return [track.person_id for track in tracks]


def test_numbers_start_at_one_and_rise() -> None:
    tracker = Tracker()
    assert numbers(tracker.update(frame(), [at(-1), at(1)], OPTIONS)) == [1, 2]
    assert sorted(numbers(tracker.update(frame(0.1), [at(3), at(1), at(-1)], OPTIONS))) == [1, 2, 3]


@pytest.mark.parametrize(("away_s", "number"), [(0.9, 1), (1.1, 2)])
def test_a_track_that_is_lost_for_too_long_ends(away_s: float, number: int) -> None:
    tracker = Tracker()
    tracker.update(frame(), [at(0)], OPTIONS)
    tracker.update(frame(away_s / 2), [], OPTIONS)
    assert numbers(tracker.update(frame(away_s), [at(0)], OPTIONS)) == [number]


def test_without_a_time_to_wait_a_lost_track_ends_at_once() -> None:
    tracker = Tracker()
    tracker.update(frame(), [at(0)], TrackingOptions(max_lost_s=0.0))
    tracker.update(frame(0.05), [], TrackingOptions(max_lost_s=0.0))
    assert numbers(tracker.update(frame(0.1), [at(0)], TrackingOptions(max_lost_s=0.0))) == [2]


def test_after_a_reset_numbers_stay_taken() -> None:
    tracker = Tracker()
    tracker.update(frame(), [at(0)], OPTIONS)
    tracker.reset()
    assert tracker.person_ids == set()
    assert numbers(tracker.update(frame(), [at(0)], OPTIONS)) == [2]


def test_the_order_of_the_poses_does_not_matter() -> None:
    tracker = Tracker()
    tracker.update(frame(), [at(-1), at(1)], OPTIONS)
    found = tracker.update(frame(0.1), [at(1.05), at(-0.95)], OPTIONS)
    assert {track.person_id: track.pose.screen[0, 0] > 320 for track in found} == {1: False, 2: True}


def test_two_who_pass_each_other_keep_their_numbers() -> None:
    tracker = Tracker()
    for index in range(40):
        way_m = -1 + 2 * index / 39
        found = tracker.update(frame(index / 30), [at(way_m), at(-way_m, 5.0)], OPTIONS)
    assert {track.person_id: track.pose.screen[0, 0] > 320 for track in found} == {1: True, 2: False}


@pytest.mark.parametrize("hidden", [4, 12, 20])
def test_who_was_hidden_while_passing_comes_back_with_their_number(hidden: int) -> None:
    tracker = Tracker()
    for index in range(40):
        way_m = -1 + 2 * index / 39
        poses = [at(way_m)] + ([] if abs(index - 20) < hidden / 2 else [at(-way_m, 5.0)])
        found = tracker.update(frame(index / 30), poses, OPTIONS)
    assert {track.person_id: track.pose.screen[0, 0] > 320 for track in found} == {1: True, 2: False}


def test_a_person_seen_twice_is_there_once_and_replaces_no_other() -> None:
    tracker = Tracker()
    tracker.update(frame(), [at(-1), at(1)], OPTIONS)
    (found,) = tracker.update(frame(0.1), [at(1.02), at(1.0)], OPTIONS)
    assert found.person_id == 2
    assert tracker.person_ids == {1, 2}


def test_a_person_across_the_room_is_not_the_lost_one() -> None:
    tracker = Tracker()
    tracker.update(frame(), [at(-2)], OPTIONS)
    assert numbers(tracker.update(frame(0.1), [at(2)], OPTIONS)) == [2]


def test_a_garbled_pose_of_a_person_is_no_new_person_but_one_who_stays_there_is() -> None:
    tracker = Tracker()
    tracker.update(frame(), [at(0, 3.0)], OPTIONS)
    assert tracker.update(frame(0.1), [at(0, 7.0)], OPTIONS) == []
    assert numbers(tracker.update(frame(0.2), [at(0, 7.0)], OPTIONS)) == [2]
    assert numbers(tracker.update(frame(0.3), [at(0, 3.0)], OPTIONS)) == [1]


def test_a_pose_made_of_two_people_is_neither() -> None:
    tracker = Tracker()
    for index in range(5):
        tracker.update(frame(index / 30), [at(-0.55), at(0.55)], OPTIONS)
    assert tracker.update(frame(5 / 30), [at(-0.05)], OPTIONS) == []
    assert numbers(tracker.update(frame(6 / 30), [at(-0.55), at(0.55)], OPTIONS)) == [1, 2]


def dressed(*people: Any) -> Any:
    """Return an image of people, each a (pose, color)."""
    rgb = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    for pose, color in people:
        left, top = pose.screen[:, :2].min(axis=0).astype(int)
        right, bottom = pose.screen[:, :2].max(axis=0).astype(int)
        rgb[max(top, 0) : bottom, max(left, 0) : right] = color
    return rgb


def test_the_appearance_tells_who_of_two_has_come_back() -> None:
    tracker = Tracker()
    red, blue = (200, 30, 30), (30, 30, 200)
    pair = at(-0.3), at(0.3)
    image = dressed((pair[0], red), (pair[1], blue))
    for index in range(10):
        tracker.update(Frame(image, index * 10**8), pair, OPTIONS)
    between = at(0.0)
    (found,) = tracker.update(Frame(dressed((between, blue)), 10**9), [between], OPTIONS)
    assert found.person_id == 2


def test_a_person_in_view_may_change_clothes_at_a_run() -> None:
    tracker = Tracker()
    for index, color in enumerate([(250, 250, 250)] * 5 + [(0, 0, 0)] * 5):
        runner = at(-1.2 + 0.3 * index)
        image = Frame(dressed((runner, color)), index * 10**8)
        assert numbers(tracker.update(image, [runner], OPTIONS)) == [1]


def test_a_person_in_other_clothes_beside_where_one_was_lost_is_another_one() -> None:
    tracker = Tracker()
    tracker.update(Frame(dressed((at(0), (250, 250, 250))), 0), [at(0)], OPTIONS)
    other = at(0.9)
    image = Frame(dressed((other, (0, 0, 0))), 3 * 10**8)
    assert numbers(tracker.update(image, [other], OPTIONS)) == [2]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1e30])
def test_poses_without_sense_do_no_harm(value: Any) -> None:
    tracker = Tracker()
    absurd = pose_of(FACING_M, np.full((33, 3), value))
    for index in range(3):
        tracker.update(frame(index / 10), [absurd, at(0)], OPTIONS)
    assert 1 <= len(tracker.update(frame(1), [at(0)], OPTIONS)) <= 2


def test_who_is_taken_for_the_other_way_around_keeps_the_number() -> None:
    """Front for back: with arms and legs stretched out landmarks move by a whole body then."""
    star = FACING_M * (4.0, 1.0, 1.0)
    tracker = Tracker()
    assert numbers(tracker.update(frame(), [at(-0.5, world=star)], OPTIONS)) == [1]
    swapped = at(-0.5, world=star)
    swapped.screen[:] = swapped.screen[MIRRORED]
    swapped.world[:] = swapped.world[MIRRORED]
    assert numbers(tracker.update(frame(0.03), [swapped], OPTIONS)) == [1]
