# SPDX-License-Identifier: Apache-2.0
"""All errors of the package have one root."""

import ast
import builtins
from pathlib import Path
from typing import Any

import pytest

import blazepose_ros
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.runtimes.runtime import BackendError

ROOT = BlazePoseError.__name__
BUILTIN = {
    name for name, it in vars(builtins).items() if isinstance(it, type) and issubclass(it, BaseException)
}


def classes() -> Any:
    """Return the names of the bases of every class of the package, read without importing any."""
    sources = [path.read_text() for path in Path(blazepose_ros.__path__[0]).rglob("*.py")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    return {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for node in nodes
        if isinstance(node, ast.ClassDef)
    }


CLASSES = classes()


def ancestors(name: Any) -> Any:
    bases = CLASSES.get(name, set()) - {name}
    return bases.union(*map(ancestors, bases))


ERRORS = sorted(name for name in CLASSES if ancestors(name) & BUILTIN and name != ROOT)


def test_the_errors_are_found() -> None:
    assert {"EstimatorError", "BackendError", "ImageError", "StartupError"} <= set(ERRORS)


@pytest.mark.parametrize("name", ERRORS)
def test_each_error_has_the_root_and_a_builtin_base(name: Any) -> None:
    assert ROOT in ancestors(name)
    assert ancestors(name) & BUILTIN - {"Exception"}


def test_an_error_is_caught_as_the_root_and_as_a_builtin() -> None:
    for kind in (BlazePoseError, RuntimeError, EstimatorError):
        with pytest.raises(kind, match="no such library"):
            raise BackendError("no such library")
