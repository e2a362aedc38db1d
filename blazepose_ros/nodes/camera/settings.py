# SPDX-License-Identifier: Apache-2.0
"""The settings of `blazepose_camera`: every parameter is declared here, once."""

from __future__ import annotations

from dataclasses import dataclass

from blazepose_ros.core.frame_sources.camera_stream import MOTIONS, PERIOD_S
from blazepose_ros.core.frame_sources.files import STILL_RATE
from blazepose_ros.core.parameters import Settings, parameter

STILL = "none"
MAX_SIDE_PX = 16384


@dataclass(frozen=True)
class CameraSettings(Settings):
    """The parameters of `blazepose_camera`."""

    source: str = parameter(
        "", "A video file, an image, a folder of images, or a webcam: its index or device.", read_only=True
    )
    rate: float = parameter(
        0.0,
        f"Frames per second; 0 for the source's own, {STILL_RATE:g} for images.",
        minimum=0.0,
        maximum=1000.0,
        read_only=True,
    )
    loop: bool = parameter(
        True, "Whether the source starts again at its end; else the node ends.", read_only=True
    )
    frame_id: str = parameter("camera_optical_frame", "The frame in the headers.", read_only=True)
    camera_info_url: str = parameter(
        "",
        "A calibration in camera_info_manager's YAML: a path, file:///PATH or package://PACKAGE/PATH.",
        read_only=True,
    )
    assumed_hfov_deg: float = parameter(
        0.0,
        "Field of view in degrees, along the longer side of the image, to publish a calibration of where"
        " there is none; 0 publishes camera_info as uncalibrated.",
        minimum=0.0,
        maximum=179.0,
        read_only=True,
    )
    motion: str = parameter(
        STILL,
        f"How a still image moves, in a period of {PERIOD_S} s; see core/frame_sources/camera_stream.py.",
        choices=(STILL, *MOTIONS),
        read_only=True,
    )
    width: int = parameter(
        0,
        "Width of the published images in pixels; 0 for what the height and the source's proportions give.",
        minimum=0,
        maximum=MAX_SIDE_PX,
        read_only=True,
    )
    height: int = parameter(
        0,
        "Height of the published images in pixels; 0 for what the width and the source's proportions"
        " give. Where both are given the image gets black borders rather than other proportions.",
        minimum=0,
        maximum=MAX_SIDE_PX,
        read_only=True,
    )
    wait_for_subscribers: int = parameter(
        0,
        "How many subscribers of the images to wait for before the source starts.",
        minimum=0,
        maximum=1000,
        read_only=True,
    )
