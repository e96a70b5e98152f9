"""One browser a process, a page that fails its test if it complains, and one Dagster that shows a finished run."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestration.release.build import release_dir
from tests.browser.dagster_ui import DagsterUI, running_dagster
from tests.browser.pages import MISSING, Watched, chromium, running_browser, watched_page
from tests.days import Finished

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
def dagster_ui(browser: "Browser", second: Finished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterUI]:
    """A `dagster dev` over the data folder and the history of a run that has ended."""
    own = second.copy(tmp_path_factory.mktemp("dagster"))
    with running_dagster(own.machine.data_dir) as ui:
        yield ui


@pytest.fixture(scope="session")
def release(second: Finished) -> Path:
    """The folder of the release that the run made."""
    return release_dir(second.machine.data_dir, second.day)
