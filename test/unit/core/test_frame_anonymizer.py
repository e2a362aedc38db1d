# SPDX-License-Identifier: Apache-2.0
"""Everybody whom the detector sees, in all of an image and in its tiles."""

from typing import Any

import numpy as np
import pytest

from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.person_detector import DetectedBody
from blazepose_ros.core.estimation.roi import Roi, tiles
from blazepose_ros.core.frame_anonymizer import SMALLER_TILE, EveryoneDetector, fits

SIZE_PX = (640, 480)
RGB = np.zeros((*SIZE_PX[::-1], 3), np.uint8)
KNOWN = [np.zeros((33, 3))]


def standing(x_px: float, y_px: float, reach_px: float) -> DetectedBody:
    """Return somebody by the middle of the hips, and how far it is from there to above the head."""
    hips_px, up = np.array([x_px, y_px]), np.array([0.0, -1.0])
    return DetectedBody(0.9, hips_px, hips_px + reach_px * up, hips_px + 0.55 * reach_px * up)


class Detector:
    """Notes where it is asked to look; finds somebody in the middle of each, so many of its sides large."""

    def __init__(self, error: Exception | None = None, size: float = 0.9) -> None:
        self.looked: list[Any] = []
        self._error = error
        self._size = size

    def find_bodies(self, _rgb: Any, covered: Any = (), square: Any = None) -> list[Any]:
        if self._error is not None:
            raise self._error
        self.looked.append((square, len(covered)))
        square = square or Roi.letterbox(*SIZE_PX)
        return [standing(square.x_px, square.y_px, self._size * square.size_px / 2)]


def test_it_looks_at_all_of_the_image_and_at_tiles_of_two_sizes_with_known_people_covered() -> None:
    detector = Detector()
    found = EveryoneDetector(detector).find(RGB, KNOWN)
    squares = tiles(*SIZE_PX) + tiles(*SIZE_PX, SMALLER_TILE)
    assert detector.looked == [(None, 0), *((square, 1) for square in squares)]
    assert len(found) == 1 + len(squares)


def test_of_the_smaller_tiles_only_people_count_who_fit_into_them() -> None:
    found = EveryoneDetector(Detector(size=1.1)).find(RGB)
    assert len(found) == 1 + len(tiles(*SIZE_PX))


# A tile of 240 pixels that ends at the image's upper edge, and at no other one.
TILE = Roi(320, 120, 240)


@pytest.mark.parametrize(
    ("body", "is_shown"),
    [
        (standing(320, 120, 119), True),  # fills it
        (standing(320, 120, 121), False),  # is larger
        (standing(400, 120, 110), True),  # arms that are stretched out may leave it
        (standing(410, 120, 110), False),  # another tile shows what lies to the right of this one
        (standing(320, 30, 100), True),  # no tile shows what lies above the image
        (standing(320, 30, 121), False),
        (standing(320, 200, 100), True),  # legs may lie below
        (standing(320, 241, 100), False),
        (standing(np.nan, 120, 60), False),
    ],
)
def test_who_fits_into_a_tile(body: DetectedBody, *, is_shown: bool) -> None:
    assert fits(body, TILE, SIZE_PX) == is_shown


@pytest.mark.parametrize("size_px", [SIZE_PX, (1920, 1080), (1080, 1920)])
def test_who_is_two_thirds_as_tall_as_a_tile_fits_into_one_anywhere(size_px: tuple[int, int]) -> None:
    squares = tiles(*size_px, SMALLER_TILE)
    reach_px = SMALLER_TILE * min(size_px) / 3
    for x_px, y_px in np.random.default_rng(0).uniform((0, 0), size_px, (1000, 2)):
        assert any(fits(standing(x_px, y_px, reach_px), square, size_px) for square in squares)


def test_live_it_looks_at_some_tiles_in_turn_and_so_at_all() -> None:
    detector = Detector()
    everyone, squares = EveryoneDetector(detector, tiles_at_once=2), tiles(*SIZE_PX)
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
