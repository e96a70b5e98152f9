"""Chromium as the tests and the screenshots drive it: a page that notes what it complains of and asks others for."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestration.settings import is_loopback

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Route

MISSING = "Chromium is not installed (apt-get install chromium): the browser tests are skipped"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
LOCAL_SCHEMES = ("file", "data", "blob", "about")


def chromium() -> str | None:
    """The path of Debian's Chromium, None where it is not installed."""
    return shutil.which("chromium")


@contextmanager
def running_browser() -> Iterator["Browser"]:
    """A browser with a fresh profile, closed when the block ends."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A page and what went wrong in it so far, each thing once, in sentences."""

    page: "Page"
    troubles: dict[str, None] = field(default_factory=dict)

    def note(self, trouble: str) -> None:
        """Writes down what went wrong."""
        self.troubles[trouble[:500]] = None


@contextmanager
def watched_page(
    browser: "Browser", *, width: int = 1280, height: int = 800, colours: str = "light"
) -> Iterator[Watched]:
    """A page of a new profile whose errors and requests beyond this machine are noted; the latter are also stopped."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=colours, service_workers="block"
    )
    context.set_default_timeout(300_000)  # milliseconds: a machine may be busy
    watched = Watched(context.new_page())

    def guard(route: "Route") -> None:
        address = route.request.url
        if urlsplit(address).scheme in LOCAL_SCHEMES or is_loopback(address):
            route.continue_()
        else:
            watched.note(f"the page asked for {address}")
            route.abort()

    def complain(message: "ConsoleMessage") -> None:
        if message.type == "error":
            watched.note(f"console error: {message.text} ({message.location.get('url', '')})")

    context.route("**/*", guard)
    watched.page.on("console", complain)
    watched.page.on("pageerror", lambda error: watched.note(f"page error: {error}"))
    try:
        yield watched
    finally:
        context.close()
