"""Two weeks of incremental days beside two weeks of whole crawls of the same Hub: the same tables at the end.

The Hub moves on from day to day, and both lakes are pulled from it over HTTP. What an incremental day cannot see, it
carries on: counters of repos outside the first ones, which are then as of the row's own `observed_at`, and repos that
are gone, until the next whole crawl.
"""

import datetime as dt
import itertools
import shutil
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from orchestration.commands.run import instance
from orchestration.crawl.plan import crawl_into
from orchestration.definitions import build_definitions
from orchestration.hub import changes, listing
from orchestration.hub import session as session_module
from orchestration.hub.page import Page
from orchestration.hub.session import HubSession
from orchestration.lake.manifest import Manifest
from orchestration.lake.merge import merge_snapshot, refresh_base
from orchestration.lake.snapshot import previous_manifest, read_manifest, snapshot_dir, write_snapshot
from orchestration.lake.spool import Spool
from orchestration.sandbox.catalogue import Catalogue
from orchestration.sandbox.ecosystem import synthetic_catalogue
from tests.machine import Machine
from tests.sandbox import PROJECT, TOKEN, RunningSandbox, running_sandbox

FIRST = dt.date(2026, 10, 12)
DAYS = [FIRST + dt.timedelta(days=n) for n in range(14)]
SIXTH, SEVENTH, LAST = DAYS[6], DAYS[7], DAYS[-1]
OVERLAP, TOP, PAGE_SIZE = dt.timedelta(hours=1), 20, 8
KINDS: tuple[listing.Kind, ...] = ("models", "datasets", "spaces")
COUNTERS = ("downloads", "downloadsAllTime", "likes", "trendingScore")


class Clock(dt.datetime):
    """The session's clock: it stands at the start of the Hub's day, a second further each time it is read."""

    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    @classmethod
    def set(cls, day: dt.date) -> None:
        cls.at = dt.datetime.combine(day, dt.time(), dt.UTC)

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
        cls.at += dt.timedelta(seconds=1)
        return cls.at


def worlds() -> Iterator[Catalogue]:
    """The Hub at the start of each day; whatever changes about a repo but its counters moves its `lastModified`.

    Beside what the made-up Hub does by itself, one repo in a hundred is renamed or tagged each day, for good. Nothing
    is deleted in the second week.
    """
    before: dict[tuple[str, str], dict] = {}
    edits: dict[tuple[str, str], dict] = {}
    for number, day in enumerate(DAYS):
        hub = synthetic_catalogue(seed=7, scale=0.04, date=day)
        noon = f"{day - dt.timedelta(days=1)}T12:00:00.000Z"
        now = {}
        for kind in KINDS:
            rows = getattr(hub, kind)
            for row in rows:
                key = (kind, row["_id"])
                if int(row["_id"], 16) % 100 == number:
                    is_renamed = int(row["_id"], 16) // 100 % 3 == 0
                    edits[key] = {"id": f"{row['id']}-renamed"} if is_renamed else {"tags": [*row["tags"], f"{day}"]}
                row.update(edits.get(key, {}))
                then = before.get(key)
                if then:
                    still = {name: value for name, value in then.items() if name not in COUNTERS}
                    row["lastModified"] = max(row["lastModified"], then["lastModified"])
                    if any(row.get(name) != value for name, value in still.items()):
                        row["lastModified"] = max(row["lastModified"], noon)
                now[key] = row
            if day > SEVENTH:
                rows += [row for key, row in before.items() if key[0] == kind and key not in now]
                now.update({(kind, row["_id"]): row for row in rows})
        yield hub
        before = now


def whole(kind: listing.Kind) -> Callable[[HubSession, str | None], Iterator[Page]]:
    return lambda session, start: listing.pages(session, kind, start=start)


def changed(kind: listing.Kind, base: Manifest) -> Callable[[HubSession, str | None], Iterator[Page]]:
    return lambda session, start: changes.pages(
        session,
        kind,
        watermark=base.first_observed_at,
        overlap=OVERLAP,
        top=TOP,
        start=start,
        page_size=PAGE_SIZE,
        may_be_empty=base.rows == 0,
    )


