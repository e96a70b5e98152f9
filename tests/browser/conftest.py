"""One browser a process, a page that fails its test if it complains, and one Dagster whose `refresh` was clicked."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.dagster_ui import DagsterUI, running_dagster
from tests.browser.pages import MISSING, Watched, chromium, running_browser, watched_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    if chromium() is None:
        pytest.skip(MISSING)
    with running_browser() as started:
        yield started


@pytest.fixture
def watched(browser: "Browser") -> Iterator[Watched]:
    with watched_page(browser) as opened:
        yield opened
    assert not opened.troubles, "\n".join(opened.troubles)


@pytest.fixture
def page(watched: Watched) -> "Page":
    return watched.page


@pytest.fixture(scope="session")
def dagster_ui(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterUI]:
    """A `dagster dev` in whose UI `refresh` has been materialized by clicking; its data folder holds the release."""
    with running_dagster(tmp_path_factory.mktemp("dagster")) as ui:
        with watched_page(browser) as opened:
            ui.materialize_refresh(opened.page)
        assert not opened.troubles, "\n".join(opened.troubles)
        yield ui


@pytest.fixture(scope="session")
def release(dagster_ui: DagsterUI) -> Path:
    """The folder of the release that the clicked run made."""
    return dagster_ui.release
