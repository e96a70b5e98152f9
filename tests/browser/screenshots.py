"""Takes the pictures of the README: `make screenshots`.

A Dagster of its own is started and `refresh` clicked in it, as in the tests, by the same ways through the pages. The
first picture, of what was found, is that of a run on recorded rows of the real Hub.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.sandbox.recorded import recorded_catalogue
from tests.browser import dbt_docs, report
from tests.browser.dagster_ui import DagsterUI, running_dagster
from tests.browser.pages import MISSING, chromium, running_browser, watched_page
from tests.hubscape import PROJECT, hubscape
from tests.pipeline.conftest import RECORDED_DATE, environment
from tests.sandbox import running_sandbox
from tests.support import recorded_dir

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = PROJECT / "docs" / "images"
MART = "fct_derivative_counts"


def main() -> int:
    """Writes every picture and prints their paths; returns the exit code."""
    if chromium() is None:
        print(MISSING, file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="hubscape-screenshots-") as folder,
        running_browser() as browser,
        running_dagster(Path(folder)) as ui,
    ):
        with watched_page(browser) as opened:
            ui.materialize_refresh(opened.page)
        pictures_of_dagster(browser, ui)
        done = hubscape("docs", {"HUBSCAPE_DATA_DIR": str(ui.data_dir)}, "--output", f"{folder}/docs")
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            return 1
        pictures_of_docs(browser, Path(folder) / "docs" / "dbt" / "index.html")
        pictures_of_report(browser, ui.release)
        recorded = Path(folder) / "recorded"
        with running_sandbox(recorded_catalogue(recorded_dir()), recorded / "hub") as hub:
            done = hubscape("run", environment(hub, recorded / "data"))
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            return 1
        way = at(recorded / "data" / "release" / RECORDED_DATE, "derivatives")
        picture(browser, "derivatives_recorded", way, height=730)
    return 0


def pictures_of_dagster(browser: "Browser", ui: DagsterUI) -> None:
    """The graph of all assets by layer, and a check with its table."""

    def graph(page: "Page") -> None:
        ui.open_graph(page)
        ui.hide_navigation(page)

    def check(page: "Page") -> None:
        ui.open_check(page, "raw/models", "expectations")
        ui.hide_navigation(page)

    picture(browser, "dagster_graph", graph)
    picture(browser, "dagster_check", check, width=1440, height=900)


def pictures_of_docs(browser: "Browser", docs: Path) -> None:
    """A mart in dbt's docs, and what it is made of."""

    def lineage(page: "Page") -> None:
        dbt_docs.open_mart(page, docs, "lineage", MART)
        dbt_docs.open_lineage(page, f"2+{MART}")

    picture(browser, "dbt_docs", lambda page: dbt_docs.open_mart(page, docs, "lineage", MART))
    picture(browser, "dbt_lineage", lineage)


def pictures_of_report(browser: "Browser", release: Path) -> None:
    """The report of a release: its head in light colours, a chart in dark ones, and one on a telephone."""
    picture(browser, "report_light", lambda page: report.open_report(page, release))
    picture(browser, "report_dark", at(release, "releases"), colours="dark")
    picture(browser, "report_390", at(release, "derivatives"), width=390, height=844)


def at(release: Path, chart: str) -> "Callable[[Page], None]":
    """The way to a chart of a release's report."""

    def way(page: "Page") -> None:
        report.open_report(page, release)
        page.locator(f"section#{chart}").evaluate("section => section.scrollIntoView()")

    return way


def picture(browser: "Browser", name: str, way: "Callable[[Page], None]", **options: object) -> None:
    """Goes a way through a page and takes a picture of where it ends; a page that complains is not taken.

    Raises:
        RuntimeError: the page had an error or asked for something beyond this machine.
    """
    with watched_page(browser, **options) as opened:
        way(opened.page)
        # What moves when it opens comes to rest.
        opened.page.wait_for_timeout(1500)
        if opened.troubles:
            raise RuntimeError(f"{name} was not taken: {'; '.join(opened.troubles)}")
        path = IMAGES / f"{name}.png"
        opened.page.screenshot(path=path)
    print(path.relative_to(PROJECT))


if __name__ == "__main__":
    sys.exit(main())
