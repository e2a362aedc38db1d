# SPDX-License-Identifier: Apache-2.0
"""Settings whose fields are parameters."""

from dataclasses import FrozenInstanceError, dataclass
from enum import Enum
from typing import Any

import pytest

from blazepose_ros.core.parameters import ParameterError, Settings, parameter, unknown_parameter
from blazepose_ros.core.settings import NodeSettings


class Shape(str, Enum):
    ROUND = "round"
    SQUARE = "square"


@dataclass(frozen=True)
class DemoSettings(Settings):
    rate: float = parameter(10.0, "Frames per second.", minimum=0.0)
    shape: Shape = parameter(Shape.ROUND, "Which shape.", read_only=True)
    filter_beta: float = parameter(1.0, "How fast.", group="filter")


def test_a_field_of_a_group_is_named_after_it() -> None:
    assert list(DemoSettings.parameters()) == ["rate", "shape", "filter.beta"]
    assert DemoSettings.from_values({"filter.beta": 2}).filter_beta == 2.0


def test_the_members_of_an_enum_are_the_choices_and_come_back_as_members() -> None:
    assert DemoSettings.from_values({"shape": "square"}).shape is Shape.SQUARE
    assert type(DemoSettings().values()["shape"]) is str
    with pytest.raises(ParameterError, match="parameter shape is 'oval', it takes one of round, square"):
        DemoSettings.from_values({"shape": "oval"})


def test_values_make_the_same_settings() -> None:
    settings = DemoSettings.from_values({"rate": 5.0, "shape": "square"})
    assert DemoSettings.from_values(settings.values()) == settings


def test_a_change_leaves_the_settings_before_as_they_were() -> None:
    before = DemoSettings()
    assert before.changed({"rate": 3.0}) == DemoSettings(rate=3.0)
    assert before == DemoSettings()
    with pytest.raises(FrozenInstanceError):
        before.rate = 3.0


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"shape": "square"}, "parameter shape is read-only: it is set when the node starts"),
        ({"rates": 1.0}, "there is no parameter rates, perhaps rate is meant"),
        ({"rate": 5.0, "filter.beta": "much"}, "parameter filter.beta is 'much', it takes a number"),
    ],
)
def test_a_change_that_cannot_be_is_refused(changes: Any, complaint: str) -> None:
    with pytest.raises(ParameterError) as refusal:
        DemoSettings().changed(changes)
    assert str(refusal.value) == complaint


@pytest.mark.parametrize("prefix", ["left camera_", "left/", "/left_", "links\n"])
def test_a_prefix_of_frames_is_a_part_of_a_name(prefix: str) -> None:
    assert NodeSettings.from_values({"tf_prefix": "left_cam-1."}).tf_prefix == "left_cam-1."
    with pytest.raises(ParameterError, match=r"parameter tf_prefix is .* it takes a string that matches"):
        NodeSettings.from_values({"tf_prefix": prefix})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("model", ", perhaps model_complexity or model_path is meant"),
        ("model_complexty", ", perhaps model_complexity is meant"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_an_unknown_name_is_told_with_those_that_may_be_meant(name: str, meant: str) -> None:
    assert unknown_parameter(name, NodeSettings.parameters()) == f"there is no parameter {name}{meant}"


def test_every_default_of_the_node_is_one_that_it_takes() -> None:
    assert NodeSettings.from_values(NodeSettings().values()) == NodeSettings()
