# SPDX-License-Identifier: Apache-2.0
"""Every fault of docs/faults.md, provoked in one running node, which then does its work as before.

``WRITE_FAULTS=1`` writes the page from what the node says.
"""

import os
import re
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import cv2
from geometry_msgs.msg import Quaternion
from rcl_interfaces.msg import Log
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from support.faults import CALIBRATIONS, COMPRESSED, DEPTHS, PARAMETERS, RAW, depth, image
from support.fusion_client import NODE as FUSION_NODE
from support.fusion_client import THREE, CameraClient, fusion, is_fused, mounted, place, written
from support.fusion_faults import CROOKED, FAR, FAULTY, FURTHER_M, FUSION, gliding, good
from support.paths import ROOT
from support.pose_client import START_NS, image_message, pose_node, screen_array
from support.several_cameras import CAMERAS, person_seen
from tf2_msgs.msg import TFMessage

from blazepose_ros.core.frame_sources.files import photograph
from blazepose_ros.core.timestamps import NS_PER_S
from blazepose_ros.core.types import Placement

pytestmark = pytest.mark.alone

PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- provoked: {} -->\n", "<!-- end -->"

MIN_FAULTS = 40
LONGEST_QUOTE = 110
# Visible landmarks of the photograph, 512 pixels wide, before and after a fault.
MAX_ERROR_PX = 5.0
VISIBLE = 0.5
SETTLED = 3
FRAME_NS = 100_000_000
BACK_NS = 10_000_000_000


class Outcome(NamedTuple):
    """The last column of a table: its head and what is in each row; and what a silent node does."""

    head: str
    row: str
    silently: str


IMAGE_TABLE = Outcome("the next good image", "right pose", "it is answered as any image")
FUSION_TABLE = Outcome("the people of the other cameras", "go on", "they are fused as any people")

# Longer than a camera's calibration and transforms may still be on their way, in which nothing is said.
START_S = 3.5
# Outputs after which a fault has done what it does.
MANY = 8
MAX_ERROR_M = 0.10


