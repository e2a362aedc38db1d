# SPDX-License-Identifier: Apache-2.0
"""BlazePose GHUM 3D for ROS 2: 33 body landmarks as messages, markers and frames.

For Python programs: `create_estimator`, and what goes in and comes out. A name is imported when it is
used first: importing the package itself loads neither OpenCV nor ROS.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blazepose_ros.core.api import PoseEstimator, create_estimator, read_frames
    from blazepose_ros.core.camera_model import CameraModel
    from blazepose_ros.core.errors import BlazePoseError
    from blazepose_ros.core.estimation.estimator import EstimatorError
    from blazepose_ros.core.landmarks import BONES, Landmark
    from blazepose_ros.core.models.registry import ModelError
    from blazepose_ros.core.person_pipeline import PipelineOptions
    from blazepose_ros.core.placement.depth_range import DepthImage
    from blazepose_ros.core.placement.floor_range import Floor
    from blazepose_ros.core.tracking.primary_person import Primary
    from blazepose_ros.core.tracking.smoothing import SmoothingOptions
    from blazepose_ros.core.tracking.tracker import TrackingOptions
    from blazepose_ros.core.types import (
        Frame,
        HipCenter,
        ModelComplexity,
        Placement,
        Pose,
        Status,
        covariance_matrices,
    )
    from blazepose_ros.core.visualization.skeleton_overlay import annotate

    __version__: str

# The generated message modules are installed under the same name. With the source
# tree first on sys.path (python started in the repository root) they are still found.
__path__ = extend_path(__path__, __name__)

__all__ = [
    "BONES",
    "BlazePoseError",
    "CameraModel",
    "DepthImage",
    "EstimatorError",
    "Floor",
    "Frame",
    "HipCenter",
    "Landmark",
    "ModelComplexity",
    "ModelError",
    "PipelineOptions",
    "Placement",
    "Pose",
    "PoseEstimator",
    "Primary",
    "SmoothingOptions",
    "Status",
    "TrackingOptions",
    "__version__",
    "annotate",
    "covariance_matrices",
    "create_estimator",
    "read_frames",
]

# The public names by the module that has them.
_HOMES = {
    "core.api": ("PoseEstimator", "create_estimator", "read_frames"),
    "core.camera_model": ("CameraModel",),
    "core.errors": ("BlazePoseError",),
    "core.estimation.estimator": ("EstimatorError",),
    "core.landmarks": ("BONES", "Landmark"),
    "core.models.registry": ("ModelError",),
    "core.person_pipeline": ("PipelineOptions",),
    "core.placement.depth_range": ("DepthImage",),
    "core.placement.floor_range": ("Floor",),
    "core.tracking.primary_person": ("Primary",),
    "core.tracking.smoothing": ("SmoothingOptions",),
    "core.tracking.tracker": ("TrackingOptions",),
    "core.types": (
        *("Frame", "HipCenter", "ModelComplexity", "Placement", "Pose", "Status"),
        "covariance_matrices",
    ),
    "core.visualization.skeleton_overlay": ("annotate",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}


if not TYPE_CHECKING:  # type checkers know the names above and refuse others

    def __getattr__(name: str) -> object:
        """Import a public name when it is used first (PEP 562)."""
        if name == "__version__":
            from importlib.metadata import version

            value = version(__name__)
        elif name in _MODULE_OF:
            value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
