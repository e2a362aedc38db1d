# SPDX-License-Identifier: Apache-2.0
"""Transforms between frames over the last seconds, a small tf2 buffer.

pip cannot install tf2 itself; where ROS comes from wheels, this takes its place.
"""

from __future__ import annotations

import bisect
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain
from typing import NamedTuple, Protocol

import numpy as np

from blazepose_ros.conversions.cdr import CdrReader
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.text import printable
from blazepose_ros.core.timestamps import NS_PER_MS
from blazepose_ros.core.transforms import IDENTITY, Rigid, interpolated, matrix_of


def remember(tree: TfBuffer, serialized: bytes, *, static: bool) -> None:
    """Add the transforms of a message from /tf or /tf_static to a tree, without the invalid ones.

    Of a message with more transforms than a tree has frames, only so many are read.

    Args:
        tree: where they are added.
        serialized: a tf2_msgs/TFMessage as it came over the wire: rclpy would make objects of all
            of it, which takes twice as long for each.
        static: whether it came from /tf_static.

    Raises:
        CdrError: it ends too early, or is not plain CDR.
    """
    reader = CdrReader(serialized)
    count = min(reader.uint32(), MAX_FRAMES + 1)
    transforms = [_read_transform(reader, static=static) for _ in range(count)]
    tree.insert_all([transform for transform in transforms if transform is not None])


def _read_transform(reader: CdrReader, *, static: bool) -> Transform | None:
    """Take a geometry_msgs/TransformStamped, None for an invalid one, which tf2 ignores as well."""
    stamp_ns, parent, child = reader.stamp_ns(), reader.string(), reader.string()
    numbers = reader.doubles(7)  # translation and quaternion
    if not all(map(math.isfinite, numbers)) or abs(math.hypot(*numbers[3:]) - 1.0) > MAX_NORM_ERROR:
        return None
    pose = Rigid(matrix_of(numbers[3:]), np.array(numbers[:3]))
    return Transform(parent.lstrip("/"), child.lstrip("/"), pose, None if static else stamp_ns)


# As long as tf2 keeps transforms. A stamp that is further back means that a recording starts again.
HISTORY_NS = 10_000_000_000
# A moving frame that nothing was heard of for so long is gone: its transforms are of no image.
FORGOTTEN_AFTER_S = 10.0
# Ten seconds at 100 Hz; of a faster frame, less than ten seconds are kept.
MAX_POSES_PER_FRAME = 1000
# A robot has some hundred frames, and each person that it sees 34. A pose takes half a kilobyte.
MAX_FRAMES = 4000
MAX_POSES = 200_000
# Between a camera and the map there are some ten frames, in an arm of many links some thirty.
MAX_DEPTH = 200
# Four cameras on one topic, each looked up in a target frame and in that of the ground.
MAX_LOOKUPS = 8
# As tf2 checks a quaternion.
MAX_NORM_ERROR = 0.01
# What a look-up waits for is looked for so often: transforms of a robot come every 10 to 20 ms.
_LOOK_AGAIN_S = 0.005


class TransformFault(Enum):
    """Why a transform is not known."""

    UNCONNECTED = "no chain of frames connects the two"
    TOO_DEEP = "too many frames are between them"
    TOO_EARLY = "the time is before the oldest transform"
    NOT_YET = "the time is after the newest transform, so that it may still come"


class TransformError(BlazePoseError, LookupError):
    """The transform between two frames is not known; the message says why.

    Attributes:
        fault: the kind of reason.
    """

    def __init__(self, message: str, fault: TransformFault) -> None:
        super().__init__(message)
        self.fault = fault


class Transform(NamedTuple):
    """The pose of a frame in its parent at a time.

    Attributes:
        parent: the parent frame.
        child: the frame.
        pose: the frame's pose in its parent.
        stamp_ns: the time in nanoseconds; None for a static transform.
    """

    parent: str
    child: str
    pose: Rigid
    stamp_ns: int | None


