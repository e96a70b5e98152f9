"""dbt's docs as a person browses them: from the overview to a mart, to one of its columns, to what it is made of."""

import json

import pytest

from orchestration.dbt import prepare_manifest
from tests.browser import dbt_docs
from tests.browser.dagster_ui import DagsterUI
from tests.hubscape import hubscape

MART = "fct_derivative_counts"


@pytest.fixture(scope="module")
def docs(dagster_ui: DagsterUI, tmp_path_factory: pytest.TempPathFactory):
    """The page that `hubscape docs` writes from the warehouse of the clicked run."""
    folder = tmp_path_factory.mktemp("docs")
    done = hubscape("docs", {"HUBSCAPE_DATA_DIR": str(dagster_ui.data_dir)}, "--output", str(folder))
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "dbt" / "index.html"


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
