"""The static pages of the dbt docs: written by the command, opened in a browser, asking for nothing but themselves."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hubscape import PROJECT, hubscape
from tests.pipeline.conftest import RecordedRun

CHROMIUM = Path(shutil.which("chromium") or "/usr/bin/chromium")
FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"


@pytest.fixture(scope="module")
def pages(recorded_run: RecordedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    done = hubscape("docs", {"HUBSCAPE_DATA_DIR": str(recorded_run.data_dir)}, "--output", str(folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(folder / "dbt" / "index.html"), str(folder / "lineage" / "index.html")]
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(pages: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(pages))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Browser:
    """A page of Chromium that remembers what it asked for and what went wrong."""

    def __init__(self, page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.faults: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)

    def asked_for(self) -> set[str]:
        return {url.partition("#")[0] for url in self.requests if not url.startswith(("data:", "blob:"))}


@pytest.fixture
def browser() -> Iterator[Browser]:
    if not CHROMIUM.is_file():
        pytest.skip("Chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*FLAGS.split(), "--no-first-run"])
        yield Browser(chromium.new_page(viewport={"width": 1280, "height": 900}))
        chromium.close()


def test_the_pages_name_no_folder_of_this_machine(pages: Path, recorded_run: RecordedRun):
    for page in ("dbt", "lineage"):
        text = (pages / page / "index.html").read_text()
        assert str(PROJECT) not in text and str(recorded_run.data_dir) not in text, page


def test_a_reader_finds_a_column_a_question_and_their_lineage(browser: Browser, address: str):
    page = browser.page
    page.goto(f"{address}/dbt/index.html")
    page.get_by_role("heading", name="Hubscape", exact=True).wait_for()
    page.get_by_role("link", name="papers", exact=True).first.click()
    page.get_by_text("submitted_on_daily_at").first.wait_for()
    page.get_by_text("Upvotes at the time of observation").first.wait_for(state="attached")
    page.goto(f"{address}/dbt/index.html#!/analysis/analysis.hubscape.qwen_against_llama")
    page.get_by_text("How many derivatives has Qwen against Llama").first.wait_for()
    page.goto(f"{address}/dbt/index.html#!/model/model.hubscape.fct_papers?g_v=1&g_i=1%2Bfct_papers%2B1")
    page.reload()  # the address alone does not open the graph
    page.get_by_text("Lineage Graph").locator("visible=true").first.wait_for()
    page.locator("canvas").locator("visible=true").first.wait_for()

    assert browser.asked_for() == {f"{address}/dbt/index.html"}
    assert browser.faults == []


def test_the_lineage_of_columns_goes_through_unions(browser: Browser, address: str):
    page = browser.page
    page.goto(f"{address}/lineage/index.html")
    page.get_by_text("hubscape").first.wait_for()
    edges = page.evaluate("window.colibriData.lineage.edges")
    into = {
        (edge["source"].split(".")[-1], edge["sourceColumn"])
        for edge in edges
        if edge["target"] == "model.hubscape.fct_ecosystem_links" and edge["targetColumn"] == "from_id"
    }
    # The three parts of the union that links are made of.
    assert into == {
        ("int_paper_repos", "paper_id"),
        ("int_lineage_edges", "parent_repo_id"),
        ("int_named_repos", "named_repo_id"),
    }

    assert browser.asked_for() == {f"{address}/lineage/index.html"}
    assert browser.faults == []


def test_docs_are_written_before_the_first_run_too_without_the_lineage(tmp_path):
    done = hubscape("docs", {"HUBSCAPE_DATA_DIR": str(tmp_path / "data")})

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "data" / "docs" / "dbt" / "index.html")]
    assert "No lineage of columns" in done.stderr
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["docs"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "dbt").write_text("a file where the folder should be")
    done = hubscape("docs", {"HUBSCAPE_DATA_DIR": str(tmp_path / "data")}, "--output", str(tmp_path))

    assert done.returncode == 1 and "cannot be written" in done.stderr and "Traceback" not in done.stderr
