# SPDX-License-Identifier: Apache-2.0
"""Groups and fairness, against numbers worked out by hand."""

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support import model_card
from support.consoles import printed

from blazepose_ros.cli.eval.report import (
    document,
    fairness_line,
    image_rows,
    save_plot,
    tables,
    write_csv,
    write_json,
)
from blazepose_ros.cli.eval.score import Score
from blazepose_ros.cli.eval.summary import fairness, grouping_columns, jitter_percent, rows, spread_interval

HALF_A_DIGIT = 0.05 + 1e-9  # of the card's figures


def score(
    pdj: Any, latency_ms: float = 10.0, screen_px: Any = None, place: Any = None, **groups: Any
) -> Score:
    found = not math.isnan(pdj) and pdj > 0
    screen_px = np.zeros((33, 2)) if screen_px is None else screen_px
    return Score(
        "a.jpg", groups, found, pdj, math.nan, math.nan, math.nan, latency_ms, place, screen_px, 100.0
    )


def regions(*means: Any) -> Any:
    """Return two images for each region, ten percent around its mean."""
    return [score(mean + off, region=f"r{n:02}") for n, mean in enumerate(means) for off in (-5, 5)]


def test_the_whole_set_comes_first_and_groups_in_their_order() -> None:
    scores = [score(90, region="south"), score(70, region="north"), score(80, region="south")]
    found = rows(scores, "full", "mediapipe", ["region"])
    assert [(row.column, row.group, row.images) for row in found] == [
        ("", "all", 3),
        ("region", "north", 1),
        ("region", "south", 2),
    ]


def test_mean_and_standard_deviation_are_over_the_images() -> None:
    whole, low, high = rows(regions(80, 90), "full", "mediapipe", ["region"])
    assert (low.pdj_mean, low.pdj_std) == (80, 5)  # 75 and 85
    assert (high.pdj_mean, high.pdj_std) == (90, 5)  # 85 and 95
    assert whole.pdj_mean == 85
    assert whole.pdj_std == pytest.approx(math.sqrt((100 + 0 + 0 + 100) / 4))


def test_images_without_a_torso_are_not_counted() -> None:
    (whole,) = rows([score(90), score(math.nan), score(0)], "full", "mediapipe", [])
    assert (whole.images, whole.pdj_mean, whole.found_percent) == (2, 45, 50)


def test_images_that_belong_to_no_group_count_for_the_whole_alone() -> None:
    found = rows([score(90, region="x"), score(50), score(50, region="")], "full", "mediapipe", ["region"])
    assert [(row.group, row.images) for row in found] == [("all", 3), ("x", 1)]


def test_every_column_is_summed_up_by_itself() -> None:
    scores = [score(90, region="x", gender="f"), score(80, region="x", gender="m")]
    assert grouping_columns(scores) == ["region", "gender"]
    found = rows(scores, "lite", "litert", ["gender", "region"])
    assert [(row.column, row.group, row.pdj_mean) for row in found[1:]] == [
        ("gender", "f", 90),
        ("gender", "m", 80),
        ("region", "x", 85),
    ]


def carded(column: Any, model: Any) -> Iterator[Any]:
    """Return scores with the mean and the standard deviation that the card gives for each group."""
    groups, *_ = model_card.TABLES[column]
    for group, figures in groups.items():
        mean, std = figures[model_card.MODELS.index(model)]
        for off in (-std, std):
            yield score(mean + off, **{column: group})


