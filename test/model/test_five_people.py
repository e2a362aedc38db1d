# SPDX-License-Identifier: Apache-2.0
"""Five people seen from behind, of a photograph that no package carries."""

from pathlib import Path

import pytest
from support.photographs import model_name, read_rgb

from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.types import Frame, ModelComplexity

pytest.importorskip("openvino", reason="OpenVINO is not installed")

STILL_IMAGES, STILL_NS = 30, 33_000_000
PEOPLE = 5


@pytest.mark.parametrize("complexity", ModelComplexity, ids=model_name)
def test_of_five_people_seen_from_behind_all_are_found(
    models: dict[ModelComplexity, bytes], data: Path, complexity: ModelComplexity
) -> None:
    rgb = read_rgb(data / "images" / "pcl_five_people_rgb.png")
    estimator = choose_estimator("openvino", EstimatorOptions(models[complexity], num_poses=5)).estimator
    pipeline = PersonPipeline(PipelineOptions())
    for number in range(STILL_IMAGES):
        frame = Frame(rgb, number * STILL_NS)
        people = pipeline.update(frame, estimator.estimate(frame), FrameContext())
    estimator.close()
    print(f"five people from behind, {model_name(complexity)}: {len(people)}")  # noqa: T201
    assert len({pose.person_id for pose in people}) == len(people) == PEOPLE
