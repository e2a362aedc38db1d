# SPDX-License-Identifier: Apache-2.0
"""Every parameter of both nodes at its bounds, and changes that are refused and then others that are not."""

import dataclasses
import math
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from blazepose_ros.core.parameters import ParameterError, Settings, parameter
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.nodes.camera.settings import CameraSettings
from blazepose_ros.nodes.common.parameters import DynamicParameters, descriptor

SPECS = [*NodeSettings.parameters().values(), *CameraSettings.parameters().values()]
NUMBERS = [spec for spec in SPECS if not spec.choices and type(spec.default) in (int, float)]
BOUNDED = [(spec, bound) for spec in NUMBERS for bound in ("minimum", "maximum")]


def beyond(spec: Any, bound: Any) -> Any:
    """Return the nearest value outside of a parameter's bound."""
    sign = -1 if bound == "minimum" else 1
    value = type(spec.default)(getattr(spec, bound))
    return value + sign if isinstance(value, int) else math.nextafter(value, sign * math.inf)


def test_all_numbers_have_both_bounds() -> None:
    assert len(NUMBERS) > 15
    assert [spec.name for spec in NUMBERS if spec.minimum is None or spec.maximum is None] == []


@pytest.mark.parametrize(("spec", "bound"), BOUNDED, ids=lambda each: getattr(each, "name", each))
def test_a_bound_is_taken_and_what_is_beyond_is_not(spec: Any, bound: Any) -> None:
    at = type(spec.default)(getattr(spec, bound))
    assert spec.check(at) == at
    assert isinstance(spec.check(at), type(spec.default))
    with pytest.raises(ParameterError, match=f"parameter {spec.name} is .*, it takes .* from .* to "):
        spec.check(beyond(spec, bound))


@pytest.mark.parametrize("spec", NUMBERS, ids=lambda spec: spec.name)
def test_tools_are_shown_the_bounds(spec: Any) -> None:
    shown = descriptor(spec)
    (bounds,) = shown.floating_point_range or shown.integer_range
    assert (bounds.from_value, bounds.to_value) == (spec.minimum, spec.maximum)
    assert bool(shown.floating_point_range) is isinstance(spec.default, float)


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.choices], ids=lambda spec: spec.name)
def test_each_choice_is_taken_and_no_other(spec: Any) -> None:
    assert [spec.check(choice) for choice in spec.choices] == list(spec.choices)
    with pytest.raises(ParameterError, match="it takes one of "):
        spec.check("no choice" if isinstance(spec.default, str) else 99)


@dataclasses.dataclass(frozen=True)
class Demo(Settings):
    rate: float = parameter(10.0, "Frames per second.", minimum=0.0, maximum=100.0)
    count: int = parameter(1, "How many.", minimum=1, maximum=9)
    name: str = parameter("", "Of what.")


class Setup:
    """A node whose names may be refused, and what was prepared and applied."""

    def __init__(self, node: Any) -> None:
        self.prepared, self.applied = [], []
        self.is_preparing, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()
        self.parameters = DynamicParameters(node, Demo, self.prepare, self.apply)
        self.node = node
        self.executor = SingleThreadedExecutor(context=node.context)
        self.executor.add_node(node)

    def prepare(self, settings: Any) -> int:
        if settings.name == "bad":
            raise ParameterError("not that name")
        if settings.name == "slow":
            self.is_preparing.set()
            self.may_go_on.wait(10.0)
        self.prepared.append(settings)
        return len(self.prepared)

    def apply(self, settings: Any, prepared: Any) -> None:
        self.applied.append((settings, prepared))

    def set(self, **values: Any) -> Any:
        return self.node.set_parameters_atomically(
            [Parameter(name, value=value) for name, value in values.items()]
        )


@pytest.fixture
def setup() -> Iterator[Setup]:
    context = Context()
    context.init()
    node = Node("demo", context=context, automatically_declare_parameters_from_overrides=True)
    setup = Setup(node)
    yield setup
    setup.executor.shutdown()
    node.destroy_node()
    context.try_shutdown()


def test_a_change_is_prepared_once_and_applied_with_what_was_prepared(setup: Setup) -> None:
    assert setup.set(rate=20.0).successful
    assert setup.prepared == [Demo(rate=20.0)]
    assert setup.applied == [(Demo(rate=20.0), 1)]
    assert setup.parameters.settings == Demo(rate=20.0)


@pytest.mark.parametrize("refused", [{"name": "bad"}, {"count": 10}, {"rate": -1.0}])
def test_after_a_refused_change_another_one_is_taken_alone(setup: Setup, refused: Any) -> None:
    assert not setup.set(**refused).successful
    assert (setup.applied, setup.parameters.settings) == ([], Demo())
    assert setup.set(count=9).successful
    assert setup.applied == [(Demo(count=9), len(setup.prepared))]
    assert setup.node.get_parameter("name").value == ""


def test_of_several_values_one_of_which_is_refused_none_is_taken(setup: Setup) -> None:
    assert not setup.set(rate=20.0, count=0).successful
    assert setup.parameters.settings == Demo()
    assert setup.node.get_parameter("rate").value == 10.0


def served(setup: Any, **values: Any) -> Any:
    """Return the future of a change through the node's service."""
    parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    service = next(each for each in setup.node.services if each.srv_type is SetParametersAtomically)
    request = SetParametersAtomically.Request(parameters=parameters)
    return setup.executor.create_task(service.callback, request, SetParametersAtomically.Response())


def answer(setup: Any, future: Any) -> Any:
    setup.executor.spin_until_future_complete(future, timeout_sec=10.0)
    return future.result().result


def test_a_change_through_the_service_is_prepared_once(setup: Setup) -> None:
    assert answer(setup, served(setup, rate=20)).successful
    assert setup.applied == [(Demo(rate=20.0), 1)]


def test_what_was_prepared_for_a_change_that_is_refused_then_is_not_applied_with_the_next(
    setup: Setup,
) -> None:
    allows = [False]
    setup.node.add_on_set_parameters_callback(lambda _changes: SetParametersResult(successful=allows[0]))
    assert not answer(setup, served(setup, rate=20.0)).successful
    allows[0] = True
    assert setup.set(use_sim_time=False).successful
    assert (setup.applied, setup.parameters.settings) == ([], Demo())
    assert answer(setup, served(setup, count=3)).successful
    assert setup.applied == [(Demo(count=3), len(setup.prepared))]


def test_a_change_that_comes_while_another_one_is_prepared_is_not_undone_by_it(setup: Setup) -> None:
    setup.may_go_on.clear()
    slow = served(setup, name="slow")
    while not setup.is_preparing.is_set():
        setup.executor.spin_once(timeout_sec=0.1)
    assert setup.set(count=3).successful
    setup.may_go_on.set()
    assert answer(setup, slow).successful
    assert setup.parameters.settings == Demo(count=3, name="slow")
    assert setup.applied[-1] == (Demo(count=3, name="slow"), len(setup.prepared))


def test_both_bounds_are_taken_one_after_the_other_while_the_node_runs(setup: Setup) -> None:
    for values in ({"rate": 0.0}, {"rate": 100.0}, {"count": 1}, {"count": 9}, {"rate": 100.0, "count": 1}):
        assert setup.set(**values).successful
    assert setup.parameters.settings == Demo(rate=100.0, count=1)