def pull(url: str, data_dir: Path, day: dt.date, kind: listing.Kind, *, incremental: bool) -> Manifest:
    """Brings one table of a day into a lake, as the raw assets do."""
    session = HubSession(url, TOKEN)
    label = session.identify()
    last = previous_manifest(data_dir, kind, day) if incremental else None
    base = refresh_base(last, source="api", snapshot_date=day, now=Clock.at, full_crawl_days=7)
    with Spool.open(data_dir, kind, day, source="api", source_label=label) as spool:
        crawl_into(spool, changed(kind, base) if base else whole(kind), session, None, lambda _: None)
        return merge_snapshot(spool, base) if base else write_snapshot(spool)


@cache
def raw_rows(data_dir: Path, kind: str, day: dt.date) -> dict[str, dict[str, Any]]:
    files = sorted(snapshot_dir(data_dir, kind, day).glob("*.parquet"))
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert len({row["_id"] for row in rows}) == len(rows)
    return {row["_id"]: row for row in rows}


@dataclass
class TwoLakes:
    """Both lakes after two weeks, the Hub's days, and the folder of the repos that it keeps."""

    incremental: Machine
    full: Machine
    store: Path
    hubs: dict[dt.date, Catalogue] = field(default_factory=dict)

    def hub(self, day: dt.date) -> AbstractContextManager[RunningSandbox]:
        """The Hub of a day, at whose start it now is."""
        Clock.set(day)
        return running_sandbox(self.hubs[day], self.store)

    def rows(self, kind: str, day: dt.date) -> dict[str, dict[str, Any]]:
        """Rows of the incremental lake by key."""
        return raw_rows(self.incremental.data_dir, kind, day)


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoLakes]:
    folder = tmp_path_factory.mktemp("incremental")
    two = TwoLakes(Machine(folder / "incremental"), Machine(folder / "full"), folder / "hub")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_module, "datetime", Clock)
        for day, world in zip(DAYS, worlds(), strict=True):
            two.hubs[day] = world
            with two.hub(day) as hub:
                for kind in KINDS:
                    pull(hub.url, two.incremental.data_dir, day, kind, incremental=True)
                    pull(hub.url, two.full.data_dir, day, kind, incremental=False)
        yield two
    shutil.rmtree(folder, ignore_errors=True)


def facts(row: dict[str, Any]) -> dict[str, Any]:
    """What a raw row says besides counters and when it was observed."""
    return {name: value for name, value in row.items() if name not in (*COUNTERS, "observed_at")}


def counters(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in COUNTERS if name in row}


def test_every_day_has_the_facts_of_the_hub_and_counters_as_of_the_day_they_were_observed(lakes: TwoLakes):
    found = Counter()
    for day, kind in itertools.product(DAYS, KINDS):
        manifest = read_manifest(lakes.incremental.data_dir, kind, day)
        whole_crawl = FIRST if day < SEVENTH else SEVENTH
        is_whole = day == whole_crawl
        assert (manifest.refresh, manifest.full_crawl_date) == (
            ("full", None) if is_whole else ("incremental", whole_crawl)
        )
        carried, whole_rows = lakes.rows(kind, day), raw_rows(lakes.full.data_dir, kind, day)
        assert manifest.rows == len(carried) and manifest.complete

        gone = carried.keys() - whole_rows.keys()
        # Deleted since the last whole crawl: a row of some day until then, or of the day on which it was new.
        assert all(carried[key]["observed_at"].date() < day for key in gone)
        found["gone", day] += len(gone)
        assert whole_rows.keys() <= carried.keys()
        for key, row in whole_rows.items():
            assert facts(carried[key]) == facts(row), (day, kind, row["id"])
            observed = carried[key]["observed_at"].date()
            then = row if observed == day else raw_rows(lakes.full.data_dir, kind, observed)[key]
            assert counters(carried[key]) == counters(then), (day, kind, row["id"])
            found["read", is_whole] += observed == day
            found["carried", is_whole] += observed < day
            found["as of an earlier day"] += counters(carried[key]) != counters(row)
        ranked = {name for name in COUNTERS if name in next(iter(whole_rows.values())) and name != "downloadsAllTime"}
        for counter in ranked:
            first = sorted(whole_rows.values(), key=lambda row: (row[counter], row["_id"]), reverse=True)[:TOP]
            assert all(carried[row["_id"]]["observed_at"].date() == day for row in first), (day, kind, counter)
    # The Hub did move, and an incremental day read a part of it.
    assert found["gone", SIXTH] > 1 and found["gone", SEVENTH] == found["gone", LAST] == 0
    assert found["as of an earlier day"] > 5000 and found["carried", True] == 0
    assert found["read", False] < found["carried", False] / 4


