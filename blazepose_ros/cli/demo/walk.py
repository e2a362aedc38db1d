# SPDX-License-Identifier: Apache-2.0
"""What the demo shows where it is given nothing: a person who walks towards a calibrated camera."""

from __future__ import annotations

import numpy as np

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.frame_sources.samples import PypiPackage

CLIPS = "Pose2Sim/Demo_SinglePerson/videos/{}.mp4"
CLIP = CLIPS.format("cam01")

# BSD-3-Clause, (c) 2022 perfanalytics: a person on a beam, taken by four synchronized cameras at 60 Hz.
PACKAGE = PypiPackage(
    spec="pose2sim==0.10.49",
    wheel="pose2sim-0.10.49-py3-none-any.whl",
    size_bytes=51_189_031,
    sha256="403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1",
    files={
        CLIP: "cf4f2816c86bea4bfbea255333d8626ff32a3ecabdab8b0fb147cea9167fde3a",
        # Of the same person, for the demo of several cameras.
        CLIPS.format("cam02"): "94ff87cf978b8406e8aa36ab3c5362e72848994e87652f0dc7a33c315e8e0442",
        CLIPS.format("cam03"): "b8b329f832f178f27ecb78d024d5026b96c6adb36c387bfe2c0af85eab8a11ca",
        CLIPS.format("cam04"): "b5c0e7863fd70d008e7178d3c556b045b0ea5f78fcd61ca548a0b2e807e641f7",
    },
)
# A sixth of the true speed: a computer without a GPU answers every image, and the eye follows.
RATE = 10.0

# The package's calibration/Calib.qca.txt for this camera: lengths in 1/64 pixel, coefficients times 64, of
# images that are 1088 pixels wide, which the clip is scaled from.
CAMERA = CameraModel(
    width=1080,
    height=1920,
    k=np.array([[1668.8828, 0, 529.0548], [0, 1668.7146, 948.2246], [0, 0, 1]]),
    d=(-7.216e-4, 2.1872e-3, 9.5e-6, 1.078e-5, 0.0),
)

# How far from the camera the middle of the hips is in each image, in meters: from the four cameras'
# joints, with the extrinsics adjusted to them (bundle adjustment; right to about 3 cm).
# fmt: off
TRUE_DISTANCES_M = (
    3.65, 3.64, 3.63, 3.62, 3.61, 3.60, 3.58, 3.57, 3.55, 3.54, 3.53, 3.52, 3.51, 3.50, 3.49, 3.48,
    3.48, 3.47, 3.46, 3.45, 3.44, 3.43, 3.42, 3.41, 3.40, 3.39, 3.38, 3.37, 3.37, 3.36, 3.35, 3.35,
    3.34, 3.33, 3.33, 3.32, 3.31, 3.30, 3.30, 3.29, 3.29, 3.28, 3.28, 3.28, 3.27, 3.27, 3.26, 3.25,
    3.25, 3.24, 3.24, 3.24, 3.23, 3.23, 3.23, 3.22, 3.22, 3.22, 3.22, 3.21, 3.21, 3.21, 3.21, 3.21,
    3.20, 3.20, 3.20, 3.19, 3.19, 3.19, 3.19, 3.18, 3.18, 3.18, 3.17, 3.17, 3.17, 3.17, 3.16, 3.15,
    3.15, 3.15, 3.14, 3.14, 3.14, 3.14, 3.13, 3.13, 3.12, 3.12, 3.12, 3.11, 3.11, 3.10, 3.10, 3.09,
    3.08, 3.07, 3.07, 3.06,
)
# fmt: on