class Bench:
    """A node, what it says, and a photograph whose person it should find after everything."""

    def __init__(self, ros: ModuleType, transport: Any) -> None:
        self.transport = transport
        self.said = []
        self._running = pose_node(ros, image_transport=transport)
        self._start_ns = START_NS

    def __enter__(self) -> Any:
        self.client = self._running.__enter__()
        node = self.client.node
        node.create_subscription(Log, "/rosout", self._hear, QoSProfile(depth=100))
        self._calibration = node.create_publisher(CameraInfo, "camera_info", QoSProfile(depth=10))
        self._depth = node.create_publisher(Image, "depth", QoSProfile(depth=10))
        self._depth_calibration = node.create_publisher(CameraInfo, "depth/camera_info", QoSProfile(depth=10))
        self._parameters = AsyncParameterClient(node, "blazepose")
        for publisher in (self._calibration, self._depth, self._depth_calibration):
            self.client.wait_for(publisher.get_subscription_count, publisher.topic)
        self.client.wait_for(lambda: node.count_publishers("/rosout") > 1, "the node's words")
        self._reference, self._seen = self._find()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._running.__exit__(*error)

    def provoke(self, fault: Any) -> Any:
        """Publish a faulty image, and return what the node says to it."""
        return self._until_said(fault, lambda: self.client.image.publish(fault.message))

    def miscalibrate(self, fault: Any) -> Any:
        """Publish a faulty calibration and an image, and return what the node says."""

        def publish() -> None:
            self._calibration.publish(fault.message)
            self.client.image.publish(image())

        said = self._until_said(fault, publish)
        self._calibration.publish(CameraInfo())
        return said

    def mismeasure(self, fault: Any) -> Any:
        """Publish a faulty depth image, or calibration of it, and an image; return what the node says."""
        is_calibration = isinstance(fault.message, CameraInfo)

        def publish() -> None:
            self._depth_calibration.publish(fault.message if is_calibration else CameraInfo())
            self._depth.publish(depth() if is_calibration else fault.message)
            self.client.image.publish(image())

        return self._until_said(fault, publish)

    def change(self, fault: Any) -> Any:
        """Ask for faulty parameters, and return the reason why the node refuses."""
        parameters = [Parameter(name, value=value) for name, value in fault.message.items()]
        self.client.wait_for(self._parameters.services_are_ready, "the node's parameters")
        outcome = self._parameters.set_parameters_atomically(parameters)
        self.client.wait_for(outcome.done, "an answer")
        result = outcome.result().result
        assert not result.successful
        assert re.search(fault.says, result.reason)
        return result.reason

    def check(self) -> None:
        """Send good images, and compare the pose with the one before all faults."""
        error_px = np.linalg.norm(self._find()[0] - self._reference, axis=1)[self._seen]
        assert error_px.max() < MAX_ERROR_PX

    def _find(self) -> tuple[Any, Any]:
        """Return the landmarks, (33, 2) pixels, in images that begin another stream, and which are seen."""
        self._start_ns -= BACK_NS
        for number in range(SETTLED):
            answer = self.client.ask(self._photograph(self._start_ns + number * FRAME_NS))
        (pose,) = answer.poses
        seen = [landmark.visibility >= VISIBLE for landmark in pose.screen_landmarks]
        return screen_array(pose)[:, :2], seen

    def _photograph(self, stamp_ns: Any) -> Any:
        bgr = cv2.imread(str(photograph()))
        msg = image_message(bgr, "bgr8", stamp_ns)
        if self.transport == "raw":
            return msg
        jpeg = cv2.imencode(".jpg", bgr)[1].tobytes()
        return CompressedImage(header=msg.header, format="jpeg", data=jpeg)

    def _until_said(self, fault: Any, publish: Any) -> Any:
        if not fault.says:
            self.client.received["poses"].clear()
            answer = self.client.ask(fault.message)
            assert answer.header == fault.message.header
            return ""
        self.said.clear()

        def is_said() -> Any:
            publish()
            self.client.executor.spin_once(timeout_sec=0.2)
            return [text for text in self.said if re.search(fault.says, text)]

        return self.client.wait_for(is_said, fault.says)[0]

    def _hear(self, msg: Any) -> None:
        if msg.name == "blazepose":
            self.said.append(msg.msg)


class SeveralCameras(CameraClient):
    """Cameras that see someone who glides, one of which is to be faulty, and what the fusion says."""

    def __init__(self, ros: ModuleType) -> None:
        super().__init__(ros)
        self.said: list[str] = []
        self.fault: Any = good
        self.node.create_subscription(Log, "/rosout", self._hear, QoSProfile(depth=100))

    def place_cameras(self) -> None:
        super().place_cameras()
        crooked, far = (mounted(name, CAMERAS[FAULTY]) for name in (CROOKED, FAR))
        crooked.transform.rotation = Quaternion(x=0.0, y=0.0, z=0.0, w=0.0)
        far.transform.translation.x = FURTHER_M
        self.static.publish(TFMessage(transforms=[crooked, far]))

    def see(self, name: str, now_s: float) -> None:
        if name == FAULTY:
            self.poses[name].publish(self.fault(now_s))
        else:
            person = person_seen(CAMERAS[name], gliding(now_s))
            self.poses[name].publish(written([person], name, now_s))

    def provoke(self, fault: Any) -> str:
        """Have the faulty camera publish what is wrong, and return what the node says."""
        self.said.clear()
        self.received["poses"].clear()
        self.fault = fault.message
        said = ""
        if fault.says:
            heard = lambda: [text for text in self.said if re.search(fault.says, text)]  # noqa: E731
            said = self.publish_until(THREE, heard, fault.says)[0]
        self.publish_until(THREE, lambda: len(self.received["poses"]) > MANY, "people")
        self.fault = good
        return said

    def check(self, number: int) -> None:
        """Compare the person of all outputs since the last fault with the truth."""
        outputs = [message for message in self.received["poses"] if message.poses]
        fused = [message.poses[0].placement for message in outputs].count(Placement.FUSED)
        assert 2 * fused > len(self.received["poses"])
        for message in outputs:
            for pose in message.poses:
                assert np.isfinite(pose.world).all()
                assert np.isfinite(pose.hip_center.position).all()
            first = replace(message, poses=message.poses[:1])
            assert first.poses[0].person_id == number
            np.testing.assert_allclose(place(first), gliding(message.stamp_ns / NS_PER_S), atol=MAX_ERROR_M)

    def until_fused(self, cameras: Any) -> int:
        """Have cameras see the person until all outputs are fused ones; return the person's id."""
        poses = self.received["poses"]
        poses.clear()
        self.publish_until(cameras, lambda: len(poses) > MANY and all(map(is_fused, poses[-MANY:])), "people")
        return poses[-1].poses[0].person_id

    def _hear(self, msg: Any) -> None:
        if msg.name == FUSION_NODE:
            self.said.append(msg.msg)


