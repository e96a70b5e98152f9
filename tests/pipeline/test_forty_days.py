"""Forty days in a row: what is told of each of them, of what changed between them, and where a day is made again.

The Hub moves on from day to day; every expected number is counted from its rows of that day.
"""

import datetime as dt
import itertools
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestration.sandbox.catalogue import Catalogue
from tests.days import FIRST, MONTHS, SECOND, Finished, TwoMonths
from tests.days import made_up as catalogue
from tests.exactness.warehouse import Warehouse, with_own_families
from tests.hubscape import hubscape
from tests.independent.registry import read_seeds
from tests.independent.rows import Snapshot
from tests.machine import Machine
from tests.sandbox import running_sandbox

START, COUNT = dt.date(2026, 10, 12), 40
# Two days on which nobody looked: the gaps have to show.
ABSENT = {START + dt.timedelta(days=17), START + dt.timedelta(days=18)}
DAYS = [day for n in range(COUNT + len(ABSENT)) if (day := START + dt.timedelta(days=n)) not in ABSENT]
NEXT = DAYS[-1] + dt.timedelta(days=1)
REPEATED = DAYS[20]
KINDS = {"model": "models", "dataset": "datasets", "space": "spaces"}
# Tables that carry earlier snapshots on.
HISTORY = (
    "fct_country_snapshots",
    "fct_derivative_counts",
    "fct_download_concentration",
    "fct_model_adoption",
    "fct_organization_snapshots",
    "fct_renames",
    "fct_tombstones",
    "fct_top_ten_entries",
)
# Those and what the next day is compared with: all that a later day reads.
GO_ON = (*HISTORY, "dim_repos")


@dataclass
class Day:
    """A day of the Hub, counted from its rows: repos by type and key, numbers by handle in lower case."""

    repos: dict[tuple[str, str], dict]
    followers: dict[str, int]
    downloads: Counter[str] = field(default_factory=Counter)
    likes: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, hub: Catalogue) -> "Day":
        repos = {(kind, row["_id"]): row for kind, name in KINDS.items() for row in getattr(hub, name)}
        day = cls(repos, {handle: overview["numFollowers"] for handle, overview in hub.organizations.items()})
        for row in repos.values():
            handle = row["id"].partition("/")[0].lower()
            day.downloads[handle] += row.get("downloads", 0)
            day.likes[handle] += row["likes"]
        return day


@dataclass
class Forty:
    """The machine after forty days, the folder of the Hub it publishes to, and each day as its rows tell it."""

    machine: Machine
    store: Path
    days: dict[dt.date, Day]

    def rows(self, table: str, date: dt.date = DAYS[-1]) -> list[dict[str, Any]]:
        return self.machine.table(date, table)


def changes(days: dict[dt.date, Day]) -> tuple[dict, dict]:
    """Deletions and renames by the day that shows them, repo type and key, from the rows of each two days in a row."""
    deleted, renamed = {}, {}
    for before, day in itertools.pairwise(days):
        then, now = days[before].repos, days[day].repos
        for key, row in then.items():
            if key not in now:
                deleted[(day, *key)] = (row["id"], before, row["likes"])
            elif now[key]["id"] != row["id"]:
                renamed[(day, *key)] = (row["id"], now[key]["id"], before)
    return deleted, renamed


def child_of_a_former_id(days: dict[dt.date, Day], hub: Catalogue) -> tuple[dict, str]:
    """A model that names its parent, by a tag alone, as that was called before; and the key of the parent."""
    _, renamed = changes(days)
    former, key = next((ids[0], key) for (_, kind, key), ids in renamed.items() if kind == "model")
    row = {**hub.models[-1], "_id": "f" * 24, "id": "sandbox-user-late/child", "baseModels": None}
    return {**row, "tags": [f"base_model:{former}", f"base_model:adapter:{former}"]}, key


def last_hub(days: dict[dt.date, Day]) -> Catalogue:
    """The Hub of the last day, with one model more."""
    hub = catalogue(DAYS[-1])
    row, _ = child_of_a_former_id(days, hub)
    hub.models.append(row)
    return hub


@pytest.fixture(scope="module", params=["by the compiled SQL", pytest.param("by dbt", marks=pytest.mark.slow)])
def forty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forty]:
    folder = tmp_path_factory.mktemp("forty")
    machine, days = Machine(folder / "data"), {}
    warehouse = None
    if request.param != "by dbt":
        project = with_own_families(request.getfixturevalue("project"), tmp_path_factory.mktemp("families"))
        warehouse = Warehouse(project, machine.data_dir, read_seeds())
    for day in DAYS:
        hub = catalogue(day)
        days[day] = Day.of(hub)
        if day == DAYS[-1]:
            hub = last_hub(days)
            days[day] = Day.of(hub)
        if warehouse:
            warehouse.release(snapshot(hub, day), (*GO_ON, "fct_lineage_edges"))
            continue
        with running_sandbox(hub, folder / "hub") as running:
            if day == DAYS[-1]:
                machine.run(running.url, day)  # every table and check of every layer, over all that has come together
            else:
                machine.step(running.url, day, tables=GO_ON)
    yield Forty(machine, folder / "hub", days)
    shutil.rmtree(folder, ignore_errors=True)


