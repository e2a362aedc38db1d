# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, for the tests that look at pages and videos as people do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

# As Debian, Ubuntu and Google call it.
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without a graphics card; Chromium has no sandbox for root.
ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
TIMEOUT_MS = 120_000


@contextmanager
def chromium_browser() -> Iterator[Any]:
    """Run Chromium for the length of a block, or skip the test and say what is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
