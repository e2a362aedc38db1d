"""How this process uses the processor."""

from __future__ import annotations

import sys

import cv2

# A thread that ends its inference wants the interpreter back sooner than after Python's 5 ms: it
# takes the interpreter from another one several times before the next inference.
SWITCH_INTERVAL_S = 0.00002


def leave_cores_to_the_model() -> None:
    """Keep threads from holding up the one that infers.

    OpenCV's own threads go on spinning for a while after each call, on the cores that the model
    wants next; what they are used for here, one image's colours or one crop, is too short to gain.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    cv2.setNumThreads(1)
