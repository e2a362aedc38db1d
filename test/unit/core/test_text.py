# SPDX-License-Identifier: Apache-2.0
import pytest

from blazepose_ros.core.text import printable, quoted

ESCAPED = {
    "camera\n[FATAL] [1.0] [blazepose]: on fire": r"camera\n[FATAL] [1.0] [blazepose]: on fire",
    "\x1b[31mred\x1b[0m": r"\x1b[31mred\x1b[0m",
    "\x9b31m": r"\x9b31m",  # the same code in one character
    "a\rb\x00c\x7f": r"a\rb\x00c\x7f",
    "a\u2028b\u2029c\x85d": r"a\u2028b\u2029c\x85d",  # Unicode's own line breaks
    "\u202egnp.exe": r"\u202egnp.exe",  # read from right to left
    "\udc80.mp4": r"\udc80.mp4",  # a file name that is not UTF-8
    "\U000e0041": r"\U000e0041",
}


@pytest.mark.parametrize("text", ESCAPED)
def test_what_cannot_be_printed_is_escaped(text: str) -> None:
    assert printable(text) == ESCAPED[text]
    assert quoted(text) == f"'{ESCAPED[text]}'"


@pytest.mark.parametrize("text", ["", "camera_optical_frame", "Kamera 2 (Küche)", "カメラ"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text
    assert quoted(text) == f"'{text}'"


def test_a_quote_does_not_end_the_quotes() -> None:
    assert quoted("a' or 'b") == '''"a' or 'b"'''
    assert quoted("a'b\"c") == r"""'a\'b"c'"""


def test_a_megabyte_is_cut_and_says_so() -> None:
    text = "\x1b" * 2**20
    assert quoted(text, 3) == r"'\x1b\x1b\x1b'... (1048576 characters)"
    assert printable(text, 3) == r"\x1b\x1b\x1b... (1048576 characters)"
    assert len(quoted(text)) < 1000
    assert quoted("abc", 3) == "'abc'"
