# SPDX-License-Identifier: Apache-2.0
"""Images as sensors deliver them, made from (height, width, 3) RGB."""

from typing import Any

import numpy as np

RED, GREEN, BLUE = range(3)


def mosaic(rgb: Any, pattern: Any) -> Any:
    """Return what a sensor sees whose first two rows have filters such as ``rggb``."""
    filters = np.array(["rgb".index(color) for color in pattern]).reshape(2, 2)
    rows, columns = np.indices(rgb.shape[:2])
    return np.take_along_axis(rgb, filters[rows % 2, columns % 2][..., None], axis=2)


def yuv422(rgb: Any, order: Any) -> Any:
    """Return ITU-R BT.601 (limited range), two pixels in four bytes of the given order."""
    r, g, b = (rgb[:, :, channel] / 255.0 for channel in (RED, GREEN, BLUE))
    luma = 16 + 65.481 * r + 128.553 * g + 24.966 * b
    u = 128 - 37.797 * r - 74.203 * g + 112.0 * b
    v = 128 + 112.0 * r - 93.786 * g - 18.214 * b
    shared = {"u": u[:, ::2], "v": v[:, ::2], "y": luma[:, ::2], "Y": luma[:, 1::2]}
    return np.rint(np.stack([shared[name] for name in order], axis=-1)).astype(np.uint8).reshape(
        *rgb.shape[:2], 2
    )  # fmt: skip
