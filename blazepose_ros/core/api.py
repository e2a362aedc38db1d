# SPDX-License-Identifier: Apache-2.0
"""For Python programs without ROS: images in, people with their places out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import cv2

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.factory import AUTO, BACKENDS, ChosenEstimator, choose_estimator
from blazepose_ros.core.frame_sources.files import open_source
from blazepose_ros.core.frame_sources.frame_source import Captured, FrameSource
from blazepose_ros.core.models.registry import bundle_named, resolve
from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.placement.depth_range import DepthImage
from blazepose_ros.core.placement.floor_range import Floor
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Frame, ModelComplexity, Pose

ASSUMED_HFOV_DEG = NodeSettings.assumed_hfov_deg


class PoseEstimator:
    """Finds the people in the images of one camera, follows them and places them.

    It is a context manager; used from one thread at a time.

    Args:
        chosen: what finds them in single images.
        options: how they are followed and placed.
        camera: the calibrated camera; None for one of `ASSUMED_HFOV_DEG` without distortion.

    Attributes:
        backend: the name of what runs the model.
    """

    def __init__(
        self, chosen: ChosenEstimator, options: PipelineOptions, camera: CameraModel | None = None
    ) -> None:
        self.backend = chosen.backend
        self._estimator = chosen.estimator
        self._pipeline = PersonPipeline(options)
        self._camera = camera

    def estimate(
        self, frame: Frame, depth: DepthImage | None = None, floor: Floor | None = None
    ) -> list[Pose]:
        """Return the people in an image, the primary one first, each with `person_id` and `hip_center`.

        Images follow each other in time. A stamp that goes back, or jumps by more than two seconds,
        starts the tracking anew.

        Args:
            frame: the image; a camera of another size is scaled to it.
            depth: the depth image that was taken with it, which gives the distance.
            floor: where the floor is under the camera, which has to be calibrated: people's feet on it
                give the distance, too.

        Raises:
            EstimatorError: this image failed, the next may succeed.
        """
        poses = self._estimator.estimate(frame)
        return self._pipeline.update(frame, poses, FrameContext(self._camera_for(frame), depth, floor))

    def reset(self) -> None:
        """Start anew with the next image, as for photographs that have nothing to do with each other."""
        self._estimator.reset()
        self._pipeline.reset()

    def close(self) -> None:
        """Free the model; may be called twice."""
        self._estimator.close()

    def __enter__(self) -> PoseEstimator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _camera_for(self, frame: Frame) -> CameraModel:
        if self._camera is None:
            return CameraModel.from_hfov(frame.width, frame.height, ASSUMED_HFOV_DEG)
        return self._camera.scaled_to(frame.width, frame.height)


def create_estimator(
    model: ModelComplexity | str = ModelComplexity.FULL,
    backend: str = AUTO,
    *,
    num_poses: int = 1,
    camera: CameraModel | None = None,
    options: PipelineOptions | None = None,
    enable_segmentation: bool = False,
) -> PoseEstimator:
    """Return an estimator that is ready for the first image.

    Args:
        model: lite, full or heavy; `blazepose models fetch` downloads it.
        backend: openvino, litert or mediapipe; auto for the fastest that is installed.
        num_poses: the most people to look for.
        camera: the calibrated camera; without it, distances rest on an assumed field of view.
        options: how people are followed, smoothed and placed; `options.model` is set to the model.
        enable_segmentation: fill `Pose.mask`.

    Raises:
        ValueError: there is no such model or backend, or `num_poses` is below 1.
        ModelError: the model is missing or damaged.
        EstimatorError: the backend does not load.
    """
    complexity = _complexity(model)
    if backend not in BACKENDS:
        raise ValueError(f"the backend is {backend!r}, not one of {', '.join(BACKENDS)}")
    options = replace(options or PipelineOptions(), model=complexity)
    estimation = EstimatorOptions(
        model=resolve(complexity).content,
        model_complexity=complexity,
        num_poses=num_poses,
        max_lost_s=options.tracking.max_lost_s,
        enable_segmentation=enable_segmentation,
    )
    return PoseEstimator(choose_estimator(backend, estimation), options, camera)


def read_frames(source: str | Path) -> Iterator[Frame]:
    """Yield the images of a video, an image file, a folder of images, or a webcam (its index).

    Videos are stamped from 0 with each frame's own time, the images of a folder at 10 Hz, those of
    webcams with the time of capture.

    Raises:
        SourceError: the source is missing or of no known kind.
        FrameError: an image cannot be decoded.
    """
    with closing(open_source(str(source))) as images:
        for number, captured in enumerate(iter(images.read, None)):
            yield Frame(cv2.cvtColor(captured.bgr, cv2.COLOR_BGR2RGB), _stamp_ns(images, captured, number))


def _stamp_ns(images: FrameSource, captured: Captured, number: int) -> int:
    if images.live:
        return time.time_ns() - captured.age_ns
    return round(number * NS_PER_S / images.rate) if captured.time_ns is None else captured.time_ns


def _complexity(model: ModelComplexity | str) -> ModelComplexity:
    return bundle_named(model).complexity if isinstance(model, str) else ModelComplexity(model)
