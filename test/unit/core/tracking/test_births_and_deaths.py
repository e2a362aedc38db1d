# SPDX-License-Identifier: Apache-2.0
"""However people come, go and are missed, each has a number, a smoothing and a status of their own."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.lives import BRIGHT, CAMERA, DARK, FAR_M, IMAGES, frame, lives

from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.tracking.smoothing import SmoothingOptions
from blazepose_ros.core.tracking.tracker import Tracker, TrackingOptions
from blazepose_ros.core.types import Status

OPTIONS = TrackingOptions()
UNSMOOTHED = TrackingOptions(smoothing=SmoothingOptions(enabled=False))
EXAMPLES = settings(max_examples=60, deadline=None)
ROUNDING_PX = 1e-3


def images(people: Any, random: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield each image's index, who is seen in it, and their poses as estimated."""
    rng = np.random.default_rng(random.getrandbits(32))
    for index in range(IMAGES):
        there = [life for life in people if life.seen(index)]
        random.shuffle(there)
        yield index, there, [life.pose(index, rng) for life in there]


def person_of(pose: Any, found: Any) -> Any:
    return min(found, key=lambda person: np.abs(person.screen - pose.screen).mean())


@EXAMPLES
@given(lives(), st.randoms())
def test_each_person_has_one_number(people: Any, random: Any) -> None:
    tracker = Tracker()
    given_to = {}
    for index, there, poses in images(people, random):
        found = [track.person for track in tracker.update(frame(index), poses, UNSMOOTHED)]
        assert len(found) == len(poses)
        for life, pose in zip(there, poses, strict=True):
            number = person_of(pose, found).person_id
            assert given_to.setdefault(life.lane, number) == number
    assert len(set(given_to.values())) == len(given_to)


@EXAMPLES
@given(lives(), st.randoms())
def test_people_are_smoothed_between_their_own_poses_the_first_one_as_it_is(people: Any, random: Any) -> None:
    tracker = Tracker()
    least, most = {}, {}
    for index, there, poses in images(people, random):
        found = [track.person for track in tracker.update(frame(index), poses, OPTIONS)]
        for life, pose in zip(there, poses, strict=True):
            least[life] = np.minimum(least.get(life, np.inf), pose.screen)
            most[life] = np.maximum(most.get(life, -np.inf), pose.screen)
            smooth = person_of(pose, found).screen
            assert np.all(smooth >= least[life] - ROUNDING_PX)
            assert np.all(smooth <= most[life] + ROUNDING_PX)


@EXAMPLES
@given(lives(), st.randoms(), st.sampled_from([BRIGHT, DARK]))
def test_each_person_has_a_status_of_their_own(people: Any, random: Any, light: Any) -> None:
    pipeline = PersonPipeline(PipelineOptions())
    for index, there, poses in images(people, random):
        found = pipeline.update(frame(index, light), poses, FrameContext(CAMERA))
        for life, pose in zip(there, poses, strict=True):
            holds = {
                Status.TOO_FAR: life.z_m == FAR_M,
                Status.HEAD_NOT_VISIBLE: not life.has_face,
                Status.TRUNCATED: False,
                Status.LOW_LIGHT: light == DARK,
            }
            status = person_of(pose, found).status
            assert {case: bool(status & case) for case in holds} == holds
