"""Parameters as a table: declared once, checked, and changed while a node runs."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import rclpy.parameter
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from blazepose_ros.nodes.common.lifecycle import finished, in_thread
from blazepose_ros.nodes.common.main import StartupError

Value = bool | int | float | str

_KINDS = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}
# YAML reads `rate:=30` as an integer and `source:=0` as well.
_CONVERTIBLE = {(int, float), (int, str)}
# rclpy declares these on every node.
_OWN_OF_RCLPY = {"use_sim_time", "start_type_description_service"}


class ParameterError(StartupError):
    """A parameter was given a value that it does not take."""


@dataclass(frozen=True)
class ParameterSpec:
    """One parameter of a node.

    Attributes:
        name: its name, with dots between groups.
        default: its default, whose type is the parameter's.
        description: what it does, in its unit.
        minimum: the least value, for numbers.
        maximum: the greatest value, for numbers.
        choices: all values there are, for strings and integers.
        read_only: true where it cannot change while the node runs.
    """

    name: str
    default: Value
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Value, ...] = ()
    read_only: bool = False

    def __post_init__(self) -> None:
        self.check(self.default)

    @property
    def takes(self) -> str:
        """What values it takes, for people: "a number from 0 to 1", "one of auto, mono"."""
        if self.choices:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        lower = "" if self.minimum is None else f" from {self.minimum:g}"
        upper = "" if self.maximum is None else f" to {self.maximum:g}"
        return _KINDS[type(self.default)] + lower + upper

    def check(self, value: object) -> Value:
        """Return the value in the parameter's type.

        Raises:
            ParameterError: it is of another type, out of range or not among the choices.
        """
        kind = type(self.default)
        if (type(value), kind) in _CONVERTIBLE:
            value = kind(value)  # type: ignore[call-overload, arg-type]
        if type(value) is not kind or not self._allows(value):
            raise ParameterError(f"parameter {self.name} is {value!r}, it takes {self.takes}")
        return value

    def _allows(self, value: Value) -> bool:
        if self.choices:
            return value in self.choices
        if self.minimum is None and self.maximum is None:
            return True
        lower = -math.inf if self.minimum is None else self.minimum
        upper = math.inf if self.maximum is None else self.maximum
        return lower <= value <= upper  # type: ignore[operator]

    def descriptor(self) -> ParameterDescriptor:
        """Return what ``ros2 param describe`` shows; tools draw sliders from a range."""
        descriptor = ParameterDescriptor(description=self.description, read_only=self.read_only)
        descriptor.additional_constraints = f"Takes {self.takes}."
        if self.minimum is not None and self.maximum is not None:
            if isinstance(self.default, float):
                bounds = FloatingPointRange(from_value=float(self.minimum), to_value=float(self.maximum))
                descriptor.floating_point_range = [bounds]
            else:
                bounds = IntegerRange(from_value=int(self.minimum), to_value=int(self.maximum), step=1)
                descriptor.integer_range = [bounds]
        return descriptor


def declare_parameters(node: Node, table: Iterable[ParameterSpec]) -> dict[str, Value]:
    """Declare a node's parameters, all of them in one table, and return their values by name.

    Values from outside are checked now, and again whenever one is set. One that belongs to
    no parameter is logged with the name that may have been meant.

    Args:
        node: a node made with ``automatically_declare_parameters_from_overrides=True``,
            which is how rclpy tells what was given from outside.
        table: its parameters.

    Raises:
        ParameterError: a value from outside is not one that its parameter takes.
    """
    parameters = {parameter.name: parameter for parameter in table}
    given = node.get_parameters_by_prefix("")
    for name in given.keys() - parameters.keys() - _OWN_OF_RCLPY:
        node.get_logger().warning(_unknown(name, parameters))
        node.undeclare_parameter(name)
    values = {
        name: _declare(node, parameter, given[name].value if name in given else parameter.default)
        for name, parameter in parameters.items()
    }
    node.add_on_set_parameters_callback(lambda changes: _check(parameters, changes))
    return values


def check_changes(parameters: Mapping[str, ParameterSpec], changes: Mapping[str, object]) -> dict[str, Value]:
    """Return the new values of a node's parameters, by name, in the parameters' types.

    Args:
        parameters: all that the node declares, by name.
        changes: the values as they were given; rclpy's own parameters are passed over.

    Raises:
        ParameterError: one of them is not to be had.
    """
    return {name: _change(parameters, name, changes[name]) for name in changes.keys() - _OWN_OF_RCLPY}


def _change(parameters: Mapping[str, ParameterSpec], name: str, value: object) -> Value:
    if name not in parameters:
        raise ParameterError(_unknown(name, parameters))
    if parameters[name].read_only:
        raise ParameterError(f"parameter {name} is read-only: it is set when the node starts")
    return parameters[name].check(value)


def _declare(node: Node, parameter: ParameterSpec, value: object) -> Value:
    checked = parameter.check(value)
    if node.has_parameter(parameter.name):
        node.undeclare_parameter(parameter.name)
    node.declare_parameter(parameter.name, checked, parameter.descriptor(), ignore_override=True)
    return checked


def _unknown(name: str, parameters: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, parameters, n=1)
    return f"there is no parameter {name}" + (f", perhaps {close[0]} is meant" if close else "")


def _check(
    parameters: Mapping[str, ParameterSpec], changes: list[rclpy.parameter.Parameter]
) -> SetParametersResult:
    try:
        check_changes(parameters, {change.name: change.value for change in changes})
    except ParameterError as error:
        return SetParametersResult(successful=False, reason=str(error))
    return SetParametersResult(successful=True)


Prepare = Callable[[SimpleNamespace], Any]
Apply = Callable[[SimpleNamespace, Any], object]


class DynamicParameters:
    """Declares a node's parameters, and lets them change.

    A change that arrives through the node's services is prepared in a thread, which may take
    long: callbacks of other callback groups go on meanwhile.

    Args:
        node: as for `declare_parameters`.
        table: its parameters.
        prepare: called with all values as they are to be; returns what `apply` needs, or raises
            `ParameterError` to refuse the change.
        apply: called with the new values and what was prepared; it cannot fail.

    Raises:
        ParameterError: a value from outside is not one that its parameter takes.
    """

    def __init__(self, node: Node, table: Iterable[ParameterSpec], prepare: Prepare, apply: Apply) -> None:
        self._node = node
        self._parameters = {parameter.name: parameter for parameter in table}
        self.values = SimpleNamespace(**declare_parameters(node, self._parameters.values()))
        self._prepare = prepare
        self._apply = apply
        self._pending: tuple[SimpleNamespace, Any] | None = None
        node.add_on_set_parameters_callback(self._on_set)
        node.add_post_set_parameters_callback(self._post_set)
        callbacks = {SetParameters: self._serve, SetParametersAtomically: self._serve_atomically}
        for service in node.services:
            service.callback = callbacks.get(service.srv_type, service.callback)

    async def _serve(
        self, request: SetParameters.Request, response: SetParameters.Response
    ) -> SetParameters.Response:
        for parameter in request.parameters:
            response.results.append(await self._set([parameter]))
        return response

    async def _serve_atomically(
        self, request: SetParametersAtomically.Request, response: SetParametersAtomically.Response
    ) -> SetParametersAtomically.Response:
        response.result = await self._set(request.parameters)
        return response

    async def _set(self, messages: Sequence[Any]) -> SetParametersResult:
        """Set all of them or none, prepared for in a thread."""
        changes = [RosParameter.from_parameter_msg(message) for message in messages]
        try:
            values, own = self._changed(changes)
            if own:
                prepared = in_thread(lambda: self._prepare(values), "preparing")
                await finished(prepared, self._node.executor)
                self._pending = (values, prepared.result())
        except ParameterError as error:
            return _refused(error)
        in_their_types = [RosParameter(each.name, value=own.get(each.name, each.value)) for each in changes]
        result = self._node.set_parameters_atomically(in_their_types)
        self._pending = None
        return result

    def _on_set(self, changes: list[RosParameter]) -> SetParametersResult:
        try:
            values, own = self._changed(changes)
            if own and (self._pending is None or self._pending[0] != values):
                self._pending = (values, self._prepare(values))
        except ParameterError as error:
            return _refused(error)
        return SetParametersResult(successful=True)

    def _post_set(self, _changes: list[RosParameter]) -> None:
        if self._pending is not None:
            (self.values, prepared), self._pending = self._pending, None
            self._apply(self.values, prepared)

    def _changed(self, changes: Iterable[RosParameter]) -> tuple[SimpleNamespace, dict[str, Value]]:
        """Return all values as they are to be, and those that were asked for."""
        own = check_changes(self._parameters, {change.name: change.value for change in changes})
        return SimpleNamespace(**vars(self.values) | own), own


def _refused(error: ParameterError) -> SetParametersResult:
    return SetParametersResult(successful=False, reason=str(error))
