# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from blazepose_ros.cli.bench.plan import BOTH, FLAT_OUT, JPEG, RAW, SIZES, Case, plan


def full_plan(**changes: Any) -> Any:
    settings = {"backends": ["a"], "models": ["full"], "sizes": SIZES, "cameras": 4, "quick": False}
    return plan(**{**settings, **changes})


def test_the_first_pair_meets_every_size_encoding_and_rate() -> None:
    alone = [case for case in full_plan() if case.encoding != BOTH]
    seen = {(case.size, case.encoding, case.rate_hz) for case in alone}
    assert seen == {
        (size, encoding, rate) for size in SIZES for encoding in (RAW, JPEG) for rate in (30.0, FLAT_OUT)
    }


def test_a_camera_that_nobody_prepared_has_rows_of_its_own() -> None:
    labels = [case.label for case in full_plan() if case.encoding == BOTH]
    assert labels == [
        f"{width}x{height} raw+jpeg 30 Hz stock camera{reliable}"
        for width, height in SIZES
        for reliable in ("", " reliable")
    ]


def test_the_stock_transport_stands_right_behind_the_profile_at_the_smallest_and_the_largest_size() -> None:
    cases = full_plan()
    stock = [number for number, case in enumerate(cases) if case.transport == "stock"]
    assert [cases[number].size for number in stock] == [SIZES[0], SIZES[-1]]
    for number in stock:
        before, case = cases[number - 1], cases[number]
        assert (before.transport, before.size, before.encoding, before.rate_hz) == (
            "profile", case.size, "raw", 30.0,
        )  # fmt: skip


def test_up_to_four_cameras_play_at_once() -> None:
    assert sorted({case.cameras for case in full_plan()}) == [1, 2, 3, 4]
    assert {case.cameras for case in full_plan(cameras=1)} == {1}


def test_no_case_is_measured_twice() -> None:
    cases = full_plan(backends=["a", "b"], models=["lite", "full"])
    assert len(cases) == len(set(cases))


def test_every_other_pair_gets_the_short_list() -> None:
    cases = full_plan(backends=["a", "b"])
    assert [case.label for case in cases if case.backend == "b"] == [
        "640x480 raw 30 Hz",
        "640x480 raw flat out",
        "1920x1080 raw 30 Hz",
    ]
    assert {case.backend for case in full_plan(backends=["a", "b"], quick=True)} == {"a", "b"}
    assert len(full_plan(backends=["a", "b"], quick=True)) == 6


def test_a_single_size_is_not_measured_twice() -> None:
    assert [case.rate_hz for case in full_plan(sizes=[(320, 240)], quick=True)] == [30.0, FLAT_OUT]


def test_sizes_are_measured_from_the_smallest_to_the_largest() -> None:
    sizes = [case.size for case in full_plan(sizes=SIZES[::-1], cameras=1)]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("encoding", "png"),
        ("transport", "pigeon"),
        ("reliability", "hope"),
        ("width", 0),
        ("height", -1),
        ("cameras", 0),
        ("rate_hz", 0.0),
        ("rate_hz", float("nan")),
    ],
)
def test_a_case_that_means_nothing_is_refused(field: str, value: Any) -> None:
    fields = {"backend": "a", "model": "full", "width": 640, "height": 480, field: value}
    with pytest.raises(ValueError, match=r"not|nothing"):
        Case(**fields)


def test_labels_tell_cases_apart() -> None:
    cases = full_plan()
    assert len({case.label for case in cases}) == len(cases)


def test_a_precision_is_that_of_every_case_and_told_unless_it_is_f32() -> None:
    cases = full_plan(precision="auto")
    assert all(case.precision == "auto" and case.label.endswith(" auto") for case in cases)
    assert not any("f32" in case.label for case in full_plan())
