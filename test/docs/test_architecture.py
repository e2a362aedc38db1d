# SPDX-License-Identifier: Apache-2.0
"""The page on the architecture names files, folders and names that are there."""

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
from support.paths import ROOT

PAGES = ("docs/architecture.md", "CONTRIBUTING.md")
# `folder/file`, and behind a colon the names to be found there: `name`, `Class.method`.
PLACE = re.compile(r"`((?:[a-z0-9_]+/)+[a-z0-9_.]*)`(?:: ((?:`[\w.]+`(?:, )?)+))?")


def places() -> Iterator[tuple[Any, Any]]:
    """Return each place that the pages name, with the names to be found there."""
    for page in PAGES:
        for place, names in PLACE.findall((ROOT / page).read_text()):
            yield place, re.findall(r"`([\w.]+)`", names)


def defined_in(path: Any) -> Iterator[Any]:
    """Return the names that a module defines at its top, and the methods of its classes."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef))
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


@pytest.mark.parametrize("level", ["*", "core/**"])
def test_the_page_names_every_folder_of_the_source(level: str) -> None:
    folders = {
        f"{path.parent.relative_to(ROOT)}/" for path in ROOT.glob(f"blazepose_ros/{level}/__init__.py")
    }
    assert folders
    assert folders - {place for place, _ in places()} == set()


@pytest.mark.parametrize(("place", "names"), places(), ids=[place for place, _ in places()])
def test_what_the_pages_name_is_there(place: Any, names: Any) -> None:
    assert (ROOT / place).exists()
    if names:
        assert set(names) - set(defined_in(ROOT / place)) == set()