def snapshot(hub: Catalogue, day: dt.date) -> Snapshot:
    """What a crawl finds on that day."""
    rows = {
        **{name: getattr(hub, name) for name in KINDS.values()},
        "organizations": [{**overview, "handle": overview["name"]} for overview in hub.organizations.values()],
        "daily_papers": [{**item, "date": date} for date, items in hub.papers.items() for item in items],
    }
    observed_at = dt.datetime.combine(day, dt.time(12), dt.UTC)
    return Snapshot(day, rows, observed_at, synthetic=frozenset(rows), asked_handles=len(hub.organizations))


by_dbt = pytest.mark.parametrize("forty", [pytest.param("by dbt", marks=pytest.mark.slow)], indirect=True)


def test_every_day_is_told_as_the_hub_was_on_it_and_absent_days_are_absent(forty: Forty):
    rows = forty.rows("fct_organization_snapshots")
    assert sorted({row["snapshot_date"] for row in rows}) == DAYS
    compared = 0
    for row in rows:
        day, handle = forty.days[row["snapshot_date"]], row["handle"].lower()
        told = (row["followers_count"], row["downloads_30d"], row["likes"])
        assert told == (day.followers.get(handle), day.downloads[handle], day.likes[handle]), row["handle"]
        compared += 1
    assert compared > 150 * COUNT


def test_changes_are_told_against_the_real_gap(forty: Forty):
    by_key = {(row["snapshot_date"], row["handle"]): row for row in forty.rows("fct_organization_snapshots")}
    gaps = Counter()
    for (date, handle), row in by_key.items():
        for window in (1, 7, 30):
            earlier = [
                day for day in DAYS if (day, handle) in by_key and window <= (date - day).days < max(2 * window, 2)
            ]
            gap = (date - earlier[-1]).days if earlier else None
            assert row[f"change_{window}d_gap_days"] == gap, (date, handle, window)
            if earlier:
                then = by_key[earlier[-1], handle]
                for name, column in (("likes", "likes"), ("downloads_30d", "downloads_30d")):
                    assert row[f"{name}_change_{window}d"] == row[column] - then[column]
                known = row["followers_count"] is not None and then["followers_count"] is not None
                gained = row["followers_count"] - then["followers_count"] if known else None
                assert row[f"followers_change_{window}d"] == gained
            gaps[window, gap] += 1
    # After the two absent days a window of a week is told over nine days, one of a day not at all.
    assert gaps[7, 9] > 100 and gaps[7, 8] > 100 and gaps[30, 30] > 100 and gaps[1, None] > 300


def test_deletions_and_renames_are_facts_of_the_day_that_shows_them(forty: Forty):
    deleted, renamed = changes(forty.days)
    assert len(deleted) > 5 and len(renamed) > 1

    told = {
        (r["snapshot_date"], r["repo_type"], r["repo_key"]): (r["repo_id"], r["last_seen_date"], r["likes"])
        for r in forty.rows("fct_tombstones")
    }
    assert told == deleted
    told = {
        (r["snapshot_date"], r["repo_type"], r["repo_key"]): (r["former_id"], r["repo_id"], r["previous_snapshot_date"])
        for r in forty.rows("fct_renames")
    }
    assert told == renamed


def test_a_tag_that_names_a_former_id_is_followed(forty: Forty):
    row, parent = child_of_a_former_id(forty.days, catalogue(DAYS[-1]))
    (edge,) = [edge for edge in forty.rows("fct_lineage_edges") if edge["child_key"] == row["_id"]]
    found = (edge["parent_key"], edge["relation"], edge["relation_source"], edge["status"], edge["is_counted"])
    assert found == (parent, "adapter", "tag", "renamed", True)


def test_derivatives_of_the_registry_are_told_for_every_day(forty: Forty):
    rows = forty.rows("fct_derivative_counts")
    days = Counter(r["snapshot_date"] for r in rows if (r["subject_type"], r["subject"]) == ("family", "Qwen"))
    assert sorted(days) == DAYS and set(days.values()) == {5 * 7 + 1}
    assert {r["snapshot_date"] for r in rows if r["subject_type"] == "model"} == {DAYS[-1]}
    # What was told of a day on that day is what is told of it forty days later.
    for day in (DAYS[0], DAYS[19], DAYS[-2]):
        then = [
            r for r in forty.rows("fct_derivative_counts", day) if r["snapshot_date"] == day and r["is_in_registry"]
        ]
        assert [r for r in rows if r["snapshot_date"] == day] == then


