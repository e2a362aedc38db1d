# SPDX-License-Identifier: Apache-2.0
"""Whether the node is doing well: the rules and their thresholds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from blazepose_ros.core.diagnostics.statistics import Drop, Snapshot

# A camera that is silent for so long is gone.
STALE_AFTER_S = 2.0

# Below this share of processed images people complain of jerks. A few are always dropped where
# the camera is faster than the model.
MIN_PROCESSED_SHARE = 0.5

# Behind by this much, what is published is no longer where the person is: half a step at walking pace.
MAX_PROCESSING_MS = 250.0


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
        mismatch: why images of one of them cannot arrive; or nothing.
        trouble: what is wrong with the estimator; or nothing.
        places: whether people are to be placed in the camera's frame.
        calibrated: whether there is a calibration.
    """

    state: str
    active: bool
    listens: bool
    topic: str
    publishers: int = 1
    mismatch: str = ""
    trouble: str = ""
    places: bool = True
    calibrated: bool = True


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
        return Finding(Level.STALE, f"no publisher on {situation.topic}")
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


def _mismatch(_snapshot: Snapshot, situation: Situation) -> Finding | None:
    return Finding(Level.WARN, situation.mismatch) if situation.mismatch else None


def _several_cameras(_snapshot: Snapshot, situation: Situation) -> Finding | None:
    if situation.publishers <= 1:
        return None
    return Finding(Level.WARN, f"{situation.publishers} publishers on {situation.topic}, one is expected")


def _time(snapshot: Snapshot, _situation: Situation) -> Finding | None:
    if snapshot.time_jumps:
        return Finding(Level.WARN, f"stamps went back or jumped {snapshot.time_jumps} times")
    if snapshot.unstamped:
        return Finding(Level.WARN, "images carry no time: their stamp is zero")
    return None


RULES: tuple[Callable[[Snapshot, Situation], Finding | None], ...] = (
    _trouble,
    _silence,
    _lost_images,
    _overload,
    _slowness,
    _no_calibration,
    _mismatch,
    _several_cameras,
    _time,
)
