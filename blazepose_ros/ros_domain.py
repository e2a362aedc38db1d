"""A ROS domain that nobody else is in."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterable

# RTPS 2.5 (9.6.2.3): a domain's first port is this many above those of the one before.
DOMAIN_PORTS, FIRST_PORT = 250, 7400
# Above it, Linux hands the ports to whoever asks for any.
LAST_DOMAIN = 101


class NoFreeDomainError(RuntimeError):
    """Every domain is in use."""


def isolate() -> None:
    """Keep what this process starts apart from other ROS processes and on this machine.

    Raises:
        NoFreeDomainError: all domains are in use.
    """
    os.environ["ROS_DOMAIN_ID"] = str(free_domain(random.sample(range(1, LAST_DOMAIN + 1), LAST_DOMAIN)))
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"


def free_domain(candidates: Iterable[int]) -> int:
    """Return the first DDS domain whose discovery port nobody has.

    Raises:
        NoFreeDomainError: all are in use.
    """
    for domain in candidates:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", FIRST_PORT + DOMAIN_PORTS * domain))
            except OSError:
                continue
            return domain
    raise NoFreeDomainError("no ROS domain is free: end other ROS processes first")
