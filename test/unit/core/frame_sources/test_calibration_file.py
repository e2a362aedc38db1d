# SPDX-License-Identifier: Apache-2.0
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from blazepose_ros.core.camera_model import CameraModel
from blazepose_ros.core.frame_sources.calibration_file import (
    Calibration,
    CalibrationFileError,
    format_calibration,
    load_calibration,
)
from blazepose_ros.core.frame_sources.resize import FrameFit

HEAD_CAMERA = """
image_width: 640
image_height: 480
camera_name: head_camera
camera_matrix:
  rows: 3
  cols: 3
  data: [438.783367, 0.000000, 305.593336, 0.000000, 437.302876, 243.738352, 0.000000, 0.000000, 1.000000]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.361976, 0.110510, 0.001014, 0.000505, 0.000000]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [393.653800, 0, 322.797939, 0, 0, 393.241516, 241.090362, 0, 0, 0, 1, 0]
"""


@pytest.fixture
def head_camera() -> Any:
    return yaml.safe_load(HEAD_CAMERA)


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def load(document: Any) -> Any:
        path = tmp_path / "camera.yaml"
        path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
        return load_calibration(path)

    return load


def test_a_file_of_camera_info_manager_is_read(load: Any) -> None:
    calibration = load(HEAD_CAMERA)
    camera = calibration.camera
    assert (camera.width, camera.height) == (640, 480)
    assert camera.k[0].tolist() == [438.783367, 0, 305.593336]
    assert camera.d == (-0.361976, 0.110510, 0.001014, 0.000505, 0.0)
    assert camera.distortion_model == "plumb_bob"
    assert not camera.assumed
    assert calibration.projection[1].tolist() == [0, 393.241516, 241.090362, 0]


def test_what_is_written_is_read_again(load: Any) -> None:
    calibration = load(HEAD_CAMERA)
    again = load(format_calibration(calibration, "head_camera"))
    assert again.camera.d == calibration.camera.d
    assert np.array_equal(again.camera.k, calibration.camera.k)
    assert np.array_equal(again.projection, calibration.projection)


def test_a_camera_without_distortion_survives_writing_and_reading(load: Any) -> None:
    camera = CameraModel.from_hfov(64, 48, 60.0)
    assert load(format_calibration(Calibration.monocular(camera), "plain")).camera.d == ()


def test_matrices_that_only_stereo_cameras_need_may_be_missing(load: Any, head_camera: Any) -> None:
    del head_camera["rectification_matrix"], head_camera["projection_matrix"]
    calibration = load(head_camera)
    assert np.array_equal(calibration.rectification, np.eye(3))
    assert np.array_equal(calibration.projection[:, :3], calibration.camera.k)


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("image_width", "wide", "image_width is 'wide', not an integer"),
        ("image_width", 0, "the image size is 0 x 480"),
        ("camera_matrix", [1, 2, 3], "camera_matrix has no rows, cols and data"),
        ("camera_matrix", {"cols": 3, "data": [1] * 9}, "rows is missing"),
        (
            "camera_matrix",
            {"rows": 3, "cols": 3, "data": [1] * 8},
            "camera_matrix does not hold 3 x 3 numbers",
        ),
        ("camera_matrix", {"rows": 3, "cols": 3}, "camera_matrix does not hold 3 x 3 numbers"),
        ("camera_matrix", {"rows": -3, "cols": -3, "data": [1] * 9}, "camera_matrix does not hold"),
        ("camera_matrix", {"rows": 3, "cols": 3, "data": ["a"] * 9}, "camera_matrix holds something that"),
        (
            "camera_matrix",
            {"rows": 3, "cols": 3, "data": [[1], [2, 3]]},
            "camera_matrix holds something that",
        ),
        ("camera_matrix", {"rows": 3, "cols": 3, "data": [0] * 9}, "focal lengths are 0 and 0"),
        ("camera_matrix", {"rows": 3, "cols": 3, "data": [math.nan] * 9}, "K is not"),
        ("camera_matrix", {"rows": 2, "cols": 3, "data": [1] * 6}, "K is not"),
        ("distortion_model", "magic", "the distortion model is 'magic'"),
        ("distortion_coefficients", {"rows": 1, "cols": 8, "data": [1] * 8}, "does not take 8 coefficients"),
        ("rectification_matrix", {"rows": 1, "cols": 9, "data": [0] * 9}, "the rectification is not a 3 x 3"),
        (
            "projection_matrix",
            {"rows": 3, "cols": 4, "data": [math.inf] * 12},
            "the projection is not a 3 x 4",
        ),
    ],
)
def test_a_wrong_field_is_named_with_its_file(
    load: Any, head_camera: Any, field: str, value: Any, error: str
) -> None:
    with pytest.raises(CalibrationFileError, match=rf"camera\.yaml: .*{error}"):
        load(head_camera | {field: value})


