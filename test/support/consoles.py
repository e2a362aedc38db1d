# SPDX-License-Identifier: Apache-2.0
"""What a command's tables look like on a terminal of some width."""

from io import StringIO
from typing import Any

from rich.console import Console

from blazepose_ros.cli.console import print_on


def printed(*parts: Any, width: Any = 300) -> Any:
    """Return tables and lines as text without colors."""
    text = StringIO()
    console = Console(file=text, width=width, highlight=False, markup=False, emoji=False)
    print_on(console, *parts)
    return text.getvalue()
