# SPDX-License-Identifier: Apache-2.0
"""The thread that fuses: the cameras' people in, fused people out."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterable
from queue import Empty, Full, Queue

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

# The images of a second of four cameras at 30 Hz: who is so far behind never catches up.
MAX_WAITING = 120
STOP_TIMEOUT_S = 1.0
WINDOW_S = 5.0  # of what diagnostics show
# A camera's frustum is shown as long after its last image.
SHOWN_NS = 2 * NS_PER_S
# Whose frustum is not known is shown with that of many.
USUAL_LENS = CameraModel.from_hfov(640, 480, 60.0)
_STOP = object()


class Fusing:
    """Fuses people in a thread of its own and publishes them.

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
        self._queue: Queue[CameraView | object] = Queue(MAX_WAITING)
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

    def offer(self, view: CameraView) -> None:
        """Take a camera's image, from any thread; where they come too fast the oldest is dropped."""
        while True:
            try:
                self._queue.put_nowait(view)
            except Full:
                self._logger.warning("the cameras' people come faster than they are fused: some are dropped")
                self._drop_one()
            else:
                return

    def change(self, settings: FusionSettings) -> None:
        """Fuse from now on as the new settings say."""
        self._settings = settings

    def stop(self) -> None:
        """End after the image at hand."""
        while True:
            try:
                self._queue.put_nowait(_STOP)
            except Full:
                self._drop_one()
            else:
                break
        self._thread.join(STOP_TIMEOUT_S)

    def _drop_one(self) -> None:
        try:
            self._queue.get_nowait()
        except Empty:
            return

    def _run(self) -> None:
        while (view := self._next()) is not _STOP:
            if self._pipeline.options != self._settings.options:
                self._pipeline.options = self._settings.options
            now_s = time.monotonic()
            if isinstance(view, CameraView):
                self._newest[view.camera] = view
                self._publish(self._pipeline.update(view, now_s))
            else:
                self._publish(self._pipeline.poll(now_s))
            self.offsets = self._pipeline.offsets
            self.strays = tuple(self._pipeline.stray_cameras(now_s))

    def _next(self) -> CameraView | object | None:
        """Return the next image; None where a time has waited long enough without one."""
        wait_s = self._pipeline.wait_s(time.monotonic())
        try:
            return self._queue.get(timeout=None if math.isinf(wait_s) else wait_s)
        except Empty:
            return None

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
