# SPDX-License-Identifier: Apache-2.0
"""What gestures are told by: angles in degrees, lengths in trunks, and how an arm has moved.

Measures are NaN for what is not seen. Those of an arm are of the left one; `BodyView.exchanged` asks the
same of the right one.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.body_frame import MIN_EXTENT_M
from blazepose_ros.core.body_view import SHOULDERS, BodyView, angle_deg, greatest, least
from blazepose_ros.core.landmarks import Landmark

ARM = (Landmark.LEFT_SHOULDER, Landmark.LEFT_ELBOW, Landmark.LEFT_WRIST)
# A stretched arm is 1.1 trunks long, one whose elbow is bent by a right angle 0.8.
MIN_REACH = 0.8
# A hand, from the wrist to the fingertips, is 0.4 long: nearer than that it holds what it is at.
HAND = 0.4
# A wrist above a hand that is flat on the floor is about as high as a heel, but for the errors of landmarks.
PROPPED = 0.15


def hand_height(body: BodyView) -> float:
    """Return how far the hand is above the shoulder; the eyes are at 0.4, the top of the head at 0.6."""
    return body.height(body.at(Landmark.LEFT_WRIST) - body.at(Landmark.LEFT_SHOULDER))


def hand_from_head(body: BodyView) -> float:
    """Return how far the wrist is from the middle of the head."""
    return body.length(body.at(Landmark.LEFT_WRIST) - body.head)


def elbow_bend(body: BodyView) -> float:
    """Return how far the elbow is bent."""
    return body.bend(*ARM)


def arm_elevation(body: BodyView) -> float:
    """Return how far the arm, from shoulder to wrist, points above the horizontal."""
    return body.elevation(body.at(Landmark.LEFT_WRIST) - body.at(Landmark.LEFT_SHOULDER))


def forearm_elevation(body: BodyView) -> float:
    """Return how far the forearm points above the horizontal."""
    return body.elevation(body.at(Landmark.LEFT_WRIST) - body.at(Landmark.LEFT_ELBOW))


def arm_raised(body: BodyView) -> float:
    """Return how far the arm, from shoulder to wrist, is raised from hanging, down or along the trunk."""
    arm = body.at(Landmark.LEFT_WRIST) - body.at(Landmark.LEFT_SHOULDER)
    return min(angle_deg(arm, -body.trunk), angle_deg(arm, -body.up))


def other_arm_out(body: BodyView) -> float:
    """Return how far the other arm is raised; 0 where the hand is near the shoulder, or not seen."""
    other = body.exchanged
    reach = body.length(other.at(Landmark.LEFT_WRIST) - other.at(Landmark.LEFT_SHOULDER))
    return arm_raised(other) if reach > MIN_REACH else 0.0


def elbows_bend(body: BodyView) -> float:
    """Return how far both elbows are bent, the straighter one."""
    return min(elbow_bend(body), elbow_bend(body.exchanged))


def hand_to_other_elbow(body: BodyView) -> float:
    """Return how far the wrists are from the other arm's elbows, in the mean."""
    left = body.at(Landmark.LEFT_WRIST) - body.at(Landmark.RIGHT_ELBOW)
    right = body.at(Landmark.RIGHT_WRIST) - body.at(Landmark.LEFT_ELBOW)
    return (body.length(left) + body.length(right)) / 2


def hands_crossed(body: BodyView) -> float:
    """Return how far the left wrist is to the right of the right one, along the shoulders."""
    leftwards = body.at(SHOULDERS[0]) - body.at(SHOULDERS[1])
    between = body.at(Landmark.RIGHT_WRIST) - body.at(Landmark.LEFT_WRIST)
    width_m = max(math.hypot(*leftwards.tolist()), MIN_EXTENT_M)
    return float(between @ leftwards) / (body.trunk_m * width_m)


