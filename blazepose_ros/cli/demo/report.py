# SPDX-License-Identifier: Apache-2.0
"""What the demo saw, as it comes and at the end, and which link of the chain failed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.table import Table

from blazepose_ros.cli.console import GAP, show
from blazepose_ros.core.landmarks import NUM_LANDMARKS
from blazepose_ros.core.types import Pose

# Rates and latencies are those of the last seconds.
WINDOW_S = 2.0
VISIBLE = 0.5


@dataclass(frozen=True)
class DemoSnapshot:
    """The state of the stream now; NaN for what is not known.

    Attributes:
        image_rate: images per second from the camera.
        pose_rate: images per second with a person in the node's answer.
        latency_ms: from an image's stamp to its answer's arrival, the median.
        pose: the person in the newest answer; None where there is none.
        true_m: how far away the person was in that image, in meters; None for a source of which
            nothing is known.
    """

    image_rate: float
    pose_rate: float
    latency_ms: float
    pose: Pose | None
    true_m: float | None = None


class PlacedAnswer(NamedTuple):
    """How far away a person is in one image, in meters."""

    number: int
    measured_m: float
    std_m: float
    true_m: float


class Tally:
    """Counts images and the answers to them, each known by its image's stamp in nanoseconds.

    Args:
        true_distances_m: how far away the person is in each image of the source, in meters, if that is known.

    Attributes:
        first_image_s: when the first image came; None until then.
        placed: the answers whose true distance is known, in the order of arrival.
    """

    def __init__(self, true_distances_m: Sequence[float] = ()) -> None:
        self.first_image_s: float | None = None
        self.placed: list[PlacedAnswer] = []
        self._true_distances_m = true_distances_m
        self._images: dict[int, int] = {}  # stamp -> number, in the order of arrival
        self._answered: set[int] = set()
        self._with_pose: set[int] = set()
        self._latencies_ms: list[float] = []
        self._image_times_s: deque[float] = deque()
        self._pose_times_s: deque[float] = deque()
        self._recent_latencies: deque[tuple[float, float]] = deque()
        self._pose: Pose | None = None
        self._true_m = math.nan

    def image(self, stamp_ns: int, now_s: float) -> None:
        """Note an image that the camera has published."""
        if self.first_image_s is None:
            self.first_image_s = now_s
        self._images.setdefault(stamp_ns, len(self._images))
        self._image_times_s.append(now_s)

    def answer(self, stamp_ns: int, now_s: float, latency_ms: float, pose: Pose | None) -> None:
        """Note the node's answer to an image; None where it holds no person."""
        self._answered.add(stamp_ns)
        self._latencies_ms.append(latency_ms)
        self._recent_latencies.append((now_s, latency_ms))
        self._pose, self._true_m = pose, self._true_distance_m(stamp_ns)
        if pose is not None:
            self._with_pose.add(stamp_ns)
            self._pose_times_s.append(now_s)
            if pose.hip_center is not None and math.isfinite(self._true_m):
                hips, number = pose.hip_center, self._images[stamp_ns]
                self.placed.append(PlacedAnswer(number, hips.distance_m, hips.distance_std_m, self._true_m))

    def _true_distance_m(self, stamp_ns: int) -> float:
        number = self._images.get(stamp_ns, len(self._true_distances_m))
        return self._true_distances_m[number] if number < len(self._true_distances_m) else math.nan

    @property
    def images(self) -> int:
        """How many images the camera has published."""
        return len(self._images)

    @property
    def answers(self) -> int:
        """How many images the node has answered."""
        return len(self._answered)

    @property
    def poses(self) -> int:
        """In how many images the node saw a person."""
        return len(self._with_pose)

    def snapshot(self, now_s: float) -> DemoSnapshot:
        """Return the state of the stream now."""
        return DemoSnapshot(
            image_rate=_rate(self._image_times_s, now_s),
            pose_rate=_rate(self._pose_times_s, now_s),
            latency_ms=_recent_median(self._recent_latencies, now_s),
            pose=self._pose,
            true_m=self._true_m if self._true_distances_m else None,
        )

    def summary(self) -> str:
        """Return the whole run in two lines, or three where true distances are known."""
        later = list(self._images)[1:]
        answered, with_pose = self._answered.intersection(later), self._with_pose.intersection(later)
        share = f" ({100 * len(with_pose) / len(later):.1f} %)" if later else ""
        median_ms, slow_ms = np.percentile(self._latencies_ms or [math.nan], (50, 95))
        return (
            f"A pose in {len(with_pose)} of the {len(later)} images after the first{share};"
            f" {len(answered)} were answered.\n"
            f"From image to pose: {median_ms:.0f} ms in the median, {slow_ms:.0f} ms at the 95th percentile."
            f"{self._accuracy()}"
        )

    def _accuracy(self) -> str:
        if not self.placed:
            return ""
        _, measured_m, _, true_m = np.transpose(self.placed)
        percent = 100 * float(np.median(np.abs(measured_m / true_m - 1)))
        return (
            f"\nThe hips were {true_m.min():.2f} to {true_m.max():.2f} m away, measured with four cameras:"
            f" this one's distances are {percent:.1f} % off in the median."
        )


