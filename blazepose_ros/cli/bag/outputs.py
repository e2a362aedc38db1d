# SPDX-License-Identifier: Apache-2.0
"""What is made of a recording: the messages that the node publishes for each image, videos, other files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from blazepose_ros.cli.bag.cameras import HIDDEN_COMPRESSED, HIDDEN_RAW, CameraTopics, distinct
from blazepose_ros.cli.bag.message_types import serialized
from blazepose_ros.cli.bag.recorded_camera import RecordedFrame
from blazepose_ros.cli.bag.recording_files import BagError
from blazepose_ros.cli.bag.tables import CSV, PARQUET, SUFFIXES
from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.conversions.compressed_images import decode
from blazepose_ros.conversions.frames import to_tf_message
from blazepose_ros.conversions.images import compressed_message
from blazepose_ros.conversions.markers import MarkerArrays
from blazepose_ros.conversions.pose33 import serialize_pose33, serialize_pose33_array, to_joint_state
from blazepose_ros.core.frame_sources.files import VIDEO_SUFFIXES
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.timestamps import RepeatedStampFilter
from blazepose_ros.core.types import ModelComplexity, Pose
from blazepose_ros.core.visualization.skeleton_overlay import annotate
from blazepose_ros.core.visualization.video_writer import VIDEO_SUFFIX, VideoWriter
from blazepose_ros.msg import Pose33, Pose33Array

# A video plays at this rate, whatever the camera's.
VIDEO_RATE = 30.0
POSES, POSE, MARKERS, TF = "~/poses", "~/pose", "~/markers", "/tf"
JOINT_STATES = "~/joint_states"
ANNOTATED = "~/annotated_image/compressed"
IMAGES, CAMERA_INFO = "image/compressed", "camera_info"  # of a video
# The outputs, named as a node would name them, and their types.
OUTPUTS: Mapping[str, type] = {
    POSES: Pose33Array,
    POSE: Pose33,
    MARKERS: MarkerArray,
    TF: TFMessage,
    JOINT_STATES: JointState,
    ANNOTATED: CompressedImage,
    IMAGES: CompressedImage,
    CAMERA_INFO: CameraInfo,
    HIDDEN_RAW: Image,
    HIDDEN_COMPRESSED: CompressedImage,
}


class Outputs:
    """Makes the messages of one camera.

    Args:
        complexity: the model that found the people.
        tf_prefix: goes before the frames of people.
        annotated: whether to draw on the images.
    """

    def __init__(self, complexity: ModelComplexity, tf_prefix: str, *, annotated: bool) -> None:
        self._complexity = complexity
        self._tf_prefix = tf_prefix
        self._annotated = annotated
        self._markers = MarkerArrays()
        self._tf_stamps = RepeatedStampFilter()

    def messages(
        self, recorded: RecordedFrame, people: Sequence[Pose], settings: NodeSettings
    ) -> Iterator[tuple[str, bytes]]:
        """Yield output and serialized message for the people in an image."""
        for output, message in self._messages(recorded, people, settings):
            yield output, serialized(message)

    def _messages(
        self, recorded: RecordedFrame, people: Sequence[Pose], settings: NodeSettings
    ) -> Iterator[tuple[str, Any]]:
        header, threshold = recorded.header, settings.visibility_threshold
        what = header, recorded.frame, self._complexity
        yield POSES, serialize_pose33_array(people, *what)
        if people and people[0].primary:
            yield POSE, serialize_pose33(people[0], *what)
        yield MARKERS, self._markers.update(people, header, threshold)
        if people and settings.publish_joint_states:
            yield JOINT_STATES, to_joint_state(people, header, threshold)
        if settings.publish_tf and self._tf_stamps.accepts(recorded.frame.stamp_ns):
            visibility = threshold if settings.publish_landmark_tf else None
            prefix = settings.tf_prefix + self._tf_prefix
            limbs = threshold if settings.publish_limb_tf else None
            message = to_tf_message(
                people, header, prefix=prefix, landmark_visibility=visibility, limb_visibility=limbs
            )
            if message.transforms:
                yield TF, message
        if self._annotated:
            pixels = annotate(recorded.frame.rgb, people, threshold)
            yield ANNOTATED, compressed_message(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), header)


def film(images: Iterable[bytes], path: Path) -> None:
    """Make a video of serialized CompressedImages, of one size.

    Raises:
        RecordingError: they cannot be written as a video.
    """
    with ExitStack() as closing:
        video: VideoWriter | None = None
        for data in images:
            message = deserialize_message(data, CompressedImage)
            rgb = decode(message)
            if video is None:
                video = VideoWriter(path, (rgb.shape[1], rgb.shape[0]), VIDEO_RATE)
                closing.callback(video.close)
            video.add(rgb, stamp_ns(message.header))


SINGLE_FILES = {".mcap": "mcap", ".db3": "sqlite3"}
MOTION = "_motion"  # the folder of the people's motions
_NO_RECORDINGS = {CSV, PARQUET, ".bag", ".json", ".txt", *VIDEO_SUFFIXES}


@dataclass(frozen=True)
class OutputOptions:
    """What is made of a recording.

    Attributes:
        storage: mcap or sqlite3.
        compressed: whether an MCAP is compressed.
        annotated: whether images with skeletons on them go into it.
        csv: whether to make a table of the people.
        parquet: whether to make that as a Parquet file.
        video: whether to make a video of each camera.
        motions: the formats of motion to write, of ``MOTION_WRITERS``.
        fuse: the frame that the people of all cameras are fused in; empty for not at all.
    """

    storage: str
    compressed: bool
    annotated: bool
    csv: bool
    parquet: bool
    video: bool
    motions: tuple[str, ...] = ()
    fuse: str = ""

    @property
    def drawn(self) -> bool:
        """Whether skeletons are drawn on the images."""
        return self.annotated or self.video


def check_target(target: Path) -> None:
    """Refuse an output that is named like another kind of file: it would be a folder of that name.

    Raises:
        BagError: it is.
    """
    if target.suffix.lower() in _NO_RECORDINGS:
        raise BagError(
            f"{target} is no recording: OUT is a folder, or ends in {' or '.join(SINGLE_FILES)}. What --csv,"
            " --parquet and --video make gets its name and lies beside it"
        )


def products(
    target: Path, cameras: Sequence[CameraTopics], options: OutputOptions, tables: Mapping[str, Path]
) -> list[Path]:
    """Return what is made beside a recording."""
    wanted = [suffix for suffix, is_wanted in ((CSV, options.csv), (PARQUET, options.parquet)) if is_wanted]
    videos = video_suffixes(cameras) if options.video else []
    motions = [MOTION] if options.motions else []
    return [*(tables[suffix] for suffix in wanted), *(beside(target, each) for each in (*motions, *videos))]


def tables_beside(target: Path) -> dict[str, Path]:
    """Return where the tables of a single recording go."""
    return {suffix: beside(target, suffix) for suffix in SUFFIXES}


def beside(target: Path, suffix: str) -> Path:
    """Return the path of something that is made beside a recording."""
    name = target.stem if target.suffix in SINGLE_FILES else target.name
    return target.with_name(name + suffix)


def video_suffixes(cameras: Sequence[CameraTopics]) -> list[str]:
    """Return how the names of the cameras' videos end."""
    if len(cameras) == 1:
        return [VIDEO_SUFFIX]
    names = (re.sub(r"\W+", "_", camera.images.base.strip("/")) for camera in cameras)
    return [f"_{name}{VIDEO_SUFFIX}" for name in distinct(names)]
