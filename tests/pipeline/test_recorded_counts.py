"""The release made of the recorded rows holds the numbers that a second reading of the definitions comes to."""

import csv
import math
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.independent import (
    DEFINITIONS,
    EXPECTED,
    RELATIONS,
    RULES,
    SHOWN_HANDLES,
    Account,
    Counts,
    Family,
    Lineage,
    Observatory,
    Registry,
    Row,
    derivative_counts,
)
from tests.support import recorded_dir

pytestmark = pytest.mark.xdist_group("recorded")  # one run on recorded rows for all tests that read it

SHOWN = {("handle", handle) for handle in SHOWN_HANDLES}
COUNT_KEY = ("subject_type", "subject", "relation", "definition")


@pytest.fixture(scope="module")
def observatory() -> Observatory:
    return Observatory(recorded_dir())


def published(release: Path, table: str, *key: str) -> dict[Any, Row]:
    """Rows of a published table by their key, which is a tuple if it has several columns."""
    rows = pq.read_table(release / "data" / table / f"{table}.parquet").to_pylist()
    by_key = {tuple(row[name] for name in key) if len(key) > 1 else row[key[0]]: row for row in rows}
    assert len(by_key) == len(rows)
    return by_key


def assert_same(found: Mapping[Any, Any], recomputed: Mapping[Any, Any]) -> None:
    """Same keys, same values; says the first few that are not, since a table has thousands of rows."""
    missing = sorted(map(str, recomputed.keys() - found.keys()))
    surplus = sorted(map(str, found.keys() - recomputed.keys()))
    assert (missing[:5], surplus[:5]) == ([], []), f"{len(missing)} rows missing, {len(surplus)} too many"
    other = {key: (found[key], value) for key, value in recomputed.items() if not _equal(found[key], value)}
    assert dict(list(other.items())[:5]) == {}, f"{len(other)} rows differ (published, recomputed)"


def _equal(value: Any, other: Any) -> bool:
    both_floats = isinstance(value, float) and isinstance(other, float)
    return math.isclose(value, other, rel_tol=0, abs_tol=1e-9) if both_floats else value == other


def assert_same_rows(found: Mapping[Any, Row], recomputed: Mapping[Any, Row]) -> None:
    """As above for rows of several columns; columns that are not recomputed are left out."""
    flat = {(key, name): value for key, row in recomputed.items() for name, value in row.items()}
    names = {name for _, name in flat}
    assert_same({(key, name): row[name] for key, row in found.items() for name in names}, flat)


def expected(name: str) -> list[tuple[str, ...]]:
    with (EXPECTED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [tuple(line) for line in csv.reader(file)]


# --- the committed counts and the release against the recomputation ---------------------------------------------------


def test_the_committed_counts_are_those_of_the_recorded_rows(observatory: Observatory) -> None:
    advice = "if this change is meant, run: python -m tests.pipeline.independent"
    assert expected("recorded_rows") == observatory.expected_rows(), advice
    assert expected("recorded_derivative_counts") == observatory.expected_derivative_counts(), advice


def test_the_release_holds_the_committed_counts(recorded_release: Path) -> None:
    folders = {folder.name: folder for folder in (recorded_release / "data").iterdir()}
    for table in RULES:
        lake = recorded_release.parents[1] / "raw" / table
        folders[f"raw/{table}"] = lake / f"snapshot_date={recorded_release.name}"
    rows = {
        table: sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))
        for table, folder in folders.items()
    }
    # A table without rows is not published, since the Hub's viewer takes no empty file.
    assert rows == {table: int(count) for table, count in expected("recorded_rows")[1:] if count != "0"}

    committed = {(*key,): float(value) for *key, value in expected("recorded_derivative_counts")[1:]}
    counts = published(recorded_release, "fct_derivative_counts", *COUNT_KEY)
    assert_same({key: row["value"] for key, row in counts.items() if key[:2] in SHOWN}, committed)


def test_every_derivative_count_is_the_recomputed_one(recorded_release: Path, observatory: Observatory) -> None:
    found = published(recorded_release, "fct_derivative_counts", *COUNT_KEY)
    recomputed = {key: float(value) for key, value in observatory.derivative_counts.items()}
    assert_same({key: row["value"] for key, row in found.items()}, recomputed)


