"""Objects as data that a stranger may have written, and back."""

import json
from collections import deque, namedtuple

import numpy as np
import pytest
from support.bodies import CAMERA, noisy, seen_by

from blazepose_ros.cli.bag.plain_data import PlainDataError, from_plain, to_plain
from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.tracking.primary_person import Primary
from blazepose_ros.core.tracking.tracker import TrackingOptions
from blazepose_ros.core.types import Frame, ModelComplexity, Status

FRAME_NS = 33_000_000

PAIR = namedtuple("Pair", "a b")


def there_and_back(value):
    return from_plain(json.loads(json.dumps(to_plain(value))))


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, -7, 0.1 + 0.2, float("inf"), "text"),
        *([], [1, [2.5]], (), (1, (2,)), {3, 4}, {}, {1: "one", (2, 3): None}),
        *(deque([1, 2], maxlen=5), deque()),
        *(np.float32(0.1), np.float64(0.1), np.int64(2**60)),
        *(Primary.NEAREST, ModelComplexity.HEAVY, Status.TRUNCATED | Status.LOW_LIGHT),
    ],
    ids=repr,
)
def test_what_is_made_plain_comes_back(value):
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


def test_a_queue_stays_as_long_as_it_may_be():
    assert there_and_back(deque([1], maxlen=5)).maxlen == 5


@pytest.mark.parametrize("dtype", ["f4", ">f8", "u1", "i8", "?"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_arrays_come_back_to_the_last_bit_and_can_be_written(dtype, shape):
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    back = there_and_back(array)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert back.flags.writeable


def test_what_no_number_is_comes_back():
    assert np.isnan(there_and_back([float("nan")])[0])


def people(pipeline, number):
    """Return what a pipeline makes of the next image of two people who tremble."""
    frame = Frame(np.full((CAMERA.height, CAMERA.width, 3), 90, np.uint8), number * FRAME_NS)
    poses = [noisy(seen_by(CAMERA, (x, 0, 3), score=0.9), 2.0, seed=number) for x in (-0.6, 0.6)]
    return pipeline.update(frame, poses, FrameContext(CAMERA))


def test_a_pipeline_that_comes_back_goes_on_as_if_nothing_had_been():
    pipeline = PersonPipeline(PipelineOptions())
    for number in range(1, 40):
        people(pipeline, number)
    back = there_and_back(pipeline)
    for number in range(40, 50):
        for ours, theirs in zip(people(back, number), people(pipeline, number), strict=True):
            assert (ours.person_id, ours.primary, ours.status) == (
                theirs.person_id,
                theirs.primary,
                theirs.status,
            )
            np.testing.assert_array_equal(ours.screen, theirs.screen)
            np.testing.assert_array_equal(ours.hip_center.covariance, theirs.hip_center.covariance)


@pytest.mark.parametrize(
    "value",
    [object(), print, lambda: 0, b"bytes", PAIR(1, 2), np.array([object()]), len],
    ids=lambda value: type(value).__name__,
)
def test_nothing_else_is_made_plain(value):
    with pytest.raises(PlainDataError):
        to_plain([value])


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {"tuple": [], "set": []},
        {"nonsense": []},
        {"tuple": 3},
        {"set": [[]]},
        {"dict": [[1]]},
        {"deque": [-1, []]},
        {"array": ["O", [1], ""]},
        {"array": ["f8", [2], "AAAA"]},
        {"array": ["f8", [2]]},
        {"object": ["os:environ", {}]},
        {"object": ["subprocess:Popen", {"args": ["ls"]}]},
        {"object": ["blazepose_ros.core.person_pipeline:np", {}]},
        {"object": ["blazepose_ros.core.person_pipeline:replace", {}]},
        {"object": ["blazepose_ros.core.person_pipeline:Placer", {}]},
        {"object": ["blazepose_ros.nowhere:Placer", {}]},
        {"object": ["blazepose_ros.core.types:Pose", 3]},
        {"object": ["blazepose_ros.core.person_pipeline", {}]},
        {"object": 3},
        {"choice": ["blazepose_ros.core.types:Pose", 3]},
        {"choice": ["blazepose_ros.core.types:Placement", 99]},
    ],
    ids=str,
)
def test_data_of_a_stranger_is_refused(plain):
    with pytest.raises(PlainDataError):
        from_plain([plain])


def test_no_code_of_a_class_runs(monkeypatch):
    def run(*_):
        raise AssertionError("it ran")

    for name in ("__init__", "__post_init__"):
        monkeypatch.setattr(TrackingOptions, name, run)
    plain = {"object": ["blazepose_ros.core.tracking.tracker:TrackingOptions", {"max_lost_s": -1}]}
    assert from_plain(plain).max_lost_s == -1
