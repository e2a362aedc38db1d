# SPDX-License-Identifier: Apache-2.0
"""What the tests of nodes share."""

from collections.abc import Iterator
from types import ModuleType

import pytest
from support.shared_nodes import SharedNodes


@pytest.fixture(scope="module")
def nodes(ros: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedNodes]:
    """Nodes that the tests of a module share, one for each set of parameters."""
    shared = SharedNodes(ros, tmp_path_factory.mktemp("nodes"))
    yield shared
    shared.close()
