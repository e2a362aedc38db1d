"""Brings what the page's node hears to the browsers that look at it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from blazepose_ros import cdr, images
from blazepose_ros.complaints import Complaints
from blazepose_ros.interruption import held_back
from blazepose_ros.pipeline import PipelineOptions
from blazepose_ros.view.browsers import Browser, Browsers
from blazepose_ros.view.feed import Feed
from blazepose_ros.view.follower import Follower
from blazepose_ros.view.page import Page
from blazepose_ros.view.stage import figures
from blazepose_ros.view.status import Reading

# The longest wait for a message: browsers and Ctrl-C wait as long.
MOMENT_S = 0.02
# How often the graph is looked at, and the text is written anew.
LOOK_PERIOD_S = 0.5


@dataclass
class _Viewer:
    """A browser, its page, and which of a feed's messages it was sent last."""

    browser: Browser
    page: Page
    sent: tuple[Feed | None, int] = (None, 0)


@contextmanager
def showing(browsers: Browsers) -> Iterator[Show]:
    """Return a show whose node lives for the length of a block."""
    with held_back():
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        follower = Follower(PipelineOptions().visibility_threshold)
    try:
        yield Show(follower, browsers)
    finally:
        follower.destroy_node()
        rclpy.try_shutdown()


class Show:
    """Sends each browser what is newest, once it has received what it was sent before.

    Args:
        follower: hears the cameras.
        browsers: look at them.
    """

    def __init__(self, follower: Follower, browsers: Browsers) -> None:
        self._follower = follower
        self._browsers = browsers
        self._viewers: dict[int, _Viewer] = {}
        self._complaints = Complaints(follower.get_logger().error)
        self._looked_s = -LOOK_PERIOD_S
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(follower)

    def step(self) -> None:
        """Hear the next message, if one comes within a moment, and show what is new."""
        self._executor.spin_once(timeout_sec=MOMENT_S)
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_PERIOD_S:
            self._looked_s = now_s
            self._look_around(now_s)
        for viewer in self._viewers.values():
            if viewer.browser.keeps_up:
                self._send(viewer)

    def _look_around(self, now_s: float) -> None:
        """Notice who looks, and which cameras there are."""
        connected = self._browsers.connected()
        self._viewers = {
            number: self._viewers.get(number) or _Viewer(browser, Page(browser.client))
            for number, browser in connected.items()
        }
        cameras = self._follower.cameras()
        for viewer in self._viewers.values():
            viewer.page.offer(cameras)
        self._follower.follow({viewer.page.camera for viewer in self._viewers.values()} - {""})
        for viewer in self._viewers.values():
            if viewer.browser.keeps_up:
                feed = self._feed(viewer)
                reading = Reading() if feed is None else feed.reading(now_s)
                viewer.page.write(reading, self._follower.diagnoses())

    def _feed(self, viewer: _Viewer) -> Feed | None:
        return self._follower.feeds.get(viewer.page.camera)

    def _send(self, viewer: _Viewer) -> None:
        feed = self._feed(viewer)
        if feed is None or (feed, feed.count) == viewer.sent:
            return
        if feed is not viewer.sent[0]:
            viewer.page.look_again()
        viewer.sent = feed, feed.count
        viewer.page.show(self._picture(feed), figures(feed.people or (), feed.visibility_threshold))
        viewer.browser.ask()

    def _picture(self, feed: Feed) -> NDArray[np.uint8] | None:
        try:
            return feed.picture()
        except (cdr.CdrError, images.ImageError) as err:
            self._complaints.complain(f"annotated image left out: {err}")
            return None
