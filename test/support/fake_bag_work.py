# SPDX-License-Identifier: Apache-2.0
"""``blazepose bag`` with an estimator that sees the same body in every image, in this process."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from blazepose_ros.cli.bag import camera_jobs, conversion_run
from blazepose_ros.cli.executor import Workers
from blazepose_ros.core.estimation.loading import LoadedModel
from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.types import Frame, ModelComplexity
from support.bodies import CAMERA, seen_by

DISTANCE_M = 3.0


def placed_m(camera: Any) -> Any:
    """Return how far away the first body is placed with a camera, which knows better than its landmarks."""
    frame = Frame(gray(1)[0], 0)
    (person,) = PersonPipeline(PipelineOptions()).update(
        frame, BodyEstimator().estimate(frame), FrameContext(camera)
    )
    return person.hip_center.position[2]


class BodyEstimator:
    """Finds one body, unless the image is black."""

    def estimate(self, frame: Any) -> Any:
        if not frame.rgb.any():
            return []
        return [seen_by(CAMERA, (0, 0, DISTANCE_M), score=0.9)]

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


@contextmanager
def one_thread(*_how: Any) -> Iterator[Workers]:
    with ThreadPoolExecutor(1) as executor:
        yield Workers(executor, cores=1, count=1, recordings=1)


@pytest.fixture
def body_in_every_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace processes and models."""
    model = LoadedModel(ModelComplexity.FULL, "none", BodyEstimator())
    monkeypatch.setattr(camera_jobs, "load_model", lambda *_: model)
    monkeypatch.setattr(conversion_run, "open_workers", one_thread)


def gray(count: Any, width: Any = CAMERA.width, height: Any = CAMERA.height) -> Any:
    return [np.full((height, width, 3), 100 + number, np.uint8) for number in range(count)]
