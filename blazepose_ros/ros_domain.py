"""A ROS domain that nobody else is in."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterable
from contextlib import suppress

# RTPS 2.5 (9.6.2.3): a domain's first port is this many above those of the one before.
DOMAIN_PORTS, FIRST_PORT = 250, 7400
# Discovery and user traffic have the first two, participants those from the tenth on: this one is free
# and says that somebody has chosen the domain, also while none of its participants runs.
CHOSEN_PORT = 9
# Above it, Linux hands the ports to whoever asks for any.
LAST_DOMAIN = 101

_kept: list[socket.socket] = []  # until the process ends


class NoFreeDomainError(RuntimeError):
    """Every domain is in use."""


def isolate() -> None:
    """Keep what this process starts apart from other ROS processes and on this machine.

    Raises:
        NoFreeDomainError: all domains are in use.
    """
    domain, sign = choose_domain(random.sample(range(1, LAST_DOMAIN + 1), LAST_DOMAIN))
    _kept.append(sign)
    os.environ["ROS_DOMAIN_ID"] = str(domain)
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"


def choose_domain(candidates: Iterable[int]) -> tuple[int, socket.socket]:
    """Return the first DDS domain that nobody is in or has chosen, and the sign that it is chosen now.

    Raises:
        NoFreeDomainError: there is none.
    """
    for domain in candidates:
        first_port = FIRST_PORT + DOMAIN_PORTS * domain
        with suppress(OSError), _bound(first_port):
            return domain, _bound(first_port + CHOSEN_PORT)
    raise NoFreeDomainError("no ROS domain is free: end other ROS processes first")


def _bound(port: int) -> socket.socket:
    """Return a socket on a port.

    Raises:
        OSError: somebody else has it.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        bound.bind(("", port))
    except OSError:
        bound.close()
        raise
    return bound
