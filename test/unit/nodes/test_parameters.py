# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import rclpy.parameter
from rclpy.context import Context
from rclpy.node import Node

from blazepose_ros.core.parameters import ParameterError, Settings, parameter
from blazepose_ros.nodes.common.parameters import declare_parameters


@dataclass(frozen=True)
class DemoSettings(Settings):
    rate: float = parameter(10.0, "Frames per second.", minimum=0.0, maximum=100.0)
    count: int = parameter(1, "How many.", minimum=1)
    mode: str = parameter("auto", "Which way.", choices=("auto", "manual"))
    level: int = parameter(1, "Which level.", choices=(0, 1, 2))
    source: str = parameter("", "Where from.", read_only=True)
    loop: bool = parameter(True, "Whether it goes on.")


@pytest.fixture
def make_node() -> Iterator[Any]:
    context = Context()

    def make_node(*settings: Any) -> Node:
        arguments = [part for setting in settings for part in ("-p", setting)]
        context.init(["--ros-args", *arguments])
        return Node("demo", context=context, automatically_declare_parameters_from_overrides=True)

    yield make_node
    context.try_shutdown()


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> Any:
    messages = []
    logger = rclpy.logging.get_logger("demo")
    monkeypatch.setattr(logger, "warning", messages.append)
    monkeypatch.setattr(Node, "get_logger", lambda _node: logger)
    return messages


def test_what_is_not_given_has_its_default(make_node: Any) -> None:
    node = make_node()
    settings = declare_parameters(node, DemoSettings)
    assert settings == DemoSettings()
    assert settings.values() == {
        "rate": 10.0,
        "count": 1,
        "mode": "auto",
        "level": 1,
        "source": "",
        "loop": True,
    }
    assert node.get_parameter("mode").value == "auto"


def test_what_is_given_is_declared_and_returned(make_node: Any) -> None:
    node = make_node("rate:=2.5", "mode:=manual", "loop:=false")
    settings = declare_parameters(node, DemoSettings)
    assert (settings.rate, settings.mode, settings.loop) == (2.5, "manual", False)
    assert node.get_parameter("rate").value == 2.5


def test_an_integer_is_taken_where_a_number_or_a_string_is_wanted(make_node: Any) -> None:
    node = make_node("rate:=30", "source:=0")
    settings = declare_parameters(node, DemoSettings)
    assert (settings.rate, settings.source) == (30.0, "0")
    assert isinstance(node.get_parameter("rate").value, float)
    assert node.get_parameter("source").value == "0"


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("rate:=-1.0", "parameter rate is -1.0, it takes a number from 0 to 100"),
        ("rate:=.nan", "parameter rate is nan, it takes a number from 0 to 100"),
        ("rate:=fast", "parameter rate is 'fast', it takes a number from 0 to 100"),
        ("count:=0", "parameter count is 0, it takes an integer from 1"),
        ("count:=1.5", "parameter count is 1.5, it takes an integer from 1"),
        ("count:=true", "parameter count is True, it takes an integer from 1"),
        ("mode:=magic", "parameter mode is 'magic', it takes one of auto, manual"),
        ("level:=3", "parameter level is 3, it takes one of 0, 1, 2"),
        ("loop:=1", "parameter loop is 1, it takes true or false"),
        ("source:=[1, 2]", "it takes a string"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_valid(make_node: Any, setting: str, complaint: str) -> None:
    node = make_node(setting)
    with pytest.raises(ParameterError) as refusal:
        declare_parameters(node, DemoSettings)
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_name_that_is_no_parameter_is_reported_with_the_one_that_was_meant(
    make_node: Any, warnings: Any
) -> None:
    declare_parameters(make_node("sources:=a", "zzz:=1", "use_sim_time:=false"), DemoSettings)
    assert sorted(warnings) == [
        "there is no parameter sources, perhaps source is meant",
        "there is no parameter zzz",
    ]


@pytest.mark.parametrize(
    ("name", "value"), [("rate", 1000.0), ("mode", "magic"), ("level", 7), ("count", 0), ("source", "b")]
)
def test_a_wrong_value_is_refused_while_running(make_node: Any, name: str, value: Any) -> None:
    node = make_node()
    declare_parameters(node, DemoSettings)
    before = node.get_parameter(name).value
    (result,) = node.set_parameters([rclpy.parameter.Parameter(name, value=value)])
    assert not result.successful
    assert result.reason
    assert node.get_parameter(name).value == before


def test_a_right_value_is_taken_while_running(make_node: Any) -> None:
    node = make_node()
    declare_parameters(node, DemoSettings)
    (result,) = node.set_parameters([rclpy.parameter.Parameter("mode", value="manual")])
    assert result.successful
    assert node.get_parameter("mode").value == "manual"


def test_other_tools_see_descriptions_and_ranges(make_node: Any) -> None:
    node = make_node("rate:=5.0")
    declare_parameters(node, DemoSettings)
    rate, source = node.describe_parameters(["rate", "source"])
    assert rate.description == "Frames per second."
    assert (rate.floating_point_range[0].from_value, rate.floating_point_range[0].to_value) == (0.0, 100.0)
    assert source.read_only


def test_a_default_outside_its_own_range_cannot_be_written() -> None:
    with pytest.raises(ParameterError):
        parameter(-1.0, "Frames per second.", minimum=0.0)
