# SPDX-License-Identifier: Apache-2.0
"""The models as npm's registry has them."""

import hashlib
from pathlib import Path

from blazepose_ros.core.models.npm_source import DETECTOR_FILE, POSE_PACKAGE, read_files
from blazepose_ros.core.models.registry import BUNDLES
from blazepose_ros.core.models.task_bundle import assemble_bundle


def test_the_published_models_assemble_into_the_known_bundles(tarball: Path) -> None:
    parts = read_files(POSE_PACKAGE, tarball)
    for known in BUNDLES.values():
        content = assemble_bundle(parts[DETECTOR_FILE], parts[known.landmarker])
        assert hashlib.sha256(content).hexdigest() == known.assembled_sha256
