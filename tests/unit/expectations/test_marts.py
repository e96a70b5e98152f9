"""The suites of the marts over a real DuckDB file: one statement breaks one rule, and exactly that one fails.

The tables are made as dbt makes them, from the contract: what is not nullable there cannot be broken here.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from expectations.marts import suites
from expectations.outcome import Outcome, refusals
from expectations.runner import check_marts
from orchestration.dbt import prepare_manifest
from tests.support import PATIENCE

RAW_ROWS = {"models": 100, "datasets": 40}
# Rows of each mart; columns that are not named are null, or `FILLED` where the contract asks for a value.
FILLED = {"date": "date '2026-11-23'", "boolean": "false", "varchar": "'x'"}
GOOD = """
create table fct_derivative_counts as select * from (values
    (date '2026-11-23', 'organization', 'Qwen', 'all', 'edges', 522.0::double),
    (date '2026-11-23', 'organization', 'Qwen', 'merge', 'fractional', 0.5),
    (date '2026-11-23', 'family', 'Qwen', 'all', 'tagged', 1257.0)
) as t (snapshot_date, subject_type, subject, relation, definition, value);
create table fct_organization_snapshots as select * from (values
    (date '2026-11-23', 'Qwen', 70000::bigint, 1::bigint, 2::bigint),
    (date '2026-11-23', 'nobody', null, null, 3)
) as t (snapshot_date, handle, followers_count, followers_rank, downloads_30d_rank);
create table fct_papers as select * from (values
    ('2601.00001', 'Ein schöner Titel, 题目', 0::bigint), ('2601.00002', 'Another', 12)
) as t (paper_id, title, upvotes);
create table fct_organization_papers_monthly as select * from (values
    (date '2026-11-23', date '2026-11-01', 'Qwen', 2::bigint, 0.0::double),
    (date '2026-11-23', date '2026-10-01', 'Qwen', 1, 1.0)
) as t (snapshot_date, month, handle, papers_count, unlinked_papers_share);
create table fct_milestones as select * from (values
    ('2019-t5', 'day', 'source', 'https://arxiv.org/abs/1910.10683', null),
    ('first-repo', 'month', 'rule', null, 'first_repo')
) as t (milestone_id, date_precision, evidence_type, source_url, rule);
create table fct_milestone_windows as select * from (values
    (date '2026-11-23', '2019-t5', 'hub_new_models', 30::bigint, null::double, null::double, null::double, false),
    (date '2026-11-23', 'first-repo', 'handle_new_models', 90, 0.0, 5.0, null, true),
    (date '2026-11-23', 'first-repo', 'likes_gained', 90, 4.0, -2.0, -0.5, true)
) as t (snapshot_date, milestone_id, metric, window_days, value_before, value_after, ratio, is_complete);
create table fct_ecosystem_links as select * from (values
    (date '2026-11-23', 'paper_model', '2501.12948', 'deepseek-ai/DeepSeek-R1', 'none', 'arxiv tag'),
    (date '2026-11-23', 'model_derivative', 'Qwen/Qwen3-8B', 'a/b', 'merge', 'base_model tag')
) as t (snapshot_date, link_type, from_id, to_id, relation, evidence);
create table rpt_chain_coverage as select * from (values
    (date '2026-11-23', 'Qwen team', 3::bigint, 2::bigint), (date '2026-11-23', 'unattributed', 0, 0)
) as t (snapshot_date, organization, papers_count, papers_with_models_count);
create table rpt_claims as select * from (values
    (date '2026-11-23', 'r1_mit', '=', 'reproduced', null),
    (date '2026-11-23', 'hub_models', '~', 'outside_snapshot', 'no snapshot within 45 days of 2026-08')
) as t (snapshot_date, claim_id, comparator, verdict, reason);
create table dim_repos as select * from (values
    ('model', 'k1', '1b_to_5b', 'permissive'), ('dataset', 'k1', 'none', 'none')
) as t (repo_type, repo_key, size_class, licence_class);
create table fct_renames as select * from (values (date '2026-11-23', 'model', 'k1', 'a/old', 'a/new'))
    as t (snapshot_date, repo_type, repo_key, former_id, repo_id);
