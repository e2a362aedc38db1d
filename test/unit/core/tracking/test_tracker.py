# SPDX-License-Identifier: Apache-2.0
"""The pipeline from poses to people: tracked, smoothed, localized, ordered."""

from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, FACING_M, pose_of, seen_by

from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.tracking.primary_person import Primary
from blazepose_ros.core.tracking.smoothing import SmoothingOptions
from blazepose_ros.core.tracking.tracker import Tracker, TrackingOptions
from blazepose_ros.core.types import Frame, Status

CONTEXT = FrameContext(CAMERA)
PERIOD_NS = 100_000_000


@pytest.fixture
def pipeline() -> PersonPipeline:
    return PersonPipeline(PipelineOptions(tracking=TrackingOptions(primary=Primary.FIRST)))


def frame(index: Any) -> Frame:
    return Frame(np.full((CAMERA.height, CAMERA.width, 3), 120, np.uint8), index * PERIOD_NS)


def pose(x_m: Any, z_m: float = 3.9) -> Any:
    return seen_by(CAMERA, (x_m, 0, z_m))


def test_the_first_pose_is_a_person_at_once(pipeline: PersonPipeline) -> None:
    (person,) = pipeline.update(frame(0), [pose(0)], CONTEXT)
    assert (person.person_id, person.primary, person.status) == (1, True, Status.NONE)
    np.testing.assert_allclose(person.hip_center.position, (0, 0, 3.9), atol=0.1)


def test_the_primary_person_comes_first_whatever_the_estimators_order(pipeline: PersonPipeline) -> None:
    pipeline.update(frame(0), [pose(-1)], CONTEXT)
    for index in range(1, 4):
        people = pipeline.update(frame(index), [pose(1), pose(-1)], CONTEXT)
        assert [(person.person_id, person.primary) for person in people] == [(1, True), (2, False)]


def test_who_is_placed_beyond_the_models_reach_is_too_far(pipeline: PersonPipeline) -> None:
    (person,) = pipeline.update(frame(0), [pose(0, 5.0)], CONTEXT)
    assert person.status is Status.TOO_FAR


def test_going_back_in_time_forgets_people_but_not_their_numbers(pipeline: PersonPipeline) -> None:
    pipeline.update(frame(50), [pose(0)], CONTEXT)
    (person,) = pipeline.update(frame(0), [pose(0.1)], CONTEXT)
    assert person.person_id == 2
    np.testing.assert_allclose(person.screen, pose(0.1).screen, rtol=1e-5)


def test_a_reset_forgets_people_but_not_their_numbers(pipeline: PersonPipeline) -> None:
    pipeline.update(frame(0), [pose(0)], CONTEXT)
    pipeline.reset()
    assert pipeline.update(frame(1), [pose(0)], CONTEXT)[0].person_id == 2


def test_images_of_another_size_are_not_compared_with_those_before(pipeline: PersonPipeline) -> None:
    pipeline.update(frame(0), [pose(0)], CONTEXT)
    half = Frame(np.full((CAMERA.height // 2, CAMERA.width // 2, 3), 120, np.uint8), PERIOD_NS)
    smaller = pose_of(FACING_M, pose(0).screen / 2)
    (person,) = pipeline.update(half, [smaller], FrameContext(CAMERA.scaled_to(half.width, half.height)))
    assert person.person_id == 2
    np.testing.assert_allclose(person.screen, smaller.screen, rtol=1e-5)


@pytest.mark.parametrize("growth", [0.5, 2.0])
def test_while_stamps_stand_still_a_leap_silences_no_person_for_long(
    pipeline: PersonPipeline, growth: float
) -> None:
    """A video that begins anew, say, from a camera without a clock."""
    pipeline.update(frame(0), [pose(0)], CONTEXT)
    leapt = pose(0, 3.9 / growth)
    for _ in range(3):
        people = pipeline.update(frame(0), [leapt], CONTEXT)
    assert people


def test_tracks_end_and_with_them_what_is_remembered() -> None:
    tracker, options = Tracker(), TrackingOptions(max_lost_s=1.0)
    for number in range(100):
        (track,) = tracker.update(frame(21 * number), [pose(0)], options)
        assert tracker.person_ids == {track.person_id} == {number + 1}


def test_a_repeated_stamp_goes_on(pipeline: PersonPipeline) -> None:
    for _ in range(3):
        (person,) = pipeline.update(frame(7), [pose(0)], CONTEXT)
    assert person.person_id == 1


def test_what_is_placed_is_what_was_smoothed() -> None:
    """A jitter of the landmarks moves the hips by less than without smoothing."""
    rng = np.random.default_rng(0)
    jittering = [pose_of(FACING_M, pose(0).screen + rng.normal(0, 2, (33, 3)), np.float64) for _ in range(60)]
    scatter = []
    for enabled in (True, False):
        tracking = TrackingOptions(smoothing=SmoothingOptions(enabled=enabled))
        single = PersonPipeline(PipelineOptions(tracking=tracking))
        places = [
            single.update(frame(index), [each], CONTEXT)[0].hip_center.position
            for index, each in enumerate(jittering)
        ]
        scatter.append(np.std(places, axis=0)[:2])
    assert np.all(scatter[0] < 0.7 * scatter[1])


def test_options_change_from_one_image_to_the_next(pipeline: PersonPipeline) -> None:
    pipeline.update(frame(0), [pose(-0.5, 3.9), pose(0.5, 2.5)], CONTEXT)
    pipeline.options = PipelineOptions(tracking=TrackingOptions(primary=Primary.NEAREST))
    (nearest, _) = pipeline.update(frame(1), [pose(-0.5, 3.9), pose(0.5, 2.5)], CONTEXT)
    assert nearest.person_id == 2


@pytest.mark.parametrize("max_lost_s", [-1.0, float("nan")])
def test_a_time_without_sense_is_refused(max_lost_s: float) -> None:
    with pytest.raises(ValueError, match="max_lost_s"):
        TrackingOptions(max_lost_s=max_lost_s)
