"""The Dagster UI as a person uses it: `refresh` by a click, the graph by layer, an asset, a check with its table."""

import pytest

from tests.browser.dagster_ui import DagsterUI, running_dagster

LAYERS = ("raw", "registry", "staging", "intermediate", "marts", "release")


@pytest.mark.slow
def test_a_clicked_refresh_goes_green_and_makes_a_release(page, tmp_path):
    with running_dagster(tmp_path) as ui:
        ui.materialize_refresh(page)
        page.get_by_text("Success", exact=True).wait_for()

        assert page.get_by_text("Manually launched").count() == 1
        assert page.get_by_text("Failure", exact=True).count() == 0
        assert (ui.release / "datapackage.json").is_file()
        page.goto("about:blank")  # a page that outlives its server complains


def test_a_run_of_our_command_is_in_the_history(dagster_ui: DagsterUI, page):
    page.goto(f"{dagster_ui.url}/runs")
    page.get_by_text("Success", exact=True).wait_for()
    assert page.get_by_text("Failure", exact=True).count() == 0


def test_the_graph_shows_a_box_for_each_layer(dagster_ui: DagsterUI, page):
    dagster_ui.open_graph(page)

    boxes = page.locator("foreignObject").all_text_contents()
    for layer in LAYERS:
        assert any(text.startswith(layer) for text in boxes), (layer, boxes)


def test_an_asset_says_what_it_is_and_what_its_columns_mean(dagster_ui: DagsterUI, page):
    dagster_ui.open_asset(page, "fct_derivative_counts")

    page.get_by_text("how many models derive from the models of a subject").first.wait_for()
    page.get_by_text("UTC day that labels the snapshot").first.wait_for()


def test_a_check_shows_its_verdict_and_a_row_for_each_expectation(dagster_ui: DagsterUI, page):
    dagster_ui.open_check(page, "raw/models", "expectations")

    page.get_by_text("Passed", exact=True).first.wait_for()
    row = page.get_by_role("row").filter(has_text="key_unique")
    assert "passed" in row.last.inner_text()