@dataclass
class _Edge:
    """The pose of a frame in its parent over time; a static one has no stamps."""

    parent: str
    received_s: float
    stamps_ns: list[int] = field(default_factory=list)
    poses: list[Rigid] = field(default_factory=list)

    @property
    def static(self) -> bool:
        """Whether it holds at any time."""
        return not self.stamps_ns

    def insert(self, stamp_ns: int, pose: Rigid) -> None:
        """Add a pose; one that is there already with the same stamp stays."""
        if self.stamps_ns and stamp_ns < self.stamps_ns[-1] - HISTORY_NS:
            self.stamps_ns, self.poses = [], []
        at = bisect.bisect_left(self.stamps_ns, stamp_ns)
        if at < len(self.stamps_ns) and self.stamps_ns[at] == stamp_ns:
            return
        self.stamps_ns.insert(at, stamp_ns)
        self.poses.insert(at, pose)
        old = bisect.bisect_left(self.stamps_ns, self.stamps_ns[-1] - HISTORY_NS)
        old = max(old, len(self.stamps_ns) - MAX_POSES_PER_FRAME)
        del self.stamps_ns[:old], self.poses[:old]

    def at(self, stamp_ns: int, child: str) -> Rigid:
        """Return the pose at a time, interpolated between the two poses around it.

        Raises:
            TransformError: the time is before the oldest or after the newest pose.
        """
        if self.static:
            return self.poses[0]
        first, last = self.stamps_ns[0], self.stamps_ns[-1]
        frames = f"transform from {printable(self.parent)} to {printable(child)}"
        if stamp_ns > last:
            when = f"{(stamp_ns - last) / NS_PER_MS:.0f} ms after the newest"
            raise TransformError(f"the image is {when} {frames}", TransformFault.NOT_YET)
        if stamp_ns < first:
            when = f"{(first - stamp_ns) / NS_PER_MS:.0f} ms before the oldest"
            raise TransformError(f"the image is {when} {frames}", TransformFault.TOO_EARLY)
        index = bisect.bisect_left(self.stamps_ns, stamp_ns)
        if self.stamps_ns[index] == stamp_ns:
            return self.poses[index]
        earlier, later = self.stamps_ns[index - 1 : index + 1]
        share = (stamp_ns - earlier) / (later - earlier)
        return interpolated(self.poses[index - 1], self.poses[index], share)


class Polled(Protocol):
    """A topic whose messages wait until somebody asks for them."""

    def poll(self) -> None:
        """Hand over what has come since."""
        ...


