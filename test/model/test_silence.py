# SPDX-License-Identifier: Apache-2.0
"""Nobody is seen where nobody is, whatever the threshold."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.photographs import passage, read_rgb

from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.types import Frame, ModelComplexity

pytest.importorskip("openvino", reason="OpenVINO is not installed")

# The images of the passage that show nobody.
EMPTY = (slice(0, 110), slice(215, 230))


@pytest.fixture(scope="module")
def empty_place(data: Path) -> Any:
    clip = passage(data)
    return [clip[part] for part in EMPTY]


@pytest.fixture
def make(models: dict[ModelComplexity, bytes]) -> Iterator[Any]:
    created = []

    def create(complexity: Any, **options: Any) -> Any:
        wanted = EstimatorOptions(models[complexity], **options)
        created.append(choose_estimator("openvino", wanted).estimator)
        return created[-1]

    yield create
    for estimator in created:
        estimator.close()


@pytest.mark.parametrize("complexity", [ModelComplexity.LITE, ModelComplexity.FULL])
@pytest.mark.parametrize("confidence", [0.4, 0.6])
def test_an_empty_place_is_empty(
    make: Any, empty_place: Any, complexity: ModelComplexity, confidence: float
) -> None:
    estimator = make(complexity, min_detection_confidence=confidence)
    for part in empty_place:
        estimator.reset()
        assert not any(estimator.estimate(frame) for frame in part)


@pytest.mark.parametrize("complexity", list(ModelComplexity))
def test_photographs_of_nobody_show_nobody_and_those_of_people_the_same_as_at_the_sure_threshold(
    make: Any, data: Path, complexity: ModelComplexity
) -> None:
    low, sure = make(complexity, min_detection_confidence=0.3), make(complexity)
    for path in sorted((data / "images").iterdir()):
        frame = Frame(read_rgb(path), 0)
        found = []
        for estimator in (low, sure):
            estimator.reset()
            found.append(len(estimator.estimate(frame)))
        assert found[0] == found[1]
        assert not (path.name.startswith("nobody") and any(found))
