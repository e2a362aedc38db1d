# SPDX-License-Identifier: Apache-2.0
"""A node beside a node, with a DDS participant of its own.

Fast DDS receives everything that comes to a participant in one thread for each transport: services' requests,
parameters, and every topic. While that thread clears memory for a message of gigabytes, all of them wait.
rclpy has one participant for each context.
"""

from __future__ import annotations

import sys

from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter


def separate_node(node: Node, name: str) -> Node:
    """Return a hidden node in a node's namespace, with threads of the middleware's own to receive in.

    It is for subscriptions alone, by full names, and no executor spins it.

    Args:
        node: the node that it stands beside.
        name: what it is for.

    Raises:
        RCLError: the middleware cannot make a participant.
    """
    context = Context()
    # The command line names the enclave.
    context.init(sys.argv, initialize_logging=False, domain_id=node.context.get_domain_id())
    return Node(
        f"_{node.get_name()}_{name}",
        context=context,
        namespace=node.get_namespace(),
        use_global_arguments=False,
        enable_rosout=False,
        start_parameter_services=False,
        parameter_overrides=[Parameter("start_type_description_service", value=False)],
    )


def close_separate(node: Node) -> None:
    """Free a separate node and its participant."""
    node.destroy_node()
    node.context.try_shutdown()
