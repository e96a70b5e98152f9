"""On made-up ecosystems of two and three days every column of every published table is the recomputed one."""

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.exactness.comparison import all_differences
from tests.exactness.ecosystems import ecosystem
from tests.exactness.seeds import small_seeds
from tests.exactness.warehouse import PLACEHOLDERS, Project, Warehouse
from tests.independent.observatory import KEYS, Observatory
from tests.independent.rows import Snapshot


def found_in(project: Project, snapshots: list[Snapshot]) -> dict[str, list[str]]:
    """Differences after each of the snapshots, by day and table."""
    seeds = small_seeds()
    earlier: list[Observatory] = []
    found = {}
    with TemporaryDirectory() as folder:
        warehouse = Warehouse(project, Path(folder), seeds)
        for snapshot in snapshots:
            published = warehouse.build(snapshot)
            observatory = Observatory(snapshot, seeds, earlier)
            for table, lines in all_differences(published, observatory).items():
                found[f"{snapshot.date} {table}"] = lines
            earlier.append(observatory)
    return found


# The same examples in every run, and none kept on disk. An ecosystem is made from a number, so that a failing one is
# made again by `ecosystem(number)`; smaller numbers are no smaller ecosystems, so that nothing is gained by shrinking.
@settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(number=st.integers(min_value=0, max_value=10**6))
# No young model is without a country under one of the rules.
@example(number=1)
# In these every wrong edit of test_mutations.py shows.
@example(number=14)
@example(number=35)
@example(number=17)
def test_every_column_of_every_table_is_the_recomputed_one(project: Project, number: int) -> None:
    assert found_in(project, ecosystem(number)) == {}


OPTIONAL = ("datasets", "spaces", "organizations", "daily_papers")
MEASURES = re.compile("(_count|_sum|_share|_30d|_all_time|likes|upvotes|value|_external|_direct|_transitive)$")


def test_what_nobody_looked_at_is_null_and_all_else_is_as_if_it_had_been(project: Project) -> None:
    """Of every subset of the tables that a source may lack; ranks are among fewer, and checks count what there is."""
    snapshot = replace(ecosystem(35)[0], synthetic=frozenset(), sampled=frozenset())
    whole, compared, nulls = tables_of(project, snapshot), 0, set()
    for size in range(1, len(OPTIONAL) + 1):
        for unseen in combinations(OPTIONAL, size):
            rows = {table: [] if table in unseen else held for table, held in snapshot.rows.items()}
            found = tables_of(project, replace(snapshot, rows=rows, unobserved=frozenset(unseen)))
            for key, value in found.items():
                if value is None and whole.get(key) is not None:
                    nulls.add((key[0], key[-1]))
                elif key in whole:
                    assert value == whole[key], f"{key} is {value} without {unseen}, {whole[key]} with them"
                    compared += value is not None
    assert compared > 10_000
    assert {("fct_organization_snapshots", "datasets_count"), ("fct_papers", "spaces_count")} <= nulls


def tables_of(project: Project, snapshot: Snapshot) -> dict[tuple, object]:
    """What is measured in the published tables of one snapshot, by table, key and column."""
    with TemporaryDirectory() as folder:
        published = Warehouse(project, Path(folder), small_seeds()).build(snapshot)
    return {
        (table, *(row[part] for part in KEYS[table]), column): row[column]
        for table, rows in published.items()
        if table not in {"rpt_data_quality", "quarantine"}
        for row in rows
        for column in row
        if MEASURES.search(column) and column != "claimed_value"
    }


def test_every_published_table_is_recomputed(project: Project) -> None:
    assert sorted(project.published) == sorted(KEYS)


def test_the_compiled_sql_knows_no_other_day_than_those_that_are_replaced(project: Project) -> None:
    days = {f"{day}" for day in PLACEHOLDERS}
    for count, models in enumerate(project.models):
        assert {f"{day}" for day in PLACEHOLDERS[: count + 1]} <= days
        named = {day for model in models for day in re.findall(r"209\d-\d\d-\d\d", model.sql)}
        assert named == {f"{day}" for day in PLACEHOLDERS[: count + 1]}


def test_ecosystems_hold_what_is_odd_in_the_real_hub() -> None:
    """Over some ecosystems every status, rule, gap and table turns up; nothing is tested by chance."""
    statuses, rules, tables = set(), set(), set()
    for number in range(20):
        earlier: list[Observatory] = []
        for snapshot in ecosystem(number):
            earlier.append(Observatory(snapshot, small_seeds(), earlier))
        last = earlier[-1]
        statuses |= {edge.status for edge in last.lineage.edges}
        rules |= {row["rule"] for row in last.fct_milestones}
        tables |= {table for table in KEYS if last.table(table)}
    assert statuses == {"resolved", "renamed", "self_loop", "unresolved", "not_a_repo_id"}
    detected = {
        "first_repo",
        "nth_derivative",
        "largest_open_model",
        "top_ten_likes",
        "top_ten_followers",
        "most_liked",
    }
    assert rules == {None, *detected}
    assert tables == KEYS.keys()
