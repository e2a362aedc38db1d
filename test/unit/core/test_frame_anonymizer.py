# SPDX-License-Identifier: Apache-2.0
"""Everybody whom the detector sees, in all of an image and in its tiles."""

from typing import Any

import numpy as np
import pytest

from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.roi import tiles
from blazepose_ros.core.frame_anonymizer import SMALLER_TILE, EveryoneDetector

RGB = np.zeros((480, 640, 3), np.uint8)
KNOWN = [np.zeros((33, 3))]


class Detector:
    """Notes where it is asked to look; finds one number in each square."""

    def __init__(self, error: Exception | None = None) -> None:
        self.looked: list[Any] = []
        self._error = error

    def find_bodies(self, _rgb: Any, covered: Any = (), square: Any = None) -> list[Any]:
        if self._error is not None:
            raise self._error
        self.looked.append((square, len(covered)))
        return [len(self.looked)]


def test_it_looks_at_all_of_the_image_and_at_tiles_of_two_sizes_with_known_people_covered() -> None:
    detector = Detector()
    found = EveryoneDetector(detector).find(RGB, KNOWN)
    squares = tiles(640, 480) + tiles(640, 480, SMALLER_TILE)
    assert detector.looked == [(None, 0), *((square, 1) for square in squares)]
    assert len(found) == 1 + len(squares)


def test_live_it_looks_at_some_tiles_in_turn_and_so_at_all() -> None:
    detector = Detector()
    everyone, squares = EveryoneDetector(detector, tiles_at_once=2), tiles(640, 480)
    for _ in range(len(squares)):
        detector.looked.clear()
        everyone.find(RGB)
        assert len(detector.looked) == 3
    seen = []
    for _ in range(len(squares)):
        detector.looked.clear()
        everyone.find(RGB)
        seen += [square for square, _ in detector.looked if square is not None]
    assert set(seen) == set(squares)


def test_a_model_that_fails_is_an_error_of_this_image() -> None:
    with pytest.raises(EstimatorError, match="out of order"):
        EveryoneDetector(Detector(RuntimeError("out of order"))).find(RGB)
