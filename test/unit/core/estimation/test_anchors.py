# SPDX-License-Identifier: Apache-2.0
"""The detector's anchors, against numbers worked out by hand."""

import numpy as np
import pytest

from blazepose_ros.core.estimation.person_detector import anchor_centers


def test_there_is_one_anchor_for_every_box_of_the_model() -> None:
    assert anchor_centers().shape == (2254, 2)


@pytest.mark.parametrize(
    ("index", "center_px"),
    [
        (0, (4, 4)),  # stride 8, two for each cell
        (1, (4, 4)),
        (2, (12, 4)),  # columns run first
        (56, (4, 12)),
        (1567, (220, 220)),
        (1568, (8, 8)),  # stride 16
        (1960, (16, 16)),  # stride 32, three layers in one: six for each cell
        (1965, (16, 16)),
        (1966, (48, 16)),
        (2253, (208, 208)),
    ],
)
def test_anchors_are_in_the_middle_of_their_cells(index: int, center_px: tuple[int, int]) -> None:
    np.testing.assert_allclose(anchor_centers()[index] * 224, center_px, rtol=1e-6)


def test_the_anchors_are_symmetric() -> None:
    centers = anchor_centers()
    np.testing.assert_allclose(centers.mean(axis=0), 0.5, atol=1e-6)
