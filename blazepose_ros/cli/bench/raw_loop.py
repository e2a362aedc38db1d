# SPDX-License-Identifier: Apache-2.0
"""The raw loop: the estimator alone on decoded images, without ROS, in a process of its own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.bench.plan import PERIOD_NS, forth_and_back, load_clip
from blazepose_ros.cli.bench.worker_process import take_turns
from blazepose_ros.core.estimation.estimator import Estimator, EstimatorError, EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator, compiled_folder
from blazepose_ros.core.estimation.runtimes.runtime import Precision, RuntimeOptions
from blazepose_ros.core.models.registry import ModelError, bundle_named, resolve
from blazepose_ros.core.types import Frame
from blazepose_ros.nodes.common.process_tuning import leave_cores_to_the_model

WARM_UP_S = 0.5
MS_PER_S = 1000


def frames(images: Sequence[NDArray[np.uint8]]) -> Iterator[Frame]:
    """Yield images, (height, width, 3) uint8 each, forth and back for ever, at 30 images per second."""
    for number, index in enumerate(forth_and_back(len(images))):
        yield Frame(images[index], number * PERIOD_NS)


def raw_loop(estimator: Estimator, shown: Iterator[Frame], duration_s: float) -> list[float]:
    """Return how long the estimator took for each image, in milliseconds.

    Args:
        estimator: what is timed.
        shown: without end.
        duration_s: how long to go on after half a second of warming up.
    """
    times_ms: list[float] = []
    started_s = time.perf_counter()
    for frame in shown:
        before_s = time.perf_counter()
        if before_s - started_s >= WARM_UP_S + duration_s:
            break
        estimator.estimate(frame)
        if before_s - started_s >= WARM_UP_S:
            times_ms.append(MS_PER_S * (time.perf_counter() - before_s))
    return times_ms


def main(arguments: Sequence[str]) -> int:
    """Time the estimator of a job, a JSON file, whenever told a duration."""
    job = json.loads(Path(arguments[0]).read_text())
    complexity = bundle_named(job["model"]).complexity
    leave_cores_to_the_model()
    try:
        images = [cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB) for bgr in load_clip(job["source"], job["size"])]
        options = EstimatorOptions(resolve(complexity).content, complexity)
        runtime = RuntimeOptions(precision=Precision(job["precision"]), cache_dir=compiled_folder())
        estimator = choose_estimator(job["backend"], options, runtime).estimator
        shown = frames(images)
        take_turns(lambda duration_s: raw_loop(estimator, shown, duration_s))
        estimator.close()
    except (EstimatorError, ModelError) as err:
        sys.stderr.write(f"{err}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
