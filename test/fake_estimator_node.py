"""`blazepose_node` with an estimator that takes a known time, to measure the benchmark with."""

import sys
import time

from bodies import CAMERA, seen_by

from blazepose_ros import executables
from blazepose_ros.estimators import mediapipe_estimator

TIME_S = 0.02
POSE = seen_by(CAMERA, (0.0, 0.0, 3.0))


class FakeEstimator:
    """Finds the same person in every image after sleeping, which is never shorter than asked for."""

    def __init__(self, *_args, **_kwargs):
        pass

    def estimate(self, _frame):
        time.sleep(TIME_S)
        return [POSE]

    def reset(self):
        pass

    def close(self):
        pass


if __name__ == "__main__":
    mediapipe_estimator.MediaPipeEstimator = FakeEstimator
    sys.exit(executables.node())
