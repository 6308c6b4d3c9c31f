"""Pages opened in a real Chromium without a window, by what a reader does; whatever goes wrong is kept."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

SCREENSHOTS = ROOT / "results/screenshots"
"""Where a developer looks at them."""

WIDTHS = {"desktop": 1280, "narrow": 400}
"""Of the window, in pixels."""

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextlib.contextmanager
def started() -> Iterator[Any]:
    """The browser; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("there is no Chromium on PATH (on Debian: apt-get install chromium)")
    # Chromium's own sandbox does not work for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


class Page:
    """A page of one width, with every fault that was seen in it."""

    def __init__(self, browser: Any, file: Path, width: str) -> None:
        self.width = width
        self.faults: list[str] = []
        context = browser.new_context(viewport={"width": WIDTHS[width], "height": 900})
        self.tab = context.new_page()
        self.tab.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        self.tab.on("console", self._heard)
        self.file = file.resolve().as_uri()
        self.tab.on("request", self._asked)
        self.tab.goto(self.file)
        self.tab.wait_for_load_state("load")

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("data:", "blob:", self.file)):
            self.faults.append(f"request: {request.url[:100]}")

    def screenshot(self, name: str) -> None:
        """Kept as `NAME-WIDTH.png`."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.tab.screenshot(path=SCREENSHOTS / f"{name}-{self.width}.png")

    def overflow(self, frame: Any = None) -> int:
        """Pixels by which a document is wider than its window."""
        element = "document.documentElement"
        return int((frame or self.tab).evaluate(f"{element}.scrollWidth - {element}.clientWidth"))


def pictures_without_text(frame: Any) -> list[str]:
    """Of a document, how the pictures begin that have no alternative text."""
    found = "[...document.images].filter((image) => !image.alt.trim())"
    return list(frame.evaluate(f"{found}.map((image) => image.outerHTML.slice(0, 80))"))


def broken_pictures(frame: Any) -> int:
    """Of a document, how many pictures could not be shown."""
    return int(frame.evaluate("[...document.images].filter((image) => !image.naturalWidth).length"))
