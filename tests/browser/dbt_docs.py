"""The ways through the dbt docs page that the tests and the screenshots take."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

# The graph is drawn on a canvas: what it shows is asked of the library that draws it.
SHOWN = "() => cy._cyreg.cy.nodes().filter(node => node.style('display') !== 'none').map(node => node.id())"
FIT = "() => { cy._cyreg.cy.resize(); cy._cyreg.cy.fit(cy._cyreg.cy.nodes(':visible'), 40); }"


def open_mart(page: "Page", docs: Path, folder: str, mart: str) -> None:
    """Opens the page as a file and clicks through the tree of the project to a mart."""
    page.goto(f"{docs.as_uri()}#!/overview")
    for name in ("hubscape", "models", "marts", folder):
        # The letters of a name lie in two elements, so that a long one can be broken.
        folders = page.locator(f"xpath=//a[contains(@class, 'menu-tree') and normalize-space() = '{name}']")
        folders.locator("visible=true").last.click()
    page.locator(f"a.menu-node[title='{mart}']:visible").first.click()
    page.locator("h1", has_text=mart).wait_for()


def open_lineage(page: "Page", selection: str) -> list[str]:
    """Opens the lineage graph over the whole page, narrowed to what dbt selects; returns dbt's ids of its nodes."""
    page.locator("[ng-click='onLauncherClick()']").click()
    page.locator("[ng-click='showExpanded()']").click()
    page.locator("#cy canvas").first.wait_for()
    page.locator("[ng-model='selectorService.selection.dirty.include']").fill(selection)
    page.locator("#submit-graph-selection").click()
    page.mouse.move(0, 0)
    page.wait_for_timeout(1000)
    page.evaluate(FIT)
    page.wait_for_timeout(500)
    return page.evaluate(SHOWN)
