# SPDX-License-Identifier: Apache-2.0
"""Declares a node's settings as ROS parameters, checks them, and changes them while the node runs.

ROS's parameters ``qos_overrides``, the quality of service that the user gives for an output, exist only
where they were given, so that nobody else has more parameters to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSPolicyKind, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from blazepose_ros.core.background import in_thread
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.parameters import ParameterError, ParameterSpec, Settings, Value, unknown_parameter
from blazepose_ros.core.text import printable
from blazepose_ros.nodes.common.lifecycle import finished

# rclpy declares these on every node.
_OWN_OF_RCLPY = {"use_sim_time", "start_type_description_service"}

Own = TypeVar("Own", bound=Settings)
Prepared = TypeVar("Prepared")


def descriptor(spec: ParameterSpec) -> ParameterDescriptor:
    """Return what ``ros2 param describe`` shows; tools draw sliders from a range."""
    shown = ParameterDescriptor(description=spec.description, read_only=spec.read_only)
    shown.additional_constraints = f"Takes {spec.takes}."
    if spec.minimum is not None and spec.maximum is not None:
        if isinstance(spec.default, float):
            bounds = FloatingPointRange(from_value=float(spec.minimum), to_value=float(spec.maximum))
            shown.floating_point_range = [bounds]
        else:
            bounds = IntegerRange(from_value=int(spec.minimum), to_value=int(spec.maximum), step=1)
            shown.integer_range = [bounds]
    return shown


def declare_parameters(node: Node, settings_type: type[Own]) -> Own:
    """Declare a node's parameters, all of them in one dataclass, and return their values.

    Values from outside are checked now, and again whenever one is set. One that belongs to
    no parameter is logged with the name that may have been meant.

    Args:
        node: a node made with ``automatically_declare_parameters_from_overrides=True``,
            which is how rclpy tells what was given from outside.
        settings_type: declares its parameters.

    Raises:
        ParameterError: a value from outside is not one that its parameter takes.
    """
    specs = settings_type.parameters()
    given = {name: each.value for name, each in node.get_parameters_by_prefix("").items()}
    for name in filter(_is_own, given.keys() - specs.keys()):
        node.get_logger().warning(unknown_parameter(name, specs))
        node.undeclare_parameter(name)
    settings = settings_type.from_values({name: given[name] for name in given.keys() & specs.keys()})
    for name, value in settings.values().items():
        if node.has_parameter(name):
            node.undeclare_parameter(name)
        node.declare_parameter(name, value, descriptor(specs[name]), ignore_override=True)
    node.add_on_set_parameters_callback(lambda changes: _check(settings, changes))
    return settings


def _check(settings: Settings, changes: Iterable[RosParameter]) -> SetParametersResult:
    try:
        settings.changed(_own(changes))
    except ParameterError as error:
        return _refused(error)
    return SetParametersResult(successful=True)


def _own(changes: Iterable[RosParameter]) -> dict[str, object]:
    """Return the values that were asked for, without those of rclpy's own parameters."""
    return {change.name: change.value for change in changes if _is_own(change.name)}


def _is_own(name: str) -> bool:
    """Whether a parameter is neither rclpy's own nor one of an output's quality of service."""
    return name not in _OWN_OF_RCLPY and not name.startswith(QOS_PREFIX)


def _refused(error: ParameterError) -> SetParametersResult:
    return SetParametersResult(successful=False, reason=str(error))


