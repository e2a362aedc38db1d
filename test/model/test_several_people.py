"""Several people in one image are read together, and as they would be one after another."""

import importlib.util

import cv2
import numpy as np
import pytest
from support.photographs import frames, model_name

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
# Which panes show somebody, image after image: people come and go, alone and together.
COMINGS_AND_GOINGS = ((0,), (0,), (0, 1, 2), (0, 1, 2), (0, 2), (0, 2), (), (1,), (0, 1, 2), ())


@pytest.fixture(params=LIBRARIES)
def backend(request):
    if importlib.util.find_spec(LIBRARIES[request.param]) is None:
        pytest.skip(f"{request.param} is not installed")
    return request.param


@pytest.fixture(scope="module")
def person(data):
    """A picture of one person, as large as a pane."""
    return cv2.resize(next(frames(data / "videos" / "squats.mp4", 30)).rgb, (PANE_WIDTH, PANE_HEIGHT))


def side_by_side(person, shown):
    """Return an image of several panes, some of which show the person."""
    panes = [person if pane in shown else np.full_like(person, 127) for pane in range(PANES)]
    return np.concatenate(panes, axis=1)


def regions(count):
    """Return as many regions, some of somebody and some of nobody, upright and turned."""
    return [Roi(135 + 90 * number, 240, 500 + 20 * number, 0.1 * number) for number in range(count)]


def assert_the_same(reading, expected):
    assert (reading is None) == (expected is None)
    if reading is not None:
        assert reading.score == pytest.approx(expected.score, abs=1e-4)
        for name in ("visibility", "presence", "world", "mask"):
            np.testing.assert_allclose(getattr(reading, name), getattr(expected, name), atol=1e-4)
        np.testing.assert_allclose(reading.screen, expected.screen, atol=1e-2)  # pixels


@pytest.mark.parametrize("complexity", ModelComplexity, ids=model_name)
def test_regions_read_together_read_as_they_do_one_by_one(backend, complexity, models, person):
    content = split_bundle(models[complexity])[LANDMARKER]
    loaded = RUNTIMES[backend](TWO_CORES).load(content, most_images=3)
    model = LandmarkModel(loaded, 0.5, with_mask=True)
    rgb = side_by_side(person, (0, 1, 2))
    one_by_one = [model.read(rgb, region) for region in regions(5)]
    assert sum(reading is not None for reading in one_by_one) >= 2
    for count in (0, 1, 2, 3, 5, 1):
        readings = model.read_each(rgb, regions(count))
        assert len(readings) == count
        for reading, expected in zip(readings, one_by_one, strict=False):
            assert_the_same(reading, expected)


def test_people_who_come_and_go_are_those_whom_one_core_sees(backend, models, person):
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


def test_a_failure_beside_others_is_one_failed_frame(backend, models, person, monkeypatch):
    options = EstimatorOptions(models[ModelComplexity.LITE], num_poses=PANES)
    estimator = choose_estimator(backend, options, TWO_CORES).estimator
    rgb = side_by_side(person, range(PANES))
    assert len(estimator.estimate(Frame(rgb, 0))) == PANES

    def fail(*_arguments):
        raise RuntimeError("in the middle of it")

    with monkeypatch.context() as patch:
        patch.setattr("blazepose_ros.core.estimation.landmark_model.decode", fail)
        with pytest.raises(EstimatorError, match="in the middle of it"):
            estimator.estimate(Frame(rgb, FRAME_NS))
    for number in range(2, 12):  # the lanes beside the failed one may be at work until then
        assert len(estimator.estimate(Frame(rgb, number * FRAME_NS))) == PANES
    estimator.close()


@pytest.mark.parametrize(("threads", "most_images", "kept"), [(2, 1, 1), (1, 3, 1), (2, 2, 2), (2, 5, 2)])
def test_a_model_for_several_is_made_only_where_it_helps(models, tmp_path, threads, most_images, kept):
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    content = split_bundle(models[ModelComplexity.LITE])[LANDMARKER]
    options = RuntimeOptions(num_threads=threads, cache_dir=tmp_path)
    RUNTIMES["openvino"](options).load(content, (MASK_SHAPE,), most_images)
    assert len(list(tmp_path.iterdir())) == kept
