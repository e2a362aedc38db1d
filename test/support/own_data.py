# SPDX-License-Identifier: Apache-2.0
"""Clips and photographs from pinned packages, laid out with their known answers: see test/data/README.md.

They are kept beside the models. Where ``../shared/data`` exists its files are used as well.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from filelock import FileLock

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.errors import FunctionLogger
from blazepose_ros.core.frame_sources.samples import PypiPackage, fetch_samples
from support.paths import DATA, TESTS

KNOWN = TESTS / "data"
PACKAGES, PHOTOGRAPHS, WALK = (KNOWN / f"{name}.json" for name in ("packages", "photographs", "walk"))
WALK_CLIP, WALK_RATE, WALK_LANDMARKS = "pose2sim_cam01", 60, KNOWN / "walk_landmarks.json"
REFINED = "pose2sim_{}_refined"  # what the truth of a camera's clip is called

_TRIALS = {"pose2sim": "Demo_SinglePerson", "pose2sim_two": "Demo_MultiPerson"}
EMPTY_ROOM = "Pose2Sim/Demo_SinglePerson/calibration/extrinsics/cam03_ext.png"
_PARK = "Sports2D/Demo/demo.mp4"

POSE2SIM, SPORTS2D = (PypiPackage(**package) for package in json.loads(PACKAGES.read_text()))


@cache
def own_data() -> Path:
    """Return the folder of the packages' clips and photographs; it is made where it is not there yet.

    Raises:
        SampleError: a package cannot be fetched.
    """
    packages = [fetch_samples(package, FunctionLogger(_silent)) for package in (POSE2SIM, SPORTS2D)]
    recipe = b"".join(path.read_bytes() for path in (PACKAGES, PHOTOGRAPHS, WALK, Path(__file__)))
    folder = packages[0].parent / f"tests-{hashlib.sha256(recipe).hexdigest()[:12]}"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            _lay_out(part, *packages)
            part.rename(folder)
    return folder


def with_shared_data(folder: Path) -> Path:
    """Fill a folder with links to our own data and to those in ``../shared``, where they are."""
    sources = [own_data(), *([DATA] if DATA.is_dir() else [])]
    for name in ("images", "videos", "expected"):
        (folder / name).mkdir()
        for path in (path for source in sources for path in (source / name).iterdir()):
            link = folder / name / path.name
            if not link.exists():
                link.symlink_to(path)
    entries = [entry for source in sources for entry in json.loads((source / "manifest.json").read_text())]
    (folder / "manifest.json").write_text(json.dumps(entries))
    (folder / "expected" / "coco_keypoints.json").unlink(missing_ok=True)
    (folder / "expected" / "coco_keypoints.json").write_text(json.dumps(_coco(entries)))
    return folder


def _silent(_: object) -> None:
    """Say nothing: pip has a progress bar."""


def _lay_out(folder: Path, pose2sim: Path, sports2d: Path) -> None:
    """Write clips, photographs and known answers into a folder that does not exist."""
    for name in ("images", "videos", "expected"):
        (folder / name).mkdir(parents=True)
    for prefix, trial in _TRIALS.items():
        for clip in (pose2sim / "Pose2Sim" / trial / "videos").iterdir():
            shutil.copy(clip, folder / "videos" / f"{prefix}_{clip.name}")
    shutil.copy(sports2d / _PARK, folder / "videos" / "park.mp4")
    for camera, truth in walk_truth().items():
        (folder / "expected" / f"{REFINED.format(camera)}.json").write_text(json.dumps(truth))
    shutil.copy(WALK_LANDMARKS, folder / "expected")
    entries = json.loads(PHOTOGRAPHS.read_text())
    for entry in entries:
        bgr = photograph(entry, folder / "videos", pose2sim)
        cv2.imwrite(str(folder / entry["file"]), bgr)
        entry["size_px"] = bgr.shape[1::-1]
    (folder / "manifest.json").write_text(json.dumps(entries))


def photograph(entry: Any, videos: Path, pose2sim: Path) -> Any:
    """Return what an entry of photographs.json describes, (height, width, 3), blue first."""
    if "clip" in entry:
        capture = cv2.VideoCapture(str(videos / f"{entry['clip']}.mp4"))
        for _ in range(entry["frame"] + 1):  # seeking is inexact in some formats
            _, bgr = capture.read()
    elif "skimage" in entry:
        bgr = cv2.imread(str(Path(find_spec("skimage").origin).parent / "data" / entry["skimage"]))
    else:
        bgr = cv2.imread(str(pose2sim / EMPTY_ROOM))
    if "crop" in entry:
        x, y, width, height = entry["crop"]
        bgr = bgr[y : y + height, x : x + width]
    if "width" in entry:
        scale = entry["width"] / bgr.shape[1]
        bgr = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    if "gain" in entry:
        bgr = cv2.convertScaleAbs(bgr, alpha=entry["gain"])
    if "border" in entry:
        bgr = cv2.copyMakeBorder(bgr, *(entry["border"],) * 4, cv2.BORDER_CONSTANT, value=(127, 127, 127))
    return np.ascontiguousarray(bgr)


def walk_truth() -> dict[str, Any]:
    """Return what is known of the walk in each camera's clip."""
    known = json.loads(WALK.read_text())
    joints = {name: np.array(points) for name, points in known["joints_world_m"].items()}
    return {name: _seen_by(camera, joints, known["rate_hz"]) for name, camera in known["cameras"].items()}


def _seen_by(camera: Any, joints: Any, rate_hz: Any) -> dict[str, Any]:
    (width, height), k = camera["size_px"], np.array(camera["K"])
    lens = CameraModel(width, height, k, tuple(camera["D"]))
    rotation, translation = np.array(camera["R"]), np.array(camera["t"])
    seen = {name: points @ rotation.T + translation for name, points in joints.items()}
    return {
        "fps": rate_hz,
        "frames": len(seen["LHip"]),
        "image_size_px": camera["size_px"],
        "K": camera["K"],
        "distortion_plumb_bob": camera["D"],
        "world_to_camera": {"R": camera["R"], "t": camera["t"]},
        "up_in_camera": rotation[:, 2].tolist(),
        "camera_height_over_floor_m": float(-(rotation.T @ translation)[2]),
        "hip_center_camera_m": ((seen["LHip"] + seen["RHip"]) / 2).tolist(),
        "joints_camera_m": {name: points.tolist() for name, points in seen.items()},
        "joints_px": {name: lens.project(points).tolist() for name, points in seen.items()},
    }


def _coco(entries: Iterable[Any]) -> dict[str, Any]:
    """Return the labels of the labelled photographs in COCO's format."""
    labelled = [entry for entry in entries if "gt_coco17" in entry]
    images = [
        {"id": number, "file_name": Path(entry["file"]).name, "width": width, "height": height}
        for number, entry in enumerate(labelled)
        for width, height in (entry["size_px"],)
    ]
    annotations = [
        {"image_id": number, "keypoints": np.ravel(person["kp"]).tolist()}
        for number, entry in enumerate(labelled)
        for person in entry["gt_coco17"]
    ]
    return {"images": images, "annotations": annotations}
