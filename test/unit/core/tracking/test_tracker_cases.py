# SPDX-License-Identifier: Apache-2.0
"""What ends tracks: time, a jump back, and images of another size, be it a little."""

from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, pose_of, seen_by

from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.tracking.smoothing import SmoothingOptions
from blazepose_ros.core.tracking.tracker import Tracker, TrackingOptions
from blazepose_ros.core.types import Frame

POSE = seen_by(CAMERA, (0, 0, 3.9))


def frame(time_s: float = 0.0, width: Any = CAMERA.width, height: Any = CAMERA.height) -> Frame:
    return Frame(np.full((height, width, 3), 120, np.uint8), round(time_s * 1e9))


def ids(tracker: Any, *frames: Any, poses: Any = (POSE,), options: Any = None) -> Any:
    """Return the numbers in the last of the images."""
    for image in frames:
        tracks = tracker.update(image, poses, options or TrackingOptions())
    return [track.person.person_id for track in tracks]


@pytest.mark.parametrize("size", [(576, 432), (704, 528), (576, 480), (640, 528), (640, 479), (639, 480)])
def test_an_image_of_a_slightly_other_size_starts_anew(size: tuple[int, int]) -> None:
    """A tenth or a quarter is within what a person moves: the landmarks would be smeared."""
    pipeline = PersonPipeline(PipelineOptions())
    pipeline.update(frame(0.0), [POSE], FrameContext())
    scale = np.array([size[0] / 640, size[1] / 480, 1.0])
    resized = pose_of(POSE.world, POSE.screen * scale, np.float64)
    (person,) = pipeline.update(frame(0.1, *size), [resized], FrameContext())
    assert person.person_id == 2
    np.testing.assert_allclose(person.screen, resized.screen, rtol=1e-6)
    assert pipeline.update(frame(0.2, *size), [resized], FrameContext())[0].person_id == 2


def test_an_older_image_starts_anew_and_one_of_the_same_stamp_goes_on() -> None:
    assert ids(Tracker(), frame(1.0), frame(1.0)) == [1]
    assert ids(Tracker(), frame(1.0), frame(1.0 - 1e-9)) == [2]


def one_in_ten_is_early(index: int) -> float:
    """Return the time of an image of a camera at 30 Hz that is 50 ms early now and then."""
    return index / 30 - (0.05 if index % 10 == 9 else 0.0)


def two_clocks_mixed_up(index: int) -> float:
    """Return a time whose seconds are of one clock and whose fraction is of another."""
    return index // 30 + (index / 30 + 0.4) % 1.0


@pytest.mark.parametrize("time_of", [one_in_ten_is_early, two_clocks_mixed_up])
def test_a_person_whose_images_step_back_a_little_keeps_one_number_and_place(time_of: Any) -> None:
    pipeline = PersonPipeline(PipelineOptions())
    for index in range(300):
        (person,) = pipeline.update(frame(10 + time_of(index)), [POSE], FrameContext(CAMERA))
        assert person.person_id == 1
        np.testing.assert_allclose(person.screen, POSE.screen, rtol=1e-5)
        assert person.hip_center is not None
        assert np.linalg.eigvalsh(person.hip_center.covariance).min() > 0


@pytest.mark.parametrize(("max_lost_s", "away_s", "number"), [
    (1.0, 1.0, 1), (1.0, 1.000000001, 2), (0.0, 0.0, 1), (0.0, 0.2, 2), (2.5, 2.5, 1), (2.5, 2.6, 2),
])  # fmt: skip
def test_a_lost_track_ends_after_its_time_and_not_before(
    max_lost_s: float, away_s: float, number: int
) -> None:
    tracker, options = Tracker(), TrackingOptions(max_lost_s=max_lost_s)
    ids(tracker, frame(5.0), options=options)
    ids(tracker, frame(5.0 + away_s / 2), poses=[], options=options)
    assert ids(tracker, frame(5.0 + away_s), options=options) == [number]


def test_who_is_in_the_image_before_is_not_lost_however_slow_the_camera_is() -> None:
    assert ids(Tracker(), *(frame(5.0 + 1.1 * index) for index in range(5))) == [1]
    assert ids(Tracker(), frame(5.0), frame(7.1)) == [2]  # there time has jumped


def test_numbers_are_not_given_twice_after_a_reset() -> None:
    tracker = Tracker()
    assert ids(tracker, frame(0.0), poses=[POSE, seen_by(CAMERA, (1.5, 0, 3.9))]) == [1, 2]
    assert tracker.person_ids == {1, 2}
    tracker.reset()
    assert tracker.person_ids == set()
    assert ids(tracker, frame(0.1)) == [3]


def test_who_is_seen_stays_known_while_others_are_lost() -> None:
    tracker = Tracker()
    ids(tracker, frame(0.0), poses=[POSE, seen_by(CAMERA, (1.5, 0, 3.9))])
    ids(tracker, frame(0.9))
    assert tracker.person_ids == {1, 2}
    ids(tracker, frame(1.1))
    assert tracker.person_ids == {1}


def test_a_track_that_others_cover_keeps_its_clear_view_until_they_are_gone() -> None:
    tracker = Tracker()
    apart, beside = seen_by(CAMERA, (1.9, 0, 3.9)), seen_by(CAMERA, (0.5, 0, 3.9))
    clear_s = []
    for time_s, others in (
        (0.0, [apart]),
        (0.3, [apart]),
        (0.8, [beside]),
        (0.9, [beside]),
        (1.4, []),
        (2.0, []),
    ):
        track, *_ = tracker.update(frame(time_s), [POSE, *others], TrackingOptions())
        clear_s.append(track.clear_view.seen_ns / 1e9)
        assert (track.person_id, track.seen_ns) == (1, round(time_s * 1e9))
    assert clear_s == [0.0, 0.3, 0.8, 0.8, 0.8, 2.0]  # a lost person may be there still


def test_smoothing_is_as_the_options_say_for_new_and_for_known_people() -> None:
    moved = pose_of(POSE.world, np.add(POSE.screen, (10, 0, 0)), np.float64)
    for enabled in (False, True):
        options = TrackingOptions(smoothing=SmoothingOptions(enabled=enabled))
        tracker = Tracker()
        tracker.update(frame(0.0), [POSE], options)
        (track,) = tracker.update(frame(0.1), [moved], options)
        assert bool(np.allclose(track.person.screen, moved.screen)) is not enabled
        np.testing.assert_array_equal(track.pose.screen, moved.screen)


def test_a_tracker_waits_a_second_by_default() -> None:
    assert TrackingOptions().max_lost_s == 1.0
    assert TrackingOptions(max_lost_s=0.0).max_lost_s == 0.0