def require_that_day_alone_is_replaced(machine: Machine, repeated: dt.date, last: dt.date, hubs: Path) -> None:
    """Makes a day again with more likes, and the last day after it."""
    then = {table: machine.table(last, table) for table in HISTORY}
    hub = catalogue(repeated)
    for row in hub.models:
        row["likes"] += 1000
    with running_sandbox(hub, hubs) as running:
        machine.step(running.url, repeated, refetch=True, tables=GO_ON)
        machine.step(running.url, last, tables=GO_ON)  # its raw snapshot is in the lake and kept

    changed = 0
    for table, before in then.items():
        after = machine.table(last, table)
        others = [row for row in before if row["snapshot_date"] != repeated]
        assert [row for row in after if row["snapshot_date"] != repeated] == others, table
        again = [row for row in after if row["snapshot_date"] == repeated]
        assert again == [
            row for row in machine.table(repeated, table) if row["snapshot_date"] == repeated and is_carried(row)
        ]
        changed += again != [row for row in before if row["snapshot_date"] == repeated]
    assert changed == 1, "likes stand in the snapshots of accounts alone"


def is_carried(row: dict[str, Any]) -> bool:
    """Whether a row goes on into later releases: derivatives of subjects outside the registry do not."""
    return "definition" not in row or row["is_in_registry"]


@by_dbt
def test_a_day_of_forty_that_is_made_again_replaces_exactly_that_day(forty: Forty, tmp_path: Path):
    machine = Machine(tmp_path / "data")
    shutil.copytree(forty.machine.data_dir, machine.data_dir)
    require_that_day_alone_is_replaced(machine, REPEATED, DAYS[-1], tmp_path / "hub")


def require_equal(fresh: Machine, lost: Machine, days: list[dt.date]) -> None:
    """Whether two machines tell the last day alike, and each of the days."""
    # observed_at says when a row was fetched, which two machines do at different moments.
    for table in fresh.tables(days[-1]).keys() | lost.tables(days[-1]).keys():
        left, right = ([without_moment(r) for r in m.table(days[-1], table)] for m in (fresh, lost))
        assert left == right, table
    told = {row["snapshot_date"] for row in fresh.table(days[-1], "fct_organization_snapshots")}
    assert sorted(told) == days
    assert len(list((fresh.data_dir / "release").iterdir())) == 2


def without_moment(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "observed_at"}


def test_a_fresh_machine_goes_on_from_the_published_dataset_as_the_lost_one_would(
    first: Finished, second: Finished, tmp_path: Path
):
    """The second of the days that tests share was made by a fresh machine."""
    assert second.machine.tables(FIRST) == first.machine.tables(FIRST)
    lost = first.copy(tmp_path).machine
    with second.copy(tmp_path / "second").hub() as running:
        again = hubscape("restore", lost.variables(running.url, SECOND), "--at", f"snapshot-{FIRST}")
        assert again.returncode == 0, again.stderr
        lost.step(running.url, SECOND)
    require_equal(second.machine, lost, list(MONTHS))


@by_dbt
def test_a_fresh_machine_goes_on_after_forty_days(forty: Forty, tmp_path: Path):
    lost, fresh = Machine(tmp_path / "lost"), Machine(tmp_path / "fresh")
    shutil.copytree(forty.machine.data_dir, lost.data_dir)
    with running_sandbox(catalogue(NEXT), forty.store) as running:
        variables = fresh.variables(running.url, NEXT)
        done = hubscape("restore", variables)
        assert done.returncode == 0, done.stderr
        assert f"release of {DAYS[-1]}" in done.stdout
        assert fresh.tables(DAYS[-1]) == lost.tables(DAYS[-1])
        fresh.run(running.url, NEXT)  # and publishes
        lost.step(running.url, NEXT)
    require_equal(fresh, lost, [*DAYS, NEXT])


def test_what_cannot_be_restored_is_one_sentence(months: TwoMonths, tmp_path: Path):
    fresh = Machine(tmp_path / "fresh")
    variables = fresh.variables(months.hub.url, SECOND)
    for words, said in (
        (("--repo", "nobody/nothing"), "There is no dataset nobody/nothing"),
        (("--at", "snapshot-1999-01-01"), "has no revision snapshot-1999-01-01"),
    ):
        done = hubscape("restore", variables, *words)
        assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr, done.stderr
    other = fresh.data_dir / "release" / f"{SECOND}"
    other.mkdir(parents=True)
    (other / "datapackage.json").write_text("{}")
    done = hubscape("restore", variables, "--at", f"snapshot-{SECOND}")
    assert done.returncode == 1 and "Another release" in done.stderr, done.stderr
    assert not (fresh.data_dir / "tmp").exists() or not list((fresh.data_dir / "tmp").iterdir())
    down = hubscape("restore", {**variables, "HF_ENDPOINT": "http://127.0.0.1:9"})
    assert down.returncode == 1 and "could not be reached" in down.stderr
