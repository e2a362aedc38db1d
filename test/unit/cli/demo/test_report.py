# SPDX-License-Identifier: Apache-2.0
"""What the demo counts, and what it says of it."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.bodies import placed, pose_of

from blazepose_ros.cli.demo.report import Chain, Tally, failed_link, visible_landmarks

PERIOD_NS = 100_000_000
POSE = pose_of()
WHOLE = Chain("", "", camera_seen=True, node_seen=True, images=5, answers=4, poses=3)


def play(tally: Any, images: Any, answered: Any = (), empty: Any = ()) -> Any:
    """Let images come at 10 Hz and be answered 20 ms later."""
    for number in range(images):
        now_s = number / 10
        tally.image(number * PERIOD_NS, now_s)
        if number in answered:
            pose = None if number in empty else POSE
            tally.answer(number * PERIOD_NS, now_s + 0.02, 20.0 + number, pose)
    return tally


def test_before_the_first_image_nothing_is_known() -> None:
    now = Tally().snapshot(0.0)
    assert math.isnan(now.image_rate)
    assert math.isnan(now.pose_rate)
    assert math.isnan(now.latency_ms)
    assert now.pose is None


def test_rates_are_those_of_the_last_seconds() -> None:
    tally = play(Tally(), 30, answered=range(0, 30, 2))
    now = tally.snapshot(2.9)
    assert now.image_rate == pytest.approx(10)
    assert now.pose_rate == pytest.approx(5)
    assert now.pose is POSE
    assert math.isnan(tally.snapshot(60.0).image_rate)


def test_the_latency_is_the_median_of_the_last_seconds() -> None:
    tally = play(Tally(), 30, answered=range(30))
    assert tally.snapshot(2.9).latency_ms == pytest.approx(np.median(20.0 + np.arange(9, 30)))


def test_an_answer_without_a_person_is_no_pose() -> None:
    tally = play(Tally(), 30, answered=range(30), empty=range(30))
    now = tally.snapshot(2.9)
    assert (tally.images, tally.answers, tally.poses) == (30, 30, 0)
    assert math.isnan(now.pose_rate)
    assert math.isfinite(now.latency_ms)
    assert now.pose is None


def test_two_answers_to_one_image_count_once() -> None:
    tally = play(Tally(), 1, answered=[0])
    tally.answer(0, 0.1, 5.0, POSE)
    assert (tally.answers, tally.poses) == (1, 1)


def test_the_summary_leaves_out_the_first_image() -> None:
    summary = play(Tally(), 11, answered=range(9), empty=[1]).summary()
    assert "A pose in 7 of the 10 images after the first (70.0 %); 8 were answered." in summary
    assert "24 ms in the median, 28 ms at the 95th percentile" in summary


def test_one_image_has_no_share() -> None:
    assert "A pose in 0 of the 0 images after the first; 0 were answered." in play(Tally(), 1, [0]).summary()


def test_measured_distances_stand_beside_the_true_ones() -> None:
    tally = Tally((2.0, 2.5, 4.0))
    for number, measured_m in enumerate((2.02, 2.6, 3.8, 9.0)):
        tally.image(number, 0.0)
        tally.answer(number, 0.0, 20.0, placed((0.0, 0.0, measured_m)) if number != 1 else None)
        assert tally.snapshot(0.0).true_m == pytest.approx((2.0, 2.5, 4.0, math.nan)[number], nan_ok=True)
    assert [(each.number, each.true_m) for each in tally.placed] == [(0, 2.0), (2, 4.0)]
    assert "The hips were 2.00 to 4.00 m away" in tally.summary()
    assert "3.0 % off in the median" in tally.summary()


def test_of_a_source_of_which_nothing_is_known_no_truth_is_told() -> None:
    tally = play(Tally(), 3, [0, 1, 2])
    assert tally.snapshot(0.0).true_m is None
    assert len(tally.summary().splitlines()) == 2


def test_the_time_of_the_first_image_is_kept() -> None:
    tally = Tally()
    assert tally.first_image_s is None
    tally.image(1, 5.0)
    tally.image(2, 6.0)
    assert tally.first_image_s == 5.0


def test_the_distance_is_along_the_ray_and_so_is_its_deviation() -> None:
    hips = placed((3.0, 0.0, 4.0), np.diag([0.25, 9.0, 0.25])).hip_center
    assert (hips.distance_m, hips.distance_std_m) == pytest.approx((5.0, 0.5))


def test_visible_landmarks_are_counted() -> None:
    visibility = np.zeros(33, np.float32)
    visibility[[0, 5, 7]] = 0.2, 0.5, 1.0
    assert visible_landmarks(pose_of(visibility=visibility)) == 2


def test_a_chain_that_gave_poses_has_no_failed_link() -> None:
    assert failed_link(WHOLE) == ""


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (
            {"camera_error": "webcam 7 does not open", "poses": 0},
            "The camera failed: webcam 7 does not open",
        ),
        ({"node_error": "there is no model at {path}"}, "The node failed: there is no model at {path}"),
        ({"camera_seen": False, "images": 0, "answers": 0, "poses": 0}, "The camera runs, but its topics"),
        ({"node_seen": False, "images": 0, "answers": 0, "poses": 0}, "The node runs, but its topics"),
        ({"images": 0, "answers": 0, "poses": 0}, "The camera runs, but no image came"),
        ({"answers": 0, "poses": 0}, "5 images came, but the node answered none."),
        ({"poses": 0}, "The node answered 4 images and found no person"),
    ],
)
def test_the_first_link_that_failed_is_named(seen: Any, said: str) -> None:
    assert failed_link(replace(WHOLE, **seen)).startswith(said)
