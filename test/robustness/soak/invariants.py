# SPDX-License-Identifier: Apache-2.0
"""What was sent and what came back: the promises that no answer may break."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.frame_sources.resize import Size
from blazepose_ros.core.types import Pose

# How many images are remembered: a minute and more of two cameras.
MEMORY = 5000

# A tracker may hold on to somebody for so many answers, and take so many to find somebody.
MAX_GHOSTS = 3
MAX_BLIND = 15
# After so many answers in a row smoothing has caught up with a jump of the picture.
SETTLED = 15
# Where landmarks may be, as a part of the image's width: models differ by less.
MAX_ERROR = 0.05

# Nothing queues: only a machine that stalls takes seconds.
MAX_LATENCY_S = 5.0
# Longer than it takes processes to find each other again.
MAX_SILENCE_S = 6.0


class Content(Enum):
    """What an image shows."""

    PERSON = "person"
    NOBODY = "nobody"
    BROKEN = "broken"


@dataclass(frozen=True)
class Sent:
    """An image that was sent.

    Attributes:
        stamp_ns: its stamp.
        frame_id: its camera's frame.
        size: width and height in pixels.
        content: what it shows.
        sent_s: when, in seconds that rise.
        landmarks: (N, 2), where the landmarks of the person are, pixels; empty for nobody.
    """

    stamp_ns: int
    frame_id: str
    size: Size
    content: Content
    sent_s: float
    landmarks: NDArray[np.float64]


@dataclass
class _Entry:
    """All images of one stamp and frame, and how many of them were answered."""

    images: list[tuple[int, Sent]] = field(default_factory=list)
    answers: int = 0


class Invariants:
    """Compares answers with the images that were sent.

    Attributes:
        landmarks: which landmarks of a person are compared, indices; none until they are known.
        events: what is happening, which is named with each violation.
        violations: what was broken, and how often.
        latencies_s: from sending to hearing, of every answer.
        sent: how many images were sent.
        answers: how many were answered.
        people: how many answers held somebody.
    """

    def __init__(self) -> None:
        self.landmarks: list[int] = []
        self.events = ""
        self.violations: Counter[str] = Counter()
        self.latencies_s: list[float] = []
        self.sent = self.answers = self.people = 0
        self._entries: OrderedDict[tuple[int, str], _Entry] = OrderedDict()
        self._last_numbers: Counter[str] = Counter()
        self._run = 0
        self._run_content = Content.BROKEN
        self._unanswered_since_s: float | None = None

    def send(self, image: Sent) -> None:
        """Remember an image."""
        self.sent += 1
        entry = self._entries.setdefault((image.stamp_ns, image.frame_id), _Entry())
        entry.images.append((self.sent, image))
        if image.content is not Content.BROKEN and self._unanswered_since_s is None:
            self._unanswered_since_s = image.sent_s
        if len(self._entries) > MEMORY:
            self._entries.popitem(last=False)

    def disturb(self, events: str = "") -> None:
        """Take into account that something else happens: the next answer may take its time."""
        self.events = events
        self._unanswered_since_s = None
        self._run = 0

    def answer(self, stamp_ns: int, frame_id: str, poses: Sequence[Pose], size: Size, heard_s: float) -> None:
        """Compare an answer with its image.

        Args:
            stamp_ns: the answer's stamp.
            frame_id: the answer's frame.
            poses: who is said to be there.
            size: the image's size as the poses have it; (0, 0) without any.
            heard_s: when, in seconds that rise.
        """
        self.answers += 1
        self.people += bool(poses)
        self._unanswered_since_s = None
        entry = self._entries.get((stamp_ns, frame_id))
        if entry is None:
            self._break("an answer has a stamp or frame that no image had")
            return
        entry.answers += 1
        if entry.answers > len(entry.images):
            self._break("an image was answered twice")
        self._check_order(frame_id, entry.images[min(entry.answers, len(entry.images)) - 1][0])
        image = entry.images[-1][1]
        self._check_size(entry, poses, size)
        self._check_latency(heard_s - image.sent_s)
        if all(each.content is image.content for _, each in entry.images):
            self._check_people([each for _, each in entry.images], poses)

    def derived(self, stamp_ns: int, frame_id: str, topic: str) -> None:
        """Compare the stamp and frame of another output with the images."""
        if (stamp_ns, frame_id) not in self._entries:
            self._break(f"{topic} has a stamp or frame that no image had")

    def check_silence(self, now_s: float) -> None:
        """Break the promise to answer if the node has not for too long."""
        if self._unanswered_since_s is not None and now_s - self._unanswered_since_s > MAX_SILENCE_S:
            self._break(f"images came and no answer for {MAX_SILENCE_S:g} s")
            self._unanswered_since_s = now_s

    def note(self, violation: str) -> None:
        """Count a violation that was seen elsewhere."""
        self._break(violation)

    def _break(self, violation: str) -> None:
        self.violations[f"{violation}, during {self.events}" if self.events else violation] += 1

    def _check_order(self, frame_id: str, number: int) -> None:
        if number <= self._last_numbers[frame_id]:
            self._break("an answer came after that of a later image")
        self._last_numbers[frame_id] = max(number, self._last_numbers[frame_id])

    def _check_size(self, entry: _Entry, poses: Sequence[Pose], size: Size) -> None:
        if poses and all(image.size != size for _, image in entry.images):
            self._break("an answer has a size that its image had not")

    def _check_latency(self, latency_s: float) -> None:
        self.latencies_s.append(latency_s)
        if latency_s > MAX_LATENCY_S:
            self._break(f"an answer took more than {MAX_LATENCY_S:g} s")

    def _check_people(self, images: Sequence[Sent], poses: Sequence[Pose]) -> None:
        image = images[-1]
        self._run = self._run + 1 if image.content is self._run_content else 1
        self._run_content = image.content
        if image.content is Content.BROKEN:
            self._break("an image that cannot be read was answered")
        elif image.content is Content.NOBODY and poses and self._run > MAX_GHOSTS:
            self._break("a ghost: somebody in an image of nobody")
        elif image.content is Content.PERSON and not poses and self._run > MAX_BLIND:
            self._break("nobody in an image of a person")
        elif image.content is Content.PERSON and self.landmarks and self._run > SETTLED:
            self._check_place(images, poses)

    def _check_place(self, images: Sequence[Sent], poses: Sequence[Pose]) -> None:
        """Compare the person closest to the truth with it: there may be others in the picture.

        Of images with one stamp nothing tells which of them an answer is to.
        """
        errors = [
            _apart(pose.screen[self.landmarks, :2], image.landmarks) / image.size[0]
            for image in images
            for pose in poses
        ]
        if not min(errors) <= MAX_ERROR:  # NaN is wrong, too
            self._break("a wrong pose: landmarks are not where the person is")


def _apart(points: NDArray, others: NDArray) -> float:
    return float(np.median(np.linalg.norm(points - others, axis=1)))
