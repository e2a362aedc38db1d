# SPDX-License-Identifier: Apache-2.0
"""The reference estimator: MediaPipe Tasks' PoseLandmarker in VIDEO mode.

It searches the whole image by itself: a mask tells it where to look for one lost person.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core import hints
from blazepose_ros.core.estimation.estimator import EstimatorError, EstimatorOptions
from blazepose_ros.core.estimation.track_confirmation import ESTABLISHED_S
from blazepose_ros.core.timestamps import NS_PER_S, MonotonicTime, is_time_jump
from blazepose_ros.core.tracking.appearance import box_px, distance, size_px
from blazepose_ros.core.types import Frame, Pose

# A lost person is looked for as far around where they were seen, in parts of their height, and
# further as time goes by: 1.7 m, and 1.5 m/s.
_MARGIN = 0.05
_MARGIN_PER_S = 0.9
# A person found there is the lost one if they are nearer than this, in bodies.
_REACH_BODIES = 0.5


class SearchMask:
    """Shows an estimator only the surroundings of a lost person, whose place no one else takes then.

    Args:
        max_lost_s: after this time the whole image is shown again.
    """

    def __init__(self, max_lost_s: float) -> None:
        self._max_lost_ns = max_lost_s * NS_PER_S
        self.reset()

    def reset(self) -> None:
        """Forget the person."""
        self._pose: Pose | None = None
        self._since_ns = self._seen_ns = 0
        self._lost = False
        self._shape: tuple[int, ...] = ()

    def look(self, frame: Frame) -> NDArray[np.uint8]:
        """Return the pixels to search, (height, width, 3): black but for where the lost person may be."""
        waited_ns = frame.stamp_ns - self._seen_ns
        if frame.rgb.shape != self._shape or (self._lost and waited_ns > self._max_lost_ns):
            self.reset()
        self._shape = frame.rgb.shape
        if self._pose is None or not self._lost:
            return frame.rgb
        rows, columns = _around(self._pose, frame, _MARGIN + _MARGIN_PER_S * waited_ns / NS_PER_S)
        pixels = np.zeros_like(frame.rgb)
        pixels[rows, columns] = frame.rgb[rows, columns]
        return pixels

    def accept(self, poses: Sequence[Pose], frame: Frame) -> bool:
        """Return whether the pose found is not that of another person in a lost one's place."""
        known = self._pose
        if not poses:
            self._lost = known is not None
            if self._seen_ns - self._since_ns < ESTABLISHED_S * NS_PER_S:
                self.reset()
            return True
        (pose,) = poses
        if (
            self._lost
            and known is not None
            and distance(pose.screen, known.screen, size_px(known)) > _REACH_BODIES
        ):
            return False
        if known is None:
            self._since_ns = frame.stamp_ns
        self._pose, self._seen_ns, self._lost = pose, frame.stamp_ns, False
        return True


def _around(pose: Pose, frame: Frame, margin: float) -> tuple[slice, slice]:
    left, top, right, bottom = box_px(pose, frame.width, frame.height)
    margin_px = margin * max(right - left, bottom - top)
    rows = slice(max(int(top - margin_px), 0), int(bottom + margin_px) + 1)
    return rows, slice(max(int(left - margin_px), 0), int(right + margin_px) + 1)


# MediaPipe smooths one person and no more, by the time between frames (One-Euro, 0.05 Hz). Frames
# that are said to be this far apart are not smoothed, by 0.3 % at most: the smoothing of all
# estimators is elsewhere. It counts in 64-bit nanoseconds, which so many frames do not exceed
# (three days and a half at 30 a second).
STEP_MS = 1_000_000
MAX_FRAMES = 9_000_000

# What it makes of the visibility of one person does not depend on time: the new one's share.
VISIBILITY_SHARE = 0.1

# MediaPipe reports usage figures to Google and has no option against it. It asks for the
# proxy of the environment: one without a listener (port 9, discard) keeps it silent.
NO_PROXY_THERE = "http://127.0.0.1:9"

# With telemetry, closing waits for a report that may never get through.
CLOSE_TIMEOUT_S = 1.0


