"""The code blocks of all pages, and the commands in them."""

import re
from typing import NamedTuple

from support.paths import ROOT


class Block(NamedTuple):
    page: str
    line: int
    language: str
    text: str


def blocks():
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]):
        text = path.read_text()
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, match.start()) + 1
            yield Block(path.relative_to(ROOT).as_posix(), line, match[1], match[2])


def command_lines(block):
    """Return the commands of a shell block, each in one line."""
    return [line for line in block.text.replace("\\\n", " ").splitlines() if line.strip()]
