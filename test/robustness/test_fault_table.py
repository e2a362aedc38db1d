# SPDX-License-Identifier: Apache-2.0
"""Every fault of docs/faults.md, provoked in one running node, which then does its work as before.

``WRITE_FAULTS=1`` writes the page from what the node says.
"""

import os
import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

import cv2
from rcl_interfaces.msg import Log
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from support.faults import CALIBRATIONS, COMPRESSED, DEPTHS, PARAMETERS, RAW, depth, image
from support.paths import ROOT
from support.pose_client import START_NS, image_message, pose_node, screen_array

from blazepose_ros.core.frame_sources.files import photograph

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


def quoted(text: Any) -> Any:
    """Return what was said as the page has it: without paths, and not too long."""
    line = text.splitlines()[0] if text else "nothing: it is answered as any image"
    line = re.sub(r"\b\d+ bytes\)", "N bytes)", line)  # encoders differ
    if len(line) > LONGEST_QUOTE:
        line = line[:LONGEST_QUOTE].rpartition(" ")[0].rstrip(",;:") + " ..."
    ticks = "``" if "`" in line else "`"
    space = " " if line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}" if text else line


def table(rows: Any) -> Any:
    head = "| fault | provoked by | the node says | the next good image |\n|---|---|---|---|\n"
    return head + "".join(
        f"| {fault.what} | {fault.how} | {quoted(said)} | right pose |\n" for fault, said in rows
    )


def part(page: Any, name: Any) -> Any:
    return page.partition(BEGIN.format(name))[2].partition(END)[0]


def check_page(name: Any, rows: Any) -> None:
    """Compare a table with the page, or write it there."""
    page = PAGE.read_text()
    if os.environ.get("WRITE_FAULTS"):
        page = page.replace(BEGIN.format(name) + part(page, name), BEGIN.format(name) + table(rows))
        PAGE.write_text(page)
    assert part(page, name) == table(rows)


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
    rows = re.findall(r"^\| (.+?) \| .+ right pose \|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) >= MIN_FAULTS
    assert len(set(rows)) == len(rows)
