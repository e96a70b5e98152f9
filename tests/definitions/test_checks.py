"""Each fact is checked once, by one tool: what the YAML beside the SQL says is judged, and nothing says it again.

Not null is the contract's, keys and values of published tables are Great Expectations', those of seeds and of what
stands in between are the test `as_described`; every other dbt test is about a relation.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from expectations.marts import suites

Manifest = dict[str, Any]

OF_A_COLUMN = {"values", "minimum", "maximum", "max_length"}
OF_A_RULE = {"name", "column", "rows", "no_row_where", "holds", "shown", "wanted", "severity", "needs"}
# Where a second row of a table shows that has no test of its own: in the key of a published table, or in a relation.
KEY_SHOWS_IN = {
    "base_hub__daily_papers": "assert_raw_rows_are_kept_or_quarantined",
    "base_hub__datasets": "assert_raw_rows_are_kept_or_quarantined",
    "base_hub__models": "assert_raw_rows_are_kept_or_quarantined",
    "base_hub__organizations": "assert_raw_rows_are_kept_or_quarantined",
    "base_hub__spaces": "assert_raw_rows_are_kept_or_quarantined",
    "int_claim_derivative_measures": "rpt_claims",
    "int_claim_measures": "rpt_claims",
    "int_claim_models": "rpt_claims",
    "int_claim_organization_measures": "rpt_claims",
    "int_claim_repo_measures": "rpt_claims",
    "int_claim_top_papers": "rpt_claims",
    "int_comparison_checks": "rpt_data_quality",
    "int_derivative_counts": "fct_derivative_counts",
    "int_first_repos": "fct_milestones",
    "int_largest_models": "fct_milestones",
    "int_lineage_edges": "assert_edges_are_distinct",
    "int_lineage_roots": "fct_lineage_roots",
    "int_milestone_flows": "fct_milestone_windows",
    "int_nth_derivatives": "fct_milestones",
    "int_past_derivative_counts": "fct_derivative_counts",
    "int_registry_periods": "assert_registry_rows_follow_each_other",
    "int_renames": "fct_renames",
    "int_repo_ids": "dim_repos",
    "int_repos": "dim_repos",
    "stg_hub__datasets": "dim_repos",
    "stg_hub__models": "dim_repos",
    "stg_hub__spaces": "dim_repos",
    "stg_release__country_snapshots": "fct_country_snapshots",
    "stg_release__derivative_counts": "fct_derivative_counts",
    "stg_release__download_concentration": "fct_download_concentration",
    "stg_release__model_adoption": "fct_model_adoption",
    "stg_release__organization_snapshots": "fct_organization_snapshots",
    "stg_release__renames": "fct_renames",
    "stg_release__tombstones": "fct_tombstones",
    "stg_release__top_ten_entries": "fct_top_ten_entries",
}
# Tables that have no key, each with the reason.
NO_KEY = {
    "int_claim_creations": "grouped by a company and a country that may be missing",
    "int_named_parents": "a model may name one parent in several ways",
}


def tables(manifest: Manifest) -> Iterator[dict[str, Any]]:
    return (node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed"))


def described(manifest: Manifest) -> set[str]:
    """Names of the tables that `as_described` judges."""
    return {
        manifest["nodes"][node["attached_node"]]["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "as_described"
    }


def test_every_table_has_one_place_where_a_second_row_of_a_key_is_seen(manifest):
    judged = described(manifest)
    published = {node["name"] for node in tables(manifest) if node["config"]["meta"].get("publish")}
    places = [judged, published, KEY_SHOWS_IN.keys(), NO_KEY.keys()]
    assert sorted(name for place in places for name in place) == sorted(node["name"] for node in tables(manifest))


@pytest.mark.parametrize(("table", "where"), KEY_SHOWS_IN.items())
def test_a_key_that_shows_elsewhere_shows_in_what_reads_the_table(manifest, table, where):
    waiting, readers = [f"model.hubscape.{table}"], set()
    while waiting:
        waiting += (found := set(manifest["child_map"][waiting.pop()]) - readers)
        readers |= found
    if where.startswith("assert_"):
        (test,) = (node for node in manifest["nodes"].values() if node["name"] == where)
        read = set(test["depends_on"]["nodes"])
        assert read & {f"model.hubscape.{table}", *readers, *manifest["parent_map"][f"model.hubscape.{table}"]}
    else:
        assert f"model.hubscape.{where}" in readers


def test_dbt_tests_are_about_relations_or_about_what_is_not_published(manifest):
    generic = Counter(
        node["test_metadata"]["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node.get("test_metadata")
    )
    assert generic.keys() == {"as_described", "relationships"}


def test_only_words_that_somebody_judges_by_stand_beside_a_table(manifest):
    published = suites(manifest, {})
    for node in tables(manifest):
        where = node["name"]
        read = OF_A_COLUMN if where in published else {"values", "minimum"}
        judged = where in published or where in described(manifest)
        for column in node["columns"].values():
            assert column["config"]["meta"].keys() <= (read if judged else set()), f"{where}.{column['name']}"
            assert [c["type"] for c in column["constraints"]] in ([], ["not_null"]), f"{where}.{column['name']}"
            assert judged or not column["constraints"], f"{where}.{column['name']}"
        rules = node["config"]["meta"].get("rules", ())
        assert where in published or not rules, where
        for rule in rules:
            assert rule.keys() <= OF_A_RULE and len(rule.keys() & {"rows", "no_row_where", "holds"}) == 1, (where, rule)
            assert "rows" in rule or rule["wanted"], (where, rule)
            assert rule.get("column", next(iter(node["columns"]))) in node["columns"], (where, rule)


def test_a_key_is_made_of_columns_and_no_rule_stands_twice(manifest):
    for node in tables(manifest):
        key = node["config"]["meta"].get("key") or node["config"]["meta"].get("order_by", [])
        assert set(key) <= node["columns"].keys(), node["name"]
    for table, rules in suites(manifest, {}).items():
        names = [(rule.expectation, rule.column) for rule in rules]
        assert len(names) == len(set(names)), table
