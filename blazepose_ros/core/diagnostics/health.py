# SPDX-License-Identifier: Apache-2.0
"""Whether the node is doing well: the rules and their thresholds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.diagnostics.statistics import MS_PER_S, OF_TODAY_MS, Drop, Snapshot
from blazepose_ros.core.timestamps import NO_TIME

# A camera that is silent for so long is gone.
STALE_AFTER_S = 2.0

# Below this share of processed images people complain of jerks. A few are always dropped where
# the camera is faster than the model.
MIN_PROCESSED_SHARE = 0.5

# Behind by this much, what is published is no longer where the person is: half a step at walking pace.
MAX_PROCESSING_MS = 250.0

MAX_AGE_S = OF_TODAY_MS / MS_PER_S
# Clocks of two machines are less apart than this, and /clock of a simulation is not later.
MAX_AHEAD_S = 1.0
UNITS = (("days", 86_400), ("hours", 3600), ("minutes", 60), ("s", 1))


class Level(IntEnum):
    """The levels of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


# Silence is worse than a doubt, a failure worse than silence.
SEVERITY = (Level.OK, Level.WARN, Level.STALE, Level.ERROR)


@dataclass(frozen=True)
class Situation:
    """What the statistics do not say.

    Attributes:
        state: of the life cycle, for example "active".
        active: whether the node works.
        listens: whether it takes images, which it does while it has listeners.
        topic: where images come from.
        publishers: how many publish there.
        elsewhere: where images are published instead, and what to change; or nothing.
        mismatch: why images of one of them cannot arrive; or nothing.
        impairment: why images are lost or late on their way, and what to change; or nothing.
        trouble: what is wrong with the estimator; or nothing.
        places: whether people are to be placed in the camera's frame.
        calibrated: whether there is a calibration.
        simulated: whether the node's clock follows /clock.
        transforms: what is wrong with the transforms that are looked up; or nothing.
        concerns: what of calibration and depth is doubtful or not used, although it comes.
    """

    state: str
    active: bool
    listens: bool
    topic: str
    publishers: int = 1
    elsewhere: str = ""
    mismatch: str = ""
    impairment: str = ""
    trouble: str = ""
    places: bool = True
    calibrated: bool = True
    simulated: bool = False
    transforms: str = ""
    concerns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    level: Level
    message: str


@dataclass(frozen=True)
class Health:
    """How the node is doing, and why."""

    level: Level
    message: str


def assess(snapshot: Snapshot, situation: Situation) -> Health:
    """Return how the node is doing: as badly as the worst of what is found."""
    if not situation.active:
        return Health(Level.OK, situation.state)
    findings = [finding for rule in RULES if (finding := rule(snapshot, situation)) is not None]
    if not findings:
        return Health(Level.OK, "working" if situation.listens else "no listeners")
    findings.sort(key=lambda finding: SEVERITY.index(finding.level), reverse=True)
    return Health(findings[0].level, "; ".join(finding.message for finding in findings))


def _trouble(_snapshot: Snapshot, situation: Situation) -> Finding | None:
    return Finding(Level.ERROR, situation.trouble) if situation.trouble else None


def _silence(snapshot: Snapshot, situation: Situation) -> Finding | None:
    if not situation.listens or snapshot.last_image_age_s < STALE_AFTER_S:
        return None
    if not situation.publishers:
        elsewhere = f"; {situation.elsewhere}" if situation.elsewhere else ""
        return Finding(Level.STALE, f"no publisher on {situation.topic}{elsewhere}")
    return Finding(Level.STALE, f"no image on {situation.topic} for {snapshot.last_image_age_s:.0f} s")


def _lost_images(snapshot: Snapshot, _situation: Situation) -> Finding | None:
    lost = {why: count for why, count in snapshot.dropped.items() if why is not Drop.BUSY}
    if not lost:
        return None
    level = Level.WARN if snapshot.processed_hz else Level.ERROR
    reasons = ", ".join(f"{count} because {why.value}" for why, count in lost.items())
    return Finding(level, f"images dropped: {reasons}")


def _overload(snapshot: Snapshot, _situation: Situation) -> Finding | None:
    if snapshot.dropped.get(Drop.BUSY, 0) == 0:
        return None
    if snapshot.processed_hz >= MIN_PROCESSED_SHARE * snapshot.input_hz:
        return None
    return Finding(
        Level.WARN,
        f"only {snapshot.processed_hz:.1f} of {snapshot.input_hz:.1f} images a second are processed:"
        " choose a lighter model_complexity, a faster backend or fewer num_poses",
    )