@pytest.mark.parametrize("field", ["image_width", "image_height", "camera_matrix", "distortion_coefficients"])
def test_a_missing_field_is_named_with_its_file(load: Any, head_camera: Any, field: str) -> None:
    del head_camera[field]
    with pytest.raises(CalibrationFileError, match=rf"camera\.yaml: {field} is missing"):
        load(head_camera)


@pytest.mark.parametrize("text", ["a: [1, 2", "", "just words", "[1, 2]", "\x00"])
def test_a_file_of_another_kind_is_refused(load: Any, text: str) -> None:
    with pytest.raises(CalibrationFileError, match=r"camera\.yaml is not a"):
        load(text)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "camera.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(CalibrationFileError, match=r"camera\.yaml is not a YAML file"):
        load_calibration(tmp_path / "camera.yaml")


@pytest.mark.parametrize("name", ["", "missing.yaml"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(CalibrationFileError, match="cannot be read"):
        load_calibration(tmp_path / name)


@pytest.mark.parametrize("target", [(1280, 960), (320, 240), (300, 500), (640, 480)])
def test_a_point_is_seen_where_the_scaled_image_shows_it(load: Any, target: tuple[int, int]) -> None:
    calibration = load(HEAD_CAMERA)
    points = np.array([[0.1, -0.2, 2.0], [-0.5, 0.3, 3.0]])
    fit = FrameFit((640, 480), target)
    seen = calibration.seen_through(fit)
    original = np.column_stack([calibration.camera.project(points), np.ones(2)])
    assert seen.camera.project(points) == pytest.approx((original @ fit.matrix.T)[:, :2])
    assert (seen.camera.width, seen.camera.height) == target
    homogeneous = np.column_stack([points, np.ones(2)])
    assert seen.projection @ homogeneous[0] == pytest.approx(
        fit.matrix @ calibration.projection @ homogeneous[0]
    )


def test_images_of_another_resolution_of_the_camera_scale_the_calibration(load: Any) -> None:
    seen = load(HEAD_CAMERA).seen_through(FrameFit((1280, 960), (1280, 960)))
    assert seen.camera.k[0, 0] == pytest.approx(2 * 438.783367)
    assert seen.camera.k[0, 2] == pytest.approx(2 * (305.593336 + 0.5) - 0.5)


def test_images_of_other_proportions_are_refused(load: Any) -> None:
    with pytest.raises(CalibrationFileError, match="for 640 x 480 pixels, the images have 1280 x 720"):
        load(HEAD_CAMERA).seen_through(FrameFit((1280, 720), (640, 480)))


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_file_that_blocks_or_never_ends_is_refused_at_once(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "camera.yaml")
    with pytest.raises(CalibrationFileError, match=r"camera\.yaml is not a regular file"):
        load_calibration(tmp_path / "camera.yaml")


def test_a_calibration_with_aliases_is_refused(tmp_path: Path) -> None:
    (tmp_path / "camera.yaml").write_text("a: &a [1, 1]\nb: &b [*a, *a]\n")
    with pytest.raises(CalibrationFileError, match=r"camera\.yaml has an alias in line 2"):
        load_calibration(tmp_path / "camera.yaml")


@pytest.mark.parametrize(
    ("name", "d", "model"),
    [("fisheye", [0.1, 0.0, 0.0, 0.0], "equidistant"), ("plumb_bob", [0.1, *(0.0,) * 7], "plumb_bob")],
)
def test_a_lens_is_known_by_other_names_and_numbers_too(
    load: Any, head_camera: Any, name: str, d: Any, model: str
) -> None:
    field = {"rows": 1, "cols": len(d), "data": d}
    camera = load(head_camera | {"distortion_model": name, "distortion_coefficients": field}).camera
    assert (camera.distortion_model, camera.d[0]) == (model, 0.1)