class TfBuffer:
    """Keeps the transforms of the last seconds; any thread may use it.

    What it keeps is bounded: of too many frames, those that no look-up has used are forgotten.

    Args:
        clock: monotonic seconds.

    Attributes:
        polled: topics that are asked what has come before each look-up.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._edges: dict[str, _Edge] = {}
        self._used: dict[tuple[str, str], list[str]] = {}
        # What static transforms alone tell, until one of them changes.
        self._static: dict[tuple[str, str], Rigid] = {}
        self._swept_s = self._flooded_s = -math.inf
        self._lock = threading.RLock()
        self.polled: list[Polled] = []

    def __len__(self) -> int:
        """Return how many frames have a parent."""
        return len(self._edges)

    @property
    def trouble(self) -> str:
        """What is wrong with the transforms that come, or nothing."""
        if self._clock() - self._flooded_s > FORGOTTEN_AFTER_S:
            return ""
        return (
            f"more than {MAX_FRAMES} frames or {MAX_POSES} transforms on /tf and /tf_static:"
            " those that are not looked up are forgotten"
        )

    def insert(self, parent: str, child: str, pose: Rigid, stamp_ns: int | None) -> None:
        """Add one transform; see `Transform`."""
        self.insert_all([Transform(parent, child, pose, stamp_ns)])

    def insert_all(self, transforms: Iterable[Transform]) -> None:
        """Add transforms."""
        arrived = list(transforms)
        with self._lock:
            now_s = self._clock()
            for transform in arrived:
                self._insert(transform, now_s)
            self._forget(now_s)

    def lookup(self, target: str, source: str, stamp_ns: int, timeout_s: float = 0.0) -> Rigid:
        """Return the pose of a source frame in a target frame at a time.

        Args:
            target: the frame that the pose is in.
            source: the frame whose pose it is.
            stamp_ns: the time in nanoseconds.
            timeout_s: how long to wait for a transform of that time, where only older ones are known.

        Raises:
            TransformError: they are not connected, or not at that time.
        """
        deadline_s = self._clock() + timeout_s
        while True:
            for topic in tuple(self.polled):
                topic.poll()
            try:
                with self._lock:
                    return self._lookup(target, source, stamp_ns)
            except TransformError as err:
                left_s = deadline_s - self._clock()
                if err.fault is not TransformFault.NOT_YET or left_s <= 0:
                    raise
            time.sleep(min(left_s, _LOOK_AGAIN_S))

    def is_static(self, target: str, source: str) -> bool:
        """Tell whether static transforms alone connect two frames."""
        with self._lock:
            sources, targets = self._ancestry(source), self._ancestry(target)
            common = next((frame for frame in sources if frame in targets), None)
            if common is None:
                return False
            between = [*sources[: sources.index(common)], *targets[: targets.index(common)]]
            return all(self._edges[frame].static for frame in between)

    def ancestry(self, frame: str) -> list[str]:
        """Return a frame and its ancestors, the next one first."""
        with self._lock:
            return self._ancestry(frame)

    def _insert(self, transform: Transform, now_s: float) -> None:
        parent, child, stamp_ns = transform.parent, transform.child, transform.stamp_ns
        if stamp_ns is None:
            self._static.clear()
            self._edges[child] = _Edge(parent, now_s, [], [transform.pose])
        else:
            edge = self._edges.get(child)
            if edge is None or edge.parent != parent or edge.static:
                self._static.clear()
                edge = self._edges[child] = _Edge(parent, now_s)
            edge.received_s = now_s
            edge.insert(stamp_ns, transform.pose)
        if len(self._edges) > MAX_FRAMES:
            self._keep_used(now_s)

    def _forget(self, now_s: float) -> None:
        """Forget, once a second, the moving frames that are gone, and what is too much."""
        if now_s - self._swept_s < 1.0:
            return
        self._swept_s = now_s
        oldest_s = now_s - FORGOTTEN_AFTER_S
        self._edges = {
            child: edge for child, edge in self._edges.items() if edge.static or edge.received_s >= oldest_s
        }
        if sum(len(edge.poses) for edge in self._edges.values()) > MAX_POSES:
            self._keep_used(now_s)

    def _keep_used(self, now_s: float) -> None:
        """Forget the frames that the last look-ups have not used."""
        self._flooded_s = now_s
        used = set(chain.from_iterable(self._used.values()))
        self._edges = {child: edge for child, edge in self._edges.items() if child in used}
        self._static.clear()

    def _lookup(self, target: str, source: str, stamp_ns: int) -> Rigid:
        if (known_pose := self._static.get((target, source))) is not None:
            return known_pose
        sources, targets = self._ancestry(source), self._ancestry(target)
        known = set(targets)
        common = next((frame for frame in sources if frame in known), None)
        if common is None:
            if max(len(sources), len(targets)) > MAX_DEPTH:
                between = (
                    f"more than {MAX_DEPTH} frames are between {printable(source)} and {printable(target)}"
                )
                raise TransformError(between, TransformFault.TOO_DEEP)
            reasons = filter(
                None, (f"no transform connects {printable(source)} with {printable(target)}", self.trouble)
            )
            raise TransformError("; ".join(reasons), TransformFault.UNCONNECTED)
        up, down = sources[: sources.index(common)], targets[: targets.index(common)]
        self._note_use(target, source, [*up, *down])
        pose = self._along(down, stamp_ns).inverse() @ self._along(up, stamp_ns)
        if all(self._edges[frame].static for frame in (*up, *down)):
            self._static[target, source] = pose
        return pose

    def _note_use(self, target: str, source: str, frames: list[str]) -> None:
        """Note which frames the last look-ups use."""
        self._used.pop((target, source), None)
        self._used[target, source] = frames
        if len(self._used) > MAX_LOOKUPS:
            oldest = next(iter(self._used))
            del self._used[oldest]
            self._static.pop(oldest, None)

    def _ancestry(self, frame: str) -> list[str]:
        """Return a frame and its ancestors, the next one first; not those of a loop, nor beyond the depth."""
        ancestry = {frame: None}
        while len(ancestry) <= MAX_DEPTH and (edge := self._edges.get(frame)) is not None:
            if edge.parent in ancestry:
                break
            frame = edge.parent
            ancestry[frame] = None
        return list(ancestry)

    def _along(self, frames: Sequence[str], stamp_ns: int) -> Rigid:
        """Return the pose of the first of some frames in the parent of the last one."""
        pose = IDENTITY
        for frame in frames:
            pose = self._edges[frame].at(stamp_ns, frame) @ pose
        return pose