create table fct_tombstones as select * from (values (date '2026-11-23', 'space', 'k1', date '2026-11-22'))
    as t (snapshot_date, repo_type, repo_key, last_seen_date);
create table fct_top_ten_entries as select * from (values (date '2026-11-23', 'model_likes', 'a/new', 10::bigint))
    as t (snapshot_date, ranking, subject, subject_rank);
create table fct_download_concentration as select * from (values
    (date '2026-11-23', 'model', 'downloads_30d', 0.1::double, 0.5::double, 1.0::double, 0.9::double),
    (date '2026-11-23', 'dataset', 'downloads_30d', null, null, null, null)
) as t (
    snapshot_date, repo_type, metric, top_0_01_percent_share, top_1_5_percent_share, top_10_percent_share, gini
);
create table fct_country_snapshots as select * from (values
    (date '2026-11-23', 'base_model', 'CN', 0.25::double, 0.75::double),
    (date '2026-11-23', 'base_model', 'unattributed', 0.75, 0.75)
) as t (snapshot_date, country_rule, country, young_downloads_share, unattributed_share);
create table fct_country_monthly as select * from (values
    (date '2026-11-23', date '2026-11-01', 'headquarters', 'CN', 1.0::double, 0.0::double, null::double, null::double)
) as t (
    snapshot_date, month, country_rule, country, new_models_share, unattributed_new_models_share,
    young_downloads_share, unattributed_downloads_share
);
create table fct_organization_releases_monthly as select * from (values
    (date '2026-11-23', date '2026-11-01', 'Qwen', 'model', 'text', '1b_to_5b', 'permissive', 1::bigint)
) as t (snapshot_date, month, organization, repo_type, modality, size_class, licence_class, repos_count);
create table fct_model_adoption as select * from (values
    ('k1', 7, 7::bigint, 0::bigint), ('k1', 30, 33, 12)
) as t (repo_key, adoption_day, age_days, downloads_all_time);
create table fct_relative_adoption as select * from (values
    (date '2026-11-23', 'k1', 7, 'tenth', 0.5::double), (date '2026-11-23', 'k1', 7, 'median_of_ten', null)
) as t (snapshot_date, repo_key, adoption_day, baseline, relative_adoption);
create table fct_lineage_edges as select * from (values
    (date '2026-11-23', 'k1', 'k0', 'a/root', 'merge', 'resolved', true),
    (date '2026-11-23', 'k1', null, 'a/gone', 'untyped', 'unresolved', false)
) as t (snapshot_date, child_key, parent_key, parent, relation, status, is_counted);
create table fct_lineage_roots as select * from (values
    (date '2026-11-23', 'k1', 'k0', 2, 0.5), (date '2026-11-23', 'k1', 'k2', 1, 0.5)
) as t (snapshot_date, descendant_key, root_key, depth, share);
create table rpt_registry_gaps as select * from (values
    (date '2026-11-23', 'somebody', 7::bigint, null::bigint, null::bigint, null::bigint),
    (date '2026-11-23', 'another', null, 500, 1, null), (date '2026-11-23', 'author', null, null, null, 2)
) as t (snapshot_date, handle, downloads_30d_rank, followers_rank, derivatives_direct_external_rank, papers_rank);
create table dim_organizations as select * from (values ('Qwen', 'CN'), ('nobody', null), ('eu-lab', 'EUR'))
    as t (handle, country);