class MediaPipeEstimator:
    """Finds people with MediaPipe, which tracks from frame to frame; its smoothing is undone.

    Args:
        options: the model and the thresholds.
        allow_telemetry: let MediaPipe report usage figures (no images) to Google. Without it
            this process uses no HTTPS proxy from now on.

    Raises:
        EstimatorError: MediaPipe does not load or does not take the model.
    """

    def __init__(self, options: EstimatorOptions, *, allow_telemetry: bool = False) -> None:
        if options.external_detections:
            raise EstimatorError(
                "MediaPipe finds people by itself: for external_detections choose backend openvino or litert"
            )
        if not allow_telemetry:
            os.environ["https_proxy"] = NO_PROXY_THERE
        try:
            import mediapipe
        except (ImportError, OSError) as err:
            raise EstimatorError(
                f"MediaPipe does not load: {err} ({hints.install('mediapipe')};"
                " Debian and Ubuntu: apt install libegl1 libgles2 libgl1)"
            ) from err
        self._mediapipe = mediapipe
        self._options = options
        self._search_mask = SearchMask(options.max_lost_s) if options.num_poses == 1 else None
        self._time = MonotonicTime()
        self._stamp_ns: int | None = None
        self._start()

    def _start(self) -> None:
        self._frames = 0
        self._visibility: NDArray[np.float32] | None = None
        self._landmarker = self._create_landmarker()

    def estimate(self, frame: Frame) -> list[Pose]:
        """Return the people in a frame; a jump in time ends all tracks."""
        if self._landmarker is None:
            raise EstimatorError("the estimator is closed")
        frame = replace(frame, stamp_ns=self._time.at(frame.stamp_ns))
        if self._starts_anew(frame):
            self.reset()
        self._stamp_ns, self._frames = frame.stamp_ns, self._frames + 1
        pixels = self._search_mask.look(frame) if self._search_mask else frame.rgb
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=pixels)
        try:
            result = self._landmarker.detect_for_video(image, self._frames * STEP_MS)
        except (RuntimeError, ValueError) as err:
            self.reset()  # after an error the graph answers no more
            raise EstimatorError(f"MediaPipe failed on this image: {err}") from err
        masks = result.segmentation_masks or [None] * len(result.pose_landmarks)
        poses = [
            _to_pose(screen, world, mask, frame)
            for screen, world, mask in zip(
                result.pose_landmarks, result.pose_world_landmarks, masks, strict=True
            )
        ]
        return self._without_strangers(self._without_smoothing(poses), frame)

    def reset(self) -> None:
        """End all tracks: MediaPipe can only do so with a new landmarker."""
        self._stamp_ns = None
        if self._search_mask is not None:
            self._search_mask.reset()
        self._restart()

    def _restart(self) -> None:
        self.close()
        self._start()

    def close(self) -> None:
        """Free the landmarker, waiting a second at most."""
        landmarker, self._landmarker = self._landmarker, None
        if landmarker is None:
            return
        closing = threading.Thread(target=landmarker.close, daemon=True)
        closing.start()
        closing.join(CLOSE_TIMEOUT_S)

    def _without_strangers(self, poses: list[Pose], frame: Frame) -> list[Pose]:
        """Return the poses, or none where another person has taken a lost one's place."""
        if self._search_mask is None or self._search_mask.accept(poses, frame):
            return poses
        self._restart()  # it would follow the stranger
        return []

    def _starts_anew(self, frame: Frame) -> bool:
        return is_time_jump(self._stamp_ns, frame.stamp_ns) or self._frames >= MAX_FRAMES

    def _without_smoothing(self, poses: list[Pose]) -> list[Pose]:
        """Return the poses with the visibility that the model gave.

        ``low_pass_filter.cc`` makes it new * share + old * (1 - share), for one person only.
        """
        if self._options.num_poses > 1:
            return poses
        old, self._visibility = self._visibility, poses[0].visibility if poses else None
        if not poses or old is None:
            return poses
        visibility = (poses[0].visibility - (1 - VISIBILITY_SHARE) * old) / VISIBILITY_SHARE
        return [replace(poses[0], visibility=np.clip(visibility, 0, 1))]

    def _create_landmarker(self) -> Any:
        tasks = self._mediapipe.tasks
        options = self._options
        try:
            return tasks.vision.PoseLandmarker.create_from_options(
                tasks.vision.PoseLandmarkerOptions(
                    base_options=tasks.BaseOptions(model_asset_buffer=options.model),
                    running_mode=tasks.vision.RunningMode.VIDEO,
                    num_poses=options.num_poses,
                    min_pose_detection_confidence=options.min_detection_confidence,
                    min_pose_presence_confidence=options.min_presence_confidence,
                    min_tracking_confidence=options.min_tracking_confidence,
                    output_segmentation_masks=options.enable_segmentation,
                )
            )
        except (RuntimeError, ValueError, OSError) as err:
            raise EstimatorError(f"MediaPipe does not take the model: {err}") from err


def _to_pose(screen: Any, world: Any, mask: Any, frame: Frame) -> Pose:
    """Return MediaPipe's normalized landmarks as a Pose in pixels of the frame."""
    normalized = np.array([(p.x, p.y, p.z) for p in screen], np.float32)
    # x and z are fractions of the width, y of the height.
    scale = np.array([frame.width, frame.height, frame.width], np.float32)
    return Pose(
        screen=normalized * scale,
        visibility=np.array([p.visibility for p in screen], np.float32),
        presence=np.array([p.presence for p in screen], np.float32),
        world=np.array([(p.x, p.y, p.z) for p in world], np.float32),
        mask=None if mask is None else mask.numpy_view().reshape(frame.height, frame.width).copy(),
    )
