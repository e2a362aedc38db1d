# SPDX-License-Identifier: Apache-2.0
"""The accuracy of one pose."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.eval.annotations import LabeledFrame, LabeledImage, LabeledPerson
from blazepose_ros.cli.eval.model_under_test import SearchMode
from blazepose_ros.cli.eval.pdj import Rule, detected_joints, has_torso, nearest_person, torso_px
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.person_pipeline import FrameContext, PersonPipeline, PipelineOptions
from blazepose_ros.core.types import ModelComplexity, Pose

_HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
PERCENT = 100.0
MM_PER_M = 1000.0
MS_PER_S = 1000.0


@dataclass(frozen=True)
class Score:
    """The accuracy of the pose in one image; NaN for what cannot be told.

    Attributes:
        name: of the image.
        groups: which group it belongs to in each column.
        found: whether a person was found.
        pdj: percentage of detected joints; 0 where no person was found, NaN where no labeled
            person has a torso to measure by.
        mpjpe_mm: mean distance of the world landmarks to the true ones, both from the hip center.
        hip_error_mm: how far the hip center is from the true one.
        hip_error_percent: the same as a share of the true distance from the camera.
        latency_ms: how long it took to find the person.
        place: in a sequence of images; None where they have nothing to do with each other.
        screen_px: (33, 2), the landmarks; NaN where no person was found.
        scale_px: the diameter of the found torso.
    """

    name: str
    groups: Mapping[str, str]
    found: bool
    pdj: float
    mpjpe_mm: float
    hip_error_mm: float
    hip_error_percent: float
    latency_ms: float
    place: int | None
    screen_px: NDArray[np.float32]
    scale_px: float


def score_all(
    search: SearchMode,
    images: Iterable[LabeledFrame],
    rule: Rule,
    model: ModelComplexity,
    *,
    tracked: bool,
) -> Iterator[Score]:
    """Yield the score of each image.

    Args:
        search: finds the person.
        images: with their labels.
        rule: which joints count as detected.
        model: what the search runs.
        tracked: whether people are tracked and smoothed from image to image, as the node does.
    """
    pipeline = PersonPipeline(PipelineOptions(model=model))
    for image in images:
        search.get_ready()
        if not tracked:
            pipeline.reset()
        start_s = time.perf_counter()
        try:
            pose = search.find(image)
        except EstimatorError:
            pose = None
        latency_ms = MS_PER_S * (time.perf_counter() - start_s)
        yield _score(image, _placed(pose, image, pipeline), rule, latency_ms)


def image_name(labels: LabeledImage) -> str:
    """Return what to call an image."""
    return labels.file_name or f"frame {labels.frame}"


def pdj_percent(pose: Pose | None, people: Iterable[LabeledPerson], rule: Rule) -> float:
    """Return the percentage of a person's labeled joints that a pose has.

    The person is the one who fits best. No person found means none of them; NaN where no person
    has a labeled torso.
    """
    joints = [person.joints for person in people]
    if pose is None:
        return 0.0 if any(map(has_torso, joints)) else math.nan
    person = nearest_person(pose, joints)
    return math.nan if person is None else PERCENT * float(detected_joints(pose, person, rule).mean())


def mpjpe_mm(pose: Pose, world: NDArray) -> float:
    """Return the mean distance of world landmarks to the true ones, (33, 3) in meters, NaN unknown.

    Both are taken from the middle of their hips: where a body is, is another question.
    """
    ours = pose.world - pose.world[_HIPS].mean(axis=0)
    theirs = world - world[_HIPS].mean(axis=0)
    distances_m = np.linalg.norm(ours - theirs, axis=1)
    known = distances_m[np.isfinite(distances_m)]
    return MM_PER_M * float(known.mean()) if known.size else math.nan


def _placed(pose: Pose | None, image: LabeledFrame, pipeline: PersonPipeline) -> Pose | None:
    """Return a pose smoothed and placed, the way the node does it."""
    if pose is None:
        return None
    return next(iter(pipeline.update(image.frame, [pose], FrameContext(image.labels.camera))), pose)


def _score(image: LabeledFrame, pose: Pose | None, rule: Rule, latency_ms: float) -> Score:
    labels = image.labels
    truth = None if pose is None else _meant(pose, labels)
    error_mm, error_percent = _hip_errors(pose, truth)
    return Score(
        name=image_name(labels),
        groups=labels.groups,
        found=pose is not None,
        pdj=pdj_percent(pose, labels.people, rule),
        mpjpe_mm=math.nan
        if pose is None or truth is None or truth.world is None
        else mpjpe_mm(pose, truth.world),
        hip_error_mm=error_mm,
        hip_error_percent=error_percent,
        latency_ms=latency_ms,
        place=image.place,
        screen_px=_nowhere() if pose is None else pose.screen[:, :2],
        scale_px=math.nan if pose is None else torso_px(pose.screen),
    )


def _meant(pose: Pose, labels: LabeledImage) -> LabeledPerson | None:
    """Return the labeled person that a pose is of."""
    nearest = nearest_person(pose, [person.joints for person in labels.people])
    if nearest is None:  # without labeled joints, a single person is meant
        return labels.people[0] if len(labels.people) == 1 else None
    return next(person for person in labels.people if person.joints is nearest)


def _hip_errors(pose: Pose | None, truth: LabeledPerson | None) -> tuple[float, float]:
    if pose is None or pose.hip_center is None or truth is None or truth.hip_center is None:
        return math.nan, math.nan
    error_m = float(np.linalg.norm(pose.hip_center.position - truth.hip_center))
    return MM_PER_M * error_m, PERCENT * error_m / float(np.linalg.norm(truth.hip_center))


def _nowhere() -> NDArray[np.float32]:
    return np.full((len(Landmark), 2), np.nan, np.float32)
