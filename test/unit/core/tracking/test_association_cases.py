# SPDX-License-Identifier: Apache-2.0
"""Which track a pose continues, just inside and just outside of each limit."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.bodies import CAMERA, FACING_M, pose_of, seen_by

from blazepose_ros.core.tracking.appearance import size_px
from blazepose_ros.core.tracking.association import associate, is_occluded
from blazepose_ros.core.tracking.smoothing import SmoothingOptions
from blazepose_ros.core.tracking.track import ClearView, Observation, Track
from blazepose_ros.core.types import Frame

OFF = SmoothingOptions(enabled=False)
BODY = seen_by(CAMERA, (0, 0, 4.0))
SIZE_PX = size_px(BODY)
NEW, GARBLED = "new", "garbled"


def moved(bodies: Any, down: float = 0.0, growth: float = 1.0) -> Any:
    """Return the body elsewhere on the screen, by its own sizes, and seen larger."""
    middle = BODY.screen[:, :2].mean(axis=0)
    screen = BODY.screen.copy()
    screen[:, :2] = middle + growth * (screen[:, :2] - middle) + SIZE_PX * np.array([bodies, down])
    return pose_of(FACING_M, screen, np.float64)


def frame(time_s: float = 0.0, light: Any = 0) -> Frame:
    return Frame(np.full((CAMERA.height, CAMERA.width, 3), light, np.uint8), round(time_s * 1e9))


def track(bodies: float = 0.0, number: Any = 1, light: Any = 0) -> Track:
    return Track(number, Observation(moved(bodies), frame(0.0, light)), OFF)


def answers(tracks: Any, poses: Any, time_s: Any, light: Any = 0) -> Any:
    """Return whose each pose is: a number or NEW, in the order of the poses; GARBLED ones are left out."""
    observations = [Observation(pose, frame(time_s, light)) for pose in poses]
    whose = {id(seen): NEW if of is None else of.person_id for seen, of in associate(tracks, observations)}
    return [whose.get(id(seen), GARBLED) for seen in observations]


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize(("lost_s", "reach"), [(0.0, 0.35), (0.1, 0.425), (1.0, 1.10), (2.0, 1.85)])
def test_a_person_who_was_lost_is_found_within_reach_and_the_longer_the_further(
    lost_s: float, reach: float, down: bool
) -> None:
    for bodies, whose in ((reach - 0.005, 1), (-(reach - 0.005), 1), (reach + 0.005, {NEW, GARBLED})):
        place = moved(0.0, bodies) if down else moved(bodies)
        (answer,) = answers([track()], [place], lost_s)
        assert answer == whose if whose == 1 else answer in whose


@pytest.mark.parametrize(("growth", "whose"), [(1.75, 1), (1.85, NEW), (1 / 1.75, 1), (1 / 1.85, NEW)])
def test_a_person_is_not_seen_much_larger_or_smaller(growth: Any, whose: Any) -> None:
    assert answers([track()], [moved(0.0, growth=growth)], 0.3) == [whose]


@pytest.mark.parametrize(("growth", "bodies"), [(1.7, 0.56), (1 / 1.7, 0.56)])
def test_distances_are_in_the_geometric_mean_of_the_sizes(growth: Any, bodies: float) -> None:
    """The median landmark moves by what the body grows, and by the shift."""
    larger = moved(bodies, growth=growth)
    apart_px = np.median(np.linalg.norm(larger.screen[:, :2] - BODY.screen[:, :2], axis=1))
    unit_px = SIZE_PX * growth**0.5
    for lost_s, whose in (
        ((apart_px / unit_px - 0.35) / 0.75 + 0.01, 1),
        ((apart_px / unit_px - 0.35) / 0.75 - 0.01, NEW),
    ):
        assert answers([track()], [larger], lost_s) == [whose]


@pytest.mark.parametrize(
    ("light", "bodies", "whose"),
    # Half a second after, the reach is 0.725; a light of 51 of 255 is as a fifth of a body.
    [(51, 0.52, 1), (51, 0.53, NEW), (255, 0.47, 1), (255, 0.48, NEW), (0, 0.72, 1)],
)
def test_other_colors_count_as_a_distance_up_to_a_quarter_of_a_body(
    light: int, bodies: float, whose: Any
) -> None:
    assert answers([track()], [moved(bodies)], 0.5, light) == [whose]


@pytest.mark.parametrize(("time_s", "whose"), [(0.19, 1), (0.21, NEW)])
def test_a_person_in_view_may_change_clothes(time_s: float, whose: Any) -> None:
    assert answers([track()], [moved(0.44)], time_s, light=255) == [whose]


def test_of_two_who_are_in_view_the_colors_tell_which() -> None:
    tracks = [track(0.0, 1, light=200), track(0.3, 2, light=0)]
    assert answers(tracks, [moved(0.14)], 0.1, light=0) == [2]
    assert answers(tracks, [moved(0.16)], 0.1, light=200) == [1]


def test_each_track_is_one_poses_and_the_sum_of_distances_is_least() -> None:
    tracks = [track(0.0, 1), track(0.2, 2)]
    assert answers(tracks, [moved(0.19), moved(0.4)], 0.1) == [1, 2]


@pytest.mark.parametrize(
    ("other", "bodies", "whose"),
    [(0.6, 0.27, GARBLED), (0.6, 0.245, 1), (0.45, 0.195, 1), (0.45, 0.205, GARBLED), (0.6, 0.33, GARBLED)],
)
def test_a_pose_between_two_tracks_is_made_of_both(other: float, bodies: float, whose: Any) -> None:
    """It is further than a fifth of a body from one, and not a tenth nearer to it than to the other."""
    assert answers([track(0.0, 1), track(other, 2)], [moved(bodies)], 0.0) == [whose]


def test_a_pose_between_two_tracks_is_whose_it_is_where_the_other_is_seen_besides() -> None:
    assert answers([track(0.0, 1), track(0.6, 2)], [moved(0.27), moved(0.62)], 0.0) == [1, 2]


@pytest.mark.parametrize(
    ("time_s", "bodies", "answer"),
    [
        (0.0, 0.0, NEW),
        (1e-9, 0.0, GARBLED),
        (0.19, 0.0, GARBLED),
        (0.2, 0.0, NEW),
        (0.1, 0.3, GARBLED),
        (0.1, 0.6, NEW),
    ],
)
def test_what_fits_no_track_is_a_bad_pose_of_a_person_who_was_there_a_moment_ago(
    time_s: float, bodies: float, answer: Any
) -> None:
    twice_as_large = moved(bodies, growth=2.0)
    assert answers([track()], [twice_as_large], time_s) == [answer]


@pytest.mark.parametrize(("apart", "answer"), [(0.495, GARBLED), (0.505, NEW)])
def test_a_moment_ago_means_within_half_a_body_of_the_track(apart: float, answer: Any) -> None:
    twice = moved(0.0, growth=2.0)
    shift_px = optimal_shift(twice, apart)
    screen = np.add(twice.screen, (shift_px, 0, 0))
    assert answers([track()], [pose_of(FACING_M, screen, np.float64)], 0.1) == [answer]


def optimal_shift(pose: Any, apart: Any) -> Any:
    """Return by how many pixels to shift a pose for its median landmark to be that many bodies away."""
    low, high = 0.0, 2 * SIZE_PX
    for _ in range(50):
        shift = (low + high) / 2
        away = np.linalg.norm(pose.screen[:, :2] + (shift, 0) - BODY.screen[:, :2], axis=1)
        low, high = (low, shift) if np.median(away) / SIZE_PX > apart else (shift, high)
    return low


def test_a_track_that_was_matched_garbles_nothing() -> None:
    assert answers([track()], [moved(0.0), moved(0.3, growth=2.0)], 0.1) == [1, NEW]


@pytest.mark.parametrize(("apart", "answer"), [(0.09, GARBLED), (0.11, NEW)])
def test_two_poses_within_a_tenth_of_a_body_are_one_person(apart: float, answer: Any) -> None:
    assert answers([], [moved(0.0), moved(apart)], 0.0) == [NEW, answer]


def test_of_a_person_seen_twice_the_pose_that_fits_best_is_kept() -> None:
    assert answers([track()], [moved(0.08), moved(0.01)], 0.3) == [GARBLED, 1]
    assert answers([track()], [moved(0.01), moved(0.08)], 0.3) == [1, GARBLED]


@pytest.mark.parametrize(("apart", "occluded"), [(0.49, True), (0.51, False)])
def test_people_within_half_a_body_cover_each_other(apart: float, occluded: bool) -> None:
    seen = Observation(moved(0.0), frame())
    assert is_occluded(seen, [track(3.0), track(apart)]) is occluded
    assert not is_occluded(seen, [])


def walked(steps: Any) -> Any:
    """Return the clear view of a person after steps of (seconds, bodies, light)."""
    time_s = at = 0.0
    view = ClearView.first(Observation(moved(0.0), frame()))
    for elapsed_s, bodies, light in steps:
        time_s, at = time_s + elapsed_s, at + bodies
        view = view.updated(Observation(moved(at), frame(time_s, light)))
    return view


def test_the_velocity_is_a_mean_over_a_fifth_of_a_second() -> None:
    first, second = 0.1 * SIZE_PX / 0.1, 0.2 * SIZE_PX / 0.3
    view = walked([(0.1, 0.1, 0), (0.3, 0.2, 0)])
    expected = 0.6 * second + 0.4 * (first * 0.1 / 0.3)
    np.testing.assert_allclose(view.velocity_px_s, (expected, 0.0), rtol=1e-9, atol=1e-9)
    assert view.seen_ns == 400_000_000


def test_images_of_one_stamp_are_a_millisecond_apart() -> None:
    view = walked([(0.0, 0.001, 0)])
    np.testing.assert_allclose(view.velocity_px_s, (SIZE_PX / 201, 0.0), rtol=1e-9, atol=1e-9)


def test_a_place_is_predicted_for_a_second_at_most() -> None:
    view = walked([(0.1, 0.1, 0)])
    speed = view.velocity_px_s[0] / SIZE_PX
    for ahead_s, bodies in ((0.0, 0.0), (0.5, 0.5 * speed), (1.0, speed), (3.0, speed)):
        predicted = view.predicted(100_000_000 + round(ahead_s * 1e9))
        np.testing.assert_allclose(predicted, moved(0.1 + bodies).screen[:, :2], rtol=1e-9)


def test_a_walker_who_was_hidden_is_found_ahead_and_not_beyond_what_is_predicted() -> None:
    walker = track()
    for index in range(1, 40):
        seen = Observation(moved(0.1 * index), frame(0.1 * index))
        walker.update(seen, OFF, occluded=False)
    for ahead, whose in ((0.9, 1), (1.65, 1), (2.7, 1), (4.2, NEW)):  # of 1.0 and the reach
        lost_s = min(ahead, 3.0)
        reach = 0.35 + 0.75 * lost_s
        assert (min(lost_s, 1.0) + reach > ahead) is (whose == 1)
        assert answers([walker], [moved(3.9 + ahead)], 3.9 + lost_s) == [whose]


def test_while_a_person_is_covered_what_was_clear_is_kept() -> None:
    covered = track()
    view = covered.clear_view
    covered.update(Observation(moved(0.2), frame(0.1, light=200)), OFF, occluded=True)
    assert covered.clear_view is view
    assert covered.seen_ns == 100_000_000
    np.testing.assert_array_equal(covered.pose.screen, moved(0.2).screen)


def test_the_appearance_is_a_mean_over_half_a_second_looked_at_every_twentieth() -> None:
    view = walked([(0.04, 0.0, 255)])
    np.testing.assert_array_equal(view.appearance, 0.0)
    assert view.appearance_ns == 0
    view = walked([(0.05, 0.0, 255)])
    np.testing.assert_allclose(view.appearance, 0.05 / 0.55)
    assert view.appearance_ns == 50_000_000
    view = walked([(0.5, 0.0, 255), (0.04, 0.0, 0), (0.04, 0.0, 0)])
    np.testing.assert_allclose(view.appearance, 0.5 * 0.5 / 0.58)


def test_a_track_keeps_its_number_and_starts_another_localizer_for_another_height() -> None:
    one = track(number=7)
    assert one.person.person_id == 7
    first = one.localizer(0.0)
    assert one.localizer(0.0) is first
    tall = one.localizer(1.9)
    assert tall is not first
    assert one.localizer(1.9) is tall
    assert replace(one.person, person_id=0).person_id == 0
