"""What is known about an image besides its pixels, from the topics beside it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

from blazepose_ros.calibration_source import CalibrationSource
from blazepose_ros.depth_source import DepthSource
from blazepose_ros.detection_source import DetectionSource
from blazepose_ros.pipeline import Scene
from blazepose_ros.pose import Frame


class SceneSource:
    """Collects what the topics beside the images say; `blazepose_ros.inputs` subscribes to them.

    Args:
        camera_info_topic: where calibrations come from, for messages.
        warn: told once when distances rest on an assumption.
        complain: told of messages that are of no use.
    """

    def __init__(
        self, camera_info_topic: str, warn: Callable[[str], object], complain: Callable[[str], object]
    ) -> None:
        self.calibration = CalibrationSource(camera_info_topic, warn, complain)
        self.depth = DepthSource(complain)
        self.detections = DetectionSource(complain)

    def scene_of(self, frame: Frame, settings: SimpleNamespace) -> Scene:
        """Return what is known about an image.

        Raises:
            CalibrationError: the calibration's numbers are out of all proportion to the image.
        """
        if settings.placement == "none":
            return Scene()
        camera = self.calibration.camera_for(frame.width, frame.height, settings.assumed_hfov_deg)
        if settings.placement == "mono":
            return Scene(camera)
        return Scene(camera, self.depth.depth_for(frame.stamp_ns, settings.depth_tolerance_s, camera))
