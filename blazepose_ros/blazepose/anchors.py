"""The points that the person detector measures its boxes from."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from numpy.typing import NDArray

# MediaPipe's pose_detector_graph.cc, ConfigureSsdAnchorsCalculator.
DETECTOR_INPUT_PX = 224
_STRIDES_PX = (8, 16, 32, 32, 32)
# One for the aspect ratio 1, one for the interpolated scale (ssd_anchors_calculator.proto's default).
_ANCHORS_PER_LAYER = 2


def anchor_centers() -> NDArray[np.float32]:
    """Return x and y of every anchor, (2254, 2), in the unit square of the detector's input.

    All anchors have the size of the whole input (``fixed_anchor_size``). Layers of one stride
    share their cells; rows come before columns.
    """
    return np.concatenate([_layer_centers(stride, len(list(same))) for stride, same in groupby(_STRIDES_PX)])


def _layer_centers(stride_px: int, layers: int) -> NDArray[np.float32]:
    cells = DETECTOR_INPUT_PX // stride_px
    middles = (np.arange(cells, dtype=np.float32) + 0.5) / cells
    grid = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
    return np.repeat(grid, layers * _ANCHORS_PER_LAYER, axis=0)
