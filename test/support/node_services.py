# SPDX-License-Identifier: Apache-2.0
"""The services that `blazepose_node` has as a managed node and as one with parameters."""

from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters, ListParameters, SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter, parameter_value_to_python

UNDER_WAY_S = 0.2  # less than any model takes to load
PATIENCE_S = 15.0


def call(client: Any, service_type: Any, name: Any, request: Any, attempts: Any = 3) -> Any:
    """Return the node's response.

    A client may know of a service before that knows of the client. An answer is lost then, with a
    warning of rclpy, and it is asked for again.
    """
    service = client.node.create_client(service_type, f"{getattr(client, 'target', 'blazepose')}/{name}")
    try:
        client.wait_for(service.service_is_ready, f"the service {name}")
        for _ in range(attempts - 1):
            future = service.call_async(request)
            client.executor.spin_until_future_complete(future, timeout_sec=PATIENCE_S)
            if future.done():
                return future.result()
        future = service.call_async(request)
        client.wait_for(future.done, f"an answer of {name}")
        return future.result()
    finally:
        client.node.destroy_client(service)


def change_state(client: Any, label: Any, number: Any = 0) -> Any:
    """Ask for a transition and return whether it succeeded; once, since it cannot be made twice."""
    request = ChangeState.Request(transition=Transition(label=label, id=number))
    return call(client, ChangeState, "change_state", request, attempts=1).success


def state(client: Any) -> Any:
    """Return the name of the node's state."""
    return call(client, GetState, "get_state", GetState.Request()).current_state.label


def set_parameters(client: Any, atomically: bool = True, **values: Any) -> Any:
    """Set parameters, all or none; return why that was refused, or nothing."""
    parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    if atomically:
        request = SetParametersAtomically.Request(parameters=parameters)
        results = [call(client, SetParametersAtomically, "set_parameters_atomically", request).result]
    else:
        request = SetParameters.Request(parameters=parameters)
        results = call(client, SetParameters, "set_parameters", request).results
    return "; ".join(result.reason for result in results if not result.successful)


def begin_to_set(client: Any, **values: Any) -> None:
    """Ask for a change, and wait until the node is at it but not for its end."""
    request = SetParametersAtomically.Request(
        parameters=[Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    )
    service = client.node.create_client(SetParametersAtomically, "blazepose/set_parameters_atomically")
    client.wait_for(service.service_is_ready, "the service")
    future = service.call_async(request)
    client.executor.spin_until_future_complete(future, timeout_sec=UNDER_WAY_S)


def parameters(client: Any) -> Any:
    """Return all parameters of the node as `ros2 param dump` finds them."""
    names = call(client, ListParameters, "list_parameters", ListParameters.Request()).result.names
    request = GetParameters.Request(names=names)
    values = call(client, GetParameters, "get_parameters", request).values
    return {name: parameter_value_to_python(value) for name, value in zip(names, values, strict=True)}