def _rate(times_s: deque[float], now_s: float) -> float:
    """Return how many events a second there were lately; older ones are dropped."""
    while times_s and times_s[0] < now_s - WINDOW_S:
        times_s.popleft()
    if len(times_s) < 2 or times_s[-1] <= times_s[0]:
        return math.nan
    return (len(times_s) - 1) / (times_s[-1] - times_s[0])


def _recent_median(timed: deque[tuple[float, float]], now_s: float) -> float:
    while timed and timed[0][0] < now_s - WINDOW_S:
        timed.popleft()
    return float(np.median([value for _, value in timed])) if timed else math.nan


def visible_landmarks(pose: Pose) -> int:
    """Return how many landmarks are inside the image and not hidden."""
    return int((pose.visibility >= VISIBLE).sum())


@dataclass(frozen=True)
class Chain:
    """What was seen of each link from the camera to the pose.

    Attributes:
        camera_error: what the camera's process said as it failed; empty if it did not.
        node_error: the same of the node.
        camera_seen: whether the camera's topics appeared.
        node_seen: whether the node's topics appeared.
        images: how many images came.
        answers: how many of them the node answered.
        poses: how many answers hold a person.
    """

    camera_error: str
    node_error: str
    camera_seen: bool
    node_seen: bool
    images: int
    answers: int
    poses: int


_DISCOVERY = (
    "runs, but its topics do not show up: a firewall, ROS_LOCALHOST_ONLY or"
    " ROS_AUTOMATIC_DISCOVERY_RANGE may keep processes from finding each other"
)

# From the camera to the pose: when a link has failed, and how to say it.
_LINKS: Sequence[tuple[Callable[[Chain], object], str]] = (
    (lambda chain: chain.camera_error, "The camera failed: {camera_error}"),
    (lambda chain: chain.node_error, "The node failed: {node_error}"),
    (lambda chain: not chain.camera_seen, f"The camera {_DISCOVERY}."),
    (lambda chain: not chain.node_seen, f"The node {_DISCOVERY}."),
    (lambda chain: not chain.images, "The camera runs, but no image came from it."),
    (lambda chain: not chain.answers, "{images} images came, but the node answered none."),
    (lambda chain: not chain.poses, "The node answered {answers} images and found no person in them."),
)


def failed_link(chain: Chain) -> str:
    """Return what broke the chain, in one sentence; empty where poses came."""
    failures = (text.format(**vars(chain)) for failed, text in _LINKS if failed(chain))
    return next(failures, "")


HEAD = ("time", "images/s", "poses/s", "latency", "score", "landmarks", "hip distance", "true")
_WIDTHS = (6, 8, 7, 7, 5, 9, 15, 7)  # at least; rows that are written one by one stand under each other
UNKNOWN = "-"

TERMINAL_PERIOD_S = 0.2
LINE_PERIOD_S = 1.0


def cells(elapsed_s: float, snapshot: DemoSnapshot) -> tuple[str, ...]:
    """Return one row of the table; a dash stands for what is not known.

    The true distance is the last cell, and there only for a source of which it is known.
    """
    return (
        f"{elapsed_s:.0f} s",
        _number(snapshot.image_rate, "{:.1f}"),
        _number(snapshot.pose_rate, "{:.1f}"),
        _number(snapshot.latency_ms, "{:.0f} ms"),
        *person_cells(snapshot.pose),
        *([] if snapshot.true_m is None else [_number(snapshot.true_m, "{:.2f} m")]),
    )


def table(rows: Sequence[Sequence[str]], *, head: bool = True) -> Table:
    """Return rows as a table, with or without its headings."""
    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=head)
    for heading, width in list(zip(HEAD, _WIDTHS, strict=True))[: max(map(len, rows))]:
        made.add_column(heading, justify="right", min_width=width, no_wrap=True)
    for row in rows:
        made.add_row(*row)
    return made


def person_cells(pose: Pose | None) -> tuple[str, str, str]:
    """Return a person's score, visible landmarks and distance."""
    if pose is None:
        return UNKNOWN, UNKNOWN, UNKNOWN
    hips = pose.hip_center
    distance = UNKNOWN if hips is None else f"{hips.distance_m:.2f} ± {hips.distance_std_m:.2f} m"
    return _number(pose.score, "{:.2f}"), f"{visible_landmarks(pose)} / {NUM_LANDMARKS}", distance


def _number(value: float, form: str) -> str:
    return form.format(value) if math.isfinite(value) else UNKNOWN


class LiveTable:
    """Shows the state of the stream for the length of a block.

    On a terminal it is one row that changes, elsewhere a row each second.

    Args:
        console: the standard output.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False)
        self._period_s = TERMINAL_PERIOD_S if console.is_terminal else LINE_PERIOD_S
        self._next_s = self._period_s
        self._begun = False

    def __enter__(self) -> LiveTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, elapsed_s: float, snapshot: DemoSnapshot) -> None:
        """Show a row if it is time for one.

        Args:
            elapsed_s: seconds since the first image.
            snapshot: the state of the stream.
        """
        if elapsed_s < self._next_s:
            return
        self._next_s = elapsed_s + self._period_s
        row = cells(elapsed_s, snapshot)
        if self._console.is_terminal:
            self._live.start()
            self._live.update(table([row]), refresh=True)
        else:
            show(table([row], head=not self._begun))
        self._begun = True
