# SPDX-License-Identifier: Apache-2.0
"""Images in which nobody can be found, and why."""

from typing import Any

import numpy as np
import pytest

from blazepose_ros.core.diagnostics.health import contrast_fault

NOISE = np.random.default_rng(0).integers(0, 4, (480, 640, 1)).astype(np.uint8).repeat(3, axis=2)
SCENE = np.linspace(0, 60, 640, dtype=np.uint8)[None, :, None] + NOISE


@pytest.mark.parametrize(
    ("rgb", "says"),
    [
        (NOISE, "the image is black"),
        (NOISE + np.uint8(120), "the image has no contrast, all of it is at level 12. of 255"),
        (NOISE + np.uint8(250), "the image is white"),
        (np.zeros((1, 1, 3), np.uint8), "the image is black"),
    ],
    ids=["black", "gray", "white", "one pixel"],
)
def test_an_image_without_contrast_is_named(rgb: Any, says: str) -> None:
    assert says[:30] in contrast_fault(rgb)


@pytest.mark.parametrize("scene", [SCENE, SCENE[::7, ::9], SCENE[:1]], ids=["dim", "small", "one row"])
def test_a_dim_scene_is_none(scene: Any) -> None:
    assert contrast_fault(scene) == ""
