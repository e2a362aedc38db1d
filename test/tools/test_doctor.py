# SPDX-License-Identifier: Apache-2.0
"""``blazepose doctor``: each check finds what it is for, and the whole runs as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.processes import executable

from blazepose_ros.cli.doctor import machine, middleware, python_environment
from blazepose_ros.cli.doctor.check_result import CheckLevel, CheckResult, as_text, ok
from blazepose_ros.cli.doctor.command import examine
from blazepose_ros.cli.doctor.graph import LiveImageTopic, check_cameras
from blazepose_ros.cli.doctor.middleware import FAST_DDS
from blazepose_ros.conversions.cv_bridge_fallback import cv_bridge_failure
from blazepose_ros.core.image_transport import WayQuality
from blazepose_ros.core.models.registry import ModelState
from blazepose_ros.core.types import ModelComplexity
from blazepose_ros.nodes.common.dds import FAST_DDS_2_VARIABLE, FAST_DDS_3_VARIABLE, profile_variable

pytestmark = pytest.mark.alone

DEADLINE_S = 60.0
NO_CAMERA = "no topic of images has a publisher"
MB = 1 << 20


def camera(name: str = "/camera/image_raw", **fields: Any) -> LiveImageTopic:
    calibrated = {"is_compressed": False, "reliable": [False], "demanding": [], "is_calibrated": True}
    return LiveImageTopic(name, **(calibrated | fields))


# What is wrong, and words of its result and its fix.
ERRORS = [
    (python_environment.check_numpy(""), "not installed", "pip install numpy"),
    (python_environment.check_opencv(""), "not installed", "opencv-contrib-python<5"),
    (
        python_environment.check_cv_bridge("AttributeError: _ARRAY_API not found", "2.4.6", "4.14.0"),
        "built for numpy 1",
        "numpy<2",
    ),
    (
        python_environment.check_cv_bridge("compiled using NumPy 1.x", "2.4.6", "4.14.0"),
        "built for numpy 1",
        "numpy<2",
    ),
    (python_environment.check_cv_bridge("no libopencv_core.so", "1.26", "4.6"), "libopencv", "apt install"),
    (python_environment.check_cv_bridge("", "1.26", "5.0.0"), "KeyError", "opencv-contrib-python<5"),
    (
        python_environment.check_backends({"openvino": False, "litert": False, "mediapipe": False}),
        "nothing is installed",
        "pip install openvino",
    ),
    (machine.check_library("libEGL.so.1", "libegl1", False), "missing", "apt install libegl1"),
    (machine.check_shared_memory(None), "not there", "--shm-size"),
    (machine.check_interfaces([]), "no interface is up", "ip link set lo up"),
    (middleware.check_domain("abc"), "ROS_DOMAIN_ID is 'abc', not a number from 0 to 232", "unset"),
    (middleware.check_domain("233"), "'233', not a number from 0 to 232: no node starts", "unset"),
    (middleware.check_domain("-1"), "'-1', not a number", "unset ROS_DOMAIN_ID"),
    (middleware.check_log_folder(None), "neither HOME nor ROS_LOG_DIR is set", "export ROS_LOG_DIR="),
    (
        middleware.check_log_folder(Path("/dev/null/.ros/log")),
        "/dev/null is no folder: no node starts",
        "export ROS_LOG_DIR=",
    ),
    (middleware.check_log_folder(Path("/proc/1/log")), "cannot be made or written in /proc/1", "ROS_LOG_DIR"),
    (machine.check_video_devices(["/dev/video0"], ["/dev/video0"]), "permission denied", "usermod -aG video"),
    (machine.check_model(ModelComplexity.FULL, ModelState.MISSING), "missing", "models fetch --model 1"),
    (machine.check_model(ModelComplexity.HEAVY, ModelState.DAMAGED), "damaged", "models fetch --model 2"),
    (middleware.check_rmw("rmw_zenoh_cpp", False), "no node starts", "ros-$ROS_DISTRO-rmw-zenoh-cpp"),
    (
        middleware.check_profile({FAST_DDS_2_VARIABLE: "/nowhere.xml"}, FAST_DDS_2_VARIABLE),
        "/nowhere.xml, which does not exist",
        f"unset {FAST_DDS_2_VARIABLE}",
    ),
]
WARNINGS = [
    (python_environment.check_python((3, 9)), "3.9 is not tested", "PYTHON="),
    (python_environment.check_python((3, 14)), "3.14 is not tested", "PYTHON="),
    (python_environment.check_opencv("5.0.0"), "cv_bridge", "opencv-contrib-python<5"),
    (
        python_environment.check_backends({"openvino": False, "litert": False, "mediapipe": True}),
        "one core",
        "pip install openvino",
    ),
    (
        machine.check_segments(["root", "robot"], "robot"),
        "/dev/shm has segments of Fast DDS whose owner is root, not robot",
        "as the same user",
    ),
    (machine.check_segments(["robot"], "root"), "whose owner is robot, not root", "UDPv4"),
    (
        middleware.check_other_middleware(
            FAST_DDS, {"rmw_cyclonedds_cpp": "camera (7)", FAST_DDS: "node (8)"}
        ),
        "camera (7) uses rmw_cyclonedds_cpp, this environment rmw_fastrtps_cpp",
        "RMW_IMPLEMENTATION",
    ),
    (
        middleware.check_other_middleware("rmw_cyclonedds_cpp", {FAST_DDS: "a\nb (8)"}),
        "a\\nb (8) uses rmw_fastrtps_cpp",
        "RMW_IMPLEMENTATION",
    ),
    (machine.check_shared_memory(64 * MB), "64 MB are free", "--shm-size"),
    (machine.check_model(ModelComplexity.LITE, ModelState.MISSING), "missing", "models fetch --model 0"),
    (middleware.check_distro("foxy", "3.0"), "foxy is not tested", "jazzy"),
    (
        middleware.check_profile({FAST_DDS_2_VARIABLE: "a.xml"}, FAST_DDS_3_VARIABLE),
        f"reads {FAST_DDS_3_VARIABLE}",
        f"export {FAST_DDS_3_VARIABLE}=",
    ),
    (
        middleware.check_profile({"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}, FAST_DDS_2_VARIABLE),
        "FASTDDS_BUILTIN_TRANSPORTS is set",
        "unset FASTDDS_BUILTIN_TRANSPORTS",
    ),
    (
        middleware.check_receive_buffer("rmw_cyclonedds_cpp", 212992),
        "212992 bytes",
        "sysctl -w net.core.rmem_max",
    ),
    (*check_cameras([]), NO_CAMERA, "blazepose_camera"),
    (*check_cameras([camera(reliable=[])]), NO_CAMERA, "blazepose_camera"),
    (
        *check_cameras([camera("/blazepose/annotated_image")]),
        NO_CAMERA,
        "blazepose_camera",
    ),
    (*check_cameras([camera(demanding=["/blazepose"])]), "/blazepose receives nothing", "image_reliability"),
    (*check_cameras([camera(reliable=[True, True])]), "2 nodes publish", "remap"),
    (*check_cameras([camera(is_calibrated=False)]), "assumed field of view", "assumed_hfov_deg"),
    (
        *check_cameras([camera(quality=WayQuality(60, 54, arrived=6), publishers=["/usb_cam"])]),
        "90 % of the images are lost on the way",
        f"start /usb_cam again with {profile_variable()}=",
    ),
    (*check_cameras([camera(quality=WayQuality())]), "no image came within 2 s", "camera runs"),
    (
        check_cameras([camera(), camera("/image", reliable=[], listeners=["/blazepose"])])[-1],
        "/blazepose waits for images, and nobody publishes them here",
        "-r image:=/camera/image_raw -r camera_info:=/camera/camera_info",
    ),
]
WELL = [
    python_environment.check_python((3, 10)),
    python_environment.check_python((3, 13)),
    python_environment.check_numpy("1.26.4"),
    python_environment.check_opencv("4.6.0"),
    python_environment.check_cv_bridge(None, "2.4.6", "5.0.0"),
    python_environment.check_cv_bridge("", "2.4.6", "4.14.0"),
    python_environment.check_backends({"openvino": True, "litert": False, "mediapipe": True}),
    machine.check_library("libEGL.so.1", "libegl1", True),
    machine.check_shared_memory(1024 * MB),
    machine.check_interfaces(["lo"]),
    machine.check_segments([], "robot"),
    machine.check_segments(["robot"], "robot"),
    middleware.check_other_middleware(FAST_DDS, {}),
    middleware.check_other_middleware(FAST_DDS, {FAST_DDS: "node (8)"}),
    *(middleware.check_domain(domain) for domain in ("", "0", " 232 ")),
    middleware.check_log_folder(Path("/tmp/not there yet/log")),
    machine.check_video_devices([], []),
    machine.check_video_devices(["/dev/video0"], []),
    machine.check_model(ModelComplexity.LITE, ModelState.VERIFIED),
    middleware.check_distro("", "7.1.6"),
    middleware.check_distro("humble", ""),
    middleware.check_rmw("rmw_fastrtps_cpp", True),
    middleware.check_profile({}, FAST_DDS_2_VARIABLE),
    middleware.check_profile({FAST_DDS_2_VARIABLE: __file__}, FAST_DDS_2_VARIABLE),
    middleware.check_receive_buffer("rmw_fastrtps_cpp", 212992),
    middleware.check_receive_buffer("rmw_cyclonedds_cpp", 16 * MB),
    middleware.check_receive_buffer("rmw_cyclonedds_cpp", None),
    *check_cameras([camera(), camera(reliable=[True], demanding=["/blazepose"])]),
    *check_cameras([camera(quality=WayQuality(60, arrived=60))]),
    *check_cameras([camera(), camera("/other", reliable=[])]),
]


def id_of(value: Any) -> Any:
    return value.name if isinstance(value, CheckResult) else None


@pytest.mark.parametrize(("result", "what", "fix"), ERRORS, ids=id_of)
def test_what_does_not_work_is_an_error_with_a_fix(result: Any, what: str, fix: str) -> None:
    assert result.level is CheckLevel.ERROR
    assert what in result.what
    assert fix in result.fix


@pytest.mark.parametrize(("result", "what", "fix"), WARNINGS, ids=id_of)
def test_what_will_hurt_is_a_warning_with_a_fix(result: Any, what: Any, fix: Any) -> None:
    assert result.level is CheckLevel.WARN
    assert what in result.what
    assert fix in result.fix


@pytest.mark.parametrize("result", WELL, ids=id_of)
def test_what_is_well_is_left_alone(result: Any) -> None:
    assert result.level is CheckLevel.OK


@pytest.mark.parametrize(
    ("level", "fix"), [(CheckLevel.OK, "do this"), (CheckLevel.WARN, ""), (CheckLevel.ERROR, "")]
)
def test_a_fix_goes_with_what_is_not_well(level: Any, fix: str) -> None:
    with pytest.raises(ValueError, match="has a fix"):
        CheckResult("name", level, "what", fix)


def test_the_fix_stands_on_a_line_of_its_own() -> None:
    assert (
        as_text(CheckResult("x", CheckLevel.WARN, "is odd", "fix it")) == "warn   x: is odd\n       -> fix it"
    )
    assert as_text(CheckResult("x", CheckLevel.OK, "is well")) == "ok     x: is well"


def test_a_folder_of_compiled_models_that_others_may_write_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "com piled"
    assert machine.check_compiled_models(folder) == ok("compiled models", "none are kept yet")
    folder.mkdir(0o700)
    assert machine.check_compiled_models(folder).level is CheckLevel.OK
    folder.chmod(0o777)
    result = machine.check_compiled_models(folder)
    assert result.level is CheckLevel.WARN
    assert "others may write the folder: its mode is 777" in result.what
    assert result.fix == f"rm -r '{folder}'"


def test_a_cv_bridge_that_does_not_import_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boost = tmp_path / "cv_bridge" / "boost"
    boost.mkdir(parents=True)
    for folder in (boost.parent, boost):
        (folder / "__init__.py").touch()
    (boost / "cv_bridge_boost.py").write_text("raise AttributeError('_ARRAY_API not found')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "_ARRAY_API" in cv_bridge_failure()
    (boost / "cv_bridge_boost.py").write_text("def cvtColor2(image, source, target): return image\n")
    assert cv_bridge_failure() == ""


def test_a_library_that_is_not_there_is_noticed() -> None:
    assert not machine.is_loadable("libmissing.so.1")


def test_room_in_a_folder_that_is_not_there_is_none() -> None:
    assert machine.free_bytes(Path("/nowhere")) is None


def test_without_rclpy_the_rest_is_still_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rclpy", None)
    monkeypatch.delitem(sys.modules, "blazepose_ros.cli.doctor.graph", raising=False)
    results = {result.name: result for result in examine()}
    assert results["graph"].level is CheckLevel.ERROR
    assert "source" in results["graph"].fix
    assert {"python", "shared memory", "model full"} <= results.keys()
    assert [name for name, result in results.items() if "cannot be examined" in result.what] == ["graph"]


def doctor(*arguments: Any, **environment: Any) -> Any:
    return subprocess.run(
        [executable("blazepose"), "doctor", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=DEADLINE_S,
        check=False,
    )


def test_as_json_every_result_has_its_four_fields(tmp_path: Path) -> None:
    """In an empty cache the default model is missing, which is an error."""
    done = doctor("--json", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 1
    results = json.loads(done.stdout)
    assert all(set(result) == {"name", "level", "what", "fix"} for result in results)
    (full,) = [result for result in results if result["name"] == "model full"]
    assert full["level"] == "error"
    assert full["fix"] == "blazepose models fetch --model 1"


def test_a_middleware_that_is_not_there_is_an_error_and_no_crash() -> None:
    done = doctor(RMW_IMPLEMENTATION="rmw_missing_cpp")
    assert done.returncode == 1
    assert "rmw_missing_cpp is not installed" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_node_that_cannot_hear_a_camera_is_found(ros: ModuleType) -> None:
    """A camera that sends best effort, a subscriber that asks for more, no calibration beside it."""
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import Image

    node = ros.create_node("listener", namespace="/doctor_test")
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    try:
        node.create_publisher(Image, "image", best_effort)
        node.create_publisher(Image, "other", best_effort)
        node.create_subscription(Image, "image", print, QoSProfile(depth=1))
        shown = doctor().stdout
    finally:
        node.destroy_node()
    assert "warn   camera /doctor_test/image: /doctor_test/listener receives nothing" in shown
    assert "warn   camera /doctor_test/other: best effort, no camera_info beside it" in shown


def test_the_model_that_must_be_there_is_the_nodes_default() -> None:
    from blazepose_ros.core.settings import NodeSettings

    assert NodeSettings().model_complexity == machine.DEFAULT


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HOME": "/home/robot"}, "/home/robot/.ros/log"),
        ({"HOME": "/home/robot", "ROS_HOME": "/data/ros"}, "/data/ros/log"),
        ({"HOME": "/home/robot", "ROS_HOME": "/data/ros", "ROS_LOG_DIR": "/logs"}, "/logs"),
        ({"ROS_LOG_DIR": "/logs"}, "/logs"),
    ],
)
def test_the_log_folder_is_the_one_that_ros_writes(environment: Any, folder: str) -> None:
    assert middleware.log_folder(environment) == Path(folder)


def test_without_a_variable_ros_has_no_log_folder() -> None:
    assert middleware.log_folder({}) is None


def test_the_owners_of_segments_are_named(tmp_path: Path) -> None:
    for name in ("fastrtps_0123", "fastdds_0123", "sem.other"):
        (tmp_path / name).touch()
    assert machine.owners_of_segments(tmp_path) == {machine.user_name(os.geteuid())}
    assert machine.user_name(4_000_000) == "user 4000000"


def test_this_machine_s_interfaces_are_known() -> None:
    assert "lo" in machine.interfaces_up()


def test_the_middleware_of_a_process_is_known_by_what_it_has_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries = {
        "7": "/opt/ros/jazzy/lib/librmw_cyclonedds_cpp.so\n/opt/ros/jazzy/lib/librmw_implementation.so",
        "8": "/opt/ros/jazzy/lib/librmw_fastrtps_cpp.so\n/opt/ros/jazzy/lib/librmw_fastrtps_shared_cpp.so",
        "9": "/opt/ros/jazzy/lib/librmw_zenoh_cpp.so\n/opt/ros/jazzy/lib/librmw_dds_common.so",
    }
    for number, mapped in libraries.items():
        (tmp_path / number).mkdir()
        (tmp_path / number / "maps").write_text(mapped)
        (tmp_path / number / "comm").write_text(f"camera{number}\n")
    (tmp_path / "10").mkdir()  # it has ended
    monkeypatch.setattr(middleware, "_PROCESSES", tmp_path)
    assert middleware.middleware_of_processes() == {
        "rmw_cyclonedds_cpp": "camera7 (7)",
        "rmw_fastrtps_cpp": "camera8 (8)",
        "rmw_zenoh_cpp": "camera9 (9)",
    }


WRONG_ENVIRONMENTS: Any = {
    "log folder that cannot be made": ({"HOME": "/dev/null"}, "ROS_LOG_DIR"),
    "HOME unset": ({"HOME": None}, "ROS_LOG_DIR"),
    "domain that is no number": ({"ROS_DOMAIN_ID": "abc"}, "ROS_DOMAIN_ID is 'abc'"),
    "domain that is too high": ({"ROS_DOMAIN_ID": "999"}, "ROS_DOMAIN_ID is '999'"),
}


DOCTOR, CAMERA, VIEW = ["blazepose", "doctor"], ["blazepose_camera"], ["blazepose", "view", "--port", "0"]


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        *((DOCTOR, wrong) for wrong in WRONG_ENVIRONMENTS),
        *((CAMERA, wrong) for wrong in ("HOME unset", "domain that is too high")),
        (VIEW, "log folder that cannot be made"),
    ],
)
def test_an_environment_in_which_ros_does_not_start_is_named(
    command: list[str], wrong: str, tmp_path: Path
) -> None:
    variables, said = WRONG_ENVIRONMENTS[wrong]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)} | variables
    for variable in ("ROS_LOG_DIR", "ROS_HOME"):
        environment.pop(variable, None)
    ran = subprocess.run(
        [executable(command[0]), *command[1:]],
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert ran.returncode == 1
    assert said in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "bad --ros-args" not in ran.stdout + ran.stderr
