# SPDX-License-Identifier: Apache-2.0
"""Text from outside, made fit for one line of a log, a diagnostic or a page.

A frame id, a topic, a file name or a parameter may hold line breaks, which forge lines of a log,
ANSI codes, which steer a terminal, marks that turn the reading direction, or a megabyte.
"""

from __future__ import annotations

# Longer than any encoding, and than nearly every topic, frame id and file name.
MAX_CHARACTERS = 120


def quoted(text: str, limit: int = MAX_CHARACTERS) -> str:
    r"""Return a text in quotes, as a Python literal: ``'a\nb'``; a longer one is cut, and says so.

    Args:
        text: of any length and content.
        limit: how many of its characters are kept.
    """
    return repr(text[:limit]) + _cut(text, limit)


def printable(text: str, limit: int = MAX_CHARACTERS) -> str:
    r"""Return a text in one line, without quotes; what cannot be printed is escaped: ``a\nb``.

    Args:
        text: of any length and content.
        limit: how many of its characters are kept.
    """
    return "".join(map(_escaped, text[:limit])) + _cut(text, limit)


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _cut(text: str, limit: int) -> str:
    return f"... ({len(text)} characters)" if len(text) > limit else ""
