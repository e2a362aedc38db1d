"""Waiting for what another thread does."""

import time

DEADLINE_S = 15.0


def wait_until(condition):
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
