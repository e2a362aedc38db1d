# SPDX-License-Identifier: Apache-2.0
"""Counts of exercises as messages, and as text for RViz."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from builtin_interfaces.msg import Duration, Time
from numpy.typing import NDArray
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from blazepose_ros.conversions.markers import HEAD, TEXT_HEIGHT_M
from blazepose_ros.conversions.pose33 import to_points
from blazepose_ros.core.repetitions.counter import RepetitionCounter
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Pose
from blazepose_ros.msg import ExerciseCount

NAMESPACE = "repetitions"
COLOR = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
# From the middle of the head: above the label of the person's own markers.
TEXT_ABOVE_M = 0.45
# A running node deletes markers itself; those of a node that died expire.
LIFETIME = Duration(sec=2)


def to_exercise_count(person_id: int, counter: RepetitionCounter) -> ExerciseCount:
    """Return how often a person has done an exercise as a message."""
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


class CountMarkers:
    """Makes a MarkerArray for each image, which deletes the texts of those who have left."""

    def __init__(self) -> None:
        self._shown: set[int] = set()

    def update(
        self, people: Sequence[Pose], lines: Mapping[int, Sequence[str]], up: NDArray, header: Header
    ) -> MarkerArray:
        """Return a text above the head of each who is placed.

        Args:
            people: the people.
            lines: what is written about them, by their ids.
            up: (3,), what points upwards in the header's frame.
            header: of the people.
        """
        texts = [
            marker
            for pose in people
            if pose.person_id in lines and (marker := _text(pose, lines[pose.person_id], up, header))
        ]
        shown = {text.id for text in texts}
        deleted = [
            Marker(header=header, ns=NAMESPACE, id=number, action=Marker.DELETE)
            for number in sorted(self._shown - shown)
        ]
        self._shown = shown
        return MarkerArray(markers=deleted + texts)


def _text(pose: Pose, lines: Sequence[str], up: NDArray, header: Header) -> Marker | None:
    if pose.hip_center is None:
        return None
    at = pose.hip_center.position + pose.world[HEAD].mean(axis=0) + TEXT_ABOVE_M * up
    if not np.isfinite(at).all():
        return None
    marker = Marker(
        header=header,
        ns=NAMESPACE,
        id=pose.person_id % 2**31,
        type=Marker.TEXT_VIEW_FACING,
        text="\n".join(lines),
        color=COLOR,
        lifetime=LIFETIME,
    )
    marker.scale.z = TEXT_HEIGHT_M
    marker.pose.position = to_points(at[None])[0]
    return marker