def test_what_is_refused_or_found_odd_is_what_is_there(recorded_release: Path, observatory: Observatory) -> None:
    checks = published(recorded_release, "rpt_data_quality", "check_name", "table_name")
    assert_same({key: (row["rows_tested"], row["rows_failing"]) for key, row in checks.items()}, observatory.quality)
    refused = recorded_release / "data" / "quarantine"
    by_reason: dict[tuple[str, str], int] = {}
    if refused.exists():
        for row in published(recorded_release, "quarantine", "table_name", "row_key", "reason").values():
            key = (row["table_name"], row["reason"])
            by_reason[key] = by_reason.get(key, 0) + row["rows_count"]
    assert by_reason == dict(observatory.recorded.refused)


def test_papers_are_the_recomputed_ones(recorded_release: Path, observatory: Observatory) -> None:
    assert_same_rows(published(recorded_release, "fct_papers", "paper_id"), observatory.papers)
    monthly = published(recorded_release, "fct_organization_papers_monthly", "month", "handle")
    assert_same_rows(monthly, observatory.papers_monthly)


def test_accounts_are_the_recomputed_ones(recorded_release: Path, observatory: Observatory) -> None:
    snapshots = published(recorded_release, "fct_organization_snapshots", "handle")
    assert_same_rows(snapshots, observatory.organization_snapshots)


# --- the recomputation itself, on made-up lineages --------------------------------------------------------------------


def small_registry() -> Registry:
    """Two accounts of one company, one of none; the family is rooted in the first."""
    accounts = [Account("Ann", "Ann Lab", "Corp", "FR"), Account("bob", "Bob Lab", "Corp", "FR"), Account("cy", "Cy")]
    families = {"Lynx": Family(frozenset({"ann"}), re.compile("^lynx"))}
    return Registry({account.handle.lower(): account for account in accounts}, families)


def repo(repo_id: str, *parents: str, **fields: Any) -> Row:
    """A model that names parents as in tags: `relation:id`, or an id alone."""
    return {"id": repo_id, "tags": [f"base_model:{parent}" for parent in parents], **fields}


def counted(*rows: Row) -> tuple[Lineage, Counts]:
    lineage = Lineage({row.get("_id") or row["id"]: row for row in rows})
    return lineage, derivative_counts(lineage, small_registry())


def values(counts: Counts, *subject: str, relation: str = "all") -> list[float]:
    return [float(counts[(*subject, relation, definition)]) for definition in DEFINITIONS]


def test_definitions_on_a_lineage_counted_by_hand() -> None:
    lineage, counts = counted(
        repo("Ann/Lynx"),
        repo("Ann/Lynx-tuned", "finetune:Ann/Lynx", "Ann/Lynx"),
        repo("bob/small", "quantized:ann/lynx-tuned"),
        repo("dot/mix", "merge:Ann/Lynx", "merge:Ann/Lynx-tuned", "merge:dot/mix"),
        repo("dot/new", "adapter:ANN/gone", "adapter:Ann/Gone", "C:\\lynx"),
        repo("dot/says", "Ann/gone"),
        repo("dot/tells", tags=["LYNX-2", "a lynx"]),
    )
    assert len(lineage.edges) == 8  # a name in two spellings, or tagged twice, is one edge
    # edges, direct, direct external, transitive, transitive external, fractional, declared
    assert values(counts, "handle", "Ann") == [4, 3, 2, 3, 2, 3, 5]
    assert values(counts, "handle", "Ann", relation="merge") == [2, 1, 1, 1, 1, 1, 1]
    assert values(counts, "handle", "Ann", relation="adapter") == [0, 0, 0, 0, 0, 0, 1]
    assert values(counts, "model", "Ann/Lynx") == [2, 2, 1, 3, 2, 1.5, 2]
    assert values(counts, "model", "Ann/Lynx", relation="quantized") == [0, 0, 0, 1, 1, 0, 0]
    assert values(counts, "model", "ANN/gone") == [0, 0, 0, 0, 0, 0, 2]
    assert values(counts, "company", "Corp") == values(counts, "country", "FR") == [4, 3, 2, 3, 2, 3, 5]
    assert values(counts, "family", "Lynx") == [4, 3, 2, 3, 2, 3, 3]
    assert counts["family", "Lynx", "all", "tagged"] == 1
    assert values(counts, "handle", "cy") == [0] * 7
    assert not [key for key in counts if key[:2] == ("handle", "dot")]


