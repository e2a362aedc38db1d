# SPDX-License-Identifier: Apache-2.0
"""BlazePose's 33 landmarks: their order, their names and the bones between them."""

from __future__ import annotations

from enum import IntEnum

NUM_LANDMARKS = 33


class Landmark(IntEnum):
    """The landmarks in BlazePose's order; left and right are the person's own."""

    NOSE = 0
    LEFT_EYE_INNER = 1
    LEFT_EYE = 2
    LEFT_EYE_OUTER = 3
    RIGHT_EYE_INNER = 4
    RIGHT_EYE = 5
    RIGHT_EYE_OUTER = 6
    LEFT_EAR = 7
    RIGHT_EAR = 8
    MOUTH_LEFT = 9
    MOUTH_RIGHT = 10
    LEFT_SHOULDER = 11
    RIGHT_SHOULDER = 12
    LEFT_ELBOW = 13
    RIGHT_ELBOW = 14
    LEFT_WRIST = 15
    RIGHT_WRIST = 16
    LEFT_PINKY = 17
    RIGHT_PINKY = 18
    LEFT_INDEX = 19
    RIGHT_INDEX = 20
    LEFT_THUMB = 21
    RIGHT_THUMB = 22
    LEFT_HIP = 23
    RIGHT_HIP = 24
    LEFT_KNEE = 25
    RIGHT_KNEE = 26
    LEFT_ANKLE = 27
    RIGHT_ANKLE = 28
    LEFT_HEEL = 29
    RIGHT_HEEL = 30
    LEFT_FOOT_INDEX = 31
    RIGHT_FOOT_INDEX = 32

    @property
    def frame_name(self) -> str:
        """The name in TF frames, for example ``left_shoulder``."""
        return self.name.lower()


def _other_side(landmark: Landmark) -> Landmark:
    """Return a landmark's counterpart; the nose has none."""
    name, to = ("LEFT", "RIGHT") if "LEFT" in landmark.name else ("RIGHT", "LEFT")
    return Landmark[landmark.name.replace(name, to)]


# The landmarks in the order of their counterparts: indexing with it exchanges left and right.
MIRRORED = [_other_side(landmark) for landmark in Landmark]

RIGHT_SIDE = frozenset(landmark for landmark in Landmark if "RIGHT" in landmark.name)

# Where landmarks are crowded.
FACE_AND_FINGERS = frozenset(
    {*range(Landmark.NOSE, Landmark.LEFT_SHOULDER), *range(Landmark.LEFT_PINKY, Landmark.LEFT_HIP)}
)

# MediaPipe's PoseLandmarksConnections.POSE_LANDMARKS: pairs of landmark indices.
BONES: tuple[tuple[Landmark, Landmark], ...] = tuple(
    (Landmark(start), Landmark(end))
    for start, end in (
        # face
        (0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10),
        # arms and hands
        (11, 12), (11, 13), (13, 15), (15, 17), (15, 19), (15, 21), (17, 19),
        (12, 14), (14, 16), (16, 18), (16, 20), (16, 22), (18, 20),
        # torso, legs and feet
        (11, 23), (12, 24), (23, 24), (23, 25), (24, 26), (25, 27), (26, 28),
        (27, 29), (28, 30), (29, 31), (30, 32), (27, 31), (28, 32),
    )
)  # fmt: skip
