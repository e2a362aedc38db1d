# SPDX-License-Identifier: Apache-2.0
"""What visibility costs in PDJ on photographs, and why: docs/accuracy.md has these figures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.photographs import labelled_people, model_name, read_rgb

from blazepose_ros.cli.eval.pdj import (
    HIDDEN,
    UNLABELED,
    VISIBLE,
    WITHOUT_VISIBILITY,
    detected_joints,
    has_torso,
)
from blazepose_ros.cli.eval.pdj import torso_px as torso_diameter_px
from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.types import Box, Frame, ModelComplexity

pytest.importorskip("openvino", reason="OpenVINO is not installed")

LEAST_TORSO_PX = 25
MARGIN = 1.2
THRESHOLDS = (0.5, 0.3, 0.1)


def joints_of(estimator: Any, frame: Frame, person: Any) -> Any:
    """Return for each labeled joint its flag, whether it is in reach, its visibility, if it is outside."""
    labeled = person[:, 2] != UNLABELED
    low, high = person[labeled, :2].min(axis=0), person[labeled, :2].max(axis=0)
    box = Box(*((low + high) / 2), *((high - low) * MARGIN + 1))
    estimator.reset()
    poses = estimator.estimate(Frame(frame.rgb, 0, (box,)))
    if not poses:
        return np.column_stack([person[labeled, 2], np.zeros((labeled.sum(), 3))])
    (pose,) = poses
    x, y = pose.screen[labeled, :2].T
    outside = (x < 0) | (y < 0) | (x >= frame.width) | (y >= frame.height)
    near = detected_joints(pose, person, WITHOUT_VISIBILITY)
    return np.column_stack([person[labeled, 2], near, pose.visibility[labeled], outside])


@pytest.mark.parametrize("complexity", ModelComplexity, ids=model_name)
def test_labels_and_cautious_models_cost_points_and_truncation_none(
    models: dict[ModelComplexity, bytes], data: Path, complexity: ModelComplexity
) -> None:
    options = EstimatorOptions(models[complexity], external_detections=True)
    estimator = choose_estimator("openvino", options).estimator
    rows = [
        joints_of(estimator, Frame(read_rgb(data / file), 0), person)
        for file, people in labelled_people(data).items()
        for person in people
        if has_torso(person) and torso_diameter_px(person) >= LEAST_TORSO_PX
    ]
    estimator.close()
    flag, near, visibility, outside = np.concatenate(rows).T
    near = near > 0
    said_visible = near & (flag == HIDDEN) & (visibility >= THRESHOLDS[0])
    said_hidden = near & (flag == VISIBLE) & (visibility < THRESHOLDS[0])
    pdj = [100 * (near & ((visibility >= each) == (flag == VISIBLE))).mean() for each in THRESHOLDS]
    print(  # noqa: T201
        f"{model_name(complexity)}: in reach {100 * near.mean():.1f} %, of these labeled hidden and said"
        f" to be visible {100 * said_visible.mean():.1f}, labeled visible and said to be hidden"
        f" {100 * said_hidden.mean():.1f}; PDJ from {THRESHOLDS}: {np.round(pdj, 1)}"
    )
    assert not (said_hidden & (outside > 0)).any()
    assert np.median(visibility[near & (flag == HIDDEN)]) > 0.8
    assert pdj[2] > pdj[0] + 2
