# SPDX-License-Identifier: Apache-2.0
"""Several people in one image are read together, and as they would be one after another."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.photographs import model_name, read_rgb

from blazepose_ros.core.estimation.estimator import EstimatorError, EstimatorOptions
from blazepose_ros.core.estimation.factory import RUNTIMES, choose_estimator, compiled_folder
from blazepose_ros.core.estimation.landmark_model import MASK_SHAPE, LandmarkModel
from blazepose_ros.core.estimation.roi import Roi
from blazepose_ros.core.estimation.runtimes.runtime import RuntimeOptions
from blazepose_ros.core.models.task_bundle import LANDMARKER, split_bundle
from blazepose_ros.core.types import Frame, ModelComplexity

LIBRARIES = {"openvino": "openvino", "litert": "ai_edge_litert"}
TWO_CORES = RuntimeOptions(num_threads=2, cache_dir=compiled_folder())
ONE_CORE = RuntimeOptions(num_threads=1, cache_dir=compiled_folder())  # on which nothing runs side by side
FRAME_NS = 33_000_000
PANE_WIDTH, PANE_HEIGHT = 270, 480
PANES = 3
# Which panes show the person, image after image: people come and go, alone and together.
COMINGS_AND_GOINGS = ((0,), (0,), (0, 1, 2), (0, 1, 2), (0, 2), (0, 2), (), (1,), (0, 1, 2), ())


@pytest.fixture(params=LIBRARIES)
def backend(request: pytest.FixtureRequest) -> Any:
    if importlib.util.find_spec(LIBRARIES[request.param]) is None:
        pytest.skip(f"{request.param} is not installed")
    return request.param


@pytest.fixture(scope="module")
def person(data: Path) -> Any:
    """A picture of one person, as large as a pane."""
    return read_rgb(data / "images" / "walker_upright.png")


def side_by_side(person: Any, shown: Any) -> Any:
    """Return an image of several panes, some of which show the person."""
    panes = [person if pane in shown else np.full_like(person, 127) for pane in range(PANES)]
    return np.concatenate(panes, axis=1)


def rois(count: Any) -> Any:
    """Return as many ROIs, some with a person and some without, upright and turned."""
    return [Roi(135 + 90 * number, 240, 500 + 20 * number, 0.1 * number) for number in range(count)]


def assert_the_same(result: Any, expected: Any) -> None:
    assert (result is None) == (expected is None)
    if result is not None:
        assert result.score == pytest.approx(expected.score, abs=1e-4)
        for name in ("visibility", "presence", "world", "mask"):
            np.testing.assert_allclose(getattr(result, name), getattr(expected, name), atol=1e-4)
        np.testing.assert_allclose(result.screen, expected.screen, atol=1e-2)  # pixels


@pytest.mark.parametrize("complexity", ModelComplexity, ids=model_name)
def test_rois_read_together_read_as_they_do_one_by_one(
    backend: Any, complexity: ModelComplexity, models: dict[ModelComplexity, bytes], person: Any
) -> None:
    content = split_bundle(models[complexity])[LANDMARKER]
    loaded = RUNTIMES[backend](TWO_CORES).load(content, most_images=3)
    model = LandmarkModel(loaded, 0.5, with_mask=True)
    rgb = side_by_side(person, (0, 1, 2))
    one_by_one = [model.read(rgb, roi) for roi in rois(5)]
    assert sum(result is not None for result in one_by_one) >= 2
    for count in (0, 1, 2, 3, 5, 1):
        results = model.read_each(rgb, rois(count))
        assert len(results) == count
        for result, expected in zip(results, one_by_one, strict=False):
            assert_the_same(result, expected)


def test_people_who_come_and_go_are_those_whom_one_core_sees(
    backend: Any, models: dict[ModelComplexity, bytes], person: Any
) -> None:
    options = EstimatorOptions(models[ModelComplexity.FULL], num_poses=PANES, max_lost_s=0.0)
    ours, reference = (choose_estimator(backend, options, cores).estimator for cores in (TWO_CORES, ONE_CORE))
    counts = []
    for number, shown in enumerate(COMINGS_AND_GOINGS):
        frame = Frame(side_by_side(person, shown), number * 4 * FRAME_NS)
        found, expected = ours.estimate(frame), reference.estimate(frame)
        counts.append(len(found))
        for pose, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(pose.screen, other.screen, atol=1e-2)
            np.testing.assert_allclose(pose.world, other.world, atol=1e-4)
    assert counts == [len(shown) for shown in COMINGS_AND_GOINGS]
    ours.close()
    reference.close()


def test_a_failure_beside_others_is_one_failed_frame(
    backend: Any, models: dict[ModelComplexity, bytes], person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next frame comes at once: no model may still be at work on the one that failed."""
    options = EstimatorOptions(models[ModelComplexity.LITE], num_poses=PANES)
    estimator = choose_estimator(backend, options, TWO_CORES).estimator
    rgb = side_by_side(person, range(PANES))
    assert len(estimator.estimate(Frame(rgb, 0))) == PANES

    def fail(*_arguments: object) -> None:
        raise RuntimeError("in the middle of it")

    for number in (1, 3, 5):
        with monkeypatch.context() as patch:
            patch.setattr("blazepose_ros.core.estimation.landmark_model.decode", fail)
            with pytest.raises(EstimatorError, match="in the middle of it"):
                estimator.estimate(Frame(rgb, number * FRAME_NS))
        assert len(estimator.estimate(Frame(rgb, (number + 1) * FRAME_NS))) == PANES
    estimator.close()


@pytest.mark.parametrize(("threads", "most_images", "kept"), [(2, 1, 1), (1, 3, 1), (2, 2, 2), (2, 5, 2)])
def test_a_model_for_several_is_made_only_where_it_helps(
    models: dict[ModelComplexity, bytes], tmp_path: Path, threads: int, most_images: int, kept: int
) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    content = split_bundle(models[ModelComplexity.LITE])[LANDMARKER]
    options = RuntimeOptions(num_threads=threads, cache_dir=tmp_path)
    RUNTIMES["openvino"](options).load(content, (MASK_SHAPE,), most_images)
    assert len(list(tmp_path.iterdir())) == kept
