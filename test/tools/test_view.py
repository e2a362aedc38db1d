# SPDX-License-Identifier: Apache-2.0
"""``blazepose view`` in a browser: real processes, a real clip, headless Chromium."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from blazepose_ros.core.types import ModelComplexity

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("viser", reason="viser is not installed")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from support.chromium import TIMEOUT_MS, chromium_browser
from support.processes import STOP_TIMEOUT_S, executable, ros_arguments, running
from support.relay import Relay

from blazepose_ros.msg import Pose33Array

pytestmark = pytest.mark.alone

# Small: every pixel is drawn by the processor, and windows that are open side by side wait for each other.
DESKTOP, PHONE = {"width": 900, "height": 500}, {"width": 390, "height": 844}
SMALL = {"width": 400, "height": 400}

CLIP_POSES, STILL_POSES = "/clip/blazepose/poses", "/still/blazepose/poses"
SOURCES = {"clip": "videos/pose2sim_cam01.mp4", "still": "images/walker.png"}
RATE_HZ = 5.0
NO_POSES = "No poses are coming"
PICTURE = """() => {
    const shown = [...document.images].find(image => image.src.startsWith("blob:") && image.naturalWidth > 1);
    return shown ? [shown.src, shown.naturalWidth, shown.naturalHeight] : null;
}"""
SOME_POSES = re.compile(r"[1-9]\d*\.\d\s+poses/s")


@contextmanager
def in_namespace(name: Any, namespace: Any, parameters: Any = None, remappings: Any = None) -> Iterator[Any]:
    arguments = ros_arguments(parameters or {}, {"__ns": f"/{namespace}", **(remappings or {})})
    with running(name, *arguments) as process:
        yield process


@contextmanager
def node(namespace: Any) -> Iterator[Any]:
    with in_namespace(
        "blazepose_node", namespace, {"model_complexity": 0}, {"image": "image_raw"}
    ) as process:
        yield process


@pytest.fixture(scope="module")
def cameras(
    chromium: Any,  # noqa: ARG001
    data: Path,
    models: dict[ModelComplexity, bytes],  # noqa: ARG001
) -> Iterator[None]:
    """Two cameras with a node each, in namespaces of their own; the first one's people are counted."""
    with ExitStack() as stack:
        for namespace, source in SOURCES.items():
            parameters = {"source": str(data / source), "rate": RATE_HZ, "assumed_hfov_deg": 60.0}
            stack.enter_context(in_namespace("blazepose_camera", namespace, parameters))
            stack.enter_context(node(namespace))
        counting = {"exercise": "squat"}, {"blazepose/poses": CLIP_POSES}
        stack.enter_context(in_namespace("blazepose_repetitions", "gym", *counting))
        yield


@contextmanager
def viewing(errors: Any = None) -> Iterator[tuple[Any, int]]:
    """Run ``blazepose view`` and return its process and port; what it complains of goes to a file."""
    process = subprocess.Popen(
        [executable("blazepose"), "view", "--port", "0"], stdout=subprocess.PIPE, stderr=errors, text=True
    )
    try:
        yield process, int(re.search(r"http://localhost:(\d+)", process.stdout.readline())[1])
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=STOP_TIMEOUT_S)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def view(cameras: None) -> Iterator[Any]:  # noqa: ARG001
    with viewing() as (process, port):
        yield port
    assert process.returncode == 0


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with chromium_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def window(chromium: Any) -> Any:
    """Return a function that opens the page in a window of a size."""

    @contextmanager
    def opened(port: Any, viewport: Any = DESKTOP, scheme: str = "light") -> Iterator[Any]:
        with chromium.new_context(viewport=viewport, color_scheme=scheme) as context:
            page = context.new_page()
            page.set_default_timeout(TIMEOUT_MS)
            page.requests, page.said = [], []
            page.on("request", lambda request: page.requests.append(request.url))
            page.on("console", lambda message: page.said.append(message.text))
            page.goto(f"http://localhost:{port}")
            yield page

    return opened


def choose(page: Any, camera: Any) -> None:
    page.get_by_role("combobox", name="camera").click()
    page.get_by_role("option", name=camera).click()


def text_of(page: Any) -> Any:
    return page.inner_text("body")


def wait_for(condition: Any, what: Any, timeout_s: Any = TIMEOUT_MS / 1000) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain for {what}"
        time.sleep(0.1)
    return result


def wait_for_poses(page: Any) -> None:
    wait_for(lambda: SOME_POSES.search(text_of(page)), "poses on the page")


def picture(page: Any) -> Any:
    """Return what the browser has of the annotated image: its address, its width and height.

    None where it has none, as for a moment between two cameras.
    """
    return page.evaluate(PICTURE)


def scene(page: Any) -> Any:
    """Return the 3D scene as (height, width, 3) BGR, without the notice that it is drawn slowly."""
    box = page.locator("canvas").first.bounding_box()
    clip = {**box, "y": box["y"] + 150, "height": box["height"] - 150}
    return cv2.imdecode(np.frombuffer(page.screenshot(clip=clip), np.uint8), cv2.IMREAD_COLOR)