create table rpt_data_quality as select * from (values
    ('models', 'key_unique', 'error', 'passed'), ('models', 'frozen', 'warn', 'warned')
) as t (table_name, check_name, severity, verdict);
create table quarantine as select * from (values
    ('models', 'owner/name-1', 'created_in_future', 'created_in_future', 3::bigint),
    ('models', '__bare.name__', 'raw_fault', 'bad_value:createdAt', 1),
    ('models', '(missing)', 'raw_fault', 'missing:id', 1),
    ('datasets', 'sha256:0123456789abcdef', 'malformed_id', 'malformed_id', 2)
) as t (table_name, row_key, rule, reason, rows_count);
"""
# What is done to the table, and the one rule that has to notice. "again" inserts its first row a second time.
CASES: dict[str, list[tuple[str, str, str | None]]] = {
    "fct_derivative_counts": [
        ("delete", "row_count_at_least", None),
        ("again", "key_unique", None),
        ("set value = -1 where relation = 'merge'", "values_at_least", "value"),
        ("set value = null where relation = 'merge'", "values_not_null", "value"),
        ("set is_in_registry = null", "values_not_null", "is_in_registry"),
        ("set is_synthetic = null", "values_not_null", "is_synthetic"),
        ("set relation = 'lora' where relation = 'merge'", "values_in_set", "relation"),
        ("set definition = 'all' where relation = 'merge'", "values_in_set", "definition"),
        ("set subject_type = 'person' where relation = 'merge'", "values_in_set", "subject_type"),
        ("set definition = 'tagged' where relation = 'merge'", "tagged_only_for_families", "definition"),
    ],
    "fct_organization_snapshots": [
        ("again", "key_unique", None),
        ("set handle = null where handle = 'nobody'", "key_unique", None),
        ("set followers_count = -1 where handle = 'nobody'", "values_at_least", "followers_count"),
        ("set followers_count = null", "any_value_known", "followers_count"),
        ("set followers_rank = 0 where handle = 'Qwen'", "ranks_at_least_one", None),
        ("set downloads_30d_rank = 0", "ranks_at_least_one", None),
    ],
    "fct_papers": [
        ("delete", "row_count_at_least", None),
        ("again", "key_unique", None),
        ("set upvotes = -1 where upvotes = 0", "values_at_least", "upvotes"),
        ("set organization_link = 'both'", "values_in_set", "organization_link"),
        ("set title = repeat('x', 1001)", "lengths_at_most", "title"),
    ],
    "fct_organization_papers_monthly": [
        ("again", "key_unique", None),
        ("set unlinked_papers_share = 1.01", "values_between", "unlinked_papers_share"),
        ("set unlinked_papers_share = -0.01", "values_between", "unlinked_papers_share"),
        ("set papers_count = 0", "values_at_least", "papers_count"),
    ],
    "fct_milestones": [
        ("delete", "row_count_at_least", None),
        ("again", "key_unique", None),
        ("set date_precision = 'about'", "values_in_set", "date_precision"),
        ("set source_url = ''", "evidence_present", None),
        ("set evidence_type = 'hearsay'", "values_in_set", "evidence_type"),
        ("set rule = 'a_wish' where evidence_type = 'rule'", "values_in_set", "rule"),
        ("set subject_type = 'country'", "values_in_set", "subject_type"),
        ("set rule = null", "evidence_present", None),
    ],
    "fct_milestone_windows": [
        ("delete", "row_count_at_least", None),
        ("again", "key_unique", None),
        ("set metric = 'derivatives' where not is_complete", "values_in_set", "metric"),
        ("set window_days = 60 where not is_complete", "values_in_set", "window_days"),
        ("set value_after = -1 where metric = 'handle_new_models'", "values_at_least", None),
        ("set value_after = null where metric = 'likes_gained'", "complete_or_null", None),
        ("set value_before = 1 where not is_complete", "complete_or_null", None),
    ],
    "fct_ecosystem_links": [
        ("again", "key_unique", None),
        ("set link_type = 'model_paper' where relation = 'none'", "values_in_set", "link_type"),
        ("set relation = 'none'", "relation_only_of_derivatives", "relation"),
        ("set relation = 'merge'", "relation_only_of_derivatives", "relation"),
        ("set relation = 'lora' where relation = 'merge'", "values_in_set", "relation"),
        ("set evidence = 'a rumour'", "values_in_set", "evidence"),
    ],
    "rpt_chain_coverage": [
        ("delete", "row_count_at_least", None),
        ("again", "key_unique", None),
        ("set papers_with_models_count = -1", "counts_at_least", None),
    ],
    "rpt_claims": [
        ("delete", "row_count_at_least", None),
        ("again", "key_unique", None),
        ("set verdict = 'true' where claim_id = 'r1_mit'", "values_in_set", "verdict"),
        ("set comparator = 'about'", "values_in_set", "comparator"),
        ("set reason = null", "reason_present", None),
        ("set reason = 'no reason'", "reason_present", None),
    ],
    "dim_repos": [
        ("delete", "row_count_at_least", None),
        ("again", "key_unique", None),
        ("set repo_type = 'paper' where repo_type = 'dataset'", "values_in_set", "repo_type"),
        ("set size_class = 'small'", "values_in_set", "size_class"),
        ("set licence_class = 'free'", "values_in_set", "licence_class"),
        ("set parameters_source = 'hearsay'", "values_in_set", "parameters_source"),
        ("set licence_class = null", "values_not_null", "licence_class"),
        ("set size_class = null", "values_not_null", "size_class"),
        ("set repo_id = null", "values_not_null", "repo_id"),
    ],
    "fct_renames": [
        ("again", "key_unique", None),
        ("set repo_type = 'paper'", "values_in_set", "repo_type"),
        ("set former_id = repo_id", "ids_differ", "repo_id"),
    ],
    "fct_tombstones": [
        ("again", "key_unique", None),
        ("set repo_type = 'paper'", "values_in_set", "repo_type"),
        ("set last_seen_date = snapshot_date", "seen_before", "last_seen_date"),
    ],
    "fct_top_ten_entries": [
        ("again", "key_unique", None),
        ("set ranking = 'downloads'", "values_in_set", "ranking"),
        ("set subject_rank = 11", "values_between", "subject_rank"),
    ],
    "fct_download_concentration": [
        ("again", "key_unique", None),
        ("set repo_type = 'space' where repo_type = 'dataset'", "values_in_set", "repo_type"),
        ("set metric = 'likes'", "values_in_set", "metric"),
        ("set gini = -0.1", "shares_between", None),
        ("set top_10_percent_share = 1.1", "shares_between", None),
    ],
    "fct_country_snapshots": [
        ("delete", "row_count_at_least", None),
        ("again", "key_unique", None),
        ("set country_rule = 'flag'", "values_in_set", "country_rule"),
        ("set unattributed_share = 1.1", "shares_between", None),
    ],
    "fct_country_monthly": [
        ("again", "key_unique", None),
        ("set country_rule = 'flag'", "values_in_set", "country_rule"),
        ("set new_models_share = -0.1", "shares_between", None),
    ],
    "fct_organization_releases_monthly": [
        ("again", "key_unique", None),
        ("set repo_type = 'paper'", "values_in_set", "repo_type"),
        ("set size_class = 'small'", "values_in_set", "size_class"),
        ("set licence_class = 'free'", "values_in_set", "licence_class"),
        ("set repos_count = 0", "values_at_least", "repos_count"),
    ],
    "fct_model_adoption": [
        ("again", "key_unique", None),
        ("set age_days = 8 where adoption_day = 7", "age_near_day", "age_days"),
        ("set age_days = 34 where adoption_day = 30", "age_near_day", "age_days"),
        ("set adoption_day = 7, age_days = 7", "key_unique", None),
        ("set snapshot_date = snapshot_date + adoption_day, adoption_day = 7, age_days = 7", "key_unique", None),
        ("set adoption_day = 8, age_days = 8 where adoption_day = 7", "values_in_set", "adoption_day"),
        ("set size_class = 'unknown'", "values_in_set", "size_class"),
        ("set downloads_all_time = -1", "values_at_least", "downloads_all_time"),
    ],
    "fct_relative_adoption": [
        ("again", "key_unique", None),
        ("set baseline = 'mean' where baseline = 'tenth'", "values_in_set", "baseline"),
        ("set adoption_day = 8", "values_in_set", "adoption_day"),
        ("set relative_adoption = -1", "values_at_least", "relative_adoption"),
    ],
    "fct_lineage_edges": [
        ("again", "key_unique", None),
        ("set status = 'gone' where not is_counted", "values_in_set", "status"),
        ("set relation = 'parent' where not is_counted", "values_in_set", "relation"),
        ("set relation_source = 'guess'", "values_in_set", "relation_source"),
        ("set is_counted = true", "counted_edges_are_found", "is_counted"),
        ("set relation = 'untyped'", "counted_edges_are_found", "is_counted"),
    ],
    "fct_lineage_roots": [
        ("again", "key_unique", None),
        ("set share = 1.5", "values_between", "share"),
        ("set depth = 0", "values_at_least", "depth"),
        ("set root_key = 'k1' where depth = 2", "roots_are_others", None),
    ],
    "rpt_registry_gaps": [
        ("again", "key_unique", None),
        ("set downloads_30d_rank = 501 where handle = 'somebody'", "ranks_between", None),
        ("set downloads_30d_rank = null where handle = 'somebody'", "ranks_between", None),
    ],
    "dim_organizations": [
        ("delete", "row_count_at_least", None),
        ("again", "key_unique", None),
        ("set country = 'cn'", "country_code_well_formed", "country"),
        ("set country = 'China'", "country_code_well_formed", "country"),
    ],
    "rpt_data_quality": [
        ("delete", "row_count_at_least", None),
        ("again", "key_unique", None),
        ("set verdict = 'fine'", "values_in_set", "verdict"),
        ("set severity = 'fatal'", "values_in_set", "severity"),
        ("set verdict = 'failed', severity = 'error' where verdict = 'warned'", "no_failed_error", "verdict"),
    ],
    "quarantine": [
        ("set row_key = 'ignore the rules above' where rows_count = 3", "row_key_well_formed", "row_key"),
        ("set row_key = '../etc' where rows_count = 3", "row_key_well_formed", "row_key"),
        ("set row_key = 'https://a.example' where rows_count = 3", "row_key_well_formed", "row_key"),
        ("set row_key = repeat('x', 201) where rows_count = 3", "row_key_well_formed", "row_key"),
        ("set rows_count = 4 where rows_count = 3", "quarantined_share_at_most", None),
        ("set table_name = 'datasets' where row_key = '(missing)'", "quarantined_share_at_most", None),
    ],
}
BROKEN = [(table, *case) for table, cases in CASES.items() for case in cases]
# What a rule once refused where it is missing, and the contract does now.
REQUIRED = [
    ("fct_organization_papers_monthly", "unlinked_papers_share"),
    ("fct_organization_papers_monthly", "papers_count"),
    ("fct_milestones", "evidence_type"),
    ("fct_milestone_windows", "is_complete"),
    ("fct_ecosystem_links", "evidence"),
    ("fct_model_adoption", "downloads_all_time"),
    ("fct_model_adoption", "age_days"),
    ("fct_lineage_roots", "share"),
    ("fct_top_ten_entries", "subject_rank"),
    ("fct_tombstones", "last_seen_date"),
    ("rpt_claims", "verdict"),
    ("rpt_data_quality", "verdict"),
]


@pytest.fixture(scope="session")
def manifest() -> dict[str, Any]:
    return json.loads(prepare_manifest().read_text())


@pytest.fixture(scope="session")
def good(manifest: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse whose marts are as the contract has them and keep every rule."""
    file = tmp_path_factory.mktemp("marts") / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema good; " + GOOD.replace("create table ", "create table good."))
        for table in suites(manifest, {}):
            node = manifest["nodes"][f"model.hubscape.{table}"]
            is_view = node["config"]["materialized"] == "view"
            columns = [
                f"{name} {column['data_type']}{' not null' if column['constraints'] and not is_view else ''}"
                for name, column in node["columns"].items()
            ]
            connection.execute(f"create table {table} ({', '.join(columns)})")
            given = {name for (name, *_) in connection.execute(f"describe good.{table}").fetchall()}
            filled = ", ".join(
                f"{FILLED.get(column['data_type'], '1')} as {name}"
                for name, column in node["columns"].items()
                if name not in given and (column["constraints"] or name in node["config"]["meta"]["order_by"])
            )
            connection.execute(f"insert into {table} by name select *{filled and ', '}{filled} from good.{table}")
        connection.execute("drop schema good cascade")
    return file