@pytest.mark.parametrize("model", model_card.MODELS)
@pytest.mark.parametrize("column", model_card.TABLES)
def test_groups_are_summed_up_as_in_the_model_card_s_tables(column: Any, model: Any) -> None:
    groups, averages, ranges = model_card.TABLES[column]
    index = model_card.MODELS.index(model)
    found = rows(list(carded(column, model)), model, "mediapipe", [column])
    for row in found[1:]:
        assert (row.pdj_mean, row.pdj_std) == pytest.approx(groups[row.group][index])
    (fair,) = fairness(found)
    assert fair.spread == pytest.approx(ranges[index], abs=HALF_A_DIGIT)
    assert fair.is_fair
    if averages:
        assert fair.average == pytest.approx(averages[index], abs=HALF_A_DIGIT)
    if column == "region" and model in model_card.REGIONS_STD:
        assert fair.std == pytest.approx(model_card.REGIONS_STD[model], abs=HALF_A_DIGIT)


def test_the_card_s_regions_read_as_in_the_card() -> None:
    (fair,) = fairness(rows(list(carded("region", "lite")), "lite", "mediapipe", ["region"]))
    assert fairness_line(fair) == (
        "region: average 93.8 % +/- 1.5, range [90.3, 95.4], spread 5.1 (95 %: 0.0 to 37.6):"
        " within the model card's 7.5 % PDJ, which may be chance: the images are too few"
    )


def test_average_deviation_and_range_are_those_of_the_groups_means() -> None:
    """The worst and the best of the card's regions for Lite, and one in the middle of both."""
    (found,) = fairness(rows(regions(90.3, 95.4, 92.85), "lite", "mediapipe", ["region"]))
    assert found.average == pytest.approx(92.85)
    assert found.std == pytest.approx(2.55)  # sqrt((2.55^2 + 2.55^2 + 0^2) / 2)
    assert (found.lowest, found.highest) == pytest.approx((90.3, 95.4))


@pytest.mark.parametrize(("best", "fair"), [(87.4, True), (87.5, True), (87.6, False)])
def test_groups_may_be_seven_and_a_half_percent_apart(best: float, fair: bool) -> None:
    (found,) = fairness(rows(regions(80.0, best), "lite", "mediapipe", ["region"]))
    assert found.is_fair == fair
    assert (" within " if fair else " beyond ") in fairness_line(found)


def test_one_group_alone_says_nothing_of_fairness() -> None:
    assert fairness(rows(regions(80.0), "lite", "mediapipe", ["region"])) == []


def test_models_and_backends_are_not_mixed() -> None:
    found = rows(regions(80, 82), "lite", "litert", ["region"]) + rows(
        regions(90, 99), "full", "litert", ["region"]
    )
    assert [(each.model, each.is_fair) for each in fairness(found)] == [("lite", True), ("full", False)]


def walking(step_px: Any, shake_px: Any) -> Any:
    """Return scores of landmarks that go on steadily and shake up and down."""
    return [
        score(90, place=number, screen_px=np.full((33, 2), (number * step_px, shake_px * (-1) ** number)))
        for number in range(6)
    ]


def test_a_steady_movement_does_not_shake() -> None:
    assert jitter_percent(walking(7.0, 0.0)) == pytest.approx(0)


def test_jitter_is_the_way_to_the_middle_of_the_neighbours() -> None:
    assert jitter_percent(walking(7.0, 1.0)) == pytest.approx(2.0)  # 2 of 100 pixels


def test_frames_without_a_person_are_left_out_of_jitter() -> None:
    scores = walking(0.0, 1.0)
    scores[2] = score(0, place=2, screen_px=np.full((33, 2), np.nan))
    assert jitter_percent(scores) == pytest.approx(2.0)  # of frame 4 alone
    assert math.isnan(jitter_percent(scores[:2]))


def test_images_that_do_not_follow_each_other_do_not_shake() -> None:
    assert math.isnan(jitter_percent([score(90), score(80), score(70)]))


def test_latency_is_summed_up() -> None:
    (whole,) = rows([score(90, latency_ms=value) for value in range(101)], "full", "litert", [])
    assert (whole.latency_ms_p50, whole.latency_ms_p95) == (50, 95)


@pytest.fixture
def evaluated() -> tuple[Any, Any]:
    found = rows(regions(80, 90), "full", "mediapipe", ["region"])
    return found, fairness(found)


