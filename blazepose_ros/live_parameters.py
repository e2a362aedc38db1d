"""Parameters that change while a node runs: all of a set at once, or none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from blazepose_ros.awaitable import finished
from blazepose_ros.background import in_thread
from blazepose_ros.declare_parameters import (
    Parameter,
    ParameterError,
    Value,
    check_changes,
    declare_parameters,
)

Prepare = Callable[[SimpleNamespace], Any]
Apply = Callable[[SimpleNamespace, Any], object]


class LiveParameters:
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

    def __init__(self, node: Node, table: Iterable[Parameter], prepare: Prepare, apply: Apply) -> None:
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
