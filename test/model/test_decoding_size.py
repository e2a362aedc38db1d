# SPDX-License-Identifier: Apache-2.0
"""JPEGs are decoded at full size: half of it is faster, and not exact enough."""

import itertools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from support.photographs import frames

from blazepose_ros.conversions.compressed_images import decode
from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.types import Frame, ModelComplexity

# What our pipeline is held to against MediaPipe, in the median.
WORLD_TOLERANCE_M = 0.01
EVERY = 20


@pytest.fixture(scope="module")
def photographs(data: Path) -> Any:
    """Large images of a person walking, and the same as JPEGs."""
    clip = itertools.islice(frames(data / "videos" / "pose2sim_cam01.mp4", 60), 0, 100, EVERY)
    return [
        (frame.rgb, cv2.imencode(".jpg", cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR))[1]) for frame in clip
    ]


def test_a_large_jpeg_keeps_its_size(photographs: Any) -> None:
    rgb, jpeg = photographs[0]
    assert decode(CompressedImage(format="jpeg", data=jpeg.tobytes())).shape == rgb.shape


def test_half_the_size_moves_a_person_by_more_than_the_tolerance(
    photographs: Any, models: dict[ModelComplexity, bytes]
) -> None:
    pytest.importorskip("openvino")
    estimator = choose_estimator("openvino", EstimatorOptions(models[ModelComplexity.FULL])).estimator

    def world(jpeg: Any, size: Any) -> Any:
        estimator.reset()
        pixels = cv2.cvtColor(cv2.imdecode(jpeg, size), cv2.COLOR_BGR2RGB)
        (pose,) = estimator.estimate(Frame(pixels, 0))
        return pose.world

    sizes = (cv2.IMREAD_COLOR, cv2.IMREAD_REDUCED_COLOR_2)
    whole, half = ([world(jpeg, size) for _, jpeg in photographs] for size in sizes)
    estimator.close()
    moved_m = [np.linalg.norm(ours - theirs, axis=1) for ours, theirs in zip(whole, half, strict=True)]
    assert np.median(moved_m) > WORLD_TOLERANCE_M