def hands_in_front(body: BodyView) -> float:
    """Return how far the wrists are in front of the plane of shoulders and hips, the one that is less so.

    Arms that are crossed lie on the chest; a wrist that is not seen is often guessed to be in it.
    """
    forwards = np.cross(body.at(SHOULDERS[0]) - body.at(SHOULDERS[1]), body.spine)
    area = max(math.hypot(*forwards.tolist()), MIN_EXTENT_M**2)
    wrists = (body.at(Landmark.LEFT_WRIST), body.at(Landmark.RIGHT_WRIST))
    return min(float((wrist - body.at(*SHOULDERS)) @ forwards) for wrist in wrists) / (area * body.trunk_m)


def trunk_lean(body: BodyView) -> float:
    """Return the angle of the trunk, from the hips to the shoulders, to the vertical."""
    return angle_deg(body.trunk, body.up)


def trunk_slope(body: BodyView) -> float:
    """Return the angle of the trunk to the horizontal, 0 to 90."""
    return abs(body.elevation(body.trunk))


def leg_stance(body: BodyView) -> float:
    """Return how far the leg that stands straighter is from straight and upright.

    The greatest of the angles of the thigh to the vertical, at the hip and at the knee.
    """
    return least(max(_thigh(side), _hip(side), _knee(side)) for side in (body, body.exchanged))


def hip_bend(body: BodyView) -> float:
    """Return how far the thighs are raised from the trunk, the one that is less so.

    However the camera is held: it does not matter what is upwards.
    """
    return least(_hip(side) for side in (body, body.exchanged))


def thigh_lift(body: BodyView) -> float:
    """Return how far the thighs are raised from hanging vertically, the one that is less so."""
    return least(_thigh(side) for side in (body, body.exchanged))


def legs_slope(body: BodyView) -> float:
    """Return the angle of the legs, from hip to ankle or else to the knee, to the horizontal, 0 to 90."""
    return greatest(abs(_leg_elevation(side)) for side in (body, body.exchanged))


def thigh_lift_unheld(body: BodyView) -> float:
    """Return the thigh lift where no hand is at the legs, or on the floor beside the feet; 0 otherwise.

    Who sits with drawn-up knees rolls back without a hold, and who is in the air needs none.
    """
    is_held = any(_holds_on(hand) for hand in (body, body.exchanged))
    return 0.0 if is_held else thigh_lift(body)


def off_balance(body: BodyView) -> float:
    """Return how far the middle of the trunk is from above the ankles, in the horizontal plane.

    Who stands or squats is in balance above the feet; a seat carries who is not.
    """
    return least(
        body.level_length(body.trunk / 2 + body.at(Landmark.LEFT_HIP, Landmark.RIGHT_HIP) - side)
        for side in (body.at(Landmark.LEFT_ANKLE), body.at(Landmark.RIGHT_ANKLE))
    )


def propped(body: BodyView) -> float:
    """Return how far the shoulders are above the hands, as in a push-up; 0 for hands that are not seen."""
    heights = (-hand_height(side) for side in (body, body.exchanged))
    known = least(heights)
    return 0.0 if math.isnan(known) else known


def _holds_on(body: BodyView) -> bool:
    """Return whether the hand holds a leg or props the body; so it may where it is not seen."""
    hand = body.at(Landmark.LEFT_WRIST)
    to_legs = least(body.length(hand - place) for side in (body, body.exchanged) for place in _leg(side))
    feet = least(body.height(each.at(Landmark.LEFT_HEEL) - hand) for each in (body, body.exchanged))
    return not (to_legs > HAND and feet < -PROPPED)


def _leg(body: BodyView) -> Iterator[NDArray[np.float64]]:
    """Yield places along the leg: the middle of the thigh, the knee, the middle of the shank."""
    hip, knee, ankle = Landmark.LEFT_HIP, Landmark.LEFT_KNEE, Landmark.LEFT_ANKLE
    yield from (body.at(hip, knee), body.at(knee), body.at(knee, ankle))


def _thigh(body: BodyView) -> float:
    return angle_deg(body.at(Landmark.LEFT_KNEE) - body.at(Landmark.LEFT_HIP), -body.up)