@pytest.mark.thorough
def test_what_one_camera_does_costs_the_people_of_the_others_nothing(
    ros: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = []
    with fusion(ros, client_type=SeveralCameras) as cameras:
        cameras.publish(THREE, START_S)
        number = cameras.until_fused(THREE)
        for fault in FUSION:
            rows.append((fault, cameras.provoke(fault)))
            cameras.check(number)
            assert cameras.until_fused(("east", FAULTY)) == number
    check_page("fusion", rows, FUSION_TABLE)
    assert "Traceback" not in capfd.readouterr().err


def quoted(text: Any, silently: str) -> Any:
    """Return what was said as the page has it: without paths, and not too long."""
    line = text.splitlines()[0] if text else f"nothing: {silently}"
    line = re.sub(r"\b\d+ bytes\)", "N bytes)", line)  # encoders differ
    if len(line) > LONGEST_QUOTE:
        line = line[:LONGEST_QUOTE].rpartition(" ")[0].rstrip(",;:") + " ..."
    ticks = "``" if "`" in line else "`"
    space = " " if line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}" if text else line


def table(rows: Any, outcome: Outcome) -> Any:
    head = f"| fault | provoked by | the node says | {outcome.head} |\n|---|---|---|---|\n"
    return head + "".join(
        f"| {fault.what} | {fault.how} | {quoted(said, outcome.silently)} | {outcome.row} |\n"
        for fault, said in rows
    )


def part(page: Any, name: Any) -> Any:
    return page.partition(BEGIN.format(name))[2].partition(END)[0]


def check_page(name: Any, rows: Any, outcome: Outcome = IMAGE_TABLE) -> None:
    """Compare a table with the page, or write it there."""
    page = PAGE.read_text()
    if os.environ.get("WRITE_FAULTS"):
        page = page.replace(BEGIN.format(name) + part(page, name), BEGIN.format(name) + table(rows, outcome))
        PAGE.write_text(page)
    assert part(page, name) == table(rows, outcome)


@pytest.mark.usefixtures("models")
def test_faulty_images_calibrations_and_parameters_are_told_of_and_survived(
    ros: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    with Bench(ros, "raw") as bench:
        for name, faults, provoke in (
            ("images", RAW, bench.provoke),
            ("calibrations", CALIBRATIONS, bench.miscalibrate),
            ("depth", DEPTHS, bench.mismeasure),
            ("parameters", PARAMETERS, bench.change),
        ):
            rows = []
            for fault in faults:
                rows.append((fault, provoke(fault)))
                bench.check()
            check_page(name, rows)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.usefixtures("models")
def test_faulty_compressed_images_are_told_of_and_survived(
    ros: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    with Bench(ros, "compressed") as bench:
        rows = []
        for fault in COMPRESSED:
            rows.append((fault, bench.provoke(fault)))
            bench.check()
        check_page("compressed images", rows)
    assert "Traceback" not in capfd.readouterr().err


def test_the_page_has_many_faults_each_once() -> None:
    rows = re.findall(r"^\| (.+?) \| .+ (?:right pose|go on) \|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) >= MIN_FAULTS
    assert len(set(rows)) == len(rows)
