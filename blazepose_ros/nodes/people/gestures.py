# SPDX-License-Identifier: Apache-2.0
"""The node `blazepose_gestures`: people in, gestures out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.gestures import UNKNOWN, RayMarkers, TargetFloor, to_gesture
from blazepose_ros.conversions.ground_input import lookup_late
from blazepose_ros.conversions.tf_buffer import TransformError
from blazepose_ros.core.gestures.recognizer import GestureRecognizer, Ray, ShownGesture, pointing_ray
from blazepose_ros.core.gestures.rules import GestureKind
from blazepose_ros.core.text import printable
from blazepose_ros.core.types import Pose
from blazepose_ros.msg import Gestures
from blazepose_ros.nodes.people.people_node import PeopleNode
from blazepose_ros.nodes.people.settings import GestureSettings


class GesturesNode(PeopleNode[GestureSettings]):
    """Publishes what the people of ``blazepose/poses`` do.

    Raises:
        ParameterError: a parameter has a value that it does not take.
    """

    def __init__(self) -> None:
        super().__init__("blazepose_gestures", GestureSettings)

    def begin(self) -> None:
        """Forget everyone."""
        self._recognizer = GestureRecognizer(self.settings.visibility_threshold)
        self._rays = RayMarkers()

    def configure(self, _prepared: object) -> None:
        """Announce the outputs."""
        self._gestures = self.create_output(Gestures, "~/gestures")
        self._markers = self.create_output(MarkerArray, "~/markers")

    def change(self, settings: GestureSettings, _prepared: object) -> None:
        """Work with new settings from now on."""
        self._recognizer.visibility_threshold = settings.visibility_threshold

    def take(self, people: Sequence[Pose], up: NDArray[np.float64], header: Header, now_ns: int) -> None:
        """Publish what the people of one image do."""
        shown = self._recognizer.update(people, up, now_ns)
        rays = {id(each): _ray(each, people) for each in shown if each.kind is GestureKind.POINTING}
        floor = self._floor(header) if rays else None
        gestures = [to_gesture(each, rays.get(id(each)), header, floor) for each in shown]
        self._gestures.publish(Gestures(header=header, gestures=gestures))
        if self._markers.get_subscription_count():
            self._markers.publish(self._rays.update(gestures, header))

    def _floor(self, header: Header) -> TargetFloor | None:
        target = self.settings.target_frame
        if not target:
            return None
        try:
            pose = lookup_late(self.transforms, target, header.frame_id, stamp_ns(header))
        except TransformError as err:
            self.throttled_log.error(f"the floor of {printable(target)} (target_frame) is not known: {err}")
            return None
        return TargetFloor(target, pose)


def _ray(shown: ShownGesture, people: Sequence[Pose]) -> Ray:
    pose = next(each for each in people if each.person_id == shown.person_id)
    hips = UNKNOWN if pose.hip_center is None else pose.hip_center.position
    return pointing_ray(pose.world, hips, shown.side)
