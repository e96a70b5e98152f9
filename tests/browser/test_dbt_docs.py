"""dbt's docs and the lineage of columns, as `hubscape docs` writes them and as a person browses them."""

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.dbt import prepare_manifest
from tests.browser import dbt_docs
from tests.days import Finished
from tests.hubscape import hubscape
from tests.support import PROJECT

MART = "fct_derivative_counts"


@pytest.fixture(scope="module")
def pages(second: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pages that are written from the warehouse of a finished run."""
    own, folder = second.copy(tmp_path_factory.mktemp("finished")), tmp_path_factory.mktemp("docs")
    done = hubscape("docs", {"HUBSCAPE_DATA_DIR": str(own.machine.data_dir)}, "--output", str(folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(folder / "dbt" / "index.html"), str(folder / "lineage" / "index.html")]
    return folder


@pytest.fixture
def docs(pages: Path) -> Path:
    return pages / "dbt" / "index.html"


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


def watch_requests(page) -> set[str]:
    """A set that every address the page asks for comes into."""
    asked: set[str] = set()

    def note(request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            asked.add(request.url.partition("#")[0])

    page.on("request", note)
    return asked


def test_the_pages_name_no_folder_of_this_machine(pages: Path, tmp_path_factory: pytest.TempPathFactory):
    for page in ("dbt", "lineage"):
        text = (pages / page / "index.html").read_text()
        assert str(PROJECT) not in text and str(tmp_path_factory.getbasetemp()) not in text, page


def test_the_tree_leads_to_a_mart_and_to_what_a_column_means(docs, page):
    dbt_docs.open_mart(page, docs, "lineage", MART)

    column = page.locator("tr", has_text="subject_type").first
    column.click()
    described = json.loads(prepare_manifest().read_text())["nodes"][f"model.hubscape.{MART}"]["columns"]
    page.get_by_text(described["subject_type"]["description"].split("\n")[0][:60]).locator(
        "visible=true"
    ).first.wait_for()


def test_the_lineage_graph_shows_what_a_mart_is_made_of(docs, page):
    dbt_docs.open_mart(page, docs, "lineage", MART)
    shown = dbt_docs.open_lineage(page, f"1+{MART}")

    parents = json.loads(prepare_manifest().read_text())["parent_map"][f"model.hubscape.{MART}"]
    assert set(shown) == {f"model.hubscape.{MART}", *parents}


def test_a_reader_finds_a_column_a_question_and_their_lineage(page, address: str):
    asked_for = watch_requests(page)
    page.goto(f"{address}/dbt/index.html")
    page.get_by_role("heading", name="Hubscape", exact=True).wait_for()
    page.get_by_role("link", name="papers", exact=True).first.click()
    page.get_by_text("submitted_on_daily_at").first.wait_for()
    page.get_by_text("Upvotes at the time of observation").first.wait_for(state="attached")
    page.goto(f"{address}/dbt/index.html#!/analysis/analysis.hubscape.qwen_against_llama_and_deepseek")
    page.get_by_text("How many derivatives has Qwen against Llama").first.wait_for()
    page.goto(f"{address}/dbt/index.html#!/model/model.hubscape.fct_papers?g_v=1&g_i=1%2Bfct_papers%2B1")
    page.reload()  # the address alone does not open the graph
    page.get_by_text("Lineage Graph").locator("visible=true").first.wait_for()
    page.locator("canvas").locator("visible=true").first.wait_for()

    assert asked_for == {f"{address}/dbt/index.html"}


def test_the_lineage_of_columns_goes_through_unions(page, address: str):
    asked_for = watch_requests(page)
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

    assert asked_for == {f"{address}/lineage/index.html"}


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
