"""What a command's tables look like on a terminal of some width."""

from io import StringIO

from rich.console import Console

from blazepose_ros.cli.console import print_on


def printed(*parts, width=300):
    """Return tables and lines as text without colors."""
    console = Console(file=StringIO(), width=width, highlight=False, markup=False, emoji=False)
    print_on(console, *parts)
    return console.file.getvalue()
