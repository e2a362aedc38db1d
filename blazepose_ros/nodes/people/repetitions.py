# SPDX-License-Identifier: Apache-2.0
"""The node `blazepose_repetitions`: people in, counts of exercises out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from std_msgs.msg import Header

from blazepose_ros.core.repetitions.counter import PeopleCounter, RepetitionCounter
from blazepose_ros.core.repetitions.exercises import Exercise
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Pose
from blazepose_ros.msg import ExerciseCount, Repetitions
from blazepose_ros.nodes.people.people_node import PeopleNode
from blazepose_ros.nodes.people.settings import RepetitionSettings, exercises_named


class RepetitionsNode(PeopleNode[RepetitionSettings]):
    """Publishes how often the people of ``blazepose/poses`` have done exercises.

    Raises:
        ParameterError: a parameter has a value that it does not take.
    """

    def __init__(self) -> None:
        super().__init__("blazepose_repetitions", RepetitionSettings)

    def begin(self) -> None:
        """Start all counts anew."""
        self._counter = self._new_counter(self.settings, exercises_named(self.settings.exercise))

    def configure(self, _prepared: object) -> None:
        """Announce the output."""
        self._repetitions = self.create_output(Repetitions, "~/repetitions")

    def prepare_change(self, settings: RepetitionSettings) -> list[Exercise]:
        """Return the exercises that new settings name."""
        return exercises_named(settings.exercise)

    def change(self, settings: RepetitionSettings, prepared: list[Exercise]) -> None:
        """Count what the settings name; where that is the same, go on."""
        if [each.name for each in prepared] != self._names:
            self._counter = self._new_counter(settings, prepared)
        self._counter.visibility_threshold = settings.visibility_threshold

    def take(self, people: Sequence[Pose], up: NDArray[np.float64], header: Header, now_ns: int) -> None:
        """Publish the counts of the people of one image."""
        counts = [_to_message(*each) for each in self._counter.update(people, up, now_ns)]
        self._repetitions.publish(Repetitions(header=header, counts=counts))

    def _new_counter(self, settings: RepetitionSettings, exercises: list[Exercise]) -> PeopleCounter:
        self._names = [each.name for each in exercises]
        return PeopleCounter(exercises, settings.visibility_threshold)


def _to_message(person_id: int, counter: RepetitionCounter) -> ExerciseCount:
    last = counter.last
    seconds, nanoseconds = divmod(0 if last is None else last.end_ns, NS_PER_S)
    return ExerciseCount(
        person_id=person_id,
        exercise=counter.exercise.name,
        count=counter.count,
        progress=counter.progress,
        depth=math.nan if last is None else last.depth,
        there_s=math.nan if last is None else last.there_s,
        back_s=math.nan if last is None else last.back_s,
        last=Time(sec=seconds, nanosec=nanoseconds),
    )
