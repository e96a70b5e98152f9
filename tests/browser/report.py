"""What the tests and the screenshots ask of the report's page."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

CHARTS = ("followers", "derivatives", "releases", "papers", "chain", "claims")

# Contrast by WCAG 2: relative luminance of the text's colour and of the nearest background that is not transparent.
CONTRAST = """element => {
  const channels = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  let behind = element, background = [];
  while (behind) {
    background = channels(getComputedStyle(behind).backgroundColor);
    if (background.length === 3 || background[3] === 1) break;
    behind = behind.parentElement;
  }
  if (!behind) background = [255, 255, 255];
  const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(background)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


def open_report(page: "Page", release: Path) -> None:
    """Opens the page of a release as a file and waits until every chart is drawn."""
    page.goto((release / "report.html").as_uri())
    for chart in CHARTS:
        drawn(page, chart).first.wait_for()


def drawn(page: "Page", chart: str) -> "Locator":
    """What Vega has drawn of a chart."""
    return page.locator(f"#{chart} :is(svg, canvas)")


def switch(page: "Page") -> "Locator":
    """The button that switches between light and dark."""
    return page.get_by_role("button", name="dark").or_(page.get_by_role("button", name="light")).first


def background(page: "Page") -> str:
    """The colour that the page has now."""
    return page.evaluate("() => getComputedStyle(document.body).backgroundColor")
