# SPDX-License-Identifier: Apache-2.0
import json
import math
from dataclasses import asdict
from typing import Any

import pytest
from support.bench_cases import MS, answer, row, silent_row

from blazepose_ros.cli.bench.plan import Case
from blazepose_ros.cli.bench.results import CameraRecord, Measurement, Window, median_ms, row_fields, to_row

CASE = Case("mediapipe", "full", 640, 480)


def sent(*stamps_ms: Any) -> Any:
    return [round(stamp * MS) for stamp in stamps_ms]


def measured(*cameras: Any, windows: Any = ((1000, 2000),), cpu_s: float = 0.5) -> Any:
    """Return the row of what was seen in windows, from and to in milliseconds."""
    between = [Window(start_ms * MS, end_ms * MS, cpu_s) for start_ms, end_ms in windows]
    seen = Measurement(
        between, rss_mb=300.0, offered_hz=30.0, raw_loop_ms=[10.0, 20.0, 90.0], cameras=cameras
    )
    return to_row(CASE, seen)


def ten_hz(**changes: Any) -> CameraRecord:
    """Return a camera at 10 Hz from 0.5 s to 2 s whose images are all answered."""
    stamps = range(500, 2000, 100)
    return CameraRecord(
        sent(*stamps), [answer(stamp, number, **changes) for number, stamp in enumerate(stamps, start=1)]
    )


def test_every_image_answered_gives_known_figures() -> None:
    got = measured(ten_hz())
    assert got.delivered == 1.0
    assert got.poses_per_s == 10.0
    assert got.latency_ms_p50 == got.latency_ms_p99 == 30.0
    assert got.estimator_ms_p50 == 20.0
    assert got.added_ms_p50 == 10.0
    assert got.cpu_s_per_frame == pytest.approx(0.05)
    assert got.rss_mb == 300.0
    assert got.raw_loop_ms_p50 == 20.0
    assert got.raw_loop_poses_per_s == pytest.approx(3 / 0.12)
    assert got.of_raw_loop == pytest.approx(10.0 / 25.0)


def test_the_parts_of_the_latency_add_up_to_it() -> None:
    got = measured(ten_hz())
    assert sum(got.stages_ms_p50.values()) == pytest.approx(got.latency_ms_p50)
    assert got.stages_ms_p50["delivery"] == pytest.approx(30.0 - 20.0 - 4 * 1.0)


def test_added_latency_is_taken_for_each_image_before_the_median() -> None:
    answers = [
        answer(1000, 1, latency_ms=30, inference_ms=29),
        answer(1100, 2, latency_ms=31, inference_ms=1),
        answer(1200, 3, latency_ms=90, inference_ms=40),
    ]
    got = measured(CameraRecord(sent(1000, 1100, 1200), answers))
    assert got.added_ms_p50 == 30.0
    assert got.latency_ms_p50 - got.estimator_ms_p50 == 2.0


def test_the_slowest_hundredth_is_interpolated() -> None:
    stamps = range(1000, 2000, 100)
    answers = [answer(stamp, n + 1, latency_ms=10.0 * (n + 1)) for n, stamp in enumerate(stamps)]
    got = measured(CameraRecord(sent(*stamps), answers))
    assert got.latency_ms_p50 == pytest.approx(55.0)
    assert got.latency_ms_p99 == pytest.approx(99.1)


def test_images_dropped_for_newer_ones_count_as_delivered() -> None:
    stamps = range(900, 1900, 100)
    answered = [answer(stamp, n + 1) for n, stamp in enumerate(stamps) if n % 3 == 0]
    got = measured(CameraRecord(sent(*stamps), answered))
    assert got.delivered == 1.0
    assert got.poses_per_s == 3.0


def test_lost_images_are_those_that_the_numbers_skip() -> None:
    # 10 sent after the answer at 900 ms; the node counts on from 7 to 11: four arrived.
    stamps = range(900, 2000, 100)
    got = measured(CameraRecord(sent(*stamps), [answer(900, 7), answer(1300, 9), answer(1900, 11)]))
    assert got.delivered == pytest.approx(4 / 10)


def test_losses_before_measuring_began_do_not_count() -> None:
    stamps = [100, 200, 300, *range(900, 2000, 100)]
    answers = [answer(stamp, n) for n, stamp in enumerate(range(900, 2000, 100), start=1)]
    assert measured(CameraRecord(sent(*stamps), answers)).delivered == 1.0


