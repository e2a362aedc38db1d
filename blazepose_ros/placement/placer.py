"""Places everybody, each with a memory of their own."""

from __future__ import annotations

from dataclasses import dataclass

from blazepose_ros.camera_model import CameraModel
from blazepose_ros.placement.depth_image import DepthImage
from blazepose_ros.placement.person import PersonPlacer
from blazepose_ros.pose import HipCenter, ModelComplexity, Pose

# Somebody who was not seen for so long is forgotten.
FORGET_NS = 10_000_000_000


@dataclass
class _Memory:
    """What is remembered of one person."""

    mono: PersonPlacer
    seen_ns: int


class Placer:
    """Places the people of one camera from image to image.

    Whoever it placed is told apart by ``Pose.person_id``. An image from before the last one
    makes it forget everybody, and so does another height.
    """

    def __init__(self) -> None:
        self._people: dict[int, _Memory] = {}
        self._height_m = 0.0
        self._stamp_ns = 0

    def place(
        self,
        pose: Pose,
        camera: CameraModel,
        stamp_ns: int,
        *,
        visibility_threshold: float,
        height_m: float = 0.0,
        depth: DepthImage | None = None,
        model: ModelComplexity = ModelComplexity.FULL,
    ) -> HipCenter | None:
        """Return where somebody's hip centre is, or None where that cannot be told.

        Args:
            pose: the person in the newest image.
            camera: the camera at the image's size.
            stamp_ns: the image's.
            visibility_threshold: landmarks below it say nothing about the place.
            height_m: the person's height in metres, 0 where it is not known.
            depth: the depth image taken with it, where there is one.
            model: whose landmarks they are.
        """
        if stamp_ns < self._stamp_ns or height_m != self._height_m:
            self.forget()
        self._stamp_ns, self._height_m = stamp_ns, height_m
        memory = self._people.setdefault(pose.person_id, _Memory(PersonPlacer(height_m), stamp_ns))
        memory.seen_ns = stamp_ns
        self._forget_the_absent()
        return memory.mono.place(pose, camera, visibility_threshold, stamp_ns, depth, model)

    def forget(self) -> None:
        """Forget everybody, as after a jump in time."""
        self._people.clear()

    def _forget_the_absent(self) -> None:
        absent = [who for who, memory in self._people.items() if self._stamp_ns - memory.seen_ns > FORGET_NS]
        for who in absent:
            del self._people[who]
