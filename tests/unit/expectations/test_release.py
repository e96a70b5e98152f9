"""The suite of the release over real Parquet files in the layout that is published."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from expectations.outcome import Outcome, refusals
from expectations.runner import check_release

DAY = date(2026, 11, 23)
SOURCES = {
    "fct_papers": "select date '2026-11-23' as snapshot_date, 'p' || n as paper_id, ['a', 'b'] as authors, "
    "'A title' as title from range(10) as r (n)",
    "fct_history": "select date '2026-11-22' + n::int as snapshot_date, 'Qwen' as handle from range(2) as r (n)",
    "fct_tombstones": "select date '2026-11-21' as snapshot_date, 'k' as repo_key",
    "dim_organizations": "select 'o' || n as handle, null::varchar as country from range(3) as r (n)",
}
MANIFEST = {
    "fct_papers": (["paper_id"], 10),
    "fct_history": (["snapshot_date", "handle"], 2),
    "fct_tombstones": (["snapshot_date", "repo_key"], 1),
    "dim_organizations": (["handle"], 3),
}


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release" / "2026-11-23"
    for table, query in SOURCES.items():
        write(folder, table, query)
    return folder


def write(release: Path, table: str, query: str) -> None:
    folder = release / "data" / table
    folder.mkdir(parents=True, exist_ok=True)
    duckdb.connect().sql(query).write_parquet(str(folder / "part-00000.parquet"))


def failed(outcomes: list[Outcome]) -> list[tuple[str, str, str | None]]:
    return [(outcome.table, outcome.expectation, outcome.column) for outcome in outcomes if not outcome.success]


def test_a_good_release_passes_and_nothing_is_added_to_it(release: Path) -> None:
    before = sorted(release.parent.rglob("*"))
    outcomes = check_release(release, MANIFEST, DAY)
    assert failed(outcomes) == []
    judged = {(outcome.table, outcome.expectation) for outcome in outcomes}
    everywhere = ("row_count_at_least", "row_count_equal", "no_control_characters")
    assert judged == {(table, expectation) for table in MANIFEST for expectation in everywhere} | {
        ("fct_papers", "latest_snapshot_date_equal"),
        ("fct_history", "latest_snapshot_date_equal"),
        ("fct_tombstones", "latest_snapshot_date_at_most"),
    }
    assert sorted(release.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("table", "query", "expectation", "column"),
    [
        ("fct_papers", "select * from ({good}) limit 9", "row_count_equal", None),
        ("fct_papers", "select * replace ('a' || chr(10) as title) from ({good})", "no_control_characters", None),
        ("fct_papers", "select * replace ('a' || chr(0) as title) from ({good})", "no_control_characters", None),
        ("fct_papers", "select * replace (chr(127) as title) from ({good})", "no_control_characters", None),
        ("fct_papers", "select * replace (['a', chr(27)] as authors) from ({good})", "no_control_characters", None),
        (
            "fct_history",
            "select * replace (snapshot_date + 1 as snapshot_date) from ({good})",
            "latest_snapshot_date_equal",
            "snapshot_date",
        ),
        (
            "fct_history",
            "select * replace (snapshot_date - 1 as snapshot_date) from ({good})",
            "latest_snapshot_date_equal",
            "snapshot_date",
        ),
        (
            "fct_tombstones",
            "select * replace (snapshot_date + 3 as snapshot_date) from ({good})",
            "latest_snapshot_date_at_most",
            "snapshot_date",
        ),
    ],
)
def test_one_broken_thing_fails_exactly_its_rule(
    release: Path, table: str, query: str, expectation: str, column: str | None
) -> None:
    write(release, table, query.format(good=SOURCES[table]))
    assert failed(check_release(release, MANIFEST, DAY)) == [(table, expectation, column)]


def test_an_empty_table_is_refused_even_if_the_manifest_says_so(release: Path) -> None:
    write(release, "dim_organizations", f"select * from ({SOURCES['dim_organizations']}) limit 0")
    manifest = MANIFEST | {"dim_organizations": (["handle"], 0)}
    assert failed(check_release(release, manifest, DAY)) == [("dim_organizations", "row_count_at_least", None)]


def test_rows_of_several_files_are_one_table(release: Path) -> None:
    duckdb.connect().sql(SOURCES["fct_papers"]).write_parquet(str(release / "data/fct_papers/part-00001.parquet"))
    outcomes = check_release(release, {"fct_papers": MANIFEST["fct_papers"]}, DAY)
    assert failed(outcomes) == [("fct_papers", "row_count_equal", None)]


def test_a_table_without_files_fails(release: Path) -> None:
    (release / "data/dim_organizations/part-00000.parquet").unlink()
    assert failed(check_release(release, MANIFEST, DAY)) == [("dim_organizations", "readable", None)]


@pytest.mark.parametrize("name", ["../2026-11-23/data/fct_papers", 'x" as select 1; --', ""])
def test_a_name_that_no_table_has_is_refused(release: Path, name: str) -> None:
    (refused,) = refusals(check_release(release, {name: (["paper_id"], 10)}, DAY))
    assert refused.expectation == "readable"


def test_a_column_of_the_key_that_is_not_there_is_a_failure(release: Path) -> None:
    outcomes = check_release(release, {"fct_papers": (["no_such_column"], 10)}, DAY)
    assert failed(outcomes) == [("fct_papers", "no_control_characters", None)]
