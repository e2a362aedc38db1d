"""Labels in a simple CSV file: a row for each person.

``file_name`` or, for the frames of a video, ``frame`` says which image is meant. ``nose_x`` and
``nose_y`` are pixels, ``nose_v`` is COCO's flag: 0 or nothing for not labelled, 1 hidden, 2
visible; likewise for any other landmark. Any other column is a grouping column.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from blazepose_ros.evaluation.labels import AnnotationsError, LabelledImage, LabelledPerson, read_text
from blazepose_ros.landmarks import NUM_LANDMARKS, Landmark

FILE, FRAME = "file_name", "frame"
_VALUES = ("x", "y", "v")
_COLUMNS = {
    f"{landmark.frame_name}_{value}": (landmark, column)
    for landmark in Landmark
    for column, value in enumerate(_VALUES)
}


def read_csv(path: Path) -> list[LabelledImage]:
    """Return the images of a CSV file, in the order of their first rows.

    Raises:
        AnnotationsError: the file is no such file.
    """
    rows = list(csv.DictReader(read_text(path).splitlines()))
    columns = set(rows[0]) if rows else set()
    if not columns & {FILE, FRAME} or not columns & _COLUMNS.keys():
        raise AnnotationsError(f"{path} holds no labels: it needs file_name or frame, nose_x and so on")
    by_image: dict[tuple[str, int | None], list[Mapping[str, str]]] = defaultdict(list)
    people: dict[tuple[str, int | None], list[LabelledPerson]] = defaultdict(list)
    for number, row in enumerate(rows, start=2):  # as editors count, the header being the first
        try:
            key = row.get(FILE, ""), int(row[FRAME]) if row.get(FRAME) else None
            people[key].append(_person(row))
        except (TypeError, ValueError) as err:
            raise AnnotationsError(f"{path}, line {number}: {err}") from err
        by_image[key].append(row)
    return [
        LabelledImage(file_name, frame, tuple(people[file_name, frame]), _groups(found[0]))
        for (file_name, frame), found in by_image.items()
    ]


def _person(row: Mapping[str, str]) -> LabelledPerson:
    joints = np.zeros((NUM_LANDMARKS, 3))
    for name, place in _COLUMNS.items():
        joints[place] = float(row.get(name) or 0)
    return LabelledPerson(joints)


def _groups(row: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name not in {FILE, FRAME, *_COLUMNS}}