class DynamicParameters(Generic[Own, Prepared]):
    """Declares a node's parameters, and lets them change.

    A change that arrives through the node's services is prepared in a thread, which may take
    long: callbacks of other callback groups go on meanwhile.

    Args:
        node: as for `declare_parameters`.
        settings_type: declares its parameters.
        prepare: called with the settings as they are to be; returns what `apply` needs, or raises
            `ParameterError` to refuse the change.
        apply: called with the new settings and what was prepared; it cannot fail.

    Attributes:
        settings: as they are now.

    Raises:
        ParameterError: a value from outside is not one that its parameter takes.
    """

    def __init__(
        self,
        node: Node,
        settings_type: type[Own],
        prepare: Callable[[Own], Prepared],
        apply: Callable[[Own, Prepared], object],
    ) -> None:
        self._node = node
        self.settings = declare_parameters(node, settings_type)
        self._prepare = prepare
        self._apply = apply
        self._pending: tuple[Own, Prepared] | None = None
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
        settings = self.settings
        try:
            if own := _own(changes):
                settings = self.settings.changed(own)
                prepared = in_thread(lambda: self._prepare(settings), "preparing")
                await finished(prepared, self._node.executor)
                self._pending = (settings, prepared.result())
        except ParameterError as error:
            return _refused(error)
        result = self._node.set_parameters_atomically(_in_their_types(changes, settings.values()))
        self._pending = None
        return result

    def _on_set(self, changes: list[RosParameter]) -> SetParametersResult:
        try:
            if own := _own(changes):
                settings = self.settings.changed(own)
                if self._pending is None or self._pending[0] != settings:
                    self._pending = (settings, self._prepare(settings))
        except ParameterError as error:
            return _refused(error)
        return SetParametersResult(successful=True)

    def _post_set(self, _changes: list[RosParameter]) -> None:
        if self._pending is not None:
            (self.settings, prepared), self._pending = self._pending, None
            self._apply(self.settings, prepared)


def _in_their_types(changes: Iterable[RosParameter], values: Mapping[str, Value]) -> list[RosParameter]:
    """Return changes with the values that the node takes: an integer may stand for a number."""
    return [RosParameter(each.name, value=values.get(each.name, each.value)) for each in changes]


QOS_PREFIX = "qos_overrides."
_QOS_OF_PUBLISHER = ".publisher."
_NAMED_POLICIES: Mapping[str, type[IntEnum]] = {
    "durability": DurabilityPolicy,
    "history": HistoryPolicy,
    "liveliness": LivelinessPolicy,
    "reliability": ReliabilityPolicy,
}
_DURATIONS = ("deadline", "lifespan", "liveliness_lease_duration")
_COUNTED_POLICIES = {"depth": "a number", **dict.fromkeys(_DURATIONS, "nanoseconds")}
QOS_POLICIES = (*_NAMED_POLICIES, *_COUNTED_POLICIES)


class QosOverrideError(BlazePoseError, ValueError):
    """A policy or its value does not exist; the message names the parameter and what it takes."""


def check_qos_overrides(node: Node) -> None:
    """Check what was given for outputs, before one of them is created; log what is not for an output.

    They are parameters ``qos_overrides.<full topic name>.publisher.<policy>``, such as
    ``qos_overrides./blazepose/poses.publisher.reliability: best_effort``.

    Raises:
        QosOverrideError: there is no such policy, or it takes another value.
    """
    for name, parameter in node.get_parameters_by_prefix(QOS_PREFIX.rstrip(".")).items():
        topic, is_publisher, policy = name.partition(_QOS_OF_PUBLISHER)
        if not is_publisher:
            node.get_logger().warning(
                f"{QOS_PREFIX}{printable(name)} has no effect: subscriptions follow what is published"
            )
            continue
        problem = _qos_problem(policy, parameter.value)
        if problem:
            raise QosOverrideError(f"{QOS_PREFIX}{printable(topic)}{_QOS_OF_PUBLISHER}{problem}")


def _qos_problem(policy: str, value: object) -> str:
    """Return what is wrong with a policy, or nothing."""
    if policy in _NAMED_POLICIES:
        names = [member.name.lower() for member in _NAMED_POLICIES[policy] if member.name != "UNKNOWN"]
        is_right, takes = str(value).lower() in names, "one of " + ", ".join(names)
    elif policy in _COUNTED_POLICIES:
        is_right, takes = type(value) is int and value >= 0, f"{_COUNTED_POLICIES[policy]} from 0"
    else:
        return f"{printable(policy)}: there is no such policy; these are: {', '.join(QOS_POLICIES)}"
    return "" if is_right else f"{policy} is {printable(repr(value))}, it takes {takes}"


def overriding_options(node: Node, topic: str) -> QoSOverridingOptions | None:
    """Return what rclpy takes to override an output's quality of service, None where nothing was given."""
    given = node.get_parameters_by_prefix(
        f"{QOS_PREFIX}{node.resolve_topic_name(topic)}{_QOS_OF_PUBLISHER.rstrip('.')}"
    )
    kinds = [QoSPolicyKind[policy.upper()] for policy in given if policy in QOS_POLICIES]
    return QoSOverridingOptions(kinds) if kinds else None