def is_whole(page: Any, viewport: Any) -> bool:
    """Whether the annotated image is in the window as a whole, in its proportions."""
    box = page.locator("img[src^='blob:']").first.bounding_box()
    _, width, height = picture(page)
    assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.03)
    right, bottom = box["x"] + box["width"], box["y"] + box["height"]
    return min(box["x"], box["y"]) >= 0 and right <= viewport["width"] and bottom <= viewport["height"]


def colored(pixels: Any) -> Any:
    """Return where a skeleton's blue and green are."""
    return (pixels.max(axis=2).astype(int) - pixels.min(axis=2)) > 80


class Counter:
    """Counts the answers of a node."""

    def __init__(self, ros: ModuleType, topic: Any) -> None:
        self._ros, self._node, self._received = ros, ros.create_node("counter"), []
        self._node.create_subscription(Pose33Array, topic, self._received.append, 10)

    def wait_for_next(self, count: Any) -> Any:
        """Return the stamps of the next answers in seconds."""
        self._received.clear()
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while len(self._received) < count:
            assert time.monotonic() < deadline, f"only {len(self._received)} of {count} answers came"
            self._ros.spin_once(self._node, timeout_sec=0.05)
        stamps = [msg.header.stamp for msg in self._received]
        return np.array([stamp.sec + stamp.nanosec / 1e9 for stamp in stamps])

    def close(self) -> None:
        self._node.destroy_node()


class TestOneWindow:
    """What one window shows; it is closed before others are opened."""

    @pytest.fixture(scope="class")
    def page(self, view: Any, window: Any) -> Iterator[Any]:
        with window(view) as page:
            yield page

    def test_the_page_shows_the_image_the_person_and_the_rates(self, page: Any, data: Path) -> None:
        choose(page, CLIP_POSES)
        wait_for_poses(page)
        wait_for(lambda: re.search(r"person \d+\s+\d\.\d\d m ± \d\.\d\d m", text_of(page)), "the person")
        assert page.title() == "BlazePose"
        first, width, height = wait_for(lambda: picture(page), "a picture")
        clip = cv2.VideoCapture(str(data / SOURCES["clip"]))
        proportions = clip.get(cv2.CAP_PROP_FRAME_WIDTH) / clip.get(cv2.CAP_PROP_FRAME_HEIGHT)
        assert width / height == pytest.approx(proportions, rel=0.01)
        wait_for(lambda: (now := picture(page)) and now[0] != first, "the next picture")
        wait_for(lambda: "inference" in text_of(page), "the node's stages")
        wait_for(lambda: colored(scene(page)).sum() > 200, "the body")

    def test_a_persons_exercises_are_counted_and_no_other_cameras(self, page: Any) -> None:
        choose(page, CLIP_POSES)
        wait_for(lambda: re.search(r"person \d+.*\n?.*squat \d+", text_of(page)), "the count")
        choose(page, STILL_POSES)
        wait_for_poses(page)
        wait_for(lambda: "person" in text_of(page) and "squat" not in text_of(page), "no count")

    def test_a_portrait_picture_is_whole(self, page: Any) -> None:
        choose(page, CLIP_POSES)
        wait_for(lambda: (now := picture(page)) and now[1] < now[2], "the portrait picture")
        wait_for(lambda: is_whole(page, DESKTOP), "a panel of its width")

    def test_nothing_is_loaded_from_elsewhere(self, page: Any, view: Any) -> None:
        own = f"http://localhost:{view}/"
        assert [url for url in page.requests if not url.startswith((own, f"blob:{own}", "data:"))] == []

    def test_the_skeleton_turns_with_the_mouse(self, page: Any) -> None:
        choose(page, STILL_POSES)
        wait_for(lambda: (now := picture(page)) and now[1] > now[2], "the other camera's landscape picture")
        wait_for(lambda: colored(scene(page)).sum() > 200, "the skeleton")
        before = colored(scene(page))
        box = page.locator("canvas").first.bounding_box()
        middle = box["x"] + box["width"] / 2
        page.mouse.move(middle, 400)
        page.mouse.down()
        page.mouse.move(middle + 100, 410, steps=5)
        page.mouse.up()
        wait_for(lambda: (colored(scene(page)) ^ before).sum() > before.sum() / 2, "another view")

    def test_a_node_is_left_alone_while_no_window_shows_it(self, page: Any, ros: ModuleType) -> None:
        """Its topics are not even subscribed unless a window shows it."""
        observer = ros.create_node("observer")
        try:
            choose(page, STILL_POSES)
            wait_for(lambda: observer.count_subscribers(STILL_POSES), "the page's subscription")
            choose(page, CLIP_POSES)
            wait_for(lambda: not observer.count_subscribers(STILL_POSES), "its end")
        finally:
            observer.destroy_node()

    def test_a_diagnostic_is_shown_as_it_is_written(self, page: Any, ros: ModuleType) -> None:
        talker = ros.create_node("talker")
        publisher = talker.create_publisher(DiagnosticArray, "/diagnostics", 10)
        message = "{alert(1)} <b>bold</b> *stars* a|b"
        status = DiagnosticStatus(level=DiagnosticStatus.WARN, name="blazepose: camera", message=message)

        def shown() -> bool:
            publisher.publish(DiagnosticArray(status=[status]))
            return message in text_of(page)

        try:
            wait_for(shown, "the diagnostic")
            assert "WARN" in text_of(page)
        finally:
            talker.destroy_node()

    @pytest.mark.thorough
    def test_a_node_may_end_and_come_back(self, page: Any, data: Path) -> None:
        camera = {"source": str(data / SOURCES["still"]), "rate": RATE_HZ}
        with in_namespace("blazepose_camera", "third", camera):
            with node("third"):
                choose(page, "/third/blazepose/poses")
                wait_for_poses(page)
            wait_for(lambda: NO_POSES in text_of(page), "silence")
            with node("third"):
                wait_for_poses(page)


