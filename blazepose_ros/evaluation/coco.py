"""Labels in COCO's keypoint format, and what may stand beside them.

An image may name groups it belongs to, in any field that COCO does not have, the number of a
video's ``frame``, and its ``camera``: ``K``, ``D`` and ``distortion_model`` as in sensor_msgs/CameraInfo.
An annotation may have ``keypoints_world_m``, 17 points in metres parallel to the camera's
optical axes, and ``hip_center_m``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.camera_model import CameraModel
from blazepose_ros.evaluation.labels import AnnotationsError, LabelledImage, LabelledPerson, read_text
from blazepose_ros.evaluation.pdj import labelled
from blazepose_ros.landmarks import NUM_LANDMARKS, Landmark

# COCO's 17 joints in its order.
COCO_JOINTS = (
    *(Landmark.NOSE, Landmark.LEFT_EYE, Landmark.RIGHT_EYE, Landmark.LEFT_EAR, Landmark.RIGHT_EAR),
    *(Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER, Landmark.LEFT_ELBOW, Landmark.RIGHT_ELBOW),
    *(Landmark.LEFT_WRIST, Landmark.RIGHT_WRIST, Landmark.LEFT_HIP, Landmark.RIGHT_HIP),
    *(Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE, Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE),
)
# What COCO itself and we say of an image; everything else is a grouping column.
_OWN_FIELDS = {
    *("id", "file_name", "width", "height", "license", "coco_url", "flickr_url", "date_captured"),
    *("frame", "camera"),
}


def from_coco(keypoints: Any) -> NDArray[np.float64]:
    """Return COCO's 17 joints, x, y and flag each, as a person, (33, 3).

    Raises:
        ValueError: there are more or fewer numbers.
    """
    return labelled(COCO_JOINTS, np.reshape(np.asarray(keypoints, float), (len(COCO_JOINTS), 3)))


def read_coco(path: Path) -> list[LabelledImage]:
    """Return the images of a JSON file that somebody is labelled in.

    Raises:
        AnnotationsError: the file is no such file.
    """
    try:
        content = json.loads(read_text(path))
        people: dict[Any, list[LabelledPerson]] = defaultdict(list)
        for annotation in content["annotations"]:
            people[annotation["image_id"]].append(_person(annotation))
        images = {image["id"]: image for image in content["images"]}
        return [_image(images[number], tuple(found)) for number, found in people.items()]
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        if isinstance(err, AnnotationsError):
            raise
        raise AnnotationsError(f"{path} holds no COCO keypoints: {err!r}") from err


def _image(fields: Mapping[str, Any], people: tuple[LabelledPerson, ...]) -> LabelledImage:
    groups = {name: str(value) for name, value in fields.items() if name not in _OWN_FIELDS}
    camera = fields.get("camera")
    return LabelledImage(
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


def _person(annotation: Mapping[str, Any]) -> LabelledPerson:
    hips = annotation.get("hip_center_m")
    points = annotation.get("keypoints_world_m")
    return LabelledPerson(
        joints=from_coco(annotation["keypoints"]),
        world=None if points is None else _world(points),
        hip_center=None if hips is None else np.reshape(np.asarray(hips, float), 3),
    )


def _world(points: Any) -> NDArray[np.float64]:
    world = np.full((NUM_LANDMARKS, 3), np.nan)
    world[list(COCO_JOINTS)] = np.reshape(np.asarray(points, float), (len(COCO_JOINTS), 3))
    return world
