# SPDX-License-Identifier: Apache-2.0
"""Waiting for what another thread does."""

import time
from typing import Any

DEADLINE_S = 15.0


def wait_until(condition: Any) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
