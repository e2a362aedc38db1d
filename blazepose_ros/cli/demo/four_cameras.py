# SPDX-License-Identifier: Apache-2.0
"""A person on a beam before four cameras: the clips, where the cameras are, and where the joints were."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.demo import walk
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.frame_sources.frame_source import SourceError
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.transforms import Rigid

# Calibrations of the package, joints of all four cameras, extrinsics adjusted to them (bundle adjustment);
# camera 3's are fitted to the landmarks that Full finds there. z is up, joints are in millimeters.
KNOWN = Path(__file__).with_name("four_cameras.json")
# Of 100 images at 60 Hz every second one is shown.
EVERY, IMAGES = 2, 50
_LIMBS = {
    "SHOULDER": "Shoulder", "ELBOW": "Elbow", "WRIST": "Wrist", "HIP": "Hip", "KNEE": "Knee",
    "ANKLE": "Ankle", "HEEL": "Heel", "FOOT_INDEX": "BigToe",
}  # fmt: skip
# The landmarks whose places were measured, by the names of the joints.
JOINTS = {
    f"{side[0]}{name}": Landmark[f"{side}_{limb}"]
    for limb, name in _LIMBS.items()
    for side in ("LEFT", "RIGHT")
}


@dataclass(frozen=True)
class ClipCamera:
    """One of the four cameras.

    Attributes:
        name: its namespace.
        clip: its video.
        lens: the camera at the size of the video.
        pose: of its optical frame in the world.
    """

    name: str
    clip: Path
    lens: CameraModel
    pose: Rigid

    @property
    def frame_id(self) -> str:
        """Its optical frame."""
        return f"{self.name}_optical_frame"

    def images(self, height_px: int) -> Iterator[NDArray[np.uint8]]:
        """Yield every second image of the clip, blue first, scaled to a height.

        Raises:
            SourceError: it cannot be read.
        """
        capture = cv2.VideoCapture(str(self.clip))
        if not capture.isOpened():
            raise SourceError(f"{self.clip} cannot be read")
        size = self.scaled(height_px)
        try:
            for number in itertools.count():
                if not capture.grab():
                    return
                if number % EVERY:
                    continue
                taken = capture.retrieve()
                yield cv2.resize(taken[1], (size.width, size.height), interpolation=cv2.INTER_AREA)
        finally:
            capture.release()

    def scaled(self, height_px: int) -> CameraModel:
        """Return the camera for images of a height."""
        return self.lens.scaled_to(round(self.lens.width * height_px / self.lens.height), height_px)


def four_cameras(folder: Path) -> list[ClipCamera]:
    """Return the cameras.

    Args:
        folder: of the package's files.
    """
    return [_camera(name, known, folder) for name, known in json.loads(KNOWN.read_text())["cameras"].items()]


def measured_joints() -> Mapping[Landmark, NDArray[np.float64]]:
    """Return where each joint was in each image that is shown, (images, 3), meters in the world."""
    known = json.loads(KNOWN.read_text())["joints_world_mm"]
    return {landmark: np.array(known[name])[::EVERY] / 1000.0 for name, landmark in JOINTS.items()}


def joint_errors_m(points: NDArray, image: int, joints: Mapping[Landmark, NDArray]) -> Sequence[float]:
    """Return how far landmarks, (33, 3), are from where the joints were in an image, meters."""
    return [float(np.linalg.norm(points[landmark] - true[image])) for landmark, true in joints.items()]


def _camera(name: str, known: Mapping[str, Sequence[float]], folder: Path) -> ClipCamera:
    width, height = (int(each) for each in known["size_px"])
    rotation, translation = np.array(known["R"]), np.array(known["t"])
    lens = CameraModel(width, height, np.array(known["K"]), tuple(known["D"]))
    return ClipCamera(name, folder / walk.CLIPS.format(name), lens, Rigid(rotation, translation).inverse())
