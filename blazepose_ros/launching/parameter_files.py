"""Which parameter file is meant."""

from __future__ import annotations

from pathlib import Path


class ParameterFileError(ValueError):
    """There is no such parameter file; the message says which there are."""


def find_parameter_file(name: str, folder: Path) -> Path:
    """Return the parameter file of that path or, failing that, of that name in a folder.

    Raises:
        ParameterFileError: there is neither.
    """
    for path in (Path(name).expanduser(), folder / name):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.name for path in folder.glob("*.yaml")))
    raise ParameterFileError(f"there is no parameter file {name}: give a path, or one of {known}")
