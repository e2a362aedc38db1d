# SPDX-License-Identifier: Apache-2.0
"""Transforms between frames over the last seconds: a small tf2 buffer.

pip cannot install tf2 itself; where ROS comes from wheels, this takes its place.
"""

from __future__ import annotations

import bisect
import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.timestamps import NS_PER_MS

# As long as tf2 keeps transforms. A stamp that is further back means that a recording starts again.
HISTORY_NS = 10_000_000_000


class TransformError(BlazePoseError, LookupError):
    """The transform between two frames is not known; the message says why."""


@dataclass(frozen=True)
class Rigid:
    """The pose of a frame in its parent: ``p_parent = rotation @ p + translation``.

    Attributes:
        rotation: (3, 3).
        translation: (3,), meters.
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    def __matmul__(self, other: Rigid) -> Rigid:
        """Return the composition: ``other`` is applied first."""
        return Rigid(self.rotation @ other.rotation, self.rotation @ other.translation + self.translation)

    def inverse(self) -> Rigid:
        """Return the pose of the parent in the frame."""
        return Rigid(self.rotation.T, -self.rotation.T @ self.translation)


IDENTITY = Rigid(np.eye(3), np.zeros(3))


@dataclass
class _Edge:
    """The pose of a frame in its parent over time; a static one has no stamps."""

    parent: str
    stamps_ns: list[int] = field(default_factory=list)
    poses: list[Rigid] = field(default_factory=list)

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
        del self.stamps_ns[:old], self.poses[:old]

    def at(self, stamp_ns: int, child: str) -> Rigid:
        """Return the pose at a time, interpolated between the two poses around it.

        Raises:
            TransformError: the time is before the oldest or after the newest pose.
        """
        if not self.stamps_ns:
            return self.poses[0]
        first, last = self.stamps_ns[0], self.stamps_ns[-1]
        if not first <= stamp_ns <= last:
            when = (
                f"{(stamp_ns - last) / NS_PER_MS:.0f} ms after the newest"
                if stamp_ns > last
                else f"{(first - stamp_ns) / NS_PER_MS:.0f} ms before the oldest"
            )
            raise TransformError(f"the image is {when} transform from {self.parent} to {child}")
        after = bisect.bisect_left(self.stamps_ns, stamp_ns)
        if self.stamps_ns[after] == stamp_ns:
            return self.poses[after]
        return _between(
            self.poses[after - 1],
            self.poses[after],
            (stamp_ns - self.stamps_ns[after - 1]) / (self.stamps_ns[after] - self.stamps_ns[after - 1]),
        )


_Step = tuple[_Edge, str]


class TfBuffer:
    """Keeps the transforms of the last seconds; any thread may use it."""

    def __init__(self) -> None:
        self._edges: dict[str, _Edge] = {}
        self._lock = threading.Lock()

    def insert(self, parent: str, child: str, pose: Rigid, stamp_ns: int | None) -> None:
        """Add a transform.

        Args:
            parent: the parent frame.
            child: the frame.
            pose: the frame's pose in its parent.
            stamp_ns: its time in nanoseconds; None for a static transform.
        """
        with self._lock:
            if stamp_ns is None:
                self._edges[child] = _Edge(parent, [], [pose])
                return
            edge = self._edges.get(child)
            if edge is None or edge.parent != parent or not edge.stamps_ns:
                edge = self._edges[child] = _Edge(parent)
            edge.insert(stamp_ns, pose)

    def lookup(self, target: str, source: str, stamp_ns: int) -> Rigid:
        """Return the pose of a source frame in a target frame at a time.

        Raises:
            TransformError: they are not connected, or not at that time.
        """
        with self._lock:
            sources, targets = self._chain(source), self._chain(target)
            for frame, steps in sources.items():
                if frame in targets:
                    return _along(targets[frame], stamp_ns).inverse() @ _along(steps, stamp_ns)
        raise TransformError(f"no transform connects {source} with {target}")

    def _chain(self, frame: str) -> dict[str, list[_Step]]:
        """Return a frame's ancestors, itself first, each with the steps that lead down to it."""
        steps: list[_Step] = []
        chain = {frame: steps}
        while (edge := self._edges.get(frame)) is not None and edge.parent not in chain:
            steps = [(edge, frame), *steps]
            frame = edge.parent
            chain[frame] = steps
        return chain


def _along(steps: list[_Step], stamp_ns: int) -> Rigid:
    """Return the pose of the last frame of some steps in the first one's parent."""
    pose = IDENTITY
    for edge, child in steps:
        pose = pose @ edge.at(stamp_ns, child)
    return pose


def _between(first: Rigid, second: Rigid, share: float) -> Rigid:
    rotations = Rotation.from_matrix(np.stack([first.rotation, second.rotation]))
    rotation = Slerp([0.0, 1.0], rotations)(share).as_matrix()
    return Rigid(rotation, (1 - share) * first.translation + share * second.translation)
