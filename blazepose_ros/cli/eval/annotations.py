# SPDX-License-Identifier: Apache-2.0
"""Labeled images, read from COCO's keypoint format or CSV.

An image may name groups it belongs to, in any field that COCO does not have, the number of a
video's ``frame``, and its ``camera``: ``K``, ``D`` and ``distortion_model`` as in sensor_msgs/CameraInfo.
An annotation may have ``keypoints_world_m``, 17 points in meters parallel to the camera's
optical axes, and ``hip_center_m``.

``file_name`` or, for the frames of a video, ``frame`` says which image is meant. ``nose_x`` and
``nose_y`` are pixels, ``nose_v`` is COCO's flag: 0 or nothing for not labeled, 1 hidden, 2
visible; likewise for any other landmark. Any other column is a grouping column.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.eval.pdj import labeled
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark


class AnnotationsError(BlazePoseError, ValueError):
    """Annotations that cannot be read; the message says what is wrong with them."""


@dataclass(frozen=True)
class LabeledPerson:
    """What is true of one person.

    Attributes:
        joints: (33, 3), x and y in pixels and COCO's flag, 0 where a joint is not labeled.
        world: (33, 3), meters, parallel to the camera's optical axes, NaN where not known; None
            where nothing is.
        hip_center: (3,), meters, in the camera's optical frame; None where not known.
    """

    joints: NDArray[np.float64]
    world: NDArray[np.float64] | None = None
    hip_center: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class LabeledImage:
    """What is true of one image.

    Attributes:
        file_name: of the image; empty for a frame of a video.
        frame: the number of a video's frame, from 0; None for an image of its own.
        people: those who are labeled.
        groups: to which group of each grouping column it belongs.
        camera: how it was taken; None where not known.
    """

    file_name: str
    frame: int | None = None
    people: tuple[LabeledPerson, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    camera: CameraModel | None = None


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        AnnotationsError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as err:
        raise AnnotationsError(f"{path} cannot be read: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise AnnotationsError(f"{path} is not a text: {err}") from err


# COCO's 17 joints in its order.
COCO_JOINTS = (
    *(Landmark.NOSE, Landmark.LEFT_EYE, Landmark.RIGHT_EYE, Landmark.LEFT_EAR, Landmark.RIGHT_EAR),
    *(Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER, Landmark.LEFT_ELBOW, Landmark.RIGHT_ELBOW),
    *(Landmark.LEFT_WRIST, Landmark.RIGHT_WRIST, Landmark.LEFT_HIP, Landmark.RIGHT_HIP),
    *(Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE, Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE),
)
# COCO's fields of an image and this package's; all others are grouping columns.
_OWN_FIELDS = {
    *("id", "file_name", "width", "height", "license", "coco_url", "flickr_url", "date_captured"),
    *("frame", "camera"),
}


def from_coco(keypoints: Any) -> NDArray[np.float64]:
    """Return COCO's 17 joints, x, y and flag each, as a person, (33, 3).

    Raises:
        ValueError: there are more or fewer numbers.
    """
    return labeled(COCO_JOINTS, np.reshape(np.asarray(keypoints, float), (len(COCO_JOINTS), 3)))


def read_coco(path: Path) -> list[LabeledImage]:
    """Return the images of a JSON file that have labeled people.

    Raises:
        AnnotationsError: the file is no such file.
    """
    try:
        content = json.loads(read_text(path))
        people: dict[Any, list[LabeledPerson]] = defaultdict(list)
        for annotation in content["annotations"]:
            people[annotation["image_id"]].append(_person(annotation))
        images = {image["id"]: image for image in content["images"]}
        return [_image(images[number], tuple(found)) for number, found in people.items()]
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        if isinstance(err, AnnotationsError):
            raise
        raise AnnotationsError(f"{path} holds no COCO keypoints: {err!r}") from err


def _image(fields: Mapping[str, Any], people: tuple[LabeledPerson, ...]) -> LabeledImage:
    groups = {name: str(value) for name, value in fields.items() if name not in _OWN_FIELDS}
    camera = fields.get("camera")
    return LabeledImage(
        file_name=str(fields.get("file_name", "")) if "frame" in fields else str(fields["file_name"]),
        frame=int(fields["frame"]) if "frame" in fields else None,
        people=people,
        groups=groups,
        camera=None if camera is None else _camera(camera, fields),
    )


def _camera(camera: Mapping[str, Any], image: Mapping[str, Any]) -> CameraModel:
    k = np.ravel(camera["K"]).tolist()
    model = camera.get("distortion_model", "plumb_bob")
    return CameraModel.from_calibration(image["width"], image["height"], k, camera.get("D", ()), model)


def _person(annotation: Mapping[str, Any]) -> LabeledPerson:
    hips = annotation.get("hip_center_m")
    points = annotation.get("keypoints_world_m")
    return LabeledPerson(
        joints=from_coco(annotation["keypoints"]),
        world=None if points is None else _world(points),
        hip_center=None if hips is None else np.reshape(np.asarray(hips, float), 3),
    )


def _world(points: Any) -> NDArray[np.float64]:
    world = np.full((NUM_LANDMARKS, 3), np.nan)
    world[list(COCO_JOINTS)] = np.reshape(np.asarray(points, float), (len(COCO_JOINTS), 3))
    return world


FILE, FRAME = "file_name", "frame"
_VALUES = ("x", "y", "v")
_COLUMNS = {
    f"{landmark.frame_name}_{value}": (landmark, column)
    for landmark in Landmark
    for column, value in enumerate(_VALUES)
}


def read_csv(path: Path) -> list[LabeledImage]:
    """Return the images of a CSV file, in the order of their first rows.

    Raises:
        AnnotationsError: the file is no such file.
    """
    rows = list(csv.DictReader(read_text(path).splitlines()))
    columns = set(rows[0]) if rows else set()
    if not columns & {FILE, FRAME} or not columns & _COLUMNS.keys():
        raise AnnotationsError(f"{path} holds no labels: it needs file_name or frame, nose_x and so on")
    by_image: dict[tuple[str, int | None], list[Mapping[str, str]]] = defaultdict(list)
    people: dict[tuple[str, int | None], list[LabeledPerson]] = defaultdict(list)
    for number, row in enumerate(rows, start=2):  # as editors count, the header being the first
        try:
            key = row.get(FILE, ""), int(row[FRAME]) if row.get(FRAME) else None
            people[key].append(_person_of_row(row))
        except (TypeError, ValueError) as err:
            raise AnnotationsError(f"{path}, line {number}: {err}") from err
        by_image[key].append(row)
    return [
        LabeledImage(file_name, frame, tuple(people[file_name, frame]), _groups(found[0]))
        for (file_name, frame), found in by_image.items()
    ]


def _person_of_row(row: Mapping[str, str]) -> LabeledPerson:
    joints = np.zeros((NUM_LANDMARKS, 3))
    for name, place in _COLUMNS.items():
        joints[place] = float(row.get(name) or 0)
    return LabeledPerson(joints)


def _groups(row: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name not in {FILE, FRAME, *_COLUMNS}}
