# SPDX-License-Identifier: Apache-2.0
"""From the node's parameters to what works on images as they say."""

from __future__ import annotations

from dataclasses import dataclass

from blazepose_ros.core.errors import Logger
from blazepose_ros.core.estimation.blazepose_estimator import BlazePoseEstimator
from blazepose_ros.core.estimation.estimator import Estimator, EstimatorOptions
from blazepose_ros.core.estimation.factory import ChosenEstimator, choose_estimator, compiled_folder
from blazepose_ros.core.estimation.runtimes.runtime import RuntimeOptions
from blazepose_ros.core.models.download import fetch
from blazepose_ros.core.models.registry import ModelFile, resolve
from blazepose_ros.core.person_pipeline import PipelineOptions
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.tracking.association import prepare_for_several_people
from blazepose_ros.core.tracking.smoothing import OneEuroTuning, SmoothingOptions
from blazepose_ros.core.tracking.tracker import TrackingOptions
from blazepose_ros.core.types import ModelComplexity

# The parameters that another model has to be loaded for.
MODEL_SETTINGS = (
    "model_complexity",
    "backend",
    "num_threads",
    "precision",
    "device",
    "model_path",
    "num_poses",
    "min_detection_confidence",
    "min_presence_confidence",
    "min_tracking_confidence",
    "max_lost_s",
    "external_detections",
    "enable_segmentation",
)


@dataclass(frozen=True)
class LoadedModel:
    """A model at work.

    Attributes:
        complexity: which model it is.
        backend: what runs it.
        estimator: finds people with it.
    """

    complexity: ModelComplexity
    backend: str
    estimator: Estimator

    @property
    def where(self) -> str:
        """What computes it in which precision; another device since one has failed."""
        return where_it_runs(self.estimator) or self.backend


def where_it_runs(estimator: Estimator) -> str:
    """Return what an estimator's landmark model runs on and in which precision, where that is known."""
    return estimator.where if isinstance(estimator, BlazePoseEstimator) else ""


def load_model(settings: NodeSettings, logger: Logger) -> LoadedModel:
    """Return the model that the parameters ask for, ready for the first frame.

    Raises:
        ModelError: it is missing or damaged.
        EstimatorError: the backend or the model does not load.
    """
    if settings.num_poses > 1:
        prepare_for_several_people()
    model = find_model(settings, logger)
    chosen = load_estimator(settings, model, logger)
    return LoadedModel(model.complexity, chosen.backend, chosen.estimator)


def pipeline_options(settings: NodeSettings) -> PipelineOptions:
    """Return how the parameters want people to be followed and placed."""
    tuning = OneEuroTuning(settings.smoothing_min_cutoff, settings.smoothing_beta)
    return PipelineOptions(
        visibility_threshold=settings.visibility_threshold,
        tracking=TrackingOptions(
            max_lost_s=settings.max_lost_s,
            primary=settings.primary,
            smoothing=SmoothingOptions(settings.smoothing_enabled, tuning),
        ),
        person_height_m=settings.person_height_m,
        depth_only=settings.placement == "depth",
        model=settings.model_complexity,
    )


def same_model(settings: NodeSettings, others: NodeSettings) -> bool:
    """Whether one loaded model serves two sets of the parameters' values."""
    return all(getattr(settings, name) == getattr(others, name) for name in MODEL_SETTINGS)


def find_model(settings: NodeSettings, logger: Logger) -> ModelFile:
    """Return the model that the parameters ask for, downloading it where they allow that.

    Raises:
        ModelError: it is missing or damaged.
    """
    complexity = settings.model_complexity
    if settings.fetch_models and not settings.model_path:
        fetch([complexity], logger)
    model = resolve(complexity, settings.model_path)
    if model.complexity != complexity:
        logger.warning(
            f"{model.path} is the {model.complexity.name} model: model_complexity says {complexity.name}"
        )
    return model


def load_estimator(settings: NodeSettings, model: ModelFile, logger: Logger) -> ChosenEstimator:
    """Return an estimator on the backend that the parameters ask for.

    Raises:
        EstimatorError: the backend or the model does not load.
    """
    options = EstimatorOptions(
        model=model.content,
        model_complexity=model.complexity,
        num_poses=settings.num_poses,
        min_detection_confidence=settings.min_detection_confidence,
        min_presence_confidence=settings.min_presence_confidence,
        min_tracking_confidence=settings.min_tracking_confidence,
        max_lost_s=settings.max_lost_s,
        external_detections=settings.external_detections,
        enable_segmentation=settings.enable_segmentation,
    )
    runtime = RuntimeOptions(
        settings.num_threads, settings.precision, compiled_folder(), logger, settings.device
    )
    chosen = choose_estimator(
        settings.backend, options, runtime, allow_telemetry=settings.allow_mediapipe_telemetry
    )
    for reason in chosen.passed_over:
        logger.warning(f"a faster backend is passed over: {reason}")
    where = where_it_runs(chosen.estimator) or chosen.backend
    logger.info(f"{model.complexity.name} model from {model.path} on {where}")
    return chosen
