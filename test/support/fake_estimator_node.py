# SPDX-License-Identifier: Apache-2.0
"""`blazepose_node` with an estimator that takes a known time, to measure the benchmark with."""

import sys
import time
from typing import Any

from blazepose_ros.core.estimation import mediapipe_estimator
from blazepose_ros.nodes import main
from support.bodies import CAMERA, seen_by

TIME_S = 0.02
POSE = seen_by(CAMERA, (0.0, 0.0, 3.0))


class FakeEstimator:
    """Finds the same person in every image after sleeping, which is never shorter than asked for."""

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        pass

    def estimate(self, _frame: Any) -> Any:
        time.sleep(TIME_S)
        return [POSE]

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


if __name__ == "__main__":
    mediapipe_estimator.MediaPipeEstimator = FakeEstimator
    sys.exit(main.node())
