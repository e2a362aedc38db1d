"""Numbers stay with people, on synthetic tracks with known truth."""

from dataclasses import dataclass

import numpy as np
import pytest
from bodies import CAMERA, FACING_M, pose_of, seen_by
from hypothesis import given, settings
from hypothesis import strategies as st

from blazepose_ros.pose import Frame
from blazepose_ros.tracking.identities import Identities

MAX_LOST_S = 1.0
RATE_HZ = 10
NOISE_PX = 2.0


def frame(time_s=0.0):
    return Frame(np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8), round(time_s * 1e9))


def at(x_m, z_m=4.0, world=FACING_M):
    return seen_by(CAMERA, (x_m, 0.0, z_m), world)


def numbers(people):
    return [person.person_id for person in people]


@dataclass(frozen=True)
class Life:
    """Somebody who walks in a lane of their own, at a depth of their own.

    Attributes:
        lane: from 0, apart from the others.
        born: the image in which they appear.
        died: the image from which on they are gone.
        gaps: images in which they are not seen.
        speed_m_s: along the image.
    """

    lane: int
    born: int
    died: int
    gaps: frozenset[int]
    speed_m_s: float

    def seen(self, index):
        return self.born <= index < self.died and index not in self.gaps

    def pose(self, index, rng):
        x_m = -3 + 2.5 * self.lane + self.speed_m_s * (index - self.born) / RATE_HZ
        pose = at(x_m, 4.0)
        return pose_of(FACING_M, pose.screen + rng.normal(0, NOISE_PX, (33, 3)))


IMAGES = 40


@st.composite
def lives(draw):
    """Up to three people, none of them unseen for longer than they are waited for."""
    drawn = []
    for lane in range(draw(st.integers(0, 3))):
        born = draw(st.integers(0, IMAGES - 1))
        died = draw(st.integers(born, IMAGES))
        gap = draw(st.integers(born, IMAGES))
        gaps = frozenset(range(gap, gap + draw(st.integers(0, 5))))
        drawn.append(Life(lane, born, died, gaps, draw(st.floats(-0.25, 0.25))))
    return drawn


@settings(max_examples=60, deadline=None)
@given(lives(), st.randoms())
def test_whatever_the_births_deaths_and_gaps_everybody_has_one_number_of_their_own(people, random):
    rng = np.random.default_rng(random.getrandbits(32))
    identities = Identities()
    given_to = {}
    for index in range(IMAGES):
        there = [life for life in people if life.seen(index)]
        random.shuffle(there)
        poses = [life.pose(index, rng) for life in there]
        found = identities.update(frame(index / RATE_HZ), poses, MAX_LOST_S)
        by_place = {round(float(p.screen[0, 0]), 3): p.person_id for p in found}
        for life, pose in zip(there, poses, strict=True):
            number = by_place[round(float(pose.screen[0, 0]), 3)]
            assert given_to.setdefault(life.lane, number) == number
    assert len(set(given_to.values())) == len(given_to)


def test_numbers_start_at_one_and_rise():
    identities = Identities()
    assert numbers(identities.update(frame(), [at(-1), at(1)], MAX_LOST_S)) == [1, 2]
    assert sorted(numbers(identities.update(frame(0.1), [at(3), at(1), at(-1)], MAX_LOST_S))) == [1, 2, 3]


@pytest.mark.parametrize(("away_s", "number"), [(0.9, 1), (1.1, 2)])
def test_who_is_lost_for_too_long_is_somebody_new(away_s, number):
    identities = Identities()
    identities.update(frame(), [at(0)], MAX_LOST_S)
    identities.update(frame(away_s / 2), [], MAX_LOST_S)
    assert numbers(identities.update(frame(away_s), [at(0)], MAX_LOST_S)) == [number]


def test_nobody_waits_when_nobody_is_waited_for():
    identities = Identities()
    identities.update(frame(), [at(0)], 0.0)
    assert numbers(identities.update(frame(0.1), [at(0)], 0.0)) == [2]


def test_forgotten_people_leave_their_numbers_taken():
    identities = Identities()
    identities.update(frame(), [at(0)], MAX_LOST_S)
    identities.reset()
    assert identities.known == set()
    assert numbers(identities.update(frame(), [at(0)], MAX_LOST_S)) == [2]


