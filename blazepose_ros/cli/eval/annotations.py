# SPDX-License-Identifier: Apache-2.0
"""Labeled images and their labels, read from COCO's keypoint format or CSV.

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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.eval.pdj import labeled
from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.files import InputFileError, read_limited
from blazepose_ros.core.frame_sources.files import IMAGE_SUFFIXES, VIDEO_SUFFIXES, VideoFile, load_image
from blazepose_ros.core.frame_sources.frame_source import FrameError, SourceError
from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Frame

# Single images in a row are stamped as if a camera of this rate had taken them.
STILL_RATE = 30.0


class LabeledFrame(NamedTuple):
    """An image with what is true of it.

    Attributes:
        labels: what is true of it.
        frame: the pixels.
        place: in the sequence; None where images have nothing to do with each other.
    """

    labels: LabeledImage
    frame: Frame
    place: int | None = None


def is_video(images: Path) -> bool:
    """Tell whether the images are the frames of a video."""
    return images.suffix.lower() in VIDEO_SUFFIXES


def unlabeled(images: Path) -> list[LabeledImage]:
    """Return the images of a folder and those below it, or a video's frames, nothing being known of them.

    Raises:
        AnnotationsError: there are none.
    """
    if is_video(images):
        found = [LabeledImage("", frame=number) for number in range(_frame_count(images))]
    else:
        paths = sorted(path for path in images.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
        found = [LabeledImage(str(path.relative_to(images))) for path in paths]
    if not found:
        raise AnnotationsError(f"{images} holds no images")
    return found


def read_images(
    images: Path, labels: Sequence[LabeledImage], *, in_sequence: bool = False
) -> Iterator[LabeledFrame]:
    """Yield labeled images; those of a video are all its frames, labeled or not.

    Args:
        images: a video, or the folder that the file names are in.
        labels: what is true of them.
        in_sequence: whether images of a folder follow each other in time; those of a video do.

    Raises:
        AnnotationsError: an image is missing or cannot be read.
    """
    if is_video(images):
        return _frames(images, labels)
    return _files(images, labels, in_sequence)


def _files(folder: Path, labels: Sequence[LabeledImage], in_sequence: bool) -> Iterator[LabeledFrame]:
    for number, each in enumerate(labels):
        try:
            bgr = load_image(folder / each.file_name)
        except FrameError as err:
            raise AnnotationsError(str(err)) from err
        yield LabeledFrame(
            each, _frame(bgr, round(number * NS_PER_S / STILL_RATE)), number if in_sequence else None
        )


def _frames(path: Path, labels: Sequence[LabeledImage]) -> Iterator[LabeledFrame]:
    by_number = {each.frame: each for each in labels}
    try:
        with closing(VideoFile(path)) as video:
            for number, captured in enumerate(iter(video.read, None)):
                known = by_number.get(number, LabeledImage("", frame=number))
                yield LabeledFrame(known, _frame(captured.bgr, captured.time_ns or 0), number)
    except SourceError as err:
        raise AnnotationsError(str(err)) from err


def _frame_count(path: Path) -> int:
    try:
        with closing(VideoFile(path)) as video:
            return max(1, video.count)  # a browser's video does not say
    except SourceError as err:
        raise AnnotationsError(str(err)) from err


def _frame(bgr: NDArray[np.uint8], stamp_ns: int) -> Frame:
    return Frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), stamp_ns)


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


# COCO's own labels of 118,000 images have 240 MB.
_MAX_BYTES = 1 << 30


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        AnnotationsError: it cannot be read.
    """
    try:
        return read_limited(path, _MAX_BYTES).decode("utf-8-sig")
    except OSError as err:
        raise AnnotationsError(f"{path} cannot be read: {err.strerror}") from err
    except InputFileError as err:
        raise AnnotationsError(f"{path} {err}") from err
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
    text = read_text(path)
    try:
        return _images(json.loads(text))
    except (AttributeError, RecursionError, TypeError, ValueError) as err:
        raise AnnotationsError(f"{path} holds no COCO keypoints: {err}") from err


def _images(content: Any) -> list[LabeledImage]:
    """Return the images of a document in COCO's format.

    Raises:
        ValueError: it is of another kind, or lacks something.
    """
    images = {
        _field(image, "id", where): (image, where) for where, image in _numbered(content, "images", "image")
    }
    people: dict[Any, list[LabeledPerson]] = defaultdict(list)
    for where, annotation in _numbered(content, "annotations", "annotation"):
        number = _field(annotation, "image_id", where)
        if number not in images:
            raise ValueError(f"{where} belongs to image {number!r}, which is not among the images")
        people[number].append(_person(annotation, where))
    return [_image(*images[number], tuple(found)) for number, found in people.items()]


def _numbered(content: Any, name: str, kind: str) -> Iterator[tuple[str, Any]]:
    """Yield what to call each entry of a list, and the entry."""
    entries = _field(content, name, "the file")
    if not isinstance(entries, list):
        raise ValueError(f"{name!r} is no list")
    for number, entry in enumerate(entries, start=1):
        yield f"{kind} {number}", entry


def _field(fields: Any, name: str, where: str) -> Any:
    if not isinstance(fields, Mapping):
        raise ValueError(f"{where} is no object with {name!r}")
    if name not in fields:
        raise ValueError(f"{where} lacks {name!r}")
    return fields[name]


def _image(fields: Mapping[str, Any], where: str, people: tuple[LabeledPerson, ...]) -> LabeledImage:
    groups = {name: str(value) for name, value in fields.items() if name not in _OWN_FIELDS}
    camera = fields.get("camera")
    file_name = fields.get("file_name", "") if "frame" in fields else _field(fields, "file_name", where)
    return LabeledImage(
        file_name=str(file_name),
        frame=int(fields["frame"]) if "frame" in fields else None,
        people=people,
        groups=groups,
        camera=None if camera is None else _camera(camera, fields, where),
    )


def _camera(camera: Mapping[str, Any], image: Mapping[str, Any], where: str) -> CameraModel:
    k = np.ravel(_field(camera, "K", f"the camera of {where}")).tolist()
    model = camera.get("distortion_model", "plumb_bob")
    width, height = (_field(image, side, where) for side in ("width", "height"))
    return CameraModel.from_calibration(width, height, k, camera.get("D", ()), model)


def _person(annotation: Mapping[str, Any], where: str) -> LabeledPerson:
    keypoints = _field(annotation, "keypoints", where)
    hips = annotation.get("hip_center_m")
    points = annotation.get("keypoints_world_m")
    return LabeledPerson(
        joints=_joints(keypoints, where),
        world=None if points is None else _world(points),
        hip_center=None if hips is None else np.reshape(np.asarray(hips, float), 3),
    )


def _joints(keypoints: Any, where: str) -> NDArray[np.float64]:
    try:
        return from_coco(keypoints)
    except (TypeError, ValueError) as err:
        raise ValueError(f"the keypoints of {where} are not 17 times x, y and a flag") from err


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
    try:
        rows = list(csv.DictReader(read_text(path).splitlines()))
    except csv.Error as err:
        raise AnnotationsError(f"{path} is no table: {err}") from err
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
