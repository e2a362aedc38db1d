"""Numbers stay with people, on synthetic tracks with known truth."""

import numpy as np
import pytest
from support.bodies import CAMERA, FACING_M, pose_of, seen_by

from blazepose_ros.core.tracking.association import Association
from blazepose_ros.core.types import Frame

MAX_LOST_S = 1.0


def frame(time_s=0.0):
    return Frame(np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8), round(time_s * 1e9))


def at(x_m, z_m=4.0, world=FACING_M):
    return seen_by(CAMERA, (x_m, 0.0, z_m), world)


def numbers(people):
    return [person.person_id for person in people]


def test_numbers_start_at_one_and_rise():
    identities = Association()
    assert numbers(identities.update(frame(), [at(-1), at(1)], MAX_LOST_S)) == [1, 2]
    assert sorted(numbers(identities.update(frame(0.1), [at(3), at(1), at(-1)], MAX_LOST_S))) == [1, 2, 3]


@pytest.mark.parametrize(("away_s", "number"), [(0.9, 1), (1.1, 2)])
def test_who_is_lost_for_too_long_is_somebody_new(away_s, number):
    identities = Association()
    identities.update(frame(), [at(0)], MAX_LOST_S)
    identities.update(frame(away_s / 2), [], MAX_LOST_S)
    assert numbers(identities.update(frame(away_s), [at(0)], MAX_LOST_S)) == [number]


def test_nobody_waits_when_nobody_is_waited_for():
    identities = Association()
    identities.update(frame(), [at(0)], 0.0)
    assert numbers(identities.update(frame(0.1), [at(0)], 0.0)) == [2]


def test_forgotten_people_leave_their_numbers_taken():
    identities = Association()
    identities.update(frame(), [at(0)], MAX_LOST_S)
    identities.reset()
    assert identities.known == set()
    assert numbers(identities.update(frame(), [at(0)], MAX_LOST_S)) == [2]


def test_the_order_of_the_poses_does_not_matter():
    identities = Association()
    identities.update(frame(), [at(-1), at(1)], MAX_LOST_S)
    found = identities.update(frame(0.1), [at(1.05), at(-0.95)], MAX_LOST_S)
    assert {p.person_id: p.screen[0, 0] > 320 for p in found} == {1: False, 2: True}


def test_two_who_pass_each_other_keep_their_numbers():
    identities = Association()
    for index in range(40):
        way_m = -1 + 2 * index / 39
        found = identities.update(frame(index / 30), [at(way_m), at(-way_m, 5.0)], MAX_LOST_S)
    assert {p.person_id: p.screen[0, 0] > 320 for p in found} == {1: True, 2: False}


@pytest.mark.parametrize("hidden", [4, 12, 20])
def test_who_was_hidden_while_passing_comes_back_with_their_number(hidden):
    identities = Association()
    for index in range(40):
        way_m = -1 + 2 * index / 39
        poses = [at(way_m)] + ([] if abs(index - 20) < hidden / 2 else [at(-way_m, 5.0)])
        found = identities.update(frame(index / 30), poses, MAX_LOST_S)
    assert {p.person_id: p.screen[0, 0] > 320 for p in found} == {1: True, 2: False}


def test_somebody_seen_twice_is_there_once_and_the_other_is_not_replaced():
    identities = Association()
    identities.update(frame(), [at(-1), at(1)], MAX_LOST_S)
    (found,) = identities.update(frame(0.1), [at(1.02), at(1.0)], MAX_LOST_S)
    assert found.person_id == 2
    assert identities.known == {1, 2}


def test_somebody_across_the_room_is_not_who_was_lost():
    identities = Association()
    identities.update(frame(), [at(-2)], MAX_LOST_S)
    assert numbers(identities.update(frame(0.1), [at(2)], MAX_LOST_S)) == [2]


def test_a_bad_reading_of_somebody_is_nobody_new_but_who_stays_there_is():
    identities = Association()
    identities.update(frame(), [at(0, 3.0)], MAX_LOST_S)
    assert identities.update(frame(0.1), [at(0, 7.0)], MAX_LOST_S) == []
    assert numbers(identities.update(frame(0.2), [at(0, 7.0)], MAX_LOST_S)) == [2]
    assert numbers(identities.update(frame(0.3), [at(0, 3.0)], MAX_LOST_S)) == [1]


def test_a_reading_made_of_two_is_neither():
    identities = Association()
    for index in range(5):
        identities.update(frame(index / 30), [at(-0.55), at(0.55)], MAX_LOST_S)
    assert identities.update(frame(5 / 30), [at(-0.05)], MAX_LOST_S) == []
    assert numbers(identities.update(frame(6 / 30), [at(-0.55), at(0.55)], MAX_LOST_S)) == [1, 2]


def dressed(*people):
    """Return an image of people, each a (pose, colour)."""
    rgb = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    for pose, colour in people:
        left, top = pose.screen[:, :2].min(axis=0).astype(int)
        right, bottom = pose.screen[:, :2].max(axis=0).astype(int)
        rgb[max(top, 0) : bottom, max(left, 0) : right] = colour
    return rgb


def test_clothes_tell_who_of_two_has_come_back():
    identities = Association()
    red, blue = (200, 30, 30), (30, 30, 200)
    pair = at(-0.3), at(0.3)
    image = dressed((pair[0], red), (pair[1], blue))
    for index in range(10):
        identities.update(Frame(image, index * 10**8), pair, MAX_LOST_S)
    between = at(0.0)
    (found,) = identities.update(Frame(dressed((between, blue)), 10**9), [between], MAX_LOST_S)
    assert found.person_id == 2


def test_somebody_in_view_may_change_clothes_at_a_run():
    identities = Association()
    for index, colour in enumerate([(250, 250, 250)] * 5 + [(0, 0, 0)] * 5):
        runner = at(-1.2 + 0.3 * index)
        image = Frame(dressed((runner, colour)), index * 10**8)
        assert numbers(identities.update(image, [runner], MAX_LOST_S)) == [1]


def test_somebody_in_other_clothes_beside_where_a_person_was_lost_is_somebody_else():
    identities = Association()
    identities.update(Frame(dressed((at(0), (250, 250, 250))), 0), [at(0)], MAX_LOST_S)
    other = at(0.9)
    image = Frame(dressed((other, (0, 0, 0))), 3 * 10**8)
    assert numbers(identities.update(image, [other], MAX_LOST_S)) == [2]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1e30])
def test_poses_without_sense_do_no_harm(value):
    identities = Association()
    absurd = pose_of(FACING_M, np.full((33, 3), value))
    for index in range(3):
        identities.update(frame(index / 10), [absurd, at(0)], MAX_LOST_S)
    assert 1 <= len(identities.update(frame(1), [at(0)], MAX_LOST_S)) <= 2
