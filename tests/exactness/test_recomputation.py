"""The recomputation itself: on examples counted by hand, and within the bounds that the definitions set each other."""

import re
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exactness.seeds import small_seeds
from tests.independent.adoption import relative_rows
from tests.independent.changes import entry_rows, former_ids, same_repos
from tests.independent.claims import period, subjects
from tests.independent.countries import country_rows
from tests.independent.derivatives import DEFINITIONS, Counts, derivative_counts
from tests.independent.lineage import RELATIONS, Lineage
from tests.independent.milestones import Windows
from tests.independent.observatory import Observatory
from tests.independent.registry import Account, Family, Registry, Row, make_registry
from tests.independent.repos import concentration, size_class
from tests.independent.rows import Snapshot

DAY = date(2026, 3, 10)


def small_registry() -> Registry:
    """Two accounts of one company, one of none; the family is rooted in the first."""
    rows = [("Ann", "Ann Lab", "Corp", "FR"), ("bob", "Bob Lab", "Corp", "FR"), ("cy", "Cy", None, None)]
    accounts = [Account(*row, is_registered=True) for row in rows]
    families = {"Lynx": Family(frozenset({"ann"}), re.compile("^lynx"))}
    return Registry({account.handle.lower(): [account] for account in accounts}, DAY, families)


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
    # By name Lynx and Lynx-tuned, by their parents small and mix, by its tag tells.
    assert counts["family", "Lynx", "all", "tagged"] == 5
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


def test_roots_share_a_model_evenly_and_cycles_have_none() -> None:
    lineage, _ = counted(
        repo("Ann/root"),
        repo("bob/other"),
        repo("bob/child", "finetune:Ann/root"),
        repo("dot/mix", "merge:bob/child", "merge:Ann/root", "merge:bob/other"),
        repo("dot/x", "finetune:dot/y"),
        repo("dot/y", "finetune:dot/x"),
        repo("dot/below", "adapter:dot/x"),
    )
    assert lineage.roots["Ann/root"] == {"Ann/root": 0}
    assert lineage.roots["dot/mix"] == {"Ann/root": 1, "bob/other": 1}
    assert lineage.roots["bob/child"] == {"Ann/root": 1}
    assert lineage.roots["dot/x"] == lineage.roots["dot/below"] == {}


def test_a_country_gets_the_share_of_its_roots() -> None:
    young = {"createdAt": "2025-03-11T00:00:00.000Z"}
    lineage, _ = counted(
        repo("Ann/root", **young, downloads=10),
        repo("dot/root", createdAt="2025-03-10T23:59:59.000Z", downloads=1000),
        repo("dot/mix", "merge:Ann/root", "merge:dot/root", **young, downloads=30),
        repo("bob/unseen", **young),
        repo("bob/old", createdAt="2022-03-02T23:29:04.000Z", downloads=7),
    )
    rows = {(row["country_rule"], row["country"]): row for row in country_rows(lineage, small_registry())}
    by_base = rows["base_model", "FR"]
    assert (by_base["young_models_count"], by_base["young_downloads_30d"]) == (2.5, 25.0)
    assert (by_base["young_downloads_share"], by_base["unattributed_share"]) == (0.625, 0.375)
    assert rows["headquarters", "FR"]["young_downloads_30d"] == 10.0
    assert rows["headquarters", "unattributed"]["young_downloads_rank"] is None


def test_concentration_counted_by_hand() -> None:
    # Gini of 0, 0, 0, 4: 2 * (4 * 4) / (4 * 4) - 5 / 4.
    row = concentration([0, 4, 0, 0])
    assert (row["repos_count"], row["downloads_sum"], row["gini"]) == (4, 4, 0.75)
    assert row["top_0_01_percent_share"] == row["top_10_percent_share"] == 1.0
    assert concentration([5, 5, 5])["gini"] == 0
    # 1.5 per cent of 200 repos are 3 of them, of 201 are 4.
    assert concentration([1] * 200)["top_1_5_percent_share"] == 3 / 200
    assert concentration([1] * 201)["top_1_5_percent_share"] == 4 / 201
    assert concentration([0, 0])["gini"] is None


@pytest.mark.parametrize(
    ("count", "name"),
    [
        (None, "unknown"),
        (0, "under_1b"),
        (10**9, "1b_to_5b"),
        (25 * 10**10 - 1, "100b_to_250b"),
        (25 * 10**10, "over_250b"),
    ],
)
def test_lower_bounds_belong_to_the_class(count: int | None, name: str) -> None:
    assert size_class(count) == name


def adopted(downloads: int) -> Row:
    fixed = {
        "snapshot_date": DAY,
        "adoption_day": 7,
        "size_class": "under_1b",
        "is_synthetic": False,
        "is_in_registry": True,
    }
    return {**fixed, "repo_key": f"{downloads}", "downloads_all_time": downloads}


def test_relative_adoption_needs_ten() -> None:
    rows = relative_rows(adopted(downloads) for downloads in range(10, 120, 10))
    baselines = {
        (row["repo_key"], row["baseline"]): (row["baseline_downloads"], row["relative_adoption"]) for row in rows
    }
    # Of 110, 100, ... 20 the tenth is 20, and 70 and 60 lie in the middle.
    assert baselines["110", "tenth"] == (20.0, 5.5)
    assert baselines["10", "median_of_ten"] == (65.0, 10 / 65)
    assert {row["relative_adoption"] for row in relative_rows(adopted(n) for n in range(9))} == {None}