def test_a_parent_is_found_by_key_then_by_spelling() -> None:
    moved = {"relation": "finetune", "models": [{"_id": "1", "id": "old/name"}, {"_id": "9", "id": "Ann/gone"}]}
    lineage, _ = counted(
        repo("Ann/a", _id="1"),
        repo("Ann/A", _id="2"),
        repo("bob/by-key", "finetune:old/name", "old/name", _id="3", baseModels=moved),
        repo("bob/exact", "finetune:Ann/a", _id="4"),
        repo("bob/least", "finetune:ann/a", _id="5"),
        repo("bob/self", "adapter:BOB/self", "merge:gpt2", "merge:../x", _id="6"),
    )
    assert {(edge.child, edge.parent or edge.named, edge.status) for edge in lineage.edges} == {
        ("3", "1", "renamed"),
        ("3", "Ann/gone", "unresolved"),
        ("4", "1", "resolved"),
        ("5", "2", "resolved"),
        ("6", "6", "self_loop"),
        ("6", "gpt2", "not_a_repo_id"),
        ("6", "../x", "not_a_repo_id"),
    }


def test_a_cycle_makes_nobody_its_own_derivative() -> None:
    lineage, counts = counted(
        repo("Ann/x", "finetune:Ann/y"), repo("Ann/y", "quantized:Ann/x"), repo("bob/z", "adapter:Ann/y")
    )
    assert lineage.on_cycles == {"Ann/x", "Ann/y"}
    assert values(counts, "model", "Ann/x") == [1, 1, 0, 2, 1, 1, 1]
    assert values(counts, "handle", "Ann") == [3, 3, 1, 3, 1, 3, 3]


NAMES = ("Ann/lynx", "ann/Lynx", "Ann/b", "bob/lynx", "bob/b", "cy/c", "dot/d", "dot/D", "DOT/e", "gpt2")
ABSENT = ("Ann/gone", "ann/Gone", "dot/gone", "DOT/E", "C:\\models\\lynx", "../lynx", "a/b/c")


# The same examples in every run, and none kept on disk.
PROPERTY = settings(max_examples=150, deadline=None, derandomize=True, database=None)


@st.composite
def lineages(draw: st.DrawFn) -> list[Row]:
    """Models that name each other, themselves or nothing that exists, and below one of them a chain of some depth."""
    parent = st.sampled_from(NAMES + ABSENT)
    named = st.one_of(parent, st.builds("{}:{}".format, st.sampled_from(RELATIONS), parent))
    ids = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    rows = [repo(repo_id, *draw(st.lists(named, max_size=5))) for repo_id in ids]
    for depth in range(draw(st.sampled_from((0, 0, 1, 75)))):
        rows.append(repo(f"deep/{depth}", f"{RELATIONS[depth % 4]}:{f'deep/{depth - 1}' if depth else ids[0]}"))
    return rows


@PROPERTY
@given(lineages())
def test_definitions_bound_each_other(rows: list[Row]) -> None:
    lineage, counts = counted(*rows)
    for kind, subject, relation in {key[:3] for key in counts}:
        value = {name: counts[kind, subject, relation, name] for name in DEFINITIONS}
        assert 0 <= value["direct_external"] <= value["direct"] <= value["transitive"] <= len(rows)
        assert value["direct_external"] <= value["transitive_external"] <= value["transitive"]
        assert value["fractional"] <= value["direct"] <= min(value["edges"], value["declared"])
    children = {edge.child for edge in lineage.edges if edge.is_counted}
    of_models = [(key, value) for key, value in counts.items() if key[0] == "model"]
    fractions = [value for key, value in of_models if key[2:] == ("all", "fractional")]
    assert sum(fractions, Fraction()) == len(children)
    for definition in ("edges", "fractional"):
        for subject in {key[1] for key, _ in of_models}:
            parts = [counts.get(("model", subject, relation, definition), 0) for relation in RELATIONS]
            assert sum(parts) == counts["model", subject, "all", definition]


@PROPERTY
@given(lineages())
def test_relations_make_up_the_descendants(rows: list[Row]) -> None:
    lineage, _ = counted(*rows)
    known: set[tuple[str, str]] = set()
    longer = {(edge.parent, edge.child) for edge in lineage.edges if edge.is_counted}
    while longer := longer - known:
        known |= longer
        longer = {(top, edge.child) for top, end in longer for edge in lineage.children.get(end, ())}
    derived = {(ancestor, child) for ancestor, found in lineage.derivations.items() for child, _ in found}
    assert derived == {(ancestor, child) for ancestor, child in known if ancestor != child}
    assert lineage.on_cycles == {ancestor for ancestor, child in known if ancestor == child}
