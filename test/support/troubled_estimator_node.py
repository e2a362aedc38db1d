# SPDX-License-Identifier: Apache-2.0
"""`blazepose_node` with an estimator that does what the colour of an image tells it to."""

import sys
import threading
from typing import Any

from blazepose_ros.core.estimation import mediapipe_estimator
from blazepose_ros.nodes import main
from support.fake_estimator_node import POSE, FakeEstimator

TROUBLE = "here is trouble"
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def hang() -> None:
    threading.Event().wait()


def fail() -> None:
    raise ZeroDivisionError("a bug of the library")


def run_out_of_memory() -> None:
    raise MemoryError


TROUBLES = {RED: hang, GREEN: fail, BLUE: run_out_of_memory}


class TroubledEstimator(FakeEstimator):
    """Finds the same person in every image, unless its first pixel has the colour of a trouble.

    After any trouble it is of no use any more.
    """

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        self._broken = False

    def estimate(self, frame: Any) -> Any:
        trouble = TROUBLES.get(tuple(frame.rgb[0, 0].tolist()))
        if trouble:
            self._broken = True
            sys.stderr.write(f"{TROUBLE}\n")
            sys.stderr.flush()
            trouble()
        assert not self._broken
        return [POSE]


if __name__ == "__main__":
    mediapipe_estimator.MediaPipeEstimator = TroubledEstimator
    sys.exit(main.node())