def test_windows_begin_on_the_day_of_the_milestone() -> None:
    days = ("2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01", "2026-03-02")
    lineage, _ = counted(*(repo(f"Ann/{day}", createdAt=f"{day}T23:59:59.000Z") for day in days))
    registry = small_registry()
    history = [
        {"handle": "ANN", "snapshot_date": date(2026, 1, 2) + timedelta(n), "followers_count": 10 + n, "likes": None,
         "downloads_all_time": 0, "is_synthetic": False}
        for n in (-1, 1, 29, 64)
    ]  # fmt: skip
    registry.day = date(2026, 3, 31)
    windows = Windows(lineage, {}, history, registry)
    milestone = {"milestone_id": "m", "event_date": date(2026, 3, 1), "date_precision": "day", "handle": "Ann"}
    rows = {(row["metric"], row["window_days"]): row for row in windows.rows_of(milestone)}
    assert (rows["hub_new_models", 30]["value_before"], rows["hub_new_models", 30]["value_after"]) == (3.0, 2.0)
    assert rows["handle_new_models", 30]["ratio"] == 2 / 3
    assert not rows["hub_new_models", 90]["is_complete"]
    assert not rows["handle_new_papers", 30]["is_complete"]
    # Next to 2026-01-30 lies 2026-01-31, next to 2026-03-01 nothing: 2026-03-07 is six days away.
    assert rows["followers_gained", 30]["before_observed_date"] == date(2026, 1, 31)
    assert rows["followers_gained", 30]["at_observed_date"] is None


def test_a_former_id_leads_to_the_one_that_bore_it_last() -> None:
    renames = [
        {"repo_type": "model", "repo_key": key, "former_id": "Ann/old", "repo_id": f"Ann/{key}", "snapshot_date": day}
        for key, day in (("1", date(2026, 1, 1)), ("2", date(2026, 2, 1)), ("gone", date(2026, 3, 1)))
    ]
    rows = {"1": repo("Ann/1"), "2": repo("Ann/2")}
    older = [{"repo_type": "model", "former_id": former, "repo_id": "ann/1"} for former in ("ann/OLD", "lynx")]
    assert former_ids("model", renames, {"registry_renames": older}, rows) == {"ann/old": "2", "lynx": "1"}
    lineage = Lineage(
        {"1": repo("Ann/1", _id="1"), "2": repo("bob/new", "finetune:ANN/OLD", _id="2")}, {"ann/old": "1"}
    )
    assert [(edge.parent, edge.status) for edge in lineage.edges] == [("1", "renamed")]


def test_equal_ids_are_one_repo_where_one_snapshot_has_no_keys() -> None:
    before = {("model", "a/x"): {"repo_id": "a/x"}, ("model", "7"): {"repo_id": "a/y"}}
    now = {("model", "1"): {"repo_id": "a/x"}, ("model", "8"): {"repo_id": "a/y"}}
    assert same_repos(now, before) == {("model", "1"): ("model", "a/x")}


def test_the_first_of_a_top_ten_is_told_once_it_is_new() -> None:
    before = {"a": ("a", 3), "b": ("b", 2), "c": ("c", None)}
    now = {"a": ("a", 3), "b": ("b", 4), "c": ("c", 0)}
    rows = [(row["subject"], row["is_new_entry"], row["is_new_first"]) for row in entry_rows("r", now, before, DAY)]
    assert rows == [("b", False, True), ("c", True, False)]


def test_the_registry_row_of_the_day_counts() -> None:
    registry = make_registry(small_seeds(), DAY)
    assert registry.account("DEE", date(2026, 1, 31)).company == "Dee Inc"
    assert registry.account("dee", date(2026, 2, 1)).company == "Corp"
    # A former handle goes on to name its organization.
    assert registry.account("ANN-OLD").organization == "Ann Lab"
    assert registry.account("bob").country == "FR"
    assert (registry.account("cy").country, registry.account("cy").headquarters_country) == ("INT", None)


def test_changes_are_told_against_a_snapshot_old_enough_and_not_too_old() -> None:
    earlier: list[Observatory] = []
    for days in (61, 60, 14, 8, 0):
        day = DAY - timedelta(days)
        rows = {"organizations": [{"handle": "Ann", "numFollowers": 100 - days}]}
        now = datetime.combine(day, datetime.min.time(), UTC)
        earlier.append(Observatory(Snapshot(day, rows, now), small_seeds(), earlier[:]))
    (row,) = (row for row in earlier[-1].fct_organization_snapshots if row["snapshot_date"] == DAY)
    assert [row[f"change_{days}d_gap_days"] for days in (1, 7, 30)] == [None, 8, None]
    assert row["followers_change_7d"] == 8


def test_claims_name_times_and_subjects() -> None:
    assert period("2026") == (date(2026, 1, 1), date(2026, 12, 31))
    assert period("2024-02") == (date(2024, 2, 1), date(2024, 2, 29))
    assert period("2026-02-03") == (date(2026, 2, 3), date(2026, 2, 3))
    assert subjects("family:A / company:B + company:C") == [[("family", "A")], [("company", "B"), ("company", "C")]]
    assert subjects("companies:A, B") == [[("company", "A"), ("company", "B")]]
