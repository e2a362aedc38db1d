"""Photographs with labelled people, in COCO's format."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.bench.estimators import Photograph
from blazepose_ros.pose import Frame

VALUES_PER_JOINT = 3  # x, y and a flag


class AnnotationsError(ValueError):
    """Annotations that cannot be read; the message says what is wrong with them."""


def load_photographs(annotations: Path, images: Path) -> list[Photograph]:
    """Return the photographs that COCO keypoint annotations label.

    Args:
        annotations: a JSON file with ``images`` and ``annotations``.
        images: the folder that their file names are in.

    Raises:
        AnnotationsError: the file is not such annotations, or an image cannot be read.
    """
    try:
        content = json.loads(annotations.read_text())
        people: dict[int, list[NDArray]] = defaultdict(list)
        for person in content["annotations"]:
            joints = np.reshape(np.asarray(person["keypoints"], float), (-1, VALUES_PER_JOINT))
            people[person["image_id"]].append(joints)
        names = {image["id"]: image["file_name"] for image in content["images"]}
    except (OSError, KeyError, TypeError, ValueError) as err:
        raise AnnotationsError(f"{annotations} holds no COCO keypoints: {err!r}") from err
    return [Photograph(_frame(images / names[number]), tuple(found)) for number, found in people.items()]


def _frame(path: Path) -> Frame:
    bgr = cv2.imread(str(path))
    if bgr is None:
        raise AnnotationsError(f"{path} is not an image that can be read")
    return Frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), 0)