def test_the_page_of_another_server_is_refused(window: Any, tmp_path: Path) -> None:
    """It is told to connect to this one, as a page of the internet could be."""
    with (
        (tmp_path / "errors").open("w+") as errors,
        viewing(errors) as (_, here),
        viewing() as (_, elsewhere),
        window(f"{elsewhere}/?websocket=ws://localhost:{here}") as stranger,
    ):
        refusal = f"a page of 'http://localhost:{elsewhere}' is not allowed to watch"
        wait_for(lambda: refusal in (tmp_path / "errors").read_text(), "a refusal")
        assert picture(stranger) is None


@pytest.mark.thorough
def test_a_proxy_that_blocks_websockets_is_named(window: Any, tmp_path: Path) -> None:
    """On the page, which stays empty, and on the terminal."""
    with (tmp_path / "errors").open("w+") as errors, viewing(errors) as (_, port):
        relay = Relay(port, blocks_websockets=True)
        try:
            with window(relay.port) as page:
                page.get_by_text("does not forward WebSockets").wait_for()
                said = (tmp_path / "errors").read_text
                wait_for(lambda: "its live connection (a WebSocket) does not come" in said(), "the cause")
        finally:
            relay.close()


@pytest.mark.thorough
def test_the_page_is_dark_where_the_system_is(view: Any, window: Any) -> None:
    def brightness() -> float:
        return cv2.imdecode(np.frombuffer(dark.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE).mean()

    with window(view, PHONE, "dark") as dark:
        dark.get_by_role("combobox", name="camera").wait_for()
        wait_for(lambda: brightness() < 100, "a dark page")


def differ(one: Any, other: Any) -> bool:
    """Whether both show a picture, each of another size."""
    return bool(one and other and one[1:] != other[1:])


@pytest.mark.thorough
def test_a_window_that_is_stuck_holds_up_no_other(view: Any, window: Any, ros: ModuleType) -> None:
    """It is reached through a relay, as through SSH, and recovers. Each window has its own camera."""
    relay, counter = Relay(view), Counter(ros, CLIP_POSES)
    try:
        with window(view, SMALL) as page, window(relay.port, SMALL) as stuck:
            choose(page, STILL_POSES)
            choose(stuck, CLIP_POSES)
            wait_for(lambda: differ(picture(stuck), picture(page)), "pictures of two cameras")
            relay.hold_up()
            stood_still, shown = picture(stuck), picture(page)
            assert (np.diff(counter.wait_for_next(30)) > 0).all()
            wait_for(lambda: picture(page) != shown, "a picture in the other window")
            relay.go_on()
            wait_for(lambda: picture(stuck) != stood_still, "the window's recovery")
    finally:
        relay.close()
        counter.close()


def test_a_phone_shows_the_whole_picture_and_the_rates(view: Any, window: Any) -> None:
    with window(view, PHONE) as phone:
        choose(phone, CLIP_POSES)
        wait_for_poses(phone)
        assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        wait_for(lambda: picture(phone) and is_whole(phone, PHONE), "the whole picture")
        rates = phone.get_by_text("poses/s", exact=True).bounding_box()
        assert 0 < rates["y"] < rates["y"] + rates["height"] < PHONE["height"]


@pytest.mark.thorough
@pytest.mark.usefixtures("cameras")
def test_a_viewer_that_hangs_does_not_slow_the_node(window: Any, ros: ModuleType) -> None:
    """The process is stopped in its tracks while the node answers image after image."""
    counter = Counter(ros, CLIP_POSES)
    try:
        with viewing() as (process, port), window(port, SMALL) as page:
            choose(page, CLIP_POSES)
            wait_for_poses(page)
            process.send_signal(signal.SIGSTOP)
            try:
                assert (np.diff(counter.wait_for_next(30)) > 0).all()
            finally:
                process.send_signal(signal.SIGCONT)
            before = picture(page)
            wait_for(lambda: picture(page) != before, "pictures after it goes on")
    finally:
        counter.close()
