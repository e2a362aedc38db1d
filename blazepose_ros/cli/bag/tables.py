# SPDX-License-Identifier: Apache-2.0
"""The people as tables of flat, typed columns: a row for each person in each image, as CSV and Parquet."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from rclpy.serialization import deserialize_message

from blazepose_ros.cli.bag.recording_files import BagError
from blazepose_ros.conversions.cdr import stamp_ns
from blazepose_ros.core import hints
from blazepose_ros.core.landmarks import NUM_LANDMARKS, Landmark
from blazepose_ros.core.types import ModelComplexity, Placement, upper_triangle
from blazepose_ros.msg import Pose33, Pose33Array

# Counts up when a column changes its meaning or goes; new columns may come without.
SCHEMA_VERSION = 1
CSV, PARQUET = SUFFIXES = (".csv", ".parquet")
# So many rows at a time keep memory small, and Parquet's groups of rows large enough.
_ROWS_AT_ONCE = 1000
# The most bytes in the name of a file or folder, on Linux.
_MAX_NAME = 255

Row = tuple[int | float | str, ...]


class Column(NamedTuple):
    """A column.

    Attributes:
        name: with its unit.
        arrow_type: as Arrow names it; NaN is a number that is not known.
        meaning: in words.
    """

    name: str
    arrow_type: str
    meaning: str


_TRIANGLE = ("xx", "xy", "xz", "yy", "yz", "zz")
_PERSON = (
    Column("schema_version", "int32", "of these columns"),
    Column("camera", "string", "the topic of the images"),
    Column("stamp_ns", "int64", "of the image, in nanoseconds"),
    Column("frame_id", "string", "the frame of the image, and of all places and covariances"),
    Column("image_width", "int32", "in pixels"),
    Column("image_height", "int32", "in pixels"),
    Column("person_id", "int64", "the same from image to image while the person is tracked"),
    Column("score", "float", "0 to 1, the model's pose-presence flag"),
    Column("model", "string", "lite, full or heavy"),
    Column("status", "int32", "the sum of the flags of Pose33.status"),
    Column("placement", "string", "where the hip center comes from: none, mono, depth, floor or fused"),
    *(Column(f"hip_{axis}_m", "double", "the hip center") for axis in "xyz"),
    *(Column(f"hip_cov_{pair}_m2", "double", "the covariance of the hip center") for pair in _TRIANGLE),
    *(Column(f"hip_velocity_{axis}_m_s", "double", "how fast the hip center moves") for axis in "xyz"),
    Column("stature_m", "float", "how tall the person is when standing upright"),
    Column("stature_std_m", "float", "one standard deviation of it"),
)
_LANDMARK = (
    Column("x_px", "float", "in the image"),
    Column("y_px", "float", "in the image"),
    Column("z_px", "float", "relative to the hips, negative is nearer the camera; not metric"),
    Column("visibility", "float", "0 to 1: inside the image and not hidden"),
    Column("presence", "float", "0 to 1: inside the image"),
    *(Column(f"world_{axis}_m", "float", "from the hip center") for axis in "xyz"),
    *(Column(f"cov_{pair}_m2", "float", "the covariance of hip center plus world") for pair in _TRIANGLE),
)
COLUMNS = (
    *_PERSON,
    *(each._replace(name=f"{mark.frame_name}_{each.name}") for mark in Landmark for each in _LANDMARK),
)
NAMES = [column.name for column in COLUMNS]


def rows(camera: str, serialized: bytes) -> Iterator[Row]:
    """Yield the people of one image; what is not known is NaN.

    Args:
        camera: the topic of its images.
        serialized: a Pose33Array.
    """
    for pose in deserialize_message(serialized, Pose33Array).poses:
        yield (*_person(camera, pose), *_landmarks(pose))


def _person(camera: str, pose: Pose33) -> Row:
    placement = Placement(pose.placement)
    hips, velocity = pose.hip_center.pose.position, pose.hip_velocity
    covariance = upper_triangle(pose.hip_center.covariance.reshape(6, 6)[:3, :3]).tolist()
    place = (hips.x, hips.y, hips.z, *covariance) if placement else (float("nan"),) * (3 + len(_TRIANGLE))
    header = pose.header
    return (
        SCHEMA_VERSION,
        camera,
        stamp_ns(header),
        header.frame_id,
        pose.image_width,
        pose.image_height,
        pose.person_id,
        pose.score,
        ModelComplexity(pose.model_complexity).name.lower(),
        pose.status,
        placement.name.lower(),
        *place,
        *(velocity.x, velocity.y, velocity.z),
        pose.stature,
        pose.stature_std,
    )


def _landmarks(pose: Pose33) -> Iterator[float]:
    covariances = pose.landmark_covariances.reshape(NUM_LANDMARKS, len(_TRIANGLE)).tolist()
    for screen, world, covariance in zip(
        pose.screen_landmarks, pose.world_landmarks, covariances, strict=True
    ):
        yield from (screen.x, screen.y, screen.z, screen.visibility, screen.presence)
        yield from (world.x, world.y, world.z)
        yield from covariance


def write_csv(path: Path, table: Iterable[Row]) -> None:
    """Write rows as a CSV file with a header."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(NAMES)
        writer.writerows(table)


def write_parquet(path: Path, table: Iterable[Row]) -> None:
    """Write rows as a Parquet file, whose columns say what they mean.

    Raises:
        BagError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as err:
        raise BagError(f"Parquet needs pyarrow: {hints.install('pyarrow')}") from err
    schema = pyarrow.schema(
        [
            pyarrow.field(name, arrow_type, metadata={"description": meaning})
            for name, arrow_type, meaning in COLUMNS
        ],
        metadata={"blazepose_ros.schema_version": str(SCHEMA_VERSION)},
    )
    remaining = iter(table)
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        while batch := list(islice(remaining, _ROWS_AT_ONCE)):
            columns = dict(zip(NAMES, zip(*batch, strict=True), strict=True))
            writer.write_table(pyarrow.table(columns, schema))


def partition(folder: Path, recording: str) -> Mapping[str, Path]:
    """Return where the tables of one of many recordings go, by their suffixes.

    These are Hive's partitions, which data tools read as one table with a column ``recording``.

    Raises:
        BagError: its name is too long for that of a folder.
    """
    name = f"recording={quote(os.fsencode(recording), safe='')}"
    if len(name) > _MAX_NAME:
        raise BagError(f"{recording} is too long for a partition's name: work on it by itself")
    folders = {suffix: folder / f"people_{suffix.removeprefix('.')}" / name for suffix in SUFFIXES}
    return {suffix: each / f"people{suffix}" for suffix, each in folders.items()}