def test_the_terminal_shows_groups_and_the_verdict(evaluated: tuple[Any, Any]) -> None:
    table = printed(*tables(*evaluated))
    assert [line.split()[:6] for line in table.splitlines()[:4]] == [
        ["full", "on", "mediapipe", "images", "PDJ", "%"],
        ["all", "4", "85.0", "+/-", "7.1", "100"],
        ["region:", "r00", "2", "80.0", "+/-", "5.0"],
        ["region:", "r01", "2", "90.0", "+/-", "5.0"],
    ]
    assert "spread 10.0 (95 %: 0.0 to 24.1): beyond" in table.splitlines()[4]
    assert "MPJPE" not in table  # nothing is known of it
    assert max(map(len, printed(*tables(*evaluated), width=80).splitlines()[:4])) <= 80


def test_json_holds_rows_images_and_verdicts(evaluated: tuple[Any, Any], tmp_path: Path) -> None:
    found, fair = evaluated
    content = document(found, fair, image_rows(regions(80), "full", "mediapipe"), {"threshold": 0.2})
    write_json(tmp_path / "eval.json", content)
    read = json.loads((tmp_path / "eval.json").read_text())
    whole = read["rows"][0]
    assert (whole["group"], whole["model"], whole["backend"], whole["images"]) == (
        "all",
        "full",
        "mediapipe",
        4,
    )
    assert whole["pdj_mean"] == 85
    assert whole["mpjpe_mm"] is None
    assert [image["pdj"] for image in read["images"]] == [75, 85]
    assert read["fairness"][0]["fair"] is False


def test_csv_holds_the_rows(evaluated: tuple[Any, Any], tmp_path: Path) -> None:
    write_csv(tmp_path / "eval.csv", evaluated[0])
    with (tmp_path / "eval.csv").open() as file:
        read = list(csv.DictReader(file))
    assert [(row["group"], float(row["pdj_mean"]), row["mpjpe_mm"]) for row in read] == [
        ("all", 85, ""),
        ("r00", 80, ""),
        ("r01", 90, ""),
    ]


def test_the_plot_is_a_picture(evaluated: tuple[Any, Any], tmp_path: Path) -> None:
    save_plot(*evaluated, tmp_path / "eval.png")
    assert cv2.imread(str(tmp_path / "eval.png")).std() > 5


def population(random: Any, mean: float, count: int) -> np.ndarray:
    return random.normal(mean, 8.0, count)


def test_the_interval_of_the_spread_holds_the_truth() -> None:
    random = np.random.default_rng(1)
    held = 0
    for _ in range(60):
        groups = [population(random, mean, count) for mean, count in ((90, 40), (85, 15), (88, 3))]
        low, high = spread_interval(groups)
        held += low <= 5.0 <= high
    assert held >= 57  # 95 %


def test_a_small_group_neither_passes_nor_fails_by_chance() -> None:
    scores = [score(90 + off, region="large") for off in (-8, 0, 8) * 20]
    scores += [score(pdj, region="small") for pdj in (80, 88)]
    (fair,) = fairness(rows(scores, "lite", "mediapipe", ["region"]))
    assert fair.spread == pytest.approx(6.0)
    assert not fair.is_sure
    assert fairness_line(fair).endswith("which may be chance: the images are too few")


def test_large_groups_are_sure() -> None:
    scores = [score(mean + off, region=f"{mean}") for mean in (90, 88) for off in (-3, 0, 3) * 50]
    (fair,) = fairness(rows(scores, "lite", "mediapipe", ["region"]))
    assert fair.is_fair
    assert fair.is_sure
    assert fair.spread_low < 2.0 < fair.spread_high < 4.0


def test_of_one_image_in_each_group_nothing_is_known() -> None:
    assert spread_interval([np.array([90.0]), np.array([80.0])]) == (0.0, 100.0)
