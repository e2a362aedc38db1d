# SPDX-License-Identifier: Apache-2.0
"""Counts the repetitions of one exercise by one person, and of all by all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import NDArray

from blazepose_ros.core.body_view import BodyView, greatest
from blazepose_ros.core.people_memory import PeopleMemory
from blazepose_ros.core.repetitions.exercises import Exercise
from blazepose_ros.core.timestamps import NS_PER_S, is_restart
from blazepose_ros.core.types import Pose

# Nobody goes there and back in less; landmarks that jump do.
MIN_DURATION_S = 0.25
# Who stays down for longer sits or rests.
MAX_DURATION_S = 20.0
# Who is out of sight for longer may have done anything.
MAX_UNSEEN_S = 1.0
# People come back, with the ids they had, within `max_lost_s`; they keep their counts for longer than any.
FORGET_NS = 60 * NS_PER_S


@dataclass(frozen=True)
class Repetition:
    """One that was finished.

    Attributes:
        depth: the greatest value of the exercise's signal.
        there_s: from rest to there.
        back_s: from there to rest.
        end_ns: the stamp of the image that it was finished in.
    """

    depth: float
    there_s: float
    back_s: float
    end_ns: int


class RepetitionCounter:
    """Counts one person's repetitions of one exercise.

    One is counted when the signal comes back to rest after it has reached the turn. One whose beginning
    was not seen is not counted.

    Args:
        exercise: what is counted.

    Attributes:
        count: how many were finished.
        last: the last one of them.
        progress: 0 at rest, 1 where it turns back or beyond; NaN before the body was seen.
    """

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self.count = 0
        self.last: Repetition | None = None
        self.progress = math.nan
        self._rest_ns: int | None = None
        self._rest_height_m = math.nan
        self._seen_ns = 0
        self._turn_ns, self._depth, self._votes, self._sunk = 0, -math.inf, 0, math.nan

    def update(self, body: BodyView, stamp_ns: int) -> None:
        """Take the body of the next image."""
        signal = self.exercise.signal(body)
        if math.isnan(signal):
            return
        if stamp_ns - self._seen_ns > MAX_UNSEEN_S * NS_PER_S:
            self._rest_ns = None
        self._seen_ns = stamp_ns
        rest, turn = self.exercise.rest, self.exercise.turn
        self.progress = min(max((signal - rest) / (turn - rest), 0.0), 1.0)
        if signal <= rest:
            self._finish(stamp_ns)
            self._rest_height_m = body.hips_height_m
        elif signal > self._depth:
            self._turn_ns, self._depth = stamp_ns, signal
        if signal >= turn:
            self._votes += 1 if self.exercise.form(body) else -1
        sunk = (self._rest_height_m - body.hips_height_m) / body.trunk_m
        if not math.isnan(sunk):  # it is where the hips are not placed
            self._sunk = greatest((self._sunk, sunk))

    def _finish(self, stamp_ns: int) -> None:
        """Count what comes to rest, if it was a repetition, and begin anew."""
        if self._rest_ns is not None and self._was_it():
            there_s = (self._turn_ns - self._rest_ns) / NS_PER_S
            back_s = (stamp_ns - self._turn_ns) / NS_PER_S
            if MIN_DURATION_S <= there_s + back_s <= MAX_DURATION_S:
                self.count += 1
                self.last = Repetition(self._depth, there_s, back_s, stamp_ns)
        self._rest_ns = stamp_ns
        self._depth, self._votes, self._sunk = -math.inf, 0, math.nan

    def _was_it(self) -> bool:
        """Tell whether the body went far enough, in the posture of the exercise."""
        is_deep = self._depth >= self.exercise.turn and not self._sunk < self.exercise.sink
        return is_deep and self._votes > 0


def in_words(exercise: str, count: int) -> str:
    """Return a count as people read it: ``jumping jack 3``."""
    return f"{exercise.replace('_', ' ')} {count}"


class PeopleCounter:
    """Counts the exercises of everyone; people are told apart by their ids.

    Args:
        exercises: what is counted.
        visibility_threshold: landmarks below it are not seen.
    """

    def __init__(self, exercises: Sequence[Exercise], visibility_threshold: float) -> None:
        self.visibility_threshold = visibility_threshold
        self._exercises = exercises
        self._people = PeopleMemory(self._new_counters, FORGET_NS)
        self._last_ns: int | None = None

    def update(
        self, poses: Sequence[Pose], up: NDArray, stamp_ns: int
    ) -> list[tuple[int, RepetitionCounter]]:
        """Return who has begun what, after the next image.

        Args:
            poses: the people.
            up: (3,), what points upwards in the axes of their world landmarks, of unit length.
            stamp_ns: when the image was taken; a recording that starts again starts all counts anew.
        """
        if is_restart(self._last_ns, stamp_ns):
            self._people.clear()
        self._last_ns = stamp_ns
        self._people.forget_old(stamp_ns)
        begun = []
        for pose in poses:
            counters = self._people.of(pose.person_id, stamp_ns)
            body = BodyView.of_pose(pose, up, self.visibility_threshold)
            for counter in counters:
                counter.update(body, stamp_ns)
                if counter.count or len(counters) == 1:
                    begun.append((pose.person_id, counter))
        return begun

    def _new_counters(self) -> list[RepetitionCounter]:
        return [RepetitionCounter(exercise) for exercise in self._exercises]
