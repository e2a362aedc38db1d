# SPDX-License-Identifier: Apache-2.0
"""Every Python file names the license."""

from typing import Any

import pytest
from support.paths import ROOT

FOLDERS = ("blazepose_ros", "launch", "docs", "examples", "test")
LINE = "# SPDX-License-Identifier: Apache-2.0"
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_names_its_license_on_top(path: Any) -> None:
    lines = [line for line in path.read_text().splitlines()[:2] if not line.startswith("#!")]
    assert lines[0] == LINE
