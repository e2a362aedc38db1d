# SPDX-License-Identifier: Apache-2.0
"""What unit tests may not ask for."""

from typing import NoReturn

import pytest


@pytest.fixture(scope="session")
def models() -> NoReturn:
    """No unit test needs a model."""
    pytest.fail("a test that needs the models belongs into test/model or test/node")


@pytest.fixture(scope="session")
def ros() -> NoReturn:
    """No unit test speaks with others over DDS."""
    pytest.fail("a test whose nodes talk to each other belongs into test/node")