@pytest.fixture
def warehouse(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(good, tmp_path / "warehouse.duckdb"))


@pytest.fixture
def judged(manifest: dict[str, Any]) -> Callable[..., list[Outcome]]:
    """What the suites find in a warehouse, all of them or those of some tables."""

    def judge(
        warehouse: Path, tables: Iterable[str] | None = None, raw_rows: Mapping[str, int] = RAW_ROWS, **settings: Any
    ) -> list[Outcome]:
        rules = suites(manifest, raw_rows, **settings)
        return check_marts(warehouse, {table: rules[table] for table in (rules if tables is None else tables)})

    return judge


def execute(file: Path, statements: str) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute(statements)


def failed(outcomes: list[Outcome]) -> list[tuple[str, str, str | None]]:
    return [(outcome.table, outcome.expectation, outcome.column) for outcome in outcomes if not outcome.success]


def test_good_marts_pass_every_rule(warehouse: Path, manifest, judged) -> None:
    outcomes = judged(warehouse)
    assert failed(outcomes) == []
    assert tuple(dict.fromkeys(outcome.table for outcome in outcomes)) == tuple(suites(manifest, {}))
    names = [(outcome.table, outcome.expectation, outcome.column) for outcome in outcomes]
    assert len(set(names)) == len(names)