def test_the_order_of_the_poses_does_not_matter():
    identities = Identities()
    identities.update(frame(), [at(-1), at(1)], MAX_LOST_S)
    found = identities.update(frame(0.1), [at(1.05), at(-0.95)], MAX_LOST_S)
    assert {p.person_id: p.screen[0, 0] > 320 for p in found} == {1: False, 2: True}


def test_two_who_pass_each_other_keep_their_numbers():
    identities = Identities()
    for index in range(40):
        way_m = -1 + 2 * index / 39
        found = identities.update(frame(index / 30), [at(way_m), at(-way_m, 5.0)], MAX_LOST_S)
    assert {p.person_id: p.screen[0, 0] > 320 for p in found} == {1: True, 2: False}


@pytest.mark.parametrize("hidden", [4, 12, 20])
def test_who_was_hidden_while_passing_comes_back_with_their_number(hidden):
    identities = Identities()
    for index in range(40):
        way_m = -1 + 2 * index / 39
        poses = [at(way_m)] + ([] if abs(index - 20) < hidden / 2 else [at(-way_m, 5.0)])
        found = identities.update(frame(index / 30), poses, MAX_LOST_S)
    assert {p.person_id: p.screen[0, 0] > 320 for p in found} == {1: True, 2: False}


def test_somebody_seen_twice_is_there_once_and_the_other_is_not_replaced():
    identities = Identities()
    identities.update(frame(), [at(-1), at(1)], MAX_LOST_S)
    (found,) = identities.update(frame(0.1), [at(1.02), at(1.0)], MAX_LOST_S)
    assert found.person_id == 2
    assert identities.known == {1, 2}


def test_somebody_across_the_room_is_not_who_was_lost():
    identities = Identities()
    identities.update(frame(), [at(-2)], MAX_LOST_S)
    assert numbers(identities.update(frame(0.1), [at(2)], MAX_LOST_S)) == [2]


def test_a_bad_reading_of_somebody_is_nobody_new_but_who_stays_there_is():
    identities = Identities()
    identities.update(frame(), [at(0, 3.0)], MAX_LOST_S)
    assert identities.update(frame(0.1), [at(0, 7.0)], MAX_LOST_S) == []
    assert numbers(identities.update(frame(0.2), [at(0, 7.0)], MAX_LOST_S)) == [2]
    assert numbers(identities.update(frame(0.3), [at(0, 3.0)], MAX_LOST_S)) == [1]


def dressed(*people):
    """Return an image of people, each a (pose, colour)."""
    rgb = np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8)
    for pose, colour in people:
        left, top = pose.screen[:, :2].min(axis=0).astype(int)
        right, bottom = pose.screen[:, :2].max(axis=0).astype(int)
        rgb[max(top, 0) : bottom, max(left, 0) : right] = colour
    return rgb


def test_clothes_tell_who_of_two_has_come_back():
    identities = Identities()
    red, blue = (200, 30, 30), (30, 30, 200)
    pair = at(-0.3), at(0.3)
    image = dressed((pair[0], red), (pair[1], blue))
    for index in range(10):
        identities.update(Frame(image, index * 10**8), pair, MAX_LOST_S)
    between = at(0.0)
    (found,) = identities.update(Frame(dressed((between, blue)), 10**9), [between], MAX_LOST_S)
    assert found.person_id == 2


def test_somebody_alone_may_change_clothes():
    identities = Identities()
    for index, colour in enumerate([(250, 250, 250)] * 5 + [(0, 0, 0)] * 5):
        image = Frame(dressed((at(0), colour)), index * 10**8)
        assert numbers(identities.update(image, [at(0)], MAX_LOST_S)) == [1]


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1e30])
def test_poses_without_sense_do_no_harm(value):
    identities = Identities()
    absurd = pose_of(FACING_M, np.full((33, 3), value))
    for index in range(3):
        identities.update(frame(index / 10), [absurd, at(0)], MAX_LOST_S)
    assert 1 <= len(identities.update(frame(1), [at(0)], MAX_LOST_S)) <= 2
