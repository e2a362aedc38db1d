# SPDX-License-Identifier: Apache-2.0
"""Many frames with cuts, flips and empty ones: no exception, no leak.

``SOAK_FRAMES=10000`` makes it long.
"""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.photographs import frames

from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import choose_estimator
from blazepose_ros.core.estimation.runtimes.runtime import RuntimeOptions
from blazepose_ros.core.types import Frame, ModelComplexity

pytestmark = pytest.mark.alone

SOAK_FRAMES = int(os.environ.get("SOAK_FRAMES", "300"))
WARM_UP_FRAMES = 100
MAX_GROWTH_BYTES = 20_000_000
STEPS_NS = (33_000_000, 33_000_000, 33_000_000, 0, 10**12, -(10**9))


def resident_bytes() -> Any:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def restless(clips: Any, rng: Any) -> Iterator[Frame]:
    """Yield frames for ever: clips cut at random, flipped, blanked, of other sizes, at odd times."""
    stamp_ns = 10**15
    clip, position = clips[0], 0
    while True:
        if rng.random() < 0.03:
            clip, position = clips[rng.integers(len(clips))], int(rng.integers(50))
        rgb = clip[position % len(clip)].rgb
        if rng.random() < 0.05:
            rgb = rgb[:, ::-1]
        if rng.random() < 0.05:
            rgb = np.zeros_like(rgb)
        if rng.random() < 0.02:
            rgb = rgb[: rng.integers(1, 50), : rng.integers(1, 50)]
        stamp_ns += STEPS_NS[rng.integers(len(STEPS_NS))]
        position += 1
        yield Frame(np.ascontiguousarray(rgb), stamp_ns)


@pytest.fixture(scope="module")
def clips(data: Path) -> Any:
    return [
        list(itertools.islice(frames(data / "videos" / name, 30), 60))
        for name in ("pose2sim_cam04.mp4", "pose2sim_cam02.mp4", "park.mp4")
    ]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "options", [{}, {"num_poses": 3, "enable_segmentation": True}], ids=["one", "several"]
)
@pytest.mark.parametrize("backend", ["openvino", "litert"])
def test_restless_frames_do_no_harm(
    backend: str, options: Any, models: dict[ModelComplexity, bytes], clips: Any
) -> None:
    pytest.importorskip({"openvino": "openvino", "litert": "ai_edge_litert"}[backend])
    estimator = choose_estimator(
        backend, EstimatorOptions(models[ModelComplexity.LITE], **options), RuntimeOptions()
    ).estimator
    seen, before = 0, 0
    stream = itertools.islice(restless(clips, np.random.default_rng(0)), WARM_UP_FRAMES + SOAK_FRAMES)
    for number, frame in enumerate(stream):
        if number == WARM_UP_FRAMES:
            before = resident_bytes()
        for pose in estimator.estimate(frame):
            seen += 1
            assert np.isfinite(pose.screen).all()
            assert np.isfinite(pose.world).all()
            assert 0 <= pose.visibility.min() <= pose.visibility.max() <= 1
    assert resident_bytes() - before < MAX_GROWTH_BYTES
    assert seen > SOAK_FRAMES / 2
    estimator.close()