def test_changes_of_every_sort_have_come_about(lakes: TwoLakes):
    """So that the test above has something to find: renames, new repos, changed tags and parents."""
    seen = Counter()
    for (before, day), kind in itertools.product(itertools.pairwise(DAYS), KINDS):
        then, now = (raw_rows(lakes.full.data_dir, kind, date) for date in (before, day))
        seen["new"] += len(now.keys() - then.keys())
        for key in now.keys() & then.keys():
            names = {name for name, value in facts(now[key]).items() if value != then[key][name]}
            seen.update({"id"} & names)
            seen["changed"] += bool(names)
            assert names <= {"lastModified"} or "lastModified" in names
    assert seen["new"] > 30 and seen["id"] > 2 and seen["changed"] > 50, seen


# Which models are told of goes by age and downloads as they were observed: see the test of its own.
BY_OBSERVATION = {"fct_model_adoption"}
# What the tables of the last day may tell otherwise: counters of single repos, and what is summed up or ranked of them.
SET_ASIDE = {
    "dim_repos": {"downloads_30d", "downloads_all_time", "likes", "observed_at"},
    "fct_country_monthly": {"unattributed_downloads_share", "young_downloads_30d", "young_downloads_share"},
    "fct_country_snapshots": {"unattributed_share", "young_downloads_30d", "young_downloads_share"},
    "fct_download_concentration": {
        "downloads_sum", "gini", "top_0_01_percent_share", "top_1_5_percent_share", "top_10_percent_share",
    },
    "fct_organization_snapshots": {
        "downloads_30d", "downloads_30d_rank", "downloads_all_time", "downloads_all_time_rank", "likes", "likes_rank",
    },
    "rpt_claims": {"measured_value"},
    "rpt_registry_gaps": {"downloads_30d", "downloads_30d_rank"},
}  # fmt: skip


@pytest.fixture(scope="module")
def marts(lakes: TwoLakes) -> TwoLakes:
    """The lakes with all tables of the last day, released from both."""
    for machine in (lakes.incremental, lakes.full):
        with lakes.hub(LAST) as hub:
            machine.step(hub.url, LAST)  # models, datasets and spaces are in the lake and kept
    return lakes


def test_the_tables_of_the_last_day_are_the_same_row_for_row(marts: TwoLakes):
    names = marts.incremental.tables(LAST).keys()
    assert names == marts.full.tables(LAST).keys() and len(names) > 18 and names > SET_ASIDE.keys()
    for name in names - BY_OBSERVATION:
        aside = SET_ASIDE.get(name, set())
        pair = [machine.table(LAST, name) for machine in (marts.incremental, marts.full)]
        kept = [[{c: v for c, v in row.items() if c not in aside} for row in rows] for rows in pair]
        assert kept[0] == kept[1] and kept[0], name
        if not aside:
            assert marts.incremental.tables(LAST)[name] == marts.full.tables(LAST)[name], name


