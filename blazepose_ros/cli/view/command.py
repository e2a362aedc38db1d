# SPDX-License-Identifier: Apache-2.0
"""``blazepose view``: a web page with the live image, the people in 3D, rates and diagnostics."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import rclpy
from rclpy.executors import SingleThreadedExecutor

from blazepose_ros.cli.console import say
from blazepose_ros.cli.signals import Interruption, held_back
from blazepose_ros.cli.view.camera_feed import CameraFeed, GraphListener
from blazepose_ros.cli.view.page import Page
from blazepose_ros.cli.view.status_text import CameraStatus
from blazepose_ros.cli.view.web_server import Browser, ViewError, WebServer
from blazepose_ros.conversions import cdr
from blazepose_ros.conversions.image_stream import ImageError
from blazepose_ros.core.person_pipeline import PipelineOptions
from blazepose_ros.core.text import printable
from blazepose_ros.nodes.common.dds import use_image_profile
from blazepose_ros.nodes.common.log_throttle import LogThrottle
from blazepose_ros.nodes.common.main import init_rclpy

# The longest wait for a message: browsers and Ctrl-C wait as long.
MOMENT_S = 0.02
# The period of looking at the graph and of writing the text.
LOOK_PERIOD_S = 0.5


@dataclass
class _OpenPage:
    """A browser, its page, which of a feed's messages it was sent last, and when its status was."""

    browser: Browser
    widgets: Page
    sent: tuple[CameraFeed | None, int] = (None, 0)
    status_s: float = -math.inf


@contextmanager
def ros_running() -> Iterator[None]:
    """Run ROS 2 for the length of a block.

    Raises:
        StartupError: it does not start.
    """
    init_rclpy()
    try:
        yield
    finally:
        rclpy.try_shutdown()


@contextmanager
def viewing(server: WebServer) -> Iterator[Viewer]:
    """Return a viewer whose node lives for the length of a block."""
    with held_back():
        listener = GraphListener(PipelineOptions().visibility_threshold)
    try:
        yield Viewer(listener, server)
    finally:
        listener.destroy_node()


class Viewer:
    """Sends each browser what is newest, once it has received what it was sent before.

    Args:
        listener: receives the cameras' messages.
        server: serves the page.
    """

    def __init__(self, listener: GraphListener, server: WebServer) -> None:
        self._listener = listener
        self._server = server
        self._pages: dict[int, _OpenPage] = {}
        self._throttled_log = LogThrottle(listener.get_logger())
        self._looked_s = -LOOK_PERIOD_S
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(listener)

    def step(self) -> None:
        """Receive the next message, if one comes within a moment, and show what is new."""
        self._executor.spin_once(timeout_sec=MOMENT_S)
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_PERIOD_S:
            self._looked_s = now_s
            self._look_around()
        for page in self._pages.values():
            if page.browser.keeps_up:
                self._send(page, now_s)

    def _look_around(self) -> None:
        """Notice which browsers are connected, and which cameras there are."""
        connected = self._server.connected()
        self._pages = {
            number: self._pages.get(number) or _OpenPage(browser, Page(browser.client))
            for number, browser in connected.items()
        }
        cameras = self._listener.cameras()
        for page in self._pages.values():
            page.widgets.offer(cameras)
        self._listener.listen_to({page.widgets.camera for page in self._pages.values()} - {""})

    def _send(self, page: _OpenPage, now_s: float) -> None:
        """Send what is new; nothing waits for a browser that keeps up with some of it only."""
        feed = self._listener.feeds.get(page.widgets.camera)
        if now_s - page.status_s >= LOOK_PERIOD_S:
            page.status_s = now_s
            status = CameraStatus() if feed is None else feed.status(now_s)
            page.widgets.write(status, self._listener.diagnoses())
        if feed is not None and (feed, feed.count) != page.sent:
            self._show(page, feed)

    def _show(self, page: _OpenPage, feed: CameraFeed) -> None:
        if feed is not page.sent[0]:
            page.widgets.look_again()
        page.sent = feed, feed.count
        try:
            shown = feed.shown()
        except (cdr.CdrError, ImageError) as err:
            self._throttled_log.error(f"annotated image left out: {printable(str(err))}")
            return
        page.widgets.show(shown, feed.visibility_threshold)
        page.browser.ask()


HOST, PORT = "127.0.0.1", 8080


def main(arguments: Sequence[str]) -> int:
    """Run ``blazepose view`` until Ctrl-C, which is its regular end."""
    options = _parser().parse_args(arguments)
    try:
        with Interruption():
            _run(options)
    except ViewError as err:
        sys.stderr.write(f"blazepose view: {err}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="blazepose view",
        description="Serve a web page with the live annotated image, the people in 3D, rates, latency and"
        " diagnostics of every camera in the ROS graph. Ctrl-C ends it.",
        epilog="On a machine without a screen: ssh -L 8080:localhost:8080 ROBOT, then open"
        " http://localhost:8080 here. Every client of the port sees the images: there is no password.",
    )
    parser.add_argument(
        "--host", default=HOST, help=f"the address to listen on; 0.0.0.0 for all (default: {HOST})"
    )
    parser.add_argument(
        "--port", type=_port, default=PORT, help=f"the TCP port; 0 for any that is free (default: {PORT})"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name by which the page is reached, such as that of a proxy; may be repeated",
    )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _run(options: argparse.Namespace) -> None:
    use_image_profile()
    with ros_running(), closing(WebServer(options.host, options.port, options.allow_host)) as server:
        host = "localhost" if options.host in (HOST, "0.0.0.0") else options.host
        say(f"open http://{host}:{server.port}")
        # This takes a second, in which the page can already be opened.
        with viewing(server) as viewer:
            while True:
                with held_back():
                    viewer.step()
