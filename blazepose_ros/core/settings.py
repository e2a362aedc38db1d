# SPDX-License-Identifier: Apache-2.0
"""The settings of `blazepose_node`: every parameter is declared here, once."""

from __future__ import annotations

from dataclasses import dataclass

from blazepose_ros.core.estimation.factory import AUTO, BACKENDS
from blazepose_ros.core.estimation.runtimes.runtime import Precision
from blazepose_ros.core.parameters import Settings, parameter
from blazepose_ros.core.tracking.primary_person import Primary
from blazepose_ros.core.tracking.smoothing import OneEuroTuning
from blazepose_ros.core.tracking.tracker import MAX_LOST_S
from blazepose_ros.core.types import ModelComplexity

MAX_PEOPLE = 32
MAX_THREADS = 1024
MAX_WAIT_S = 60.0
MAX_CUTOFF_HZ = 100.0
MAX_BETA = 1000.0
MAX_HEIGHT_M = 3.0
SMOOTHING = "smoothing"
TUNING = OneEuroTuning()


@dataclass(frozen=True)
class NodeSettings(Settings):
    """The parameters of `blazepose_node`, which `blazepose bag` and `blazepose video` take as well."""

    autostart: bool = parameter(
        True,
        "Whether the node configures and activates itself when it starts, rather than wait for a"
        " lifecycle manager.",
        read_only=True,
    )
    model_complexity: ModelComplexity = parameter(
        ModelComplexity.FULL, "The landmark model: 0 Lite, 1 Full, 2 Heavy."
    )
    backend: str = parameter(
        AUTO, "What runs the model: auto for the fastest that is installed.", choices=BACKENDS
    )
    num_threads: int = parameter(
        0,
        "Threads of openvino and litert; 0 for all cores. MediaPipe always uses one.",
        minimum=0,
        maximum=MAX_THREADS,
    )
    precision: Precision = parameter(
        Precision.F32,
        "What openvino computes in, where the processor has it; auto is the fastest. Less than f32"
        " moves the world landmarks by centimeters.",
    )
    model_path: str = parameter("", "A .task bundle to use; empty for the one in the user's cache.")
    fetch_models: bool = parameter(False, "Whether the node may download a missing model.")
    num_poses: int = parameter(
        1,
        "Maximum number of people to detect and track. BlazePose is made for one.",
        minimum=1,
        maximum=MAX_PEOPLE,
    )
    min_detection_confidence: float = parameter(
        0.6, "Minimum confidence of a detection; below it the detection is ignored.", minimum=0.0, maximum=1.0
    )
    min_presence_confidence: float = parameter(
        0.5,
        "Minimum confidence that a tracked region holds a person; below it the track is lost and the"
        " detector runs again.",
        minimum=0.0,
        maximum=1.0,
    )
    min_tracking_confidence: float = parameter(
        0.5,
        "Minimum IoU of a person's region between consecutive images; below it the track is lost.",
        minimum=0.0,
        maximum=1.0,
    )
    max_lost_s: float = parameter(
        MAX_LOST_S,
        "Timeout in seconds of a lost track: until then a person who reappears keeps id and place;"
        " with num_poses 1 no other person is tracked before.",
        minimum=0.0,
        maximum=MAX_WAIT_S,
    )
    external_detections: bool = parameter(
        False,
        "Whether people are searched only in the boxes on the topic detections, of a detector of your"
        " own. Not with the backend mediapipe.",
    )
    primary: Primary = parameter(
        Primary.LARGEST,
        "Whose pose ~/pose is: the largest person in the image, the nearest, the most central or the"
        " first tracked. Another person must be clearly better to take over.",
    )
    smoothing_enabled: bool = parameter(
        True, "Whether landmarks are smoothed in time (One-Euro filter).", group=SMOOTHING
    )
    smoothing_min_cutoff: float = parameter(
        TUNING.min_cutoff_hz,
        "Cutoff frequency in Hz at rest: lower is steadier.",
        minimum=0.0,
        maximum=MAX_CUTOFF_HZ,
        group=SMOOTHING,
    )
    smoothing_beta: float = parameter(
        TUNING.beta,
        "Increase of the cutoff frequency with speed, in Hz per body (2 m) a second: higher has less lag.",
        minimum=0.0,
        maximum=MAX_BETA,
        group=SMOOTHING,
    )
    visibility_threshold: float = parameter(
        0.5,
        "Landmarks below it are drawn black, get no frame and do not place the body.",
        minimum=0.0,
        maximum=1.0,
    )
    image_transport: str = parameter(
        "raw",
        "raw for sensor_msgs/Image on image, compressed for CompressedImage on image/compressed.",
        choices=("raw", "compressed"),
    )
    image_reliability: str = parameter(
        "auto",
        "Reliability of the image subscription: auto follows what the publishers offer, best_effort is"
        " compatible with every publisher, reliable has lost images sent again.",
        choices=("auto", "best_effort", "reliable"),
    )
    placement: str = parameter(
        "auto",
        "How the hip center is placed in the camera's frame: mono from the color image, depth from"
        " depth alone, auto from depth where it is available and fits and from the color image"
        " otherwise, none not at all (no markers, no frames).",
        choices=("auto", "mono", "depth", "none"),
    )
    assumed_hfov_deg: float = parameter(
        60.0,
        "Horizontal field of view in degrees of a camera without a calibration.",
        minimum=1.0,
        maximum=179.0,
    )
    depth_tolerance_s: float = parameter(
        0.05,
        "Maximum difference in seconds between the stamps of an image and of its depth image.",
        minimum=0.0,
        maximum=MAX_WAIT_S,
    )
    person_height_m: float = parameter(
        0.0,
        "Height of the people in meters, which makes their distance more accurate; 0 for unknown.",
        minimum=0.0,
        maximum=MAX_HEIGHT_M,
    )
    inference_timeout_s: float = parameter(
        10.0,
        "Timeout in seconds of the inference on one image; after it the estimator is replaced by a new one.",
        minimum=0.1,
        maximum=3600.0,
    )
    lazy: bool = parameter(
        True, "Whether the node subscribes to images only while one of its outputs has a subscriber."
    )
    publish_tf: bool = parameter(True, "Whether to publish the frames of people on /tf.")
    publish_landmark_tf: bool = parameter(True, "Whether landmarks have frames too.")
    tf_prefix: str = parameter("", "Goes before the name of each frame of a person.")
    target_frame: str = parameter(
        "",
        "A frame to express people in as well, on ~/target/poses and ~/target/markers, through TF at the"
        " image's stamp; empty for none.",
    )
    publish_joint_states: bool = parameter(
        False, "Whether to publish the angles of joints on ~/joint_states."
    )
    publish_hri: bool = parameter(
        False,
        "Whether to publish REP-155's topics /humans/bodies/tracked and /humans/bodies/<id>/skeleton2d,"
        " which needs the package hri_msgs.",
    )
    enable_segmentation: bool = parameter(False, "Whether to publish ~/segmentation_mask.")
    camera_frame: str = parameter("", "The frame_id of images whose own is empty.")
    allow_mediapipe_telemetry: bool = parameter(
        False, "Let MediaPipe report usage figures (no images) to Google.", read_only=True
    )
