"""What is newest on one camera's topics."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros import cdr, images
from blazepose_ros.image_messages import stamp_ns
from blazepose_ros.messages import from_pose33
from blazepose_ros.msg import Pose33Array, Timing
from blazepose_ros.nanoseconds import NS_PER_MS
from blazepose_ros.pose import Pose
from blazepose_ros.view.recent import Recent
from blazepose_ros.view.stage import describe
from blazepose_ros.view.status import OF_TODAY_MS, STAGES, Reading

# Larger pictures are scaled down for the browser.
MAX_WIDTH_PX = 960


@dataclass(eq=False)
class Feed:
    """Takes a camera's messages; clocks are the caller's.

    Attributes:
        visibility_threshold: landmarks below it count as hidden.
        people: those in the newest image, or None as long as no message has come.
        count: rises with every message, so that a page knows whether there is something new.
    """

    visibility_threshold: float
    people: list[Pose] | None = None
    count: int = 0
    _picture: bytes | None = None
    _latency: Recent = field(default_factory=Recent)
    _pictures: Recent = field(default_factory=Recent)
    _stages: defaultdict[str, Recent] = field(default_factory=lambda: defaultdict(Recent))

    def take_poses(self, msg: Pose33Array, now_s: float, clock_ns: int) -> None:
        """Take the answer to an image, which has just come."""
        self.people = [from_pose33(pose) for pose in msg.poses]
        self._latency.add(now_s, (clock_ns - stamp_ns(msg.header)) / NS_PER_MS)
        self.count += 1

    def take_picture(self, serialized: bytes, now_s: float) -> None:
        """Take an annotated image as it comes over the wire; it is read only when it is shown."""
        self._picture = serialized
        self._pictures.add(now_s, 0.0)
        self.count += 1

    def take_timing(self, msg: Timing, now_s: float) -> None:
        """Take how long the node's stages took."""
        for stage in STAGES:
            self._stages[stage].add(now_s, getattr(msg, f"{stage}_ms"))

    def picture(self) -> NDArray[np.uint8] | None:
        """Return the newest annotated image, (height, width, 3) RGB; None where there is none.

        Raises:
            CdrError: the message is not one.
            ImageError: its pixels cannot be read.
        """
        if self._picture is None:
            return None
        rgb = images.to_rgb(cdr.read_image(self._picture))
        height, width = rgb.shape[:2]
        if width <= MAX_WIDTH_PX:
            return rgb
        size = MAX_WIDTH_PX, max(1, round(height * MAX_WIDTH_PX / width))
        return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)

    def reading(self, now_s: float) -> Reading:
        """Return the rates and delays of the last seconds."""
        latency_ms = self._latency.median(now_s)
        return Reading(
            poses_hz=self._latency.rate_hz(now_s),
            images_hz=self._pictures.rate_hz(now_s),
            latency_ms=latency_ms if abs(latency_ms) < OF_TODAY_MS else np.nan,
            stages_ms={stage: taken.median(now_s) for stage, taken in self._stages.items()},
            people=[describe(person, self.visibility_threshold) for person in self.people or ()],
        )
