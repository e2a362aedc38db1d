# SPDX-License-Identifier: Apache-2.0
"""The code blocks of all pages, the commands in them, and the files that they name."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2

from support.paths import ROOT

# Pages whose Python blocks belong together, as in a notebook.
RUN_IN_ORDER = ("README.md", "docs/python_api.md")


class Block(NamedTuple):
    page: str
    line: int
    language: str
    text: str


def blocks() -> Iterator[Block]:
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]):
        text = path.read_text()
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, match.start()) + 1
            yield Block(path.relative_to(ROOT).as_posix(), line, match[1], match[2])


def command_lines(block: Any) -> Any:
    """Return the commands of a shell block, each in one line."""
    return [line for line in block.text.replace("\\\n", " ").splitlines() if line.strip()]


def write_clip(path: Any, images: Any) -> None:
    """Write a video of (height, width, 3) images, red first."""
    height, width = images[0].shape[:2]
    clip = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (width, height))
    for rgb in images:
        clip.write(rgb[..., ::-1])
    clip.release()
