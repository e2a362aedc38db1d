# SPDX-License-Identifier: Apache-2.0
"""The camera drivers that can be launched, and how to make all of them look alike.

Whatever the driver, a camera publishes in its namespace ``image_raw`` and ``camera_info``, and
where it sees depth ``depth/image_raw`` and ``depth/camera_info``, registered to the colour image.
Its frames are named after the namespace.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from blazepose_ros.core.frame_sources.files import photograph, resolve_device

# A camera's optical frame (x right, y down) as a child of its body's frame (x forward, z up):
# roll, pitch and yaw of REP-103.
OPTICAL_RPY = (-math.pi / 2, 0.0, -math.pi / 2)


def no_source() -> str:
    """Let the driver choose."""
    return ""


@dataclass(frozen=True)
class Driver:
    """How one driver's node is started.

    Attributes:
        package: where the node is.
        executable: the node.
        source_parameter: what tells the driver which camera to open.
        frame_parameter: what names the images' frame; empty where the driver publishes frames
            of its own, whose names begin with the parameter ``camera_name``.
        default_source: gives the source where the user names none; empty leaves it to the driver.
        remappings: the driver's topics and what they become.
        parameters: what the driver needs besides.
    """

    package: str
    executable: str
    source_parameter: str
    frame_parameter: str = ""
    default_source: Callable[[], str] = no_source
    remappings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, object] = field(default_factory=dict)

    @property
    def brings_frames(self) -> bool:
        """Whether the driver publishes where the optical frame is on the camera's body."""
        return not self.frame_parameter

    def settings(self, namespace: str, source: str) -> dict[str, object]:
        """Return the parameters of the driver of one camera."""
        name = frame_name(namespace)
        frame = {"camera_name": name} if self.brings_frames else {self.frame_parameter: optical_frame(name)}
        wanted = resolve_device(source) if source else self.default_source()
        return {**self.parameters, **frame, **({self.source_parameter: wanted} if wanted else {})}


DRIVERS = {
    "blazepose": Driver(
        package="blazepose_ros",
        executable="blazepose_camera",
        source_parameter="source",
        frame_parameter="frame_id",
        default_source=lambda: str(photograph()),
    ),
    "usb_cam": Driver(
        package="usb_cam",
        executable="usb_cam_node_exe",
        source_parameter="video_device",
        frame_parameter="frame_id",
    ),
    "v4l2_camera": Driver(
        package="v4l2_camera",
        executable="v4l2_camera_node",
        source_parameter="video_device",
        frame_parameter="camera_frame_id",
    ),
    "realsense2_camera": Driver(
        package="realsense2_camera",
        executable="realsense2_camera_node",
        source_parameter="serial_no",
        remappings={
            "~/color/image_raw": "image_raw",
            "~/color/camera_info": "camera_info",
            "~/aligned_depth_to_color/image_raw": "depth/image_raw",
            "~/aligned_depth_to_color/camera_info": "depth/camera_info",
        },
        parameters={"align_depth.enable": True},
    ),
}


def frame_name(namespace: str) -> str:
    """Return what the frames of the camera in a namespace begin with."""
    return namespace.strip("/").replace("/", "_") or "camera"


def body_frame(name: str) -> str:
    """Return the frame of a camera's body: x forward, z up."""
    return f"{name}_link"


def optical_frame(name: str) -> str:
    """Return the frame of a camera's images: x right, y down, z forward."""
    return f"{name}_optical_frame"
