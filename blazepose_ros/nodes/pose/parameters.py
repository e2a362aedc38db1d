"""The parameters of `blazepose_node`: each declared here, once."""

from __future__ import annotations

from blazepose_ros.core.estimation.factory import AUTO, BACKENDS
from blazepose_ros.core.estimation.runtimes.runtime import Precision
from blazepose_ros.core.tracking.primary_person import Primary
from blazepose_ros.core.tracking.smoothing import SmoothingOptions
from blazepose_ros.core.tracking.tracker import MAX_LOST_S
from blazepose_ros.core.types import ModelComplexity
from blazepose_ros.nodes.common.parameters import ParameterSpec

MAX_PEOPLE = 32
MAX_THREADS = 1024
MAX_WAIT_S = 60.0
MAX_CUTOFF_HZ = 100.0
MAX_BETA = 1000.0
SMOOTHING = SmoothingOptions()
MAX_HEIGHT_M = 3.0

PARAMETERS = (
    ParameterSpec(
        "autostart",
        True,
        "Whether the node configures and activates itself when it starts, rather than wait for a"
        " lifecycle manager.",
        read_only=True,
    ),
    ParameterSpec(
        "model_complexity",
        int(ModelComplexity.FULL),
        "The landmark model: 0 Lite, 1 Full, 2 Heavy.",
        choices=tuple(int(complexity) for complexity in ModelComplexity),
    ),
    ParameterSpec(
        "backend",
        AUTO,
        "What runs the model: auto for the fastest that is installed.",
        choices=BACKENDS,
    ),
    ParameterSpec(
        "num_threads",
        0,
        "Threads of openvino and litert; 0 for all cores. MediaPipe always uses one.",
        minimum=0,
        maximum=MAX_THREADS,
    ),
    ParameterSpec(
        "precision",
        Precision.F32.value,
        "What openvino computes in, where the processor has it; auto is the fastest. Less than f32"
        " moves the world landmarks by centimetres.",
        choices=tuple(precision.value for precision in Precision),
    ),
    ParameterSpec(
        "model_path",
        "",
        "A .task bundle to use; empty for the one in the user's cache.",
    ),
    ParameterSpec(
        "fetch_models",
        False,
        "Whether the node may download a missing model.",
    ),
    ParameterSpec(
        "num_poses",
        1,
        "The most people to look for. BlazePose is made for one.",
        minimum=1,
        maximum=MAX_PEOPLE,
    ),
    ParameterSpec(
        "min_detection_confidence",
        0.6,
        "Below it the detector's find is nobody.",
        minimum=0.0,
        maximum=1.0,
    ),
    ParameterSpec(
        "min_presence_confidence",
        0.5,
        "Below it a tracked person is lost and the detector looks again.",
        minimum=0.0,
        maximum=1.0,
    ),
    ParameterSpec(
        "min_tracking_confidence",
        0.5,
        "How much the regions of a person overlap from one image to the next.",
        minimum=0.0,
        maximum=1.0,
    ),
    ParameterSpec(
        "max_lost_s",
        MAX_LOST_S,
        "How long in seconds somebody who is not seen keeps number and place; with one person to look"
        " for, nobody else is taken before.",
        minimum=0.0,
        maximum=MAX_WAIT_S,
    ),
    ParameterSpec(
        "external_detections",
        False,
        "Whether people are looked for in the boxes on detections, of a detector of your own, and"
        " nowhere else. Not with the backend mediapipe.",
    ),
    ParameterSpec(
        "primary",
        Primary.LARGEST.value,
        "Whose pose ~/pose is: the largest in the image, the nearest, the most central one or the one"
        " followed first. Another must be clearly better to take over.",
        choices=tuple(rule.value for rule in Primary),
    ),
    ParameterSpec("smoothing.enabled", True, "Whether landmarks are smoothed in time (One-Euro filter)."),
    ParameterSpec(
        "smoothing.min_cutoff",
        SMOOTHING.tuning.min_cutoff_hz,
        "The cutoff in Hz of what stands still: lower is steadier.",
        minimum=0.0,
        maximum=MAX_CUTOFF_HZ,
    ),
    ParameterSpec(
        "smoothing.beta",
        SMOOTHING.tuning.beta,
        "How much the cutoff rises with speed, in Hz per body (2 m) a second: higher follows sooner.",
        minimum=0.0,
        maximum=MAX_BETA,
    ),
    ParameterSpec(
        "visibility_threshold",
        0.5,
        "Landmarks below it are drawn black, get no frame and do not place the body.",
        minimum=0.0,
        maximum=1.0,
    ),
    ParameterSpec(
        "image_transport",
        "raw",
        "raw for sensor_msgs/Image on image, compressed for CompressedImage on image/compressed.",
        choices=("raw", "compressed"),
    ),
    ParameterSpec(
        "image_reliability",
        "auto",
        "Quality of service of the image's subscription: auto follows what the publishers offer,"
        " best_effort hears every publisher, reliable asks for lost images again.",
        choices=("auto", "best_effort", "reliable"),
    ),
    ParameterSpec(
        "placement",
        "auto",
        "How the hip centre is placed in the camera's frame: mono from the colour image, depth from"
        " depth alone, auto from depth while it comes and fits and from the colour image otherwise,"
        " none not at all (no markers, no frames).",
        choices=("auto", "mono", "depth", "none"),
    ),
    ParameterSpec(
        "assumed_hfov_deg",
        60.0,
        "Horizontal field of view in degrees of a camera without a calibration.",
        minimum=1.0,
        maximum=179.0,
    ),
    ParameterSpec(
        "depth_tolerance_s",
        0.05,
        "How far apart the stamps of an image and of its depth image may be, in seconds.",
        minimum=0.0,
        maximum=MAX_WAIT_S,
    ),
    ParameterSpec(
        "person_height_m",
        0.0,
        "How tall the people are in metres, which makes their distance more certain; 0 for unknown.",
        minimum=0.0,
        maximum=MAX_HEIGHT_M,
    ),
    ParameterSpec(
        "inference_timeout_s",
        10.0,
        "How long in seconds the estimator may take for one image until another is built in its place.",
        minimum=0.1,
        maximum=3600.0,
    ),
    ParameterSpec(
        "lazy",
        True,
        "Whether the node takes images only while somebody listens to one of its outputs.",
    ),
    ParameterSpec("publish_tf", True, "Whether to publish the frames of people on /tf."),
    ParameterSpec("publish_landmark_tf", True, "Whether landmarks have frames too."),
    ParameterSpec("tf_prefix", "", "Goes before the name of each frame of a person."),
    ParameterSpec(
        "target_frame",
        "",
        "A frame to express people in as well, on ~/target/poses and ~/target/markers, through TF at the"
        " image's stamp; empty for none.",
    ),
    ParameterSpec(
        "publish_joint_states", False, "Whether to publish the angles of joints on ~/joint_states."
    ),
    ParameterSpec(
        "publish_hri",
        False,
        "Whether to publish REP-155's topics /humans/bodies/tracked and /humans/bodies/<id>/skeleton2d,"
        " which needs the package hri_msgs.",
    ),
    ParameterSpec("enable_segmentation", False, "Whether to publish ~/segmentation_mask."),
    ParameterSpec("camera_frame", "", "The frame_id of images that come with an empty one."),
    ParameterSpec(
        "allow_mediapipe_telemetry",
        False,
        "Let MediaPipe report usage figures (no images) to Google.",
        read_only=True,
    ),
)
