# SPDX-License-Identifier: Apache-2.0
"""The thread that fuses: the cameras' people in, fused people out."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterable

from blazepose_ros.conversions.cdr import header_message
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.errors import Logger
from blazepose_ros.core.fusion.clock_offset import Offset
from blazepose_ros.core.fusion.fusion_pipeline import FusedPeople, FusionPipeline
from blazepose_ros.core.fusion.settings import FusionSettings
from blazepose_ros.core.fusion.sightings import CameraView
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import NO_IMAGE, ModelComplexity, Pose
from blazepose_ros.core.visualization.scene_view import SceneCamera
from blazepose_ros.nodes.common.people_publishers import PeoplePublishers
from blazepose_ros.nodes.fusion.camera_input import ArrivedImage

# The images of a second of four cameras at 30 Hz: who is so far behind never catches up.
MAX_WAITING = 120
STOP_TIMEOUT_S = 1.0
WINDOW_S = 5.0  # of what diagnostics show
# A camera's frustum is shown as long after its last image.
SHOWN_NS = 2 * NS_PER_S
# Whose frustum is not known is shown with that of many.
USUAL_LENS = CameraModel.from_hfov(640, 480, 60.0)


class Fusing:
    """Fuses people in a thread of its own and publishes them.

    Images are collected until an output can be made of them: to wake up for each of them, with all code and
    data gone from the processor's caches, takes longer than what is to be done.

    Args:
        settings: as they are now.
        outputs: where fused people are published.
        logger: told where it takes too long.

    Attributes:
        people: the last ones.
        offsets: how late each camera's stamps are.
        strays: cameras whose stamps are seconds from those of the others.
    """

    def __init__(self, settings: FusionSettings, outputs: PeoplePublishers, logger: Logger) -> None:
        self._settings = settings
        self._outputs = outputs
        self._logger = logger
        self._pipeline = FusionPipeline(settings.options)
        self._changed = threading.Condition()  # guards the next four
        self._waiting: deque[ArrivedImage] = deque()
        self._awaited: dict[str, int] = {}
        self._is_complete = False
        self._is_stopping = False
        self._times_s: deque[float] = deque(maxlen=round(WINDOW_S * 1000))
        self.people: tuple[Pose, ...] = ()
        self.offsets: dict[str, Offset] = {}
        self.strays: tuple[str, ...] = ()
        self._newest: dict[str, CameraView] = {}
        self._thread = threading.Thread(target=self._run, name="fusing", daemon=True)
        self._thread.start()

    @property
    def rate_hz(self) -> float:
        """How many times a second people were published lately."""
        since_s = time.monotonic() - WINDOW_S
        return sum(at_s > since_s for at_s in list(self._times_s)) / WINDOW_S

    def check(self) -> None:
        """Raise RuntimeError where an error has ended the thread."""
        if not self._thread.is_alive():
            raise RuntimeError("people are fused no more")

    def offer(self, image: ArrivedImage) -> None:
        """Take an image, from any thread; where they come too fast the oldest is dropped."""
        with self._changed:
            self._waiting.append(image)
            is_late = len(self._waiting) > MAX_WAITING
            if is_late:
                self._waiting.popleft()
            self._note(image)
            if self._is_complete:
                self._changed.notify()
        if is_late:
            self._logger.warning("the cameras' people come faster than they are fused: some are dropped")

    def change(self, settings: FusionSettings) -> None:
        """Fuse from now on as the new settings say."""
        self._settings = settings

    def stop(self) -> None:
        """End after the images at hand."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join(STOP_TIMEOUT_S)

    def _note(self, image: ArrivedImage) -> None:
        """Note whether an image completes those of the next output."""
        if image.stamp_ns >= self._awaited.get(image.camera, math.inf):
            del self._awaited[image.camera]
        self._is_complete = self._is_complete or not self._awaited

    def _run(self) -> None:
        while (images := self._next()) is not None:
            if self._pipeline.options != self._settings.options:
                self._pipeline.options = self._settings.options
            for image in images:
                if (view := image.read()) is not None:
                    self._newest[view.camera] = view
                    self._publish(self._pipeline.update(view, image.at_s))
            now_s = time.monotonic()
            self._publish(self._pipeline.poll(now_s))
            self.offsets = self._pipeline.offsets
            self.strays = tuple(self._pipeline.stray_cameras(now_s))

    def _next(self) -> list[ArrivedImage] | None:
        """Return the images for the next output, or those that have waited long enough; None at the end."""
        now_s = time.monotonic()
        with self._changed:
            self._awaited, self._is_complete = self._pipeline.awaited(now_s), False
            for image in self._waiting:
                self._note(image)
            while not (self._is_stopping or self._is_complete or (wait_s := self._wait_s()) <= 0.0):
                self._changed.wait(None if math.isinf(wait_s) else wait_s)
            images = list(self._waiting)
            self._waiting.clear()
            return None if self._is_stopping else images

    def _wait_s(self) -> float:
        """Return how long the images that are there, or may come meanwhile, can wait for others."""
        now_s, max_wait_s = time.monotonic(), self._pipeline.options.max_wait_s
        first_s = self._waiting[0].at_s if self._waiting else now_s if self._awaited else math.inf
        return min(self._pipeline.wait_s(now_s), first_s + max_wait_s - now_s)

    def _publish(self, fused: Iterable[FusedPeople]) -> None:
        settings = self._settings
        for each in fused:
            header = header_message(each.stamp_ns, settings.fusion_frame)
            self._outputs.publish_poses(header, each.people, NO_IMAGE, ModelComplexity.FULL)
            self._outputs.publish_frames(header, each.people, settings)
            cameras = self._cameras(each.stamp_ns)
            self._outputs.publish_markers(header, each.people, settings, cameras=cameras)
            self.people = each.people
            self._times_s.append(time.monotonic())

    def _cameras(self, stamp_ns: int) -> list[SceneCamera]:
        """Return the cameras whose images come, where they were in the last ones."""
        return [
            SceneCamera(name, view.lens or USUAL_LENS, view.camera_pose)
            for name, view in sorted(self._newest.items())
            if abs(view.stamp_ns - stamp_ns) < SHOWN_NS
        ]
