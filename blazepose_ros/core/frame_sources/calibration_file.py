# SPDX-License-Identifier: Apache-2.0
"""Camera calibrations in the YAML files of camera_info_manager and camera_calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from blazepose_ros.core.camera_model import PLUMB_BOB, CameraModel, read_distortion, same_proportions
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.files import InputFileError, read_yaml
from blazepose_ros.core.frame_sources.resize import FrameFit


class CalibrationFileError(BlazePoseError, ValueError):
    """A calibration that cannot be used; the message names the file and the field."""


@dataclass(frozen=True)
class Calibration:
    """A camera with what sensor_msgs/CameraInfo says about its rectification.

    Attributes:
        camera: the camera.
        rectification: (3, 3), rotation into the rectified frame.
        projection: (3, 4), from the rectified frame to pixels.

    Raises:
        ValueError: a matrix has another shape or is not finite.
    """

    camera: CameraModel
    rectification: NDArray[np.float64]
    projection: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name, shape in (("rectification", (3, 3)), ("projection", (3, 4))):
            matrix = getattr(self, name)
            if matrix.shape != shape or not np.isfinite(matrix).all():
                raise ValueError(f"the {name} is not a {shape[0]} x {shape[1]} matrix of finite numbers")

    @classmethod
    def monocular(cls, camera: CameraModel) -> Calibration:
        """Return the calibration of a camera whose images are not rectified."""
        return cls(camera, np.eye(3), np.column_stack([camera.k, np.zeros(3)]))

    def seen_through(self, fit: FrameFit) -> Calibration:
        """Return the calibration of this camera's images after a fit.

        Raises:
            CalibrationFileError: the fit is of images with other proportions than the camera's.
        """
        size = (self.camera.width, self.camera.height)
        if not same_proportions(size, fit.source):
            raise CalibrationFileError(
                f"the calibration is for {size[0]} x {size[1]} pixels, the images have"
                f" {fit.source[0]} x {fit.source[1]}, which are other proportions"
            )
        return self._transformed(FrameFit(size, fit.source))._transformed(fit)

    def _transformed(self, fit: FrameFit) -> Calibration:
        width, height = fit.target
        camera = replace(self.camera, width=width, height=height, k=fit.matrix @ self.camera.k)
        return replace(self, camera=camera, projection=fit.matrix @ self.projection)


def load_calibration(path: Path) -> Calibration:
    """Return the calibration in a YAML file.

    Raises:
        CalibrationFileError: the file is missing or damaged, or a field is missing or wrong.
    """
    try:
        document = read_yaml(path)
    except OSError as error:
        raise CalibrationFileError(f"{path} cannot be read: {error.strerror}") from error
    except InputFileError as error:
        raise CalibrationFileError(f"{path} {error}") from error
    if not isinstance(document, Mapping):
        raise CalibrationFileError(f"{path} is not a camera_info_manager YAML file: it has no fields")
    try:
        return _read(document)
    except ValueError as error:
        raise CalibrationFileError(f"{path}: {error}") from error


def format_calibration(calibration: Calibration, name: str) -> str:
    """Return the YAML file of a calibration of the camera called ``name``."""
    camera = calibration.camera
    document = {
        "image_width": camera.width,
        "image_height": camera.height,
        "camera_name": name,
        "camera_matrix": _matrix_field(camera.k),
        "distortion_model": camera.distortion_model,
        "distortion_coefficients": _matrix_field(np.atleast_2d(np.array(camera.d, float))),
        "rectification_matrix": _matrix_field(calibration.rectification),
        "projection_matrix": _matrix_field(calibration.projection),
    }
    return yaml.safe_dump(document, sort_keys=False)


def _read(document: Mapping[str, object]) -> Calibration:
    coefficients = _matrix(document, "distortion_coefficients").ravel().tolist()
    distortion = read_distortion(str(document.get("distortion_model", PLUMB_BOB)), coefficients)
    if distortion.remark:  # who names a file can correct it
        raise ValueError(distortion.remark)
    camera = CameraModel(
        width=_integer(document, "image_width"),
        height=_integer(document, "image_height"),
        k=_matrix(document, "camera_matrix"),
        d=distortion.d,
        distortion_model=distortion.model,
    )
    plain = Calibration.monocular(camera)
    return Calibration(
        camera,
        _matrix(document, "rectification_matrix", plain.rectification),
        _matrix(document, "projection_matrix", plain.projection),
    )


def _integer(document: Mapping[str, object], name: str) -> int:
    value = document.get(name)
    if type(value) is not int:
        raise ValueError(f"{name} is {value!r}, not an integer" if name in document else f"{name} is missing")
    return value


def _matrix(
    document: Mapping[str, object], name: str, default: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    field = document.get(name)
    if name not in document and default is not None:
        return default
    if not isinstance(field, Mapping):
        raise ValueError(f"{name} is missing" if field is None else f"{name} has no rows, cols and data")
    rows, cols = _integer(field, "rows"), _integer(field, "cols")
    try:
        data = np.array(field.get("data"), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} holds something that is not a number") from error
    if rows < 0 or cols < 0 or data.shape != (rows * cols,):
        raise ValueError(f"{name} does not hold {rows} x {cols} numbers")
    return data.reshape(rows, cols)


def _matrix_field(matrix: NDArray[np.float64]) -> dict[str, object]:
    rows, cols = matrix.shape
    return {"rows": rows, "cols": cols, "data": matrix.ravel().tolist()}
