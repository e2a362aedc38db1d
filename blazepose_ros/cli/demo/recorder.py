# SPDX-License-Identifier: Apache-2.0
"""The demo's pictures: a video of everything, and two of the frame in which a person is most visible."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.types import Pose
from blazepose_ros.core.visualization.video_writer import RecordingError, VideoWriter
from blazepose_ros.nodes.pose.latest_worker import LatestItemWorker

ANNOTATED_VIDEO = "annotated.mp4"
ANNOTATED_PICTURE = "annotated.png"
SKELETON_PICTURE = "skeleton.png"
PICTURES = (ANNOTATED_PICTURE, ANNOTATED_VIDEO, SKELETON_PICTURE)

# More is not worth the time that it takes to write.
MAX_VIDEO_RATE = 30.0


@dataclass(frozen=True)
class DemoFrame:
    """One image with a person in it.

    Attributes:
        pose: the person.
        rgb: (height, width, 3) uint8, the image as the camera gave it, red first.
        annotated: the same image as the node has drawn on it.
    """

    pose: Pose
    rgb: NDArray[np.uint8]
    annotated: NDArray[np.uint8]

    @property
    def clarity(self) -> float:
        """How well the person is seen, 0 to 1: the mean visibility of the landmarks."""
        return float(self.pose.visibility.mean())


class Recorder:
    """Makes the demo's pictures in a folder; the video is finished at the end of its block.

    The video is written by a thread of its own, which leaves images out where it has no
    time for them.

    Args:
        folder: an existing folder. Pictures of an earlier run are deleted.
        rate: images per second.
    """

    def __init__(self, folder: Path, rate: float) -> None:
        self._folder = folder
        self._rate = min(rate, MAX_VIDEO_RATE)
        for name in PICTURES:
            (folder / name).unlink(missing_ok=True)
        self._worker: LatestItemWorker[tuple[NDArray[np.uint8], int]] | None = None
        self._closing = ExitStack()
        self._best: DemoFrame | None = None

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def film(self, annotated: NDArray[np.uint8], stamp_ns: int) -> None:
        """Add an image to the video; see ``VideoWriter``.

        Raises:
            RecordingError: the file cannot be written.
        """
        if self._worker is not None:
            self._worker.offer((annotated, stamp_ns))
            return
        video = VideoWriter(
            self._folder / ANNOTATED_VIDEO, (annotated.shape[1], annotated.shape[0]), self._rate
        )
        self._closing.callback(video.close)
        video.add(annotated, stamp_ns)
        self._worker = LatestItemWorker(lambda shown: video.add(*shown), "video")
        self._closing.callback(self._worker.stop)

    def offer(self, frame: DemoFrame) -> None:
        """Keep a frame if the person in it is more visible than before."""
        if self._best is None or frame.clarity > self._best.clarity:
            self._best = frame

    def save_pictures(self) -> None:
        """Write the pictures of the best frame, if there is one.

        Raises:
            RecordingError: they cannot be written.
        """
        if self._best is None:
            return
        from blazepose_ros.core.visualization.skeleton_plot import save_skeleton_plot

        annotated = cv2.cvtColor(self._best.annotated, cv2.COLOR_RGB2BGR)
        if not cv2.imwrite(str(self._folder / ANNOTATED_PICTURE), annotated):
            raise RecordingError(f"{self._folder / ANNOTATED_PICTURE} cannot be written")
        try:
            save_skeleton_plot(self._folder / SKELETON_PICTURE, self._best.rgb, self._best.pose)
        except OSError as err:
            raise RecordingError(f"{self._folder / SKELETON_PICTURE} cannot be written: {err}") from err

    def written(self) -> list[Path]:
        """Return the pictures there are."""
        return [path for name in PICTURES if (path := self._folder / name).exists()]