def test_counters_that_were_not_read_again_are_flagged_by_their_observed_at(marts: TwoLakes):
    pairs = [
        zip(*(machine.table(LAST, name) for machine in (marts.incremental, marts.full)), strict=True)
        for name in ("dim_repos", "fct_organization_snapshots")
    ]
    by_handle: dict[str, set[bool]] = defaultdict(set)
    seen = Counter()
    for ours, whole_row in pairs[0]:
        is_old = ours["observed_at"].date() < LAST
        by_handle[ours["handle"].lower()].add(is_old)
        told = [{name: row[name] for name in SET_ASIDE["dim_repos"] - {"observed_at"}} for row in (ours, whole_row)]
        assert whole_row["observed_at"].date() == LAST
        assert is_old or told[0] == told[1], ours
        seen[is_old, told[0] == told[1]] += 1
    assert seen[True, False] > 500 and seen[False, True] > 80, seen
    # An account whose repos were all read again is told as a whole crawl tells it.
    compared = 0
    for ours, whole_row in pairs[1]:
        if by_handle[ours["handle"].lower()] <= {False}:
            ranks = {name for name in ours if name.endswith("_rank")}
            assert {n: v for n, v in ours.items() if n not in ranks} == {
                n: v for n, v in whole_row.items() if n not in ranks
            }
            compared += bool(by_handle[ours["handle"].lower()])
    assert compared > 3


def test_downloads_at_an_age_are_those_of_the_day_they_were_observed(marts: TwoLakes):
    repos = {row["repo_key"]: row for row in marts.incremental.table(LAST, "dim_repos")}
    ours, whole_rows = (
        {(row["repo_key"], row["adoption_day"]): row for row in machine.table(LAST, "fct_model_adoption")}
        for machine in (marts.incremental, marts.full)
    )
    seen = Counter()
    for (key, _), row in ours.items():
        observed = min(repos[key]["observed_at"].date(), LAST)
        assert row["age_days"] == (observed - repos[key]["created_at"].date()).days
        assert row["downloads_all_time"] == repos[key]["downloads_all_time"]
        seen["carried on"] += observed < LAST
    for key, row in whole_rows.items():
        # Of a registered handle all models are told of, whatever others do.
        if row["is_in_registry"] and repos[key[0]]["observed_at"].date() == LAST:
            assert ours[key] == row
            seen["read again"] += 1
    assert seen["carried on"] > 5 and seen["read again"] > 1, seen


def test_a_repo_is_told_to_be_gone_by_the_next_whole_crawl_as_of_the_day_it_was_last_seen(
    lakes: TwoLakes, tmp_path: Path
):
    machine = Machine(tmp_path / "data")
    for kind, day in itertools.product(KINDS, (SIXTH, SEVENTH)):
        shutil.copytree(snapshot_dir(lakes.incremental.data_dir, kind, day), snapshot_dir(machine.data_dir, kind, day))
    for day in (SIXTH, SEVENTH):
        with lakes.hub(day) as hub:
            machine.step(hub.url, day, tables=("dim_repos", "fct_tombstones"))

    assert machine.table(SIXTH, "fct_tombstones") == []
    expected = {
        (kind.removesuffix("s"), key): (row["id"], row["observed_at"].date(), row["likes"])
        for kind in KINDS
        for key, row in lakes.rows(kind, SIXTH).items()
        if key not in lakes.rows(kind, SEVENTH)
    }
    told = {
        (row["repo_type"], row["repo_key"]): (row["repo_id"], row["last_seen_date"], row["likes"])
        for row in machine.table(SEVENTH, "fct_tombstones")
    }
    assert told == expected and len(told) > 1
    assert min(date for _, date, _ in told.values()) < SIXTH