def test_images_lost_after_the_last_answer_count_as_lost() -> None:
    got = measured(CameraRecord(sent(900, 1000, 1100, 1200), [answer(900, 1), answer(1000, 2)]))
    assert got.delivered == pytest.approx(1 / 3)


def test_without_answers_nothing_is_known_but_the_loss() -> None:
    got = measured(CameraRecord(sent(1000, 1100), []))
    assert got.delivered == got.poses_per_s == 0.0
    unknown = (got.latency_ms_p50, got.latency_ms_p99, got.added_ms_p50, got.cpu_s_per_frame)
    assert all(map(math.isnan, unknown))


def test_a_camera_without_a_subscriber_delivers_an_unknown_fraction() -> None:
    assert math.isnan(measured(CameraRecord([], [])).delivered)


def test_answers_before_and_after_measuring_do_not_count() -> None:
    early = answer(100, 1, latency_ms=500)
    late = answer(2100, 3, latency_ms=500)
    got = measured(CameraRecord(sent(100, 1500, 2100), [early, answer(1500, 2), late]))
    assert got.latency_ms_p99 == 30.0
    assert got.poses_per_s == 1.0


def test_only_what_is_in_a_window_counts() -> None:
    windows = ((600, 1000), (1600, 1900))
    got = measured(ten_hz(), windows=windows)
    assert got.poses_per_s == pytest.approx((4 + 3) / 0.7)
    assert got.cpu_s_per_frame == pytest.approx(2 * 0.5 / 7)
    slow_between = [
        answer(stamp, number, latency_ms=500.0 if 1000 <= stamp < 1600 else 30.0)
        for number, stamp in enumerate(range(500, 2000, 100), start=1)
    ]
    record = CameraRecord(sent(*range(500, 2000, 100)), slow_between)
    assert measured(record, windows=windows).latency_ms_p99 == 30.0


def test_no_image_is_lost_while_the_cameras_pause() -> None:
    stamps = [*range(500, 1000, 100), *range(1600, 2000, 100)]
    answers = [answer(stamp, number) for number, stamp in enumerate(stamps, start=1)]
    assert (
        measured(CameraRecord(sent(*stamps), answers), windows=((600, 1000), (1600, 2000))).delivered == 1.0
    )


def test_several_cameras_add_up() -> None:
    one, two = measured(ten_hz()), measured(ten_hz(), ten_hz(latency_ms=50.0))
    assert two.poses_per_s == 2 * one.poses_per_s
    assert two.latency_ms_p50 == pytest.approx(40.0)
    assert two.cpu_s_per_frame == pytest.approx(one.cpu_s_per_frame / 2)
    lost = CameraRecord(sent(*range(500, 2000, 100)), [answer(900, 5), answer(1500, 6)])
    assert measured(ten_hz(), lost).delivered == pytest.approx((10 + 1) / 20)


def test_a_row_is_flat_in_json_and_holds_what_is_promised() -> None:
    fields = json.loads(json.dumps(row_fields(row()), allow_nan=False))
    promised = (
        "backend model width height encoding transport rate_hz cameras delivered poses_per_s"
        " latency_ms_p50 latency_ms_p99 estimator_ms_p50 added_ms_p50 cpu_s_per_frame rss_mb"
    )
    assert set(promised.split()) <= fields.keys()
    assert (fields["encoding"], fields["transport"], fields["rate_hz"]) == ("raw", "profile", 30.0)
    assert fields["inference_ms_p50"] == 20.0
    assert not any(isinstance(value, (dict, list)) for value in fields.values())


def test_flat_out_and_what_is_not_known_are_null() -> None:
    fields = row_fields(silent_row(Case("mediapipe", "full", 640, 480, rate_hz=None)))
    assert fields["rate_hz"] is None
    assert fields["latency_ms_p50"] is None
    assert fields["transport_ms_p50"] is None
    assert fields["delivered"] == 0.0


def test_a_measurement_survives_json() -> None:
    seen = Measurement([Window(1, 2, 0.5), Window(3, 4, 0.6)], 300.0, 30.0, [9.0, 10.0], [ten_hz()])
    assert Measurement.from_dict(json.loads(json.dumps(asdict(seen)))) == seen


def test_the_median_of_nothing_is_not_a_number() -> None:
    assert math.isnan(median_ms([]))
    assert median_ms([3.0, 1.0, 2.0]) == 2.0
