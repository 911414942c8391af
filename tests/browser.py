"""Debian's Chromium, headless, driven by Playwright: what a browser says of a page that it opens as a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NEEDS_BROWSER = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on PATH; on Debian: apt-get install chromium"
)
WIDE, NARROW = 1200, 360
"""Widths of a window on a desk and of one in a hand, in CSS pixels."""


FAINT_WORDS = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[0-9.]+/g).map((part) => part / 255);
    const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const behind = (node) => {
    const colour = getComputedStyle(node).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" && node.parentElement ? behind(node.parentElement) : colour;
  };
  return [...document.querySelectorAll("svg text")].filter((words) => {
    const shape = words.classList.contains("on") ? words.previousElementSibling : null;
    const under = shape ? getComputedStyle(shape).fill : behind(words.closest("svg"));
    const both = [getComputedStyle(words).fill, under].map(light);
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05) < 4.5;
  }).map((words) => words.textContent);
}"""
"""Relative luminance and contrast as WCAG 2.1 defines them; words of the class `on` stand on the shape before them."""


@dataclass(slots=True)
class Visit:
    """A page that is open, and all it has done so far."""

    page: Any
    """Playwright's Page."""
    complaints: list[str] = field(default_factory=list)
    """Of the console, and of scripts that failed."""
    requests: list[str] = field(default_factory=list)
    """Addresses that were asked for, the page's own first."""

    def overflow_px(self) -> int:
        """How much wider than the window the page is."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def faint_words(self) -> list[str]:
        """Words of drawings whose contrast with what is behind their drawing is below WCAG's 4.5 : 1."""
        return list(self.page.evaluate(FAINT_WORDS))

    def screenshot(self) -> tuple[int, int, int]:
        """Width and height of the whole page as a picture, and how many colours it has."""
        from PIL import Image

        seen = Image.open(BytesIO(self.page.screenshot(full_page=True)))
        return *seen.size, len(seen.getcolors(1 << 24) or ())

    def violations(self) -> list[str]:
        """What axe-core finds against WCAG 2.1 A and AA, contrast among it, each with its first place."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        return [f"{one['id']}: {one['nodes'][0]['target']}" for one in found.response["violations"]]


@contextmanager
def opened(file: Path, width: int = WIDE, scheme: str = "light", *, script: bool = True) -> Iterator[Visit]:
    """Open a file in a window of this width; `scheme`: light or dark."""
    from playwright.sync_api import sync_playwright

    os.environ.setdefault("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        options: Any = {"color_scheme": scheme, "java_script_enabled": script}
        page = browser.new_page(viewport={"width": width, "height": 800}, **options)
        visit = Visit(page)
        page.on("console", lambda message: visit.complaints.append(message.text))
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.on("request", lambda request: visit.requests.append(request.url))
        page.goto(file.as_uri())
        yield visit
        browser.close()


def invalid(text: str) -> list[str]:
    """What the HTML standard's parser reports of a page: unknown nesting, attributes twice, tags left open."""
    from tinyhtml5.parser import HTMLParser

    parser = HTMLParser()
    parser.parse(text)
    return [f"{position}: {code} {about}" for position, code, about in parser.errors]


def used(text: str) -> set[str]:
    """The elements of a page, and with each the attributes it has: `svg`, `svg role`."""
    from tinyhtml5 import parse

    found = set()
    for node in parse(text).iter():
        name = str(node.tag).rpartition("}")[2]
        found |= {name, *(f"{name} {attribute}" for attribute in node.attrib)}
    return found


def check_page(visit: Visit, file: Path, width: int, *, least_px: int) -> None:
    """Assert that a page is quiet, asks for nothing but itself, fits the window, shows something, and can be read."""
    seen_width, seen_height, colours = visit.screenshot()

    assert visit.requests == [file.as_uri()]
    assert visit.complaints == []
    assert visit.overflow_px() <= 0
    assert seen_width == width
    assert seen_height > least_px
    assert colours > 60
    assert visit.faint_words() == []
    assert visit.violations() == []
