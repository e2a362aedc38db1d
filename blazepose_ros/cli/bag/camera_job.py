"""One camera's work, from its images to a part, in pieces that survive a crash."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from blazepose_ros.cli.bag import checkpoint as checkpoints
from blazepose_ros.cli.bag.bag_files import BagError
from blazepose_ros.cli.bag.checkpoint import START, Checkpoint
from blazepose_ros.cli.bag.message_spool import SpooledMessage, SpoolWriter
from blazepose_ros.cli.bag.outputs import OUTPUTS, Outputs
from blazepose_ros.cli.bag.plain_data import from_plain, to_plain
from blazepose_ros.cli.bag.recorded_camera import RecordedFrame, Recording
from blazepose_ros.core.estimation.estimator import EstimatorError, Resumable
from blazepose_ros.core.estimation.loading import load_model, pipeline_options
from blazepose_ros.core.person_pipeline import PersonPipeline
from blazepose_ros.core.settings import NodeSettings

# Seconds of work at most are done again after a crash, and seldom enough not to slow it down.
CHECKPOINT_IMAGES = 100
OUTPUT_NUMBERS = {output: number for number, output in enumerate(OUTPUTS)}


@dataclass(frozen=True)
class CameraJob:
    """One camera to work on.

    Attributes:
        recording: gives its images.
        settings: the parameters of the node.
        tf_prefix: goes before the frames of people.
        annotated: whether to draw on the images.
        part: where what is found goes; the checkpoint is beside it.
    """

    recording: Recording
    settings: NodeSettings
    tf_prefix: str
    annotated: bool
    part: Path

    @property
    def checkpoint(self) -> Path:
        """The file with the checkpoint."""
        return self.part.with_suffix(".checkpoint")


def work(job: CameraJob, advance: Callable[[int], object], warn: Callable[[str], object]) -> None:
    """Find the people in a camera's images, from the last checkpoint on.

    Args:
        job: the camera.
        advance: told how many more images are done.
        warn: told where it goes on, and of images that are left out.

    Raises:
        BagError: the recording is damaged.
        EstimatorError: the backend or the model does not load.
        ModelError: the model is missing or damaged.
        OSError: the part cannot be written.
    """
    before = checkpoints.load(job.checkpoint)
    if before.finished:
        advance(before.images)
        return
    finder = _Finder(job)
    with closing(finder.estimator):
        before = finder.go_on_from(before)
        if before.images:
            warn(f"{job.recording.name}: going on after image {before.images}")
        advance(before.images)
        with SpoolWriter(job.part, before.part_bytes) as part:
            images = _go_through(job, finder, part, before.images, advance, warn)
            checkpoints.save(Checkpoint(images, part.sync(), finished=True), job.checkpoint)


def _go_through(
    job: CameraJob,
    finder: _Finder,
    part: SpoolWriter,
    images: int,
    advance: Callable[[int], object],
    warn: Callable[[str], object],
) -> int:
    """Find the people in the images after the first ``images``; return how many there are in all."""
    for shot in job.recording.shots(job.settings, images, warn):
        finder.find(shot, part, warn)
        advance(shot.number - images)
        if shot.number // CHECKPOINT_IMAGES > images // CHECKPOINT_IMAGES:
            finder.save(shot.number, part)
        images = shot.number
    if not images:
        raise BagError(f"{job.recording.name}: none of the images could be read")
    return images


class _Finder:
    """The way of the node from an image to messages."""

    def __init__(self, job: CameraJob) -> None:
        model = load_model(job.settings, logging.getLogger(__name__))
        self.estimator = model.estimator
        self._job = job
        self._pipeline = PersonPipeline(pipeline_options(job.settings))
        self._outputs = Outputs(model.complexity, job.tf_prefix, annotated=job.annotated)

    def go_on_from(self, checkpoint: Checkpoint) -> Checkpoint:
        """Remember what was known there, and return it; the start where that cannot be."""
        if checkpoint.memory is None or not isinstance(self.estimator, Resumable):
            return START
        try:
            estimator, self._pipeline, self._outputs.memory = from_plain(checkpoint.memory)
        except (TypeError, ValueError):
            return START
        self.estimator.restore(estimator)
        return checkpoint

    def find(self, shot: RecordedFrame, part: SpoolWriter, warn: Callable[[str], object]) -> None:
        """Append the messages of an image to a part."""
        try:
            poses = self.estimator.estimate(shot.frame)
        except EstimatorError as err:
            warn(f"image {shot.number} is left out: {err}")
            return
        people = self._pipeline.update(shot.frame, poses, shot.scene)
        messages = self._outputs.messages(shot, people, self._job.settings)
        for output, data in (*messages, *self._job.recording.extras(shot)):
            part.write(SpooledMessage(shot.log_ns, OUTPUT_NUMBERS[output], data))

    def save(self, images: int, part: SpoolWriter) -> None:
        """Write a checkpoint, if the estimator can tell what it knows."""
        if isinstance(self.estimator, Resumable):
            memory = to_plain([self.estimator.state(), self._pipeline, self._outputs.memory])
            checkpoints.save(
                Checkpoint(images, part.sync(), finished=False, memory=memory), self._job.checkpoint
            )
