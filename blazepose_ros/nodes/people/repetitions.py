# SPDX-License-Identifier: Apache-2.0
"""The node `blazepose_repetitions`: people in, counts of exercises out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.repetitions import CountMarkers, to_exercise_count
from blazepose_ros.core.repetitions.counter import PeopleCounter, in_words
from blazepose_ros.core.repetitions.exercises import Exercise
from blazepose_ros.core.types import Pose
from blazepose_ros.msg import Repetitions
from blazepose_ros.nodes.people.counted_images import IMAGE_NAME, CountedImages
from blazepose_ros.nodes.people.people_node import TOPIC, PeopleNode
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
        self._texts = CountMarkers()

    def configure(self, _prepared: object) -> None:
        """Announce the outputs."""
        self._repetitions = self.create_output(Repetitions, "~/repetitions")
        self._markers = self.create_output(MarkerArray, "~/markers")
        images = self.create_output(Image, f"~/{IMAGE_NAME}")
        self._images = CountedImages(self, images, self.resolve_topic_name(TOPIC), self.throttled_log)

    def follow(self) -> None:
        """Take images while somebody looks at them."""
        self._images.follow()

    def activate(self) -> None:
        """Subscribe to people and transforms; images wait for somebody who looks at them."""
        super().activate()
        self._deactivation.callback(self._images.close)

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
        begun = self._counter.update(people, up, now_ns)
        counts = [to_exercise_count(*each) for each in begun]
        self._repetitions.publish(Repetitions(header=header, counts=counts))
        lines: dict[int, list[str]] = defaultdict(list)
        for person_id, counter in begun:
            lines[person_id].append(in_words(counter.exercise.name, counter.count))
        if self._markers.get_subscription_count():
            self._markers.publish(self._texts.update(people, lines, up, header))
        notes = [(pose, lines[pose.person_id]) for pose in people if pose.person_id in lines]
        self._images.take(stamp_ns(header), notes)

    def _new_counter(self, settings: RepetitionSettings, exercises: list[Exercise]) -> PeopleCounter:
        self._names = [each.name for each in exercises]
        return PeopleCounter(exercises, settings.visibility_threshold)
