"""A photograph of a person that an installed package carries."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import matplotlib


class PhotographMissingError(RuntimeError):
    """No installed package carries a photograph; the message says what else to show."""


def photograph() -> Path:
    """Return a photograph of one person, in the public domain.

    Raises:
        PhotographMissingError: the packages that carry one came without it.
    """
    for path in _candidates():
        if path.is_file():
            return path
    raise PhotographMissingError(
        "neither scikit-image nor matplotlib has brought its photograph: name a source of your own"
    )


def _candidates() -> Iterator[Path]:
    """Give NASA's portrait of Eileen Collins, then the US Navy's of Grace Hopper."""
    scikit_image = find_spec("skimage")
    if scikit_image is not None and scikit_image.origin is not None:
        yield Path(scikit_image.origin).parent / "data" / "astronaut.png"
    yield Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
