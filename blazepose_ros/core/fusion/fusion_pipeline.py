# SPDX-License-Identifier: Apache-2.0
"""From the people of several cameras to people in one frame: the facade of the fusion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from blazepose_ros.core.fusion.clock_offset import UNKNOWN, ClockOffsets, Offset
from blazepose_ros.core.fusion.fused_person import FusedPerson
from blazepose_ros.core.fusion.identity_gate import ExpectedPerson, IdentityGate
from blazepose_ros.core.fusion.matching import KEEP_NS, PersonMatcher
from blazepose_ros.core.fusion.sightings import CameraView
from blazepose_ros.core.fusion.synchronization import CameraHistory, OutputTimes
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Pose

# Clock offsets are solved for once in so long a time: they are constant.
OFFSETS_PERIOD_NS = NS_PER_S // 4


@dataclass(frozen=True)
class FusionOptions:
    """How people are fused.

    Attributes:
        rate_hz: outputs a second; 0 for one with each image of the reference camera.
        reference_camera: by its name; empty for the first by name that is not silent.
        max_wait_s: how long cameras that are late are waited for.
        correct_clocks: whether constant offsets between cameras' stamps are corrected.
    """

    rate_hz: float = 30.0
    reference_camera: str = ""
    max_wait_s: float = 0.1
    correct_clocks: bool = True


@dataclass(frozen=True)
class FusedPeople:
    """The people at a time, in the fusion frame.

    Attributes:
        stamp_ns: the time, by the reference camera's clock.
        people: the one known longest first, who is the primary one; without screen landmarks.
        cameras: which cameras see each of them, by the person's id.
    """

    stamp_ns: int
    people: tuple[Pose, ...]
    cameras: Mapping[int, tuple[str, ...]]


class FusionPipeline:
    """Fuses the people of several cameras; used from one thread at a time.

    Args:
        options: how it works; assign `options` to change it.

    Attributes:
        offsets: how late each camera's stamps are, as far as it is known.
    """

    def __init__(self, options: FusionOptions = FusionOptions()) -> None:
        self._options = options
        self._times = OutputTimes(options.rate_hz, options.max_wait_s, options.reference_camera)
        self._clocks = ClockOffsets()
        self.offsets: dict[str, Offset] = {}
        self._solved_ns = 0
        self._start_anew()

    @property
    def options(self) -> FusionOptions:
        """How it works."""
        return self._options

    @options.setter
    def options(self, options: FusionOptions) -> None:
        self._options = options
        self._times.rate_hz = options.rate_hz
        self._times.max_wait_s = options.max_wait_s
        self._times.reference = options.reference_camera

    def update(self, view: CameraView, now_s: float | None = None) -> list[FusedPeople]:
        """Take a camera's image and return the people at the times that are complete with it.

        Args:
            view: the image; one that repeats a stamp or comes late is ignored, one of a second or more
                before the last one starts everything anew, as in a recording that is played again,
                unless half of the cameras go on as before.
            now_s: when it came, monotonic seconds; None where it comes when it was taken, as offline.
        """
        history = self._histories.setdefault(view.camera, CameraHistory())
        corrected_ns = view.stamp_ns - self._correction_ns(view.camera)
        now_s = corrected_ns / NS_PER_S if now_s is None else now_s
        if not history.add(view):
            return self.poll(now_s)
        if self._times.arrived(view.camera, corrected_ns, now_s):
            self._start_anew()
            self._histories[view.camera] = history
        return self.poll(now_s)

    def poll(self, now_s: float) -> list[FusedPeople]:
        """Return the people at the times that have waited long enough for cameras that are late.

        Args:
            now_s: monotonic seconds.
        """
        return list(self._due(now_s))

    def wait_s(self, now_s: float) -> float:
        """Return after how long to poll at the latest, in seconds; infinite where nothing waits."""
        return self._times.wait_s(now_s)

    def awaited(self, now_s: float) -> dict[str, int]:
        """Return which cameras' images the next output needs: until then, they may as well be collected.

        Args:
            now_s: monotonic seconds.

        Returns:
            The stamp that each has to reach, by the cameras' names and clocks; empty where any image may
            bring an output.
        """
        awaited = self._times.awaited(now_s)
        return {camera: stamp_ns + self._correction_ns(camera) for camera, stamp_ns in awaited.items()}

    def finish(self) -> list[FusedPeople]:
        """Return the people at all times that still wait, as at a recording's end."""
        return self.poll(float("inf"))

    def live_cameras(self, now_s: float) -> list[str]:
        """Return the names of the cameras whose images come."""
        return self._times.live(now_s)

    def stray_cameras(self, now_s: float) -> list[str]:
        """Return the names of those whose stamps are seconds away from those of the others: not fused."""
        return self._times.strays(now_s)

    def forget(self, camera: str) -> None:
        """Forget a camera that is fused no more."""
        self._histories.pop(camera, None)
        self._times.forget(camera)

    def _start_anew(self) -> None:
        self._histories: dict[str, CameraHistory] = {}
        self._matcher = PersonMatcher()
        self._gate = IdentityGate()
        self._people: dict[int, FusedPerson] = {}

    def _due(self, now_s: float) -> Iterator[FusedPeople]:
        while (stamp_ns := self._times.due(now_s)) is not None:
            yield self._fuse(stamp_ns)

    def _fuse(self, stamp_ns: int) -> FusedPeople:
        sightings = [
            sighting
            for camera, history in self._histories.items()
            for sighting in history.at(stamp_ns + self._correction_ns(camera))
        ]
        matched = self._matcher.update(sightings, stamp_ns)
        matched = self._gate.sorted_out(matched, self._expected(stamp_ns), self.offsets, stamp_ns)
        self._matcher.correct(matched, stamp_ns)
        corrections_s = {camera: self._correction_ns(camera) / NS_PER_S for camera in self._histories}
        self._clocks.update(matched, stamp_ns, corrections_s)
        people = tuple(
            self._person(each.person_id).update(each.sightings, stamp_ns, primary=index == 0)
            for index, each in enumerate(matched)
        )
        self._solve_offsets(stamp_ns)
        self._people = {
            number: person for number, person in self._people.items() if stamp_ns - person.seen_ns <= KEEP_NS
        }
        cameras = {each.person_id: tuple(seen.camera for seen in each.sightings) for each in matched}
        return FusedPeople(stamp_ns, people, cameras)

    def _expected(self, stamp_ns: int) -> dict[int, ExpectedPerson]:
        """Return where people have to be at a time, by their ids, as far as that is known."""
        people = ((number, person.expected(stamp_ns)) for number, person in self._people.items())
        return {number: expected for number, expected in people if expected is not None}

    def _person(self, person_id: int) -> FusedPerson:
        if person_id not in self._people:
            self._people[person_id] = FusedPerson(person_id)
        return self._people[person_id]

    def _correction_ns(self, camera: str) -> int:
        if not self._options.correct_clocks:
            return 0
        return round(self.offsets.get(camera, UNKNOWN).offset_s * NS_PER_S)

    def _solve_offsets(self, stamp_ns: int) -> None:
        if abs(stamp_ns - self._solved_ns) >= OFFSETS_PERIOD_NS:
            self._solved_ns = stamp_ns
            self.offsets = self._clocks.offsets(sorted(self._histories), self._options.reference_camera)


def fuse(views: Iterable[CameraView], options: FusionOptions = FusionOptions()) -> Iterator[FusedPeople]:
    """Yield the fused people of a recording.

    Args:
        views: the images of all cameras in the order of their stamps.
        options: how people are fused.
    """
    pipeline = FusionPipeline(options)
    for view in views:
        yield from pipeline.update(view)
    yield from pipeline.finish()