def test_a_crawl_that_is_killed_in_three_of_its_orders_ends_in_the_same_snapshot(lakes: TwoLakes, tmp_path: Path):
    day, kind = DAYS[3], "models"
    data_dir = tmp_path / "data"
    shutil.copytree(snapshot_dir(lakes.incremental.data_dir, kind, DAYS[2]), snapshot_dir(data_dir, kind, DAYS[2]))
    asked_before: list[str] = []
    for words in (("sort=lastModified", "cursor="), ("sort=createdAt",), ("sort=likes", "cursor=")):
        with lakes.hub(day) as hub:
            command = [sys.executable, "-m", "tests.pipeline.test_incremental", hub.url, str(data_dir), f"{day}", kind]
            child = subprocess.Popen(command, cwd=PROJECT)
            hub.put_in_front(lambda app, c=child, w=words: killer(app, c, w))
            assert child.wait(timeout=60) == -signal.SIGKILL
            asked_before += places(hub)
        assert not snapshot_dir(data_dir, kind, day).exists()
    with lakes.hub(day) as hub:
        manifest = pull(hub.url, data_dir, day, kind, incremental=True)
        asked_after = places(hub)
    whole_crawl = read_manifest(lakes.incremental.data_dir, kind, day)
    assert manifest.requests == whole_crawl.requests == len(asked_before) + len(asked_after)
    assert len(set(asked_before + asked_after)) == manifest.requests
    assert "sort=likes" in asked_after[0] and "cursor=" in asked_after[0]
    same = ("rows", "faulty_rows", "duplicate_rows", "full_crawl_date", "refresh")
    assert [getattr(manifest, name) for name in same] == [getattr(whole_crawl, name) for name in same]
    ours, theirs = raw_rows(data_dir, kind, day), lakes.rows(kind, day)
    assert ours.keys() == theirs.keys()
    for key, row in ours.items():
        assert {**row, "observed_at": None} == {**theirs[key], "observed_at": None}
        assert row["observed_at"].date() == theirs[key]["observed_at"].date()


def test_the_job_crawls_changes_over_the_last_accepted_snapshot_until_a_whole_crawl_is_due(
    lakes: TwoLakes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    machine = Machine(tmp_path / "data")

    def run(day: dt.date, **variables: Any) -> Manifest:
        with lakes.hub(day) as hub:
            more = {"refresh": "incremental", "top_repos": TOP, **variables}
            with instance(machine.data_dir) as dagster:
                settings = machine.settings(hub.url, day, **more)
                job = build_definitions(settings).resolve_job_def("refresh")
                assert job.execute_in_process(
                    instance=dagster, asset_selection=[dg.AssetKey(["raw", "models"])]
                ).success
        return read_manifest(machine.data_dir, "models", day)

    first, second = run(DAYS[0]), run(DAYS[1])
    assert (first.refresh, second.refresh, second.full_crawl_date) == ("full", "incremental", DAYS[0])
    assert {key: facts(row) for key, row in raw_rows(machine.data_dir, "models", DAYS[1]).items()}.items() >= {
        key: facts(row) for key, row in raw_rows(lakes.full.data_dir, "models", DAYS[1]).items()
    }.items()
    # What no check has passed is nothing to go on from, nor is a crawl that is too old.
    (machine.data_dir / "checks" / "raw" / "models" / f"snapshot_date={DAYS[1]}.json").unlink()
    capfd.readouterr()
    third = run(DAYS[2])
    assert (third.refresh, third.full_crawl_date) == ("incremental", DAYS[0])
    assert f"models that changed are crawled, over the snapshot of {DAYS[0]}" in capfd.readouterr().err
    assert run(DAYS[3], full_crawl_days=3).refresh == "full"


def places(hub: RunningSandbox) -> list[str]:
    """The pages of lists that were asked for; the first request of a session asks for a name alone."""
    return [place for _, place in hub.requests if "sort=" in place]


def killer(app: Any, child: subprocess.Popen, words: Sequence[str]) -> Any:
    """Kills the process that asks for a place with these words in it, instead of an answer."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and all(word in scope["query_string"].decode() for word in words):
            child.kill()
        else:
            await app(scope, receive, send)

    return answer


if __name__ == "__main__":
    hub_url, folder, label, table = sys.argv[1:]
    session_module.datetime = Clock
    Clock.set(dt.date.fromisoformat(label))
    pull(hub_url, Path(folder), dt.date.fromisoformat(label), table, incremental=True)
