"""What is known about an image besides its pixels, from the topics beside it."""

from __future__ import annotations

from blazepose_ros.conversions.calibration_input import CalibrationInput
from blazepose_ros.conversions.depth_input import DepthInput
from blazepose_ros.conversions.detection_input import DetectionInput
from blazepose_ros.core.logger import Logger
from blazepose_ros.core.person_pipeline import FrameContext
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import Frame


class FrameContextCollector:
    """Collects what the topics beside the images say; `nodes.pose.subscriptions` subscribes to them.

    Args:
        camera_info_topic: where calibrations come from, for messages.
        logger: told of unusable messages, and once when distances rest on an assumption.
    """

    def __init__(self, camera_info_topic: str, logger: Logger) -> None:
        self.calibration = CalibrationInput(camera_info_topic, logger)
        self.depth = DepthInput(logger)
        self.detections = DetectionInput(logger)

    def context_of(self, frame: Frame, settings: NodeSettings) -> FrameContext:
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
