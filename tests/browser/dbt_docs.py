"""The ways through the dbt docs page that the tests and the screenshots take."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def open_mart(page: "Page", docs: Path, folder: str, mart: str) -> None:
    """Opens the page as a file and clicks through the tree of the project to a mart."""
    page.goto(f"{docs.as_uri()}#!/overview")
    tree = page.locator(".menu-tree").first
    for name in ("hubscape", "models", "marts", folder, mart):
        tree.get_by_text(name, exact=True).first.click()
    page.locator("h1", has_text=mart).wait_for()


def open_lineage(page: "Page") -> None:
    """Opens the lineage graph of the model that is shown, over the whole page."""
    page.locator("[ng-click='onLaunch()'], .launcher, .btn-launch").first.click()
    page.wait_for_timeout(2000)
