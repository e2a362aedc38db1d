"""The services that `blazepose_node` has as a managed node and as one with parameters."""

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState


def call(client, service_type, name, request):
    """Return the node's response."""
    service = client.node.create_client(service_type, f"blazepose/{name}")
    try:
        client.wait_for(service.service_is_ready, f"the service {name}")
        future = service.call_async(request)
        client.wait_for(future.done, f"an answer of {name}")
        return future.result()
    finally:
        client.node.destroy_client(service)


def change_state(client, label, number=0):
    """Ask for a transition and return whether it succeeded."""
    request = ChangeState.Request(transition=Transition(label=label, id=number))
    return call(client, ChangeState, "change_state", request).success


def state(client):
    """Return the name of the node's state."""
    return call(client, GetState, "get_state", GetState.Request()).current_state.label
