# SPDX-License-Identifier: Apache-2.0
"""The network as it is outside: MediaPipe's estimator leaves its process a proxy that leads nowhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

# As it was before any estimator.
_PROXY = os.environ.get("https_proxy")


@contextmanager
def direct_network() -> Iterator[None]:
    """Let clients of registries reach them for the length of a block."""
    with pytest.MonkeyPatch.context() as patch:
        if _PROXY is None:
            patch.delenv("https_proxy", raising=False)
        else:
            patch.setenv("https_proxy", _PROXY)
        yield
