"""The release made of the recorded rows holds the numbers that a second reading of the definitions comes to."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.exactness.comparison import differences, same
from tests.independent.observatory import KEYS, Observatory
from tests.independent.recorded import ADVICE, expected_files, read_expected, recorded_observatory
from tests.independent.registry import Row
from tests.independent.rows import TABLES
from tests.support import recorded_dir


@pytest.fixture(scope="module")
def observatory() -> Observatory:
    return recorded_observatory(recorded_dir())


def published(release: Path, table: str) -> list[Row]:
    """Rows of a published table; one without rows is not published, since the Hub's viewer takes no empty file."""
    path = release / "data" / table / f"{table}.parquet"
    return pq.read_table(path).to_pylist() if path.exists() else []


def test_the_committed_counts_are_those_of_the_recorded_rows(observatory: Observatory) -> None:
    for name, lines in expected_files(observatory).items():
        assert read_expected(name) == lines, ADVICE


def test_the_release_holds_the_committed_rows(recorded_release: Path) -> None:
    folders = {folder.name: folder for folder in (recorded_release / "data").iterdir()}
    for table in TABLES:
        lake = recorded_release.parents[1] / "raw" / table
        folders[f"raw/{table}"] = lake / f"snapshot_date={recorded_release.name}"
    rows = {
        table: sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))
        for table, folder in folders.items()
    }
    assert rows == {table: int(count) for table, count in read_expected("recorded_rows")[1:] if count != "0"}


def test_the_release_holds_the_committed_derivative_counts(recorded_release: Path) -> None:
    names = ("subject_type", "subject", "relation", "definition")
    counts = {
        tuple(row[name] for name in names): row["value"] for row in published(recorded_release, "fct_derivative_counts")
    }
    committed = {tuple(key): float(value) for *key, value in read_expected("recorded_derivative_counts")[1:]}
    assert {key: counts.get(key) for key, value in committed.items() if not same(counts.get(key), value)} == {}


def test_the_release_holds_the_committed_edges(recorded_release: Path) -> None:
    edges = published(recorded_release, "fct_lineage_edges")
    kinds = [(row["status"], row["relation"]) for row in edges]
    counted = sorted((*kind, f"{kinds.count(kind)}") for kind in set(kinds))
    assert counted == read_expected("recorded_edges")[1:]


@pytest.mark.parametrize("table", KEYS)
def test_every_row_is_the_recomputed_one(recorded_release: Path, observatory: Observatory, table: str) -> None:
    rows = published(recorded_release, table)
    # When a row was fetched is no number that could be recomputed.
    recomputed = observatory.table(table)
    if rows and recomputed and "observed_at" in recomputed[0]:
        at = {row.pop("observed_at") for row in rows}
        assert len(at) > 0 and None not in at
        recomputed = [{name: value for name, value in row.items() if name != "observed_at"} for row in recomputed]
    assert differences(table, rows, recomputed) == []


def test_every_published_table_is_recomputed(recorded_release: Path) -> None:
    assert {folder.name for folder in (recorded_release / "data").iterdir()} <= KEYS.keys()
