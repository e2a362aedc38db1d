# SPDX-License-Identifier: Apache-2.0
"""Everything that one camera of several does to the fusion in the table of faults.

A fault's message is made for the time of an image: the camera publishes it in place of a good one.
"""

import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from blazepose_ros.core.types import Placement, Pose, Status
from support.faults import Fault
from support.fusion_client import written
from support.several_cameras import CAMERAS, person_seen, walker

FAULTY = "south"
# Frames that are published on /tf_static, the first with a quaternion of zeros.
CROOKED, FAR = "crooked", "far"
FURTHER_M = 1e300
CROWD = 500
BEHIND = (1.5, 2.0)
COUNT_BYTES, HEADER_BYTES = 4, 4 + 8 + 4 + 8  # the encapsulation, the stamp, and "south" with its length


def gliding(time_s: float) -> Any:
    """Return the landmarks, (33, 3), of someone who moves little between images, even if one is lost."""
    return walker(0.0, (0.4 * np.sin(0.8 * time_s), 0.0))


def seen(time_s: float, number: int = 1, **fields: Any) -> Pose:
    return replace(person_seen(CAMERAS[FAULTY], gliding(time_s), number), **fields)


def good(time_s: float) -> bytes:
    return written([seen(time_s)], FAULTY, time_s)


def framed(frame_id: str) -> Any:
    return lambda time_s: written([seen(time_s)], frame_id, time_s)


def stamped(at_s: Any) -> Any:
    """Return messages whose stamps are something else than their time."""
    return lambda time_s: written([seen(time_s)], FAULTY, at_s(time_s))


def changed(change: Any) -> Any:
    """Return messages with people who are made from the one who is seen."""
    return lambda time_s: written(change(seen(time_s)), FAULTY, time_s)


def with_fields(**fields: Any) -> Any:
    return changed(lambda person: [replace(person, **fields)])


def with_hips(**fields: Any) -> Any:
    return changed(lambda person: [replace(person, hip_center=replace(person.hip_center, **fields))])


def spoilt(name: str, value: float) -> Any:
    """Return messages with one number of the left wrist that is something else."""

    def spoil(person: Pose) -> Any:
        numbers = getattr(person, name).copy()
        numbers[15] = value
        return [replace(person, **{name: numbers})]

    return changed(spoil)


def claiming(people: int) -> Any:
    def claim(time_s: float) -> bytes:
        message = good(time_s)
        end = HEADER_BYTES + COUNT_BYTES
        return message[:HEADER_BYTES] + people.to_bytes(COUNT_BYTES, "little") + message[end:]

    return claim


def someone_else(number: int, at: Any) -> Pose:
    return person_seen(CAMERAS[FAULTY], walker(0.0, at), number)


@cache
def others() -> list[Pose]:
    return [someone_else(number, (number % 7 - 3.0, 1.0 + number / 7)) for number in range(2, CROWD + 1)]


def crowd(person: Pose) -> list[Pose]:
    """Return the one who is seen, and people behind."""
    return [person, *others()]


# Where the node says the same of two, others are between them: it does so once in five seconds.
FUSION = (
    Fault(
        "people cut in the middle",
        "the first 1000 bytes",
        lambda time_s: good(time_s)[:1000],
        "ends .*too early",
    ),
    Fault(
        "noise instead of people", "200 bytes of noise", lambda _time_s: b"\xa7" * 200, "is a7a7, not plain"
    ),
    Fault("more people than there are", "2^32 - 1 people claimed", claiming(2**32 - 1), "ends .*too early"),
    Fault("people of no frame", "frame_id empty", framed(""), "their frame_id is empty"),
    Fault("a frame that TF does not know", "frame_id `attic`", framed("attic"), "connects attic with map"),
    Fault("a transform that is none", "a quaternion of zeros", framed(CROOKED), "connects crooked with map"),
    Fault("a camera beyond the Earth", "a transform of 1e300 m", framed(FAR), "TF has far further from map"),
    Fault("people without a time", "stamp 0", stamped(lambda _time_s: 0.0), "their stamps do not change"),
    Fault(
        "stamps that go back",
        "every second one 0.25 s early",
        stamped(lambda time_s: time_s - (0.25 if time_s % 0.1 > 0.05 else 0.0)),
        "their stamps go back",
    ),
    Fault(
        "a clock an hour ahead",
        "stamps an hour after the others'",
        stamped(lambda time_s: time_s + 3600),
        "the stamps of south are seconds away from those of the others",
    ),
    Fault(
        "a clock an hour behind",
        "stamps an hour before the others'",
        stamped(lambda time_s: time_s - 3600),
        "the stamps of south are seconds away from those of the others",
    ),
    Fault(
        "a landmark that is no number", "NaN in world_landmarks", spoilt("world", math.nan), "not a number"
    ),
    Fault("more than visible", "visibility 7", spoilt("visibility", 7.0), "visibility is not from 0 to 1"),
    Fault(
        "a covariance that is no number",
        "NaN",
        with_hips(covariance=np.full((3, 3), math.nan)),
        "the covariance of the hip center is none",
    ),
    Fault("a pixel that is no number", "NaN in screen_landmarks", spoilt("screen", math.nan)),
    Fault("a landmark at infinity", "infinite in world_landmarks", spoilt("world", math.inf), "not a number"),
    Fault(
        "visibility that is no number", "visibility NaN", spoilt("visibility", math.nan), "visibility is not"
    ),
    Fault(
        "a negative covariance",
        "-1 m²",
        with_hips(covariance=-np.eye(3)),
        "the covariance of the hip center is none",
    ),
    Fault("a pixel at infinity", "infinite in screen_landmarks", spoilt("screen", math.inf)),
    Fault(
        "hips that are no number", "hip_center NaN", with_hips(position=np.full(3, math.nan)), "not a number"
    ),
    Fault(
        "a huge covariance",
        "1e300 m²",
        with_hips(covariance=1e300 * np.eye(3)),
        "the covariance of the hip center is none",
    ),
    Fault("a pixel far outside of the image", "1e30 in screen_landmarks", spoilt("screen", 1e30)),
    Fault(
        "a person in the camera",
        "hip_center 0",
        with_hips(position=np.zeros(3)),
        "the hip center, is in the camera",
    ),
    Fault("a camera that knows nothing", "a covariance of 900,000 m²", with_hips(covariance=9e5 * np.eye(3))),
    Fault("a camera that knows everything", "a covariance of zeros", with_hips(covariance=np.zeros((3, 3)))),
    Fault("a stature that is no number", "NaN, and its deviation", with_fields(stature_std_m=0.1)),
    Fault(
        "an endless stature",
        "infinite, and its deviation",
        with_fields(stature_m=1.7, stature_std_m=math.inf),
    ),
    Fault("a status that there is not", "status 128", with_fields(status=Status(128))),
    Fault(
        "two people with one id",
        "the id 1 twice",
        changed(lambda person: [person, someone_else(1, BEHIND)]),
        "people of south who have the same id are not fused",
    ),
    Fault(
        "a crowd", f"{CROWD} people", changed(crowd), "south has 468 more people than the 32 who are fused"
    ),
    Fault(
        "people who are fused already",
        "placement FUSED",
        with_hips(source=Placement.FUSED),
        "they are fused already",
    ),
    Fault(
        "people who are nowhere", "placement NONE", with_fields(hip_center=None), "does not place its people"
    ),
    Fault(
        "a camera that is not calibrated",
        "status UNCALIBRATED",
        with_fields(status=Status.UNCALIBRATED),
        "south is not calibrated",
    ),
)