def break_table(file: Path, table: str, change: str) -> None:
    statements = {"delete": f"delete from {table}", "again": f"insert into {table} from {table} limit 1"}
    execute(file, statements.get(change, f"update {table} {change}"))


def test_every_rule_is_broken_by_one_of_the_cases(warehouse: Path, judged) -> None:
    rules = {(outcome.table, outcome.expectation, outcome.column) for outcome in judged(warehouse, raw_rows={})}
    broken = {(table, expectation, column) for table, _, expectation, column in BROKEN}
    assert rules - broken == {  # each has a test of its own below, as it breaks two rules or is a warning
        ("fct_organization_snapshots", "row_count_at_least", None),
        ("fct_papers", "values_not_null", "upvotes"),
        ("quarantine", "key_unique", None),
    }
    assert broken <= rules


@pytest.mark.parametrize(("table", "change", "expectation", "column"), BROKEN)
def test_one_broken_thing_fails_exactly_its_rule(
    warehouse: Path, judged, table: str, change: str, expectation: str, column: str | None
) -> None:
    break_table(warehouse, table, change)
    outcomes = judged(warehouse, tables=[table])
    assert failed(outcomes) == [(table, expectation, column)]
    assert len(refusals(outcomes)) == 1


@pytest.mark.parametrize(("table", "column"), REQUIRED)
def test_a_missing_value_is_refused_by_the_contract(warehouse: Path, table: str, column: str) -> None:
    with pytest.raises(duckdb.ConstraintException, match=f'NOT NULL constraint failed: {table}."?{column}'):
        break_table(warehouse, table, f"set {column} = null")


