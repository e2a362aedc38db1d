# SPDX-License-Identifier: Apache-2.0
"""What the launch files know, without launch."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from scipy.spatial.transform import Rotation
from support.paths import ROOT

from blazepose_ros.launch_support.drivers import DRIVERS, OPTICAL_RPY, frame_name, optical_frame
from blazepose_ros.launch_support.lookup import ParameterFileError, find_parameter_file

CONFIG = ROOT / "config"


def test_a_parameter_file_is_a_path_or_a_name_in_the_folder(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.touch()
    assert find_parameter_file(str(mine), CONFIG) == mine
    assert find_parameter_file("blazepose.yaml", CONFIG) == CONFIG / "blazepose.yaml"


def test_a_path_comes_before_a_name_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fast.yaml").touch()
    monkeypatch.chdir(tmp_path)
    assert find_parameter_file("fast.yaml", CONFIG).samefile(tmp_path / "fast.yaml")


@pytest.mark.parametrize("name", ["nothing.yaml", "/nowhere/fast.yaml", "", "."])
def test_a_parameter_file_that_is_not_there_is_answered_with_those_that_are(name: str) -> None:
    with pytest.raises(ParameterFileError, match=r"accurate\.yaml, blazepose\.yaml.*fast\.yaml"):
        find_parameter_file(name, CONFIG)


@pytest.mark.parametrize("name", ["fast", "accurate", "depth_camera"])
def test_a_parameter_file_changes_known_parameters_and_restates_no_default(name: str) -> None:
    defaults = parameters("blazepose")
    changed = parameters(name)
    assert changed
    for parameter, value in changed.items():
        assert type(value) is type(defaults[parameter])
        assert value != defaults[parameter]


def parameters(name: Any) -> Any:
    return yaml.safe_load((CONFIG / f"{name}.yaml").read_text())["/**"]["ros__parameters"]


@pytest.mark.parametrize(
    ("namespace", "name"),
    [("camera", "camera"), ("/robot/front", "robot_front"), ("front/", "front"), ("", "camera")],
)
def test_a_cameras_frames_are_named_after_its_namespace(namespace: str, name: str) -> None:
    assert frame_name(namespace) == name


def test_the_optical_axes_are_those_of_rep_103() -> None:
    x, y, z = Rotation.from_euler("xyz", OPTICAL_RPY).as_matrix().T
    assert x == pytest.approx([0, -1, 0])  # right
    assert y == pytest.approx([0, 0, -1])  # down
    assert z == pytest.approx([1, 0, 0])  # forward


@pytest.mark.parametrize("name", DRIVERS)
def test_every_driver_gets_the_source_that_was_named(name: Any) -> None:
    driver = DRIVERS[name]
    assert driver.settings("front", "this one")[driver.source_parameter] == "this one"


@pytest.mark.parametrize("name", DRIVERS)
def test_every_drivers_frames_are_named_after_the_namespace(name: Any) -> None:
    settings = DRIVERS[name].settings("front", "")
    assert {optical_frame("front"), "front"} & {
        value for value in settings.values() if isinstance(value, str)
    }


@pytest.mark.parametrize("name", ["blazepose", "usb_cam", "v4l2_camera"])
def test_a_link_to_a_device_is_resolved_for_drivers_that_do_not(name: str, tmp_path: Path) -> None:
    (tmp_path / "usb-Webcam-video-index0").symlink_to("/dev/null")  # a device that every machine has
    driver = DRIVERS[name]
    settings = driver.settings("front", str(tmp_path / "usb-Webcam-video-index0"))
    assert settings[driver.source_parameter] == "/dev/null"


def test_without_a_source_a_driver_chooses_and_the_files_camera_plays_a_photograph() -> None:
    assert "video_device" not in DRIVERS["usb_cam"].settings("camera", "")
    assert Path(DRIVERS["blazepose"].settings("camera", "")["source"]).is_file()
