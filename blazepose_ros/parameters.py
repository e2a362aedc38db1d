"""The parameters of `blazepose_node`: each declared here, once."""

from __future__ import annotations

from blazepose_ros.blazepose.runtime import Precision
from blazepose_ros.declare_parameters import Parameter
from blazepose_ros.estimators import AUTO, BACKENDS
from blazepose_ros.pose import ModelComplexity
from blazepose_ros.tracking.people import MAX_LOST_S
from blazepose_ros.tracking.primary import Primary
from blazepose_ros.tracking.smoothing import SmoothingOptions

MAX_PEOPLE = 32
MAX_THREADS = 1024
MAX_WAIT_S = 60.0
MAX_CUTOFF_HZ = 100.0
MAX_BETA = 1000.0
SMOOTHING = SmoothingOptions()
MAX_HEIGHT_M = 3.0

PARAMETERS = (
    Parameter(
        "autostart",
        True,
        "Whether the node configures and activates itself when it starts, rather than wait for a"
        " lifecycle manager.",
        read_only=True,
    ),
    Parameter(
        "model_complexity",
        int(ModelComplexity.FULL),
        "The landmark model: 0 Lite, 1 Full, 2 Heavy.",
        choices=tuple(int(complexity) for complexity in ModelComplexity),
    ),
    Parameter(
        "backend",
        AUTO,
        "What runs the model: auto for the fastest that is installed.",
        choices=BACKENDS,
    ),
    Parameter(
        "num_threads",
        0,
        "Threads of openvino and litert; 0 for all cores. MediaPipe always uses one.",
        minimum=0,
        maximum=MAX_THREADS,
    ),
    Parameter(
        "precision",
        Precision.F32.value,
        "What openvino computes in, where the processor has it; auto is the fastest. Less than f32"
        " moves the world landmarks by centimetres.",
        choices=tuple(precision.value for precision in Precision),
    ),
    Parameter(
        "model_path",
        "",
        "A .task bundle to use; empty for the one in the user's cache.",
    ),
    Parameter(
        "fetch_models",
        False,
        "Whether the node may download a missing model.",
    ),
    Parameter(
        "num_poses",
        1,
        "The most people to look for. BlazePose is made for one.",
        minimum=1,
        maximum=MAX_PEOPLE,
    ),
    Parameter(
        "min_detection_confidence",
        0.6,
        "Below it the detector's find is nobody.",
        minimum=0.0,
        maximum=1.0,
    ),
    Parameter(
        "min_presence_confidence",
        0.5,
        "Below it a tracked person is lost and the detector looks again.",
        minimum=0.0,
        maximum=1.0,
    ),
    Parameter(
        "min_tracking_confidence",
        0.5,
        "How much the regions of a person overlap from one image to the next.",
        minimum=0.0,
        maximum=1.0,
    ),
    Parameter(
        "max_lost_s",
        MAX_LOST_S,
        "How long in seconds somebody who is not seen keeps number and place; with one person to look"
        " for, nobody else is taken before.",
        minimum=0.0,
        maximum=MAX_WAIT_S,
    ),
    Parameter(
        "external_detections",
        False,
        "Whether people are looked for in the boxes on detections, of a detector of your own, and"
        " nowhere else. Not with the backend mediapipe.",
    ),
    Parameter(
        "primary",
        Primary.LARGEST.value,
        "Whose pose ~/pose is: the largest in the image, the nearest, the most central one or the one"
        " followed first. Another must be clearly better to take over.",
        choices=tuple(rule.value for rule in Primary),
    ),
    Parameter("smoothing.enabled", True, "Whether landmarks are smoothed in time (One-Euro filter)."),
    Parameter(
        "smoothing.min_cutoff",
        SMOOTHING.tuning.min_cutoff_hz,
        "The cutoff in Hz of what stands still: lower is steadier.",
        minimum=0.0,
        maximum=MAX_CUTOFF_HZ,
    ),
    Parameter(
        "smoothing.beta",
        SMOOTHING.tuning.beta,
        "How much the cutoff rises with speed, in Hz per body (2 m) a second: higher follows sooner.",
        minimum=0.0,
        maximum=MAX_BETA,
    ),
    Parameter(
        "visibility_threshold",
        0.5,
        "Landmarks below it are drawn black, get no frame and do not place the body.",
        minimum=0.0,
        maximum=1.0,
    ),
    Parameter(
        "image_transport",
        "raw",
        "raw for sensor_msgs/Image on image, compressed for CompressedImage on image/compressed.",
        choices=("raw", "compressed"),
    ),
    Parameter(
        "image_reliability",
        "auto",
        "Quality of service of the image's subscription: auto follows what the publishers offer,"
        " best_effort hears every publisher, reliable asks for lost images again.",
        choices=("auto", "best_effort", "reliable"),
    ),
    Parameter(
        "placement",
        "auto",
        "How the hip centre is placed in the camera's frame: mono from the colour image, depth from"
        " depth alone, auto from depth while it comes and fits and from the colour image otherwise,"
        " none not at all (no markers, no frames).",
        choices=("auto", "mono", "depth", "none"),
    ),
    Parameter(
        "assumed_hfov_deg",
        60.0,
        "Horizontal field of view in degrees of a camera without a calibration.",
        minimum=1.0,
        maximum=179.0,
    ),
    Parameter(
        "depth_tolerance_s",
        0.05,
        "How far apart the stamps of an image and of its depth image may be, in seconds.",
        minimum=0.0,
        maximum=MAX_WAIT_S,
    ),
    Parameter(
        "person_height_m",
        0.0,
        "How tall the people are in metres, which makes their distance more certain; 0 for unknown.",
        minimum=0.0,
        maximum=MAX_HEIGHT_M,
    ),
    Parameter(
        "inference_timeout_s",
        10.0,
        "How long in seconds the estimator may take for one image until another is built in its place.",
        minimum=0.1,
        maximum=3600.0,
    ),
    Parameter(
        "lazy",
        True,
        "Whether the node takes images only while somebody listens to one of its outputs.",
    ),
    Parameter("publish_tf", True, "Whether to publish the frames of people on /tf."),
    Parameter("publish_landmark_tf", True, "Whether landmarks have frames too."),
    Parameter("tf_prefix", "", "Goes before the name of each frame of a person."),
    Parameter(
        "target_frame",
        "",
        "A frame to express people in as well, on ~/target/poses and ~/target/markers, through TF at the"
        " image's stamp; empty for none.",
    ),
    Parameter("publish_joint_states", False, "Whether to publish the angles of joints on ~/joint_states."),
    Parameter(
        "publish_hri",
        False,
        "Whether to publish REP-155's topics /humans/bodies/tracked and /humans/bodies/<id>/skeleton2d,"
        " which needs the package hri_msgs.",
    ),
    Parameter("enable_segmentation", False, "Whether to publish ~/segmentation_mask."),
    Parameter("camera_frame", "", "The frame_id of images that come with an empty one."),
    Parameter(
        "allow_mediapipe_telemetry",
        False,
        "Let MediaPipe report usage figures (no images) to Google.",
        read_only=True,
    ),
)
