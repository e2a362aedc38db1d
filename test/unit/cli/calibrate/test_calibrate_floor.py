# SPDX-License-Identifier: Apache-2.0
"""``blazepose calibrate floor``, with people who are made up."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

pytest.importorskip("rclpy", reason="rclpy is not installed")

from scipy.spatial.transform import Rotation
from support.bodies import CAMERA, FACING_M, as_described, seen_by
from support.recordings import camera_info, in_order, raw_images, write_bag

from blazepose_ros.cli.calibrate import floor, people_sources
from blazepose_ros.cli.main import main
from blazepose_ros.core.frame_sources.calibration_file import Calibration, format_calibration
from blazepose_ros.core.placement.floor_calibration import FloorCalibration
from blazepose_ros.core.placement.floor_range import Floor

COUNT, TILT_DEG, HEIGHT_M = 180, 20.0, 1.6
SMALL = CAMERA.scaled_to(160, 120)


class Walker:
    """Finds somebody who walks near and far, whatever the image shows."""

    def __init__(self, far_m: float = 6.0) -> None:
        self._far_m = far_m
        self._count = 0

    def estimate(self, frame: Any) -> Any:
        self._count += 1
        camera = CAMERA.scaled_to(frame.width, frame.height)
        tilt = Rotation.from_euler("x", TILT_DEG, degrees=True).as_matrix()
        ahead_m = 2.0 + (self._far_m - 2.0) * 0.5 * (1.0 - math.cos(0.04 * self._count))
        body = FACING_M @ tilt.T
        return [as_described(seen_by(camera, tilt @ (0.0, HEIGHT_M - 0.86, ahead_m), body), camera)]

    def close(self) -> None:
        pass


@pytest.fixture
def walker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_sources, "load_model", lambda *_: SimpleNamespace(estimator=Walker()))


def images(count: int = COUNT) -> list[Any]:
    return [np.full((SMALL.height, SMALL.width, 3), 128, np.uint8)] * count


def bag_of(path: Path, *, calibrated: bool = True) -> Path:
    k = SMALL.k if calibrated else np.zeros((3, 3))
    infos = [("/front/camera_info", camera_info(k, [], (SMALL.width, SMALL.height)))]
    return write_bag(path, in_order(infos, raw_images("/front/image_raw", images(), "front_optical")))


@pytest.mark.usefixtures("walker")
def test_a_recording_gives_parameters_and_a_transform(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "floor", str(bag_of(tmp_path / "walk")), "--person-height", "1.7"]) == 0
    text = capsys.readouterr().out
    *lines, transform = text.strip().splitlines()
    parameters = yaml.safe_load("\n".join(lines))
    assert parameters["camera_tilt_deg"] == pytest.approx(TILT_DEG, abs=2.5)
    assert parameters["camera_height_m"] == pytest.approx(HEIGHT_M, rel=0.12)
    assert 0.0 < parameters["ground_tilt_std_deg"] < 2.5
    assert 0.0 < parameters["ground_height_std_m"] < 0.2
    words = transform.split()
    given = dict(zip(words[4::2], words[5::2], strict=True))
    assert (given["--frame-id"], given["--child-frame-id"]) == ("base_footprint", "front_optical")
    rotation = Rotation.from_quat([float(given[f"--q{axis}"]) for axis in "xyzw"]).as_matrix()
    down = math.radians(parameters["camera_tilt_deg"])
    np.testing.assert_allclose(rotation[2], (0.0, -math.cos(down), -math.sin(down)), atol=0.05)
    assert float(given["--z"]) == parameters["camera_height_m"]


@pytest.mark.usefixtures("walker")
def test_a_video_takes_its_calibration_from_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, calibration = tmp_path / "walk.avi", tmp_path / "camera.yaml"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (SMALL.width, SMALL.height))
    for bgr in images():
        writer.write(bgr)
    writer.release()
    calibration.write_text(format_calibration(Calibration.monocular(SMALL), "front"))
    assert main(["calibrate", "floor", str(video), "--calibration", str(calibration)]) == 0
    assert "camera_height_m: 1." in capsys.readouterr().out
    assert main(["calibrate", "floor", str(video)]) == 1
    assert "give its --calibration" in capsys.readouterr().err


@pytest.mark.usefixtures("walker")
def test_a_camera_without_a_calibration_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "floor", str(bag_of(tmp_path / "walk", calibrated=False))]) == 1
    assert "takes a calibrated camera" in capsys.readouterr().err


def test_people_at_one_distance_are_refused_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_sources, "load_model", lambda *_: SimpleNamespace(estimator=Walker(far_m=2.1)))
    assert main(["calibrate", "floor", str(bag_of(tmp_path / "walk"))]) == 1
    said = capsys.readouterr()
    assert "the tilt is uncertain by" in said.err
    assert "come nearer, go further" in said.err
    assert said.out.strip() == ""


def test_a_source_that_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "floor", "nowhere.mp4"]) == 1
    assert "nowhere.mp4 does not exist" in capsys.readouterr().err


def test_a_camera_that_is_rolled_is_told_to_use_the_transform() -> None:
    for roll_deg, told in ((0.5, False), (6.0, True)):
        found = FloorCalibration(Floor.under_camera(1.5, 20.0), 20.0, roll_deg, 2.0, 5.0, 20.0)
        assert ("know no roll" in floor.report(found, "eye", "base_footprint")) is told