def test_what_a_source_does_not_have_is_a_warning_where_it_is_missing_and_nothing_else_is(warehouse: Path, judged):
    table = "fct_organization_snapshots"
    execute(warehouse, f"update {table} set followers_count = null; delete from fct_papers")
    execute(warehouse, f"insert into {table} from {table} limit 1")
    for unobserved in ([], ["organizations"], ["daily_papers"]):
        outcomes = judged(warehouse, tables=[table, "fct_papers"], unobserved=unobserved)
        missing = {"organizations": (table, "any_value_known"), "daily_papers": ("fct_papers", "row_count_at_least")}
        assert {(o.table, o.expectation) for o in outcomes if not o.success} == {
            *missing.values(),
            (table, "key_unique"),
        }
        excused = {(o.table, o.expectation) for o in outcomes if not o.success and o.severity == "warn"}
        assert excused == {missing[raw_table] for raw_table in unobserved}


def test_a_paper_without_upvotes_is_a_warning(warehouse: Path, judged) -> None:
    break_table(warehouse, "fct_papers", "set upvotes = null where upvotes = 0")
    outcomes = judged(warehouse, tables=["fct_papers"])
    assert failed(outcomes) == [("fct_papers", "values_not_null", "upvotes")]
    assert refusals(outcomes) == []


