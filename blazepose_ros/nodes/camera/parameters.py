"""The parameters of `blazepose_camera`."""

from __future__ import annotations

from blazepose_ros.core.frame_sources.camera_stream import MOTIONS, PERIOD_S
from blazepose_ros.core.frame_sources.files import STILL_RATE
from blazepose_ros.nodes.common.parameters import ParameterSpec

STILL = "none"

CAMERA_PARAMETERS = (
    ParameterSpec(
        "source",
        "",
        "A video file, an image, a folder of images, or the index of a webcam.",
        read_only=True,
    ),
    ParameterSpec(
        "rate",
        0.0,
        f"Frames per second; 0 for the source's own, {STILL_RATE:g} for images.",
        minimum=0.0,
        maximum=1000.0,
        read_only=True,
    ),
    ParameterSpec(
        "loop", True, "Whether the source starts again at its end; else the node ends.", read_only=True
    ),
    ParameterSpec("frame_id", "camera_optical_frame", "The frame in the headers.", read_only=True),
    ParameterSpec(
        "camera_info_url",
        "",
        "A calibration in camera_info_manager's YAML: a path, file:///PATH or package://PACKAGE/PATH.",
        read_only=True,
    ),
    ParameterSpec(
        "assumed_hfov_deg",
        0.0,
        "Horizontal field of view in degrees to publish a calibration of where there is none; 0"
        " publishes camera_info as uncalibrated.",
        minimum=0.0,
        maximum=179.0,
        read_only=True,
    ),
    ParameterSpec(
        "motion",
        STILL,
        f"How a still image moves, in a period of {PERIOD_S} s; see core/frame_sources/camera_stream.py.",
        choices=(STILL, *MOTIONS),
        read_only=True,
    ),
    ParameterSpec(
        "width",
        0,
        "Width of the published images in pixels; 0 for what the height and the source's proportions give.",
        minimum=0,
        maximum=16384,
        read_only=True,
    ),
    ParameterSpec(
        "height",
        0,
        "Height of the published images in pixels; 0 for what the width and the source's proportions"
        " give. Where both are given the image gets black borders rather than other proportions.",
        minimum=0,
        maximum=16384,
        read_only=True,
    ),
    ParameterSpec(
        "wait_for_subscribers",
        0,
        "How many subscribers of the images to wait for before the source starts.",
        minimum=0,
        maximum=1000,
        read_only=True,
    ),
)
