# SPDX-License-Identifier: Apache-2.0
"""Writes what MediaPipe finds in the photographs, and where the walker's joints are in them, into test/data.

``python -m support.references``, in the folder test, after photographs.json has been changed.
"""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import PoseLandmarker, PoseLandmarkerOptions

from blazepose_ros.core.estimation.estimator import EstimatorOptions
from blazepose_ros.core.estimation.mediapipe_estimator import MediaPipeEstimator
from blazepose_ros.core.models.registry import resolve
from blazepose_ros.core.types import ModelComplexity
from support.own_data import (
    PHOTOGRAPHS,
    POSE2SIM,
    WALK_CLIP,
    WALK_LANDMARKS,
    WALK_RATE,
    own_data,
    photograph,
    walk_truth,
)
from support.photographs import REFERENCE, frames, model_name

WALK_EVERY = 10  # images

# COCO's joints, of which the walk knows those of the body.
COCO = (
    *(None,) * 5, "LShoulder", "RShoulder", "LElbow", "RElbow", "LWrist", "RWrist",
    "LHip", "RHip", "LKnee", "RKnee", "LAnkle", "RAnkle",
)  # fmt: skip


def found_in(landmarker: PoseLandmarker, bgr: Any) -> list[dict[str, Any]]:
    """Return MediaPipe's people: normalised x, y, z, visibility, presence, and meters."""
    rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    result = landmarker.detect(mediapipe.Image(mediapipe.ImageFormat.SRGB, rgb))
    return [
        {
            "n": [[round(float(v), 4) for v in (p.x, p.y, p.z, p.visibility, p.presence)] for p in screen],
            "w": [[round(float(v), 3) for v in (p.x, p.y, p.z)] for p in world],
        }
        for screen, world in zip(result.pose_landmarks, result.pose_world_landmarks, strict=True)
    ]


def labelled(entry: Any) -> list[list[float]]:
    """Return COCO's joints of the walker in a photograph of a frame: x, y and whether known."""
    pixels = walk_truth()[entry["clip"].removeprefix("pose2sim_")]["joints_px"]
    x, y, width, _ = entry.get("crop", (0, 0, 1080, 1920))
    scale = entry.get("width", width) / width
    return [
        [0, 0, 0] if name is None else [*_scaled(pixels[name][entry["frame"]], (x, y), scale, entry), 2]
        for name in COCO
    ]


def _scaled(point: Any, corner: Any, scale: float, entry: Any) -> list[float]:
    # Pixel centers are whole numbers.
    moved = (np.subtract(point, corner) + 0.5) * scale - 0.5 + entry.get("border", 0)
    return [round(float(value), 1) for value in moved]


def main() -> None:
    entries = json.loads(PHOTOGRAPHS.read_text())
    videos = own_data() / "videos"
    images = [photograph(entry, videos, POSE2SIM.folder) for entry in entries]
    for entry in entries:
        entry[REFERENCE] = {}
        if entry.get("labelled"):
            entry["gt_coco17"] = [{"kp": labelled(entry)}]
    for complexity in ModelComplexity:
        base = BaseOptions(model_asset_buffer=resolve(complexity).content)
        with PoseLandmarker.create_from_options(PoseLandmarkerOptions(base_options=base)) as landmarker:
            for entry, bgr in zip(entries, images, strict=True):
                entry[REFERENCE][model_name(complexity)] = found_in(landmarker, bgr)
    write(PHOTOGRAPHS, entries)
    clip = frames(videos / f"{WALK_CLIP}.mp4", WALK_RATE)
    options = EstimatorOptions(resolve(ModelComplexity.FULL).content)
    with closing(MediaPipeEstimator(options)) as estimator:
        poses = [estimator.estimate(frame)[0] for frame in clip]
    known = [
        {
            "frame": number,
            "screen": poses[number].screen[:, :2].round(1).tolist(),
            "world": poses[number].world.astype(float).round(3).tolist(),
        }
        for number in range(0, len(poses), WALK_EVERY)
    ]
    write(WALK_LANDMARKS, known)


def write(path: Path, entries: Any) -> None:
    """Write one entry a line, to be read in a diff."""
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    path.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
