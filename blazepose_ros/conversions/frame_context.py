"""What is known about an image besides its pixels, from the topics beside it."""

from __future__ import annotations

from collections.abc import Callable

from blazepose_ros.conversions.calibration_input import CalibrationInput
from blazepose_ros.conversions.depth_input import DepthInput
from blazepose_ros.conversions.detection_input import DetectionInput
from blazepose_ros.core.person_pipeline import FrameContext
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import Frame


class FrameContextCollector:
    """Collects what the topics beside the images say; `nodes.pose.subscriptions` subscribes to them.

    Args:
        camera_info_topic: where calibrations come from, for messages.
        warn: told once when distances rest on an assumption.
        complain: told of messages that are of no use.
    """

    def __init__(
        self, camera_info_topic: str, warn: Callable[[str], object], complain: Callable[[str], object]
    ) -> None:
        self.calibration = CalibrationInput(camera_info_topic, warn, complain)
        self.depth = DepthInput(complain)
        self.detections = DetectionInput(complain)

    def scene_of(self, frame: Frame, settings: NodeSettings) -> FrameContext:
        """Return what is known about an image.

        Raises:
            CalibrationError: the calibration's numbers are out of all proportion to the image.
        """
        if settings.placement == "none":
            return FrameContext()
        camera = self.calibration.camera_for(frame.width, frame.height, settings.assumed_hfov_deg)
        if settings.placement == "mono":
            return FrameContext(camera)
        return FrameContext(camera, self.depth.depth_for(frame.stamp_ns, settings.depth_tolerance_s, camera))