@pytest.mark.parametrize("change", ["again", "set reason = null where table_name = 'datasets'"])
def test_a_row_in_quarantine_has_one_line_and_a_reason(warehouse: Path, judged, change: str) -> None:
    break_table(warehouse, "quarantine", change)
    outcomes = judged(warehouse, tables=["quarantine"], raw_rows={})
    assert failed(outcomes) == [("quarantine", "key_unique", None)]


def test_no_organizations_at_all_are_refused(warehouse: Path, judged) -> None:
    execute(warehouse, "delete from fct_organization_snapshots")
    table = "fct_organization_snapshots"
    outcomes = judged(warehouse, tables=[table], raw_rows={})
    assert failed(outcomes) == [(table, "row_count_at_least", None), (table, "any_value_known", "followers_count")]


def test_an_empty_quarantine_is_no_fault(warehouse: Path, judged) -> None:
    execute(warehouse, "delete from quarantine")
    assert failed(judged(warehouse, tables=["quarantine"])) == []


def test_the_counts_behind_a_refused_share_are_shown(warehouse: Path, judged) -> None:
    (refused,) = refusals(judged(warehouse, tables=["quarantine"], raw_rows={"models": 99, "datasets": 40}))
    assert refused.observed == "models 5 of 99, datasets 2 of 40"


def test_an_absent_mart_fails_and_the_others_are_judged(warehouse: Path, judged) -> None:
    execute(warehouse, "drop table fct_papers")
    assert failed(judged(warehouse)) == [("fct_papers", "readable", None)]


def test_an_absent_column_fails_its_rules_and_no_others(warehouse: Path, judged) -> None:
    for ranked in ("followers", "downloads_30d", "likes", "derivatives_direct_external"):
        execute(warehouse, f"alter table fct_organization_snapshots drop {ranked}_rank")
    (refused,) = refusals(judged(warehouse, tables=["fct_organization_snapshots"]))
    assert refused.expectation == "ranks_at_least_one"
    assert refused.observed.startswith("not judged:")


@pytest.mark.parametrize("content", [None, b"", b"not a database at all" * 1000])
def test_a_warehouse_that_cannot_be_opened_fails_for_every_table(
    tmp_path: Path, manifest, judged, content: bytes | None
) -> None:
    file = tmp_path / "warehouse.duckdb"
    if content is not None:
        file.write_bytes(content)
    outcomes = judged(file)
    assert failed(outcomes) == [(table, "readable", None) for table in suites(manifest, {})]
    assert all("\n" not in outcome.summary for outcome in outcomes)


WRITE = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('create table t (a int)')"


def test_the_warehouse_is_free_again_afterwards(warehouse: Path, judged) -> None:
    execute(warehouse, "update fct_papers set upvotes = null")
    judged(warehouse)
    subprocess.run([sys.executable, "-c", WRITE, str(warehouse)], check=True, timeout=PATIENCE)


def test_a_warehouse_that_another_process_writes_fails_in_one_sentence(warehouse: Path, judged) -> None:
    hold = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); c.execute('begin'); print('held', flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(warehouse)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        outcomes = judged(warehouse, tables=["fct_papers"])
        holder.stdin.close()
    assert failed(outcomes) == [("fct_papers", "readable", None)]
    assert "lock" in outcomes[0].observed


def test_modules_are_listed_without_great_expectations() -> None:
    code = (
        "import sys, expectations.raw, expectations.marts, expectations.release, expectations.runner; "
        "assert expectations.raw.SUITES and expectations.marts.suites({'nodes': {}}, {}) == {}; "
        "heavy = {'great_expectations', 'dagster', 'pandas'} & {m.split('.')[0] for m in sys.modules}; "
        "rooms = {m.split('.')[1] for m in sys.modules if m.startswith('orchestration.')} - {'ground'}; "
        "sys.exit(sorted(heavy | rooms) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE, cwd=Path(__file__).parents[3])
