"""Cameras in the ROS graph, and whether those who want their images get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blazepose_ros.doctor.finding import Finding, ok, warn

# The node's own outputs are no cameras.
NOT_CAMERAS = ("annotated_image", "segmentation_mask")


@dataclass(frozen=True)
class ImageTopic:
    """A topic of images as the graph shows it.

    Attributes:
        name: of the topic.
        is_compressed: whether its images are CompressedImage.
        reliable: for each publisher, whether it offers to send again what was lost.
        demanding: the nodes that subscribe and insist on that.
        is_calibrated: whether somebody publishes the camera_info beside it.
    """

    name: str
    is_compressed: bool
    reliable: Sequence[bool]
    demanding: Sequence[str]
    is_calibrated: bool

    @property
    def offer(self) -> str:
        """What its publishers offer, for people."""
        words = {True: "reliable", False: "best effort"}
        return " and ".join(words[value] for value in sorted(set(self.reliable)))


def check_cameras(topics: Sequence[ImageTopic]) -> list[Finding]:
    """Check every camera: who publishes, who is not served, and whether it is calibrated."""
    cameras = [topic for topic in topics if topic.reliable and not topic.name.endswith(NOT_CAMERAS)]
    if not cameras:
        return [
            warn(
                "cameras",
                "nobody publishes images in this ROS domain",
                "start a camera, with the same ROS_DOMAIN_ID; without one: blazepose_camera",
            )
        ]
    return [check_camera(camera) for camera in cameras]


def check_camera(camera: ImageTopic) -> Finding:
    """Check one camera."""
    name = f"camera {camera.name}"
    if len(camera.reliable) > 1:
        return warn(
            name, f"{len(camera.reliable)} nodes publish here: their images mix", "remap all but one of them"
        )
    if camera.demanding and not all(camera.reliable):
        return warn(
            name,
            f"{', '.join(camera.demanding)} hears nothing: it asks for reliable images, the camera sends best"
            " effort",
            "set image_reliability to auto or best_effort",
        )
    if not camera.is_calibrated:
        return warn(
            name,
            f"{camera.offer}, no camera_info beside it: distances rest on an assumed field of view",
            "calibrate it, or set assumed_hfov_deg",
        )
    return ok(name, f"{camera.offer}, with camera_info{_transport(camera)}")


def _transport(camera: ImageTopic) -> str:
    return "; take it with image_transport: compressed" if camera.is_compressed else ""
