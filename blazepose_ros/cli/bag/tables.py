# SPDX-License-Identifier: Apache-2.0
"""People as tables: a row for each person in each image."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from rclpy.serialization import deserialize_message

from blazepose_ros.cli.bag.bag_files import BagError
from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.core.landmarks import Landmark
from blazepose_ros.core.types import Placement
from blazepose_ros.msg import Pose33, Pose33Array

Row = tuple[int | float | str, ...]

_PERSON = (
    "camera",
    "stamp_ns",
    "frame_id",
    "person_id",
    "score",
    "placement",
    "hip_x_m",
    "hip_y_m",
    "hip_z_m",
)
_LANDMARK = ("x_px", "y_px", "z_px", "visibility", "presence", "world_x_m", "world_y_m", "world_z_m")
COLUMNS = (*_PERSON, *(f"{landmark.frame_name}_{value}" for landmark in Landmark for value in _LANDMARK))
# So many rows at a time keep memory small, and Parquet's groups of rows large enough.
_ROWS_AT_ONCE = 1000


def rows(camera: str, serialized: bytes) -> Iterator[Row]:
    """Yield the people of one image; a hip centre that is not known is NaN.

    Args:
        camera: the topic of its images.
        serialized: a Pose33Array.
    """
    for pose in deserialize_message(serialized, Pose33Array).poses:
        yield _row(camera, pose)


def write_csv(path: Path, table: Iterable[Row]) -> None:
    """Write rows as a CSV file with a header."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(table)


def write_parquet(path: Path, table: Iterable[Row]) -> None:
    """Write rows as a Parquet file.

    Raises:
        BagError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as err:
        raise BagError("Parquet needs pyarrow: pip install 'blazepose_ros[parquet]'") from err
    schema = pyarrow.schema([(name, _arrow_type(name)) for name in COLUMNS])
    remaining = iter(table)
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        while batch := list(islice(remaining, _ROWS_AT_ONCE)):
            columns = dict(zip(COLUMNS, zip(*batch, strict=True), strict=True))
            writer.write_table(pyarrow.table(columns, schema))


def _arrow_type(column: str) -> str:
    texts, integers = {"camera", "frame_id", "placement"}, {"stamp_ns", "person_id"}
    return "string" if column in texts else "int64" if column in integers else "double"


def _row(camera: str, pose: Pose33) -> Row:
    placement = Placement(pose.placement)
    hips = pose.hip_center.pose.position
    place = (hips.x, hips.y, hips.z) if placement else (float("nan"),) * 3
    landmarks = (
        value
        for screen, world in zip(pose.screen_landmarks, pose.world_landmarks, strict=True)
        for value in (
            screen.x,
            screen.y,
            screen.z,
            screen.visibility,
            screen.presence,
            world.x,
            world.y,
            world.z,
        )
    )
    header = pose.header
    person = (
        camera,
        stamp_ns(header),
        header.frame_id,
        pose.person_id,
        pose.score,
        placement.name.lower(),
        *place,
    )
    return (*person, *landmarks)