def _hip(body: BodyView) -> float:
    return angle_deg(body.at(Landmark.LEFT_KNEE) - body.at(Landmark.LEFT_HIP), -body.trunk)


def _knee(body: BodyView) -> float:
    bend = body.bend(Landmark.LEFT_HIP, Landmark.LEFT_KNEE, Landmark.LEFT_ANKLE)
    return 0.0 if math.isnan(bend) else bend  # of an ankle that is not seen


def _leg_elevation(body: BodyView) -> float:
    hip, knee, ankle = (
        body.at(each) for each in (Landmark.LEFT_HIP, Landmark.LEFT_KNEE, Landmark.LEFT_ANKLE)
    )
    to_ankle = body.elevation(ankle - hip)
    return body.elevation(knee - hip) if math.isnan(to_ankle) else to_ankle


# A person waves once or twice a second: in this time the hand turns back at least three times.
WAVE_WINDOW_S = 2.0
# An arm that finds its balance turns back and forth, too, and then goes down.
MIN_WAVE_S = 1.0
# Less is how a forearm trembles, and how landmarks do: 3 cm at each end of a forearm of 25 cm is 10 degrees.
MIN_SWING_DEG = 20.0
# The forearm of someone who waves stays above the horizontal.
MIN_FOREARM_ELEVATION_DEG = 15.0
# An arm that points stays where it is for that long.
STILL_WINDOW_S = 0.5


class ArmMotion:
    """Remembers how the left arm of a `BodyView` points."""

    def __init__(self) -> None:
        self._forearms: deque[tuple[float, NDArray]] = deque()
        self._arms: deque[tuple[float, NDArray]] = deque()

    def update(self, body: BodyView, now_s: float) -> None:
        """Take the arm of the next image; a forearm that hangs ends a wave."""
        shoulder, elbow, wrist = (
            body.at(each) for each in (Landmark.LEFT_SHOULDER, Landmark.LEFT_ELBOW, Landmark.LEFT_WRIST)
        )
        forearm, arm = wrist - elbow, wrist - shoulder
        if body.elevation(forearm) < MIN_FOREARM_ELEVATION_DEG:
            self._forearms.clear()
        _remember(self._forearms, forearm, now_s, WAVE_WINDOW_S)
        _remember(self._arms, arm, now_s, STILL_WINDOW_S)

    @property
    def swings(self) -> int:
        """How often the forearm, raised for `MIN_WAVE_S`, has turned back within `WAVE_WINDOW_S`."""
        directions = [direction for _, direction in self._forearms]
        if len(directions) < 3 or self._forearms[-1][0] - self._forearms[0][0] < MIN_WAVE_S:
            return 0
        around = np.array(directions) - np.mean(directions, axis=0)
        along = np.linalg.svd(around, full_matrices=False)[2][0]
        angles_deg = np.degrees(np.arcsin(np.clip(around @ along, -1.0, 1.0)))
        return turns(angles_deg.tolist(), MIN_SWING_DEG)

    @property
    def turned_deg(self) -> float:
        """How far the arm has turned within `STILL_WINDOW_S`."""
        directions = [direction for _, direction in self._arms]
        return max((angle_deg(each, directions[-1]) for each in directions), default=math.nan)


def turns(values: Iterable[float], least_change: float) -> int:
    """Return how often a value has turned back, after a change of at least so much to each side."""
    count = direction = 0
    low, high = math.inf, -math.inf
    for value in values:
        low, high = min(low, value), max(high, value)
        if direction >= 0 and high - value >= least_change:
            count, direction, low = count + direction, -1, value
        elif direction <= 0 and value - low >= least_change:
            count, direction, high = count - direction, 1, value
    return count


def _remember(history: deque[tuple[float, NDArray]], vector: NDArray, now_s: float, window_s: float) -> None:
    length = math.hypot(*vector.tolist())
    if length > 0:  # NaN is not
        history.append((now_s, vector / length))
    while history and now_s - history[0][0] > window_s:
        history.popleft()
