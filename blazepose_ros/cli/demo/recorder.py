# SPDX-License-Identifier: Apache-2.0
"""The demo's own node and its pictures: a video of everything, and two of the best frame."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

import cv2
import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from blazepose_ros.cli.demo.report import PlacedAnswer, Tally
from blazepose_ros.cli.signals import held_back
from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.images import to_rgb
from blazepose_ros.conversions.pose33 import from_pose33
from blazepose_ros.core.timestamps import NS_PER_MS
from blazepose_ros.core.types import Pose
from blazepose_ros.core.visualization.video_writer import VIDEO_SUFFIX, RecordingError, VideoWriter
from blazepose_ros.msg import Pose33Array
from blazepose_ros.nodes.common.main import init_rclpy
from blazepose_ros.nodes.pose.latest_worker import LatestItemWorker

CAMERA_INFO, IMAGE = "camera_info", "image_raw"
POSES, ANNOTATED = "blazepose/poses", "blazepose/annotated_image"

_QOS = QoSProfile(depth=100)
# Where time is short, images are left out and the counts stay right.
_IMAGE_QOS = QoSProfile(depth=1)
# The longest wait for a message: the table and Ctrl-C wait as long.
_MOMENT_S = 0.05
# How many images wait for their answer; at 60 Hz these are half a second.
_MEMORY = 30

Item = TypeVar("Item")


@contextmanager
def listening(tally: Tally, recorder: Recorder) -> Iterator[DemoListener]:
    """Return a listener that receives messages for the length of a block."""
    with held_back():
        init_rclpy()
        listener = DemoListener(tally, recorder)
    try:
        yield listener
    finally:
        listener.destroy_node()
        rclpy.try_shutdown()


class DemoListener(Node):
    """Counts what comes and hands it to the recorder.

    It subscribes to the images only once the node is there: a camera that waits for two
    subscribers, this one and the node, then starts when the whole chain stands.

    Args:
        tally: counts images and poses.
        recorder: records them.

    Attributes:
        camera_seen: whether the camera's topics have appeared.
        node_seen: whether the node's topics have appeared.
    """

    def __init__(self, tally: Tally, recorder: Recorder) -> None:
        super().__init__("blazepose_demo")
        self.camera_seen = False
        self.node_seen = False
        self._tally = tally
        self._recorder = recorder
        self._images: _RecentItems[Image] = _RecentItems()
        self._poses: _RecentItems[Pose] = _RecentItems()
        self.create_subscription(CameraInfo, CAMERA_INFO, self._on_camera_info, _QOS)
        self.create_subscription(Pose33Array, POSES, self._on_poses, _QOS)
        self.create_subscription(Image, ANNOTATED, self._on_annotated, _IMAGE_QOS)
        self._own_executor = SingleThreadedExecutor()
        self._own_executor.add_node(self)

    def listen(self) -> None:
        """Receive the next message, if one comes within a moment.

        Raises:
            KeyboardInterrupt: Ctrl-C came meanwhile.
            SystemExit: SIGTERM came meanwhile.
        """
        with held_back():
            self._own_executor.spin_once(timeout_sec=_MOMENT_S)
            self._look_around()

    def _look_around(self) -> None:
        """Notice whether camera and node have appeared."""
        if not self.camera_seen:
            self.camera_seen = self.count_publishers(CAMERA_INFO) > 0
        if not self.node_seen and self.count_publishers(POSES):
            self.node_seen = True
            self.create_subscription(Image, IMAGE, self._on_image, _IMAGE_QOS)

    def _on_camera_info(self, msg: CameraInfo) -> None:
        self._tally.image(stamp_ns(msg.header), time.monotonic())

    def _on_image(self, msg: Image) -> None:
        self._images.put(stamp_ns(msg.header), msg)

    def _on_poses(self, msg: Pose33Array) -> None:
        captured_ns = stamp_ns(msg.header)
        latency_ms = (self.get_clock().now().nanoseconds - captured_ns) / NS_PER_MS
        pose = from_pose33(msg.poses[0]) if msg.poses else None
        self._tally.answer(captured_ns, time.monotonic(), latency_ms, pose)
        if pose is not None:
            self._poses.put(captured_ns, pose)

    def _on_annotated(self, msg: Image) -> None:
        captured_ns = stamp_ns(msg.header)
        annotated = to_rgb(msg)
        self._recorder.film(annotated, captured_ns)
        pose, image = self._poses.take(captured_ns), self._images.take(captured_ns)
        if pose is not None and image is not None:
            self._recorder.offer(DemoFrame(pose, to_rgb(image), annotated))


class _RecentItems(Generic[Item]):
    """The newest items by their stamp."""

    def __init__(self) -> None:
        self._items: OrderedDict[int, Item] = OrderedDict()

    def put(self, captured_ns: int, item: Item) -> None:
        self._items[captured_ns] = item
        if len(self._items) > _MEMORY:
            self._items.popitem(last=False)

    def take(self, captured_ns: int) -> Item | None:
        return self._items.pop(captured_ns, None)


ANNOTATED_VIDEO = "annotated" + VIDEO_SUFFIX
ANNOTATED_PICTURE = "annotated.png"
SKELETON_PICTURE = "skeleton.png"
DISTANCE_PICTURE = "distance.png"
PICTURES = (ANNOTATED_PICTURE, ANNOTATED_VIDEO, SKELETON_PICTURE, DISTANCE_PICTURE)

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
        anonymized: whether people are hidden in the annotated images, so that no others are written.
    """

    def __init__(self, folder: Path, rate: float, *, anonymized: bool = False) -> None:
        self._anonymized = anonymized
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

    def save_pictures(self, placed: Sequence[PlacedAnswer] = ()) -> None:
        """Write the pictures of the best frame, if there is one, and of the distances.

        Args:
            placed: distances of which the true ones are known, if any.

        Raises:
            RecordingError: they cannot be written.
        """
        if self._best is None:
            return
        from blazepose_ros.core.visualization.person_plots import save_distance_plot, save_skeleton_plot

        annotated = cv2.cvtColor(self._best.annotated, cv2.COLOR_RGB2BGR)
        if not cv2.imwrite(str(self._folder / ANNOTATED_PICTURE), annotated):
            raise RecordingError(f"{self._folder / ANNOTATED_PICTURE} cannot be written")
        try:
            rgb = self._best.annotated if self._anonymized else self._best.rgb
            save_skeleton_plot(self._folder / SKELETON_PICTURE, rgb, self._best.pose)
            if placed:
                save_distance_plot(self._folder / DISTANCE_PICTURE, *np.transpose(placed))
        except OSError as err:
            raise RecordingError(f"a picture cannot be written: {err}") from err

    def written(self) -> list[Path]:
        """Return the pictures there are."""
        return [path for name in PICTURES if (path := self._folder / name).exists()]
