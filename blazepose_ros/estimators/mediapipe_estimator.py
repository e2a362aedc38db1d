"""The reference estimator: MediaPipe Tasks' PoseLandmarker in VIDEO mode."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np

from blazepose_ros.estimator import EstimatorError, EstimatorOptions
from blazepose_ros.pose import Frame, Pose

NS_PER_MS = 1_000_000

# MediaPipe reports usage figures to Google and has no option against it. It asks for the
# proxy of the environment: one that nobody listens on (port 9, discard) keeps it silent.
NO_PROXY_THERE = "http://127.0.0.1:9"

# With telemetry, closing waits for a report that may never get through.
CLOSE_TIMEOUT_S = 1.0


class MediaPipeEstimator:
    """Finds people with MediaPipe, which tracks and smooths from frame to frame.

    Args:
        options: the model and the thresholds.
        allow_telemetry: let MediaPipe report usage figures (no images) to Google. Without it
            this process uses no HTTPS proxy from now on.

    Raises:
        EstimatorError: MediaPipe does not load or does not take the model.
    """

    def __init__(self, options: EstimatorOptions, *, allow_telemetry: bool = False) -> None:
        if not allow_telemetry:
            os.environ["https_proxy"] = NO_PROXY_THERE
        try:
            import mediapipe
        except (ImportError, OSError) as err:
            raise EstimatorError(
                f"MediaPipe does not load: {err} (pip install mediapipe;"
                " Debian and Ubuntu: apt install libegl1 libgles2 libgl1)"
            ) from err
        self._mediapipe = mediapipe
        self._options = options
        self._clock = MonotonicMilliseconds()
        self._landmarker = self._create_landmarker()

    def estimate(self, frame: Frame) -> list[Pose]:
        """Return the people in a frame; going back in time forgets what was tracked."""
        if self._landmarker is None:
            raise EstimatorError("the estimator is closed")
        if self._clock.goes_back(frame.stamp_ns):
            self.reset()
        timestamp_ms = self._clock.advance(frame.stamp_ns)
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=frame.rgb)
        try:
            result = self._landmarker.detect_for_video(image, timestamp_ms)
        except (RuntimeError, ValueError) as err:
            self.reset()  # after an error the graph answers no more
            raise EstimatorError(f"MediaPipe failed on this image: {err}") from err
        masks = result.segmentation_masks or [None] * len(result.pose_landmarks)
        return [
            _to_pose(screen, world, mask, frame)
            for screen, world, mask in zip(
                result.pose_landmarks, result.pose_world_landmarks, masks, strict=True
            )
        ]

    def reset(self) -> None:
        """Forget everybody: MediaPipe can only do so with a new landmarker."""
        self.close()
        self._clock = MonotonicMilliseconds()
        self._landmarker = self._create_landmarker()

    def close(self) -> None:
        """Free the landmarker, waiting a second at most."""
        landmarker, self._landmarker = self._landmarker, None
        if landmarker is None:
            return
        closing = threading.Thread(target=landmarker.close, daemon=True)
        closing.start()
        closing.join(CLOSE_TIMEOUT_S)

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


class MonotonicMilliseconds:
    """Turns stamps in nanoseconds into milliseconds that rise with every frame.

    MediaPipe wants integer milliseconds, each larger than the one before, and counts in
    microseconds inside: they start at 0 with the first frame so that no stamp overflows.
    """

    def __init__(self) -> None:
        self._first_ns: int | None = None
        self._last_ns = 0
        self._last_ms = -1

    def goes_back(self, stamp_ns: int) -> bool:
        """Tell whether a stamp is older than the newest one."""
        return self._first_ns is not None and stamp_ns < self._last_ns

    def advance(self, stamp_ns: int) -> int:
        """Return the milliseconds of a stamp that does not go back."""
        if self._first_ns is None:
            self._first_ns = stamp_ns
        self._last_ns = stamp_ns
        self._last_ms = max((stamp_ns - self._first_ns) // NS_PER_MS, self._last_ms + 1)
        return self._last_ms


def _to_pose(screen: Any, world: Any, mask: Any, frame: Frame) -> Pose:
    """Return MediaPipe's normalised landmarks as a Pose in pixels of the frame."""
    normalised = np.array([(p.x, p.y, p.z) for p in screen], np.float32)
    # x and z are fractions of the width, y of the height.
    scale = np.array([frame.width, frame.height, frame.width], np.float32)
    return Pose(
        screen=normalised * scale,
        visibility=np.array([p.visibility for p in screen], np.float32),
        presence=np.array([p.presence for p in screen], np.float32),
        world=np.array([(p.x, p.y, p.z) for p in world], np.float32),
        mask=None if mask is None else mask.numpy_view().reshape(frame.height, frame.width).copy(),
    )