def _slowness(snapshot: Snapshot, _situation: Situation) -> Finding | None:
    _, high_ms = snapshot.processing_ms
    if not high_ms > MAX_PROCESSING_MS:  # nor NaN
        return None
    return Finding(Level.WARN, f"an image takes up to {high_ms:.0f} ms")


def _no_calibration(_snapshot: Snapshot, situation: Situation) -> Finding | None:
    if situation.calibrated or not situation.places or not situation.listens:
        return None
    return Finding(Level.WARN, "not calibrated: distances rest on assumed_hfov_deg")


def _concerns(_snapshot: Snapshot, situation: Situation) -> Finding | None:
    if not situation.concerns or not situation.places or not situation.listens:
        return None
    return Finding(Level.WARN, "; ".join(situation.concerns))


def _blank_images(snapshot: Snapshot, _situation: Situation) -> Finding | None:
    if not snapshot.blank:
        return None
    return Finding(Level.WARN, f"{snapshot.blank} images are black, white or without contrast")


def _mismatch(_snapshot: Snapshot, situation: Situation) -> Finding | None:
    return Finding(Level.WARN, situation.mismatch) if situation.mismatch else None


def _impairment(_snapshot: Snapshot, situation: Situation) -> Finding | None:
    return Finding(Level.WARN, situation.impairment) if situation.impairment else None


def _several_cameras(_snapshot: Snapshot, situation: Situation) -> Finding | None:
    if situation.publishers <= 1:
        return None
    return Finding(Level.WARN, f"{situation.publishers} publishers on {situation.topic}, one is expected")


def _transforms(_snapshot: Snapshot, situation: Situation) -> Finding | None:
    return Finding(Level.WARN, situation.transforms) if situation.transforms else None


def _time(snapshot: Snapshot, _situation: Situation) -> Finding | None:
    if snapshot.time_jumps:
        return Finding(Level.WARN, f"stamps went back or jumped {snapshot.time_jumps} times")
    return None


def _no_time(snapshot: Snapshot, _situation: Situation) -> Finding | None:
    return Finding(Level.WARN, NO_TIME) if snapshot.unstamped else None


def _clock(snapshot: Snapshot, situation: Situation) -> Finding | None:
    age_s = snapshot.stamp_age_s
    if math.isnan(age_s) or -MAX_AHEAD_S <= age_s <= MAX_AGE_S:
        return None
    apart = f"{_duration(abs(age_s))} {'behind' if age_s > 0 else 'ahead of'} the node's clock"
    if situation.simulated:
        return Finding(
            Level.WARN,
            f"images are stamped {apart}, which follows /clock: with use_sim_time, images and /clock"
            " have to come from one simulation or recording",
        )
    return Finding(
        Level.WARN,
        f"images are stamped {apart}: set the clocks of both machines; for a recording,"
        " ros2 bag play --clock and use_sim_time",
    )


def _duration(seconds: float) -> str:
    """Return a duration in the largest unit of which there are two."""
    unit, size = next((unit, size) for unit, size in UNITS if seconds >= 2 * size or size == 1)
    return f"{seconds / size:.0f} {unit}"


RULES: tuple[Callable[[Snapshot, Situation], Finding | None], ...] = (
    _trouble,
    _silence,
    _lost_images,
    _overload,
    _slowness,
    _no_calibration,
    _concerns,
    _blank_images,
    _mismatch,
    _impairment,
    _several_cameras,
    _time,
    _no_time,
    _clock,
    _transforms,
)


# An image is looked at in so many rows and columns, and the brightest and darkest samples do not count.
_CONTRAST_GRID = 48
_CONTRAST_OUTLIERS = (1, 99)  # percent
# Levels of 256: a person before a wall differs by more from it, fog and noise by less.
_MIN_CONTRAST = 12.0
_BLACK, _WHITE = 32.0, 224.0


def contrast_fault(rgb: NDArray[np.uint8]) -> str:
    """Return that an image, (height, width, 3), is black, white or without contrast; else nothing."""
    rows, columns = (max(1, side // _CONTRAST_GRID) for side in rgb.shape[:2])
    low, high = np.percentile(rgb[::rows, ::columns, 1], _CONTRAST_OUTLIERS)
    if high - low >= _MIN_CONTRAST:
        return ""
    if high < _BLACK:
        return "the image is black (lens cap, exposure, light, or fewer bits than the encoding has)"
    if low > _WHITE:
        return "the image is white (exposure)"
    return f"the image has no contrast, all of it is at level {(low + high) / 2:.0f} of 255"
