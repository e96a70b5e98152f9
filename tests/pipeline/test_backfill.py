"""Days of the past out of a dataset repo's history: exactly those that exist, whatever interrupts the filling."""

import datetime as dt
import filecmp
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from orchestration.checks.gates import GATE
from orchestration.commands.backfill import backfill
from orchestration.commands.run import instance
from orchestration.crawl.dump import fetch_bulk
from orchestration.crawl.past_days import fill_raw, spans
from orchestration.crawl.source import HubAccess
from orchestration.definitions import build_definitions
from orchestration.jobs import HISTORY
from orchestration.lake.bulk import BulkRefused, was_observed
from orchestration.lake.files import LakeError
from orchestration.lake.snapshot import read_manifest, snapshot_dir, snapshots
from orchestration.release.datapackage import read_datapackage
from orchestration.sandbox.ecosystem import synthetic_catalogue
from orchestration.settings import Settings, SettingsError, load_settings
from tests.bulk import bulk_files, commit_files, without, write_folder
from tests.hubscape import hubscape, start
from tests.sandbox import TOKEN, RunningSandbox, running_sandbox
from tests.support import PATIENCE

FIRST = dt.date(2026, 10, 1)
DAYS = [FIRST + dt.timedelta(days=number) for number in range(30)]
GAPS = [DAYS[number] for number in (3, 4, 10, 20, 21, 22)]
PRESENT = [day for day in DAYS if day not in GAPS]
TABLES = ("models", "datasets", "spaces", "organizations", "daily_papers")
SCALE = 0.02


def put(hub: RunningSandbox, day: dt.date, hour: int, **changed: bytes) -> None:
    """Commits the dump of a day."""
    files = bulk_files(synthetic_catalogue(scale=SCALE, date=day)) | {f"{n}.parquet": c for n, c in changed.items()}
    # A dump that is equal to the one before is a commit all the same.
    files["README.md"] = f"{day} {hour}".encode()
    commit_files(hub.app.state.store, files, dt.datetime.combine(day, dt.time(hour), dt.UTC))


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Iterator[RunningSandbox]:
    """A Hub with thirty days of a bulk dataset, six of them gaps; some days have two commits."""
    with running_sandbox(synthetic_catalogue(scale=SCALE, date=DAYS[-1]), tmp_path_factory.mktemp("hub")) as running:
        for number, day in enumerate(PRESENT):
            if number % 8 == 0:
                put_early(running, day)
            put(running, day, 20)
        yield running


def put_early(hub: RunningSandbox, day: dt.date) -> None:
    """An earlier commit of a day, with other numbers than its last one."""
    files = bulk_files(synthetic_catalogue(scale=SCALE, date=day - dt.timedelta(days=1)))
    commit_files(hub.app.state.store, files, dt.datetime.combine(day, dt.time(4), dt.UTC))


def variables(hub: RunningSandbox, data_dir: Path, **more: str) -> dict[str, str]:
    return {
        "HUBSCAPE_SOURCE": "bulk",
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HUBSCAPE_DATA_DIR": str(data_dir),
        "HUBSCAPE_PUBLISH_REPO": "",
        **more,
    }


def settings_of(hub: RunningSandbox, data_dir: Path, day: dt.date = FIRST, **more: Any) -> Settings:
    facts = {"source": "bulk", "endpoint": hub.url, "token": TOKEN, "publish_repo": "", **more}
    return load_settings(data_dir=data_dir, snapshot_date=day, **facts)


def access(hub: RunningSandbox) -> HubAccess:
    return HubAccess(hub.url, TOKEN)


def wait_until(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    ends = time.monotonic() + PATIENCE
    while not happened():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < ends
        time.sleep(0.005)


def kill_when(happened: Callable[[], object], environment: dict[str, str], *words: str) -> None:
    process = start("backfill", environment, *words)
    wait_until(happened, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def same_tree(one: Path, other: Path) -> bool:
    names = [sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()) for root in (one, other)]
    return names[0] == names[1] and filecmp.cmpfiles(one, other, names[0], shallow=False)[1:] == ([], [])


def test_thirty_days_killed_twice_are_exactly_the_days_that_exist_each_as_a_run_of_that_day_makes_it(hub, tmp_path):
    data_dir, words = tmp_path / "data", ("--from", f"{DAYS[0]}", "--to", f"{DAYS[-1]}", "--raw-only")
    kill_when(lambda: len(snapshots(data_dir, "models")) >= 4, variables(hub, data_dir), *words)
    reached = len(snapshots(data_dir, "models"))
    # The second time in the middle of a table.
    kill_when(
        lambda: len(snapshots(data_dir, "models")) > reached + 5 and list(data_dir.glob("raw/spaces/.building-*")),
        variables(hub, data_dir),
        *words,
    )
    assert len(snapshots(data_dir, "models")) < len(PRESENT)

    done = hubscape("backfill", variables(hub, data_dir), *words)

    assert done.returncode == 0, done.stderr
    assert f"gaps       {spans(GAPS)}, never filled from other days" in done.stdout
    for table in TABLES:
        assert snapshots(data_dir, table) == PRESENT
        assert sorted(path.name for path in (data_dir / "raw" / table).iterdir()) == [
            f"snapshot_date={day}" for day in PRESENT
        ], "nothing is left over"
    assert not list(data_dir.glob("bulk/*/*"))
    for day in PRESENT:
        alone = settings_of(hub, tmp_path / "alone", day)
        for table in TABLES:
            fetch_bulk(table, alone, access(hub), GATE, refetch=False, progress=lambda _: None)
            folder = f"raw/{table}/snapshot_date={day}"
            assert same_tree(data_dir / folder, tmp_path / "alone" / folder), folder
    for day in GAPS:
        with pytest.raises(BulkRefused, match="no commit of"):
            fetch_bulk(
                "models", settings_of(hub, tmp_path / "alone", day), access(hub), GATE, refetch=False, progress=print
            )


@pytest.mark.slow
def test_whole_days_killed_in_between_are_those_of_runs_one_by_one_and_only_the_last_is_published(hub, tmp_path):
    data_dir, days = tmp_path / "data", [DAYS[2], DAYS[5]]
    words = ("--from", f"{days[0]}", "--to", f"{days[1]}")
    published = variables(hub, data_dir, HUBSCAPE_PUBLISH_REPO="somebody/history")
    kill_when((data_dir / "release" / f"{days[0]}").is_dir, published, *words)

    done = hubscape("backfill", published, *words)

    assert done.returncode == 0, done.stderr[-3000:]
    assert f"releases   2 stand, {days[1]} is published" in done.stdout
    assert f"gaps       {DAYS[3]} to {DAYS[4]}" in done.stdout
    tags = hub.api().list_repo_refs("somebody/history", repo_type="dataset").tags
    assert [tag.name for tag in tags] == [f"snapshot-{days[1]}"]

    alone = tmp_path / "alone"
    for day in days:
        # A card names the dataset that its release is meant for, so the published day is made for it here too.
        repo = {"HUBSCAPE_PUBLISH_REPO": "somebody/history"} if day == days[1] else {}
        run = hubscape("run", variables(hub, alone, HUBSCAPE_SNAPSHOT_DATE=f"{day}", **repo))
        assert run.returncode == 0, run.stderr[-3000:]
    assert "(unchanged, no commit made)" in run.stdout
    for folder in ("raw", "release"):
        assert same_tree(data_dir / folder, alone / folder)
    package = read_datapackage(data_dir / "release" / f"{days[1]}")
    assert {check.check for check in package.checks if check.verdict == "warned"} >= {"table_observed"}
    assert not any(check.verdict == "failed" for check in package.checks)


def rows_of(release: Path, table: str) -> list[dict[str, Any]]:
    """The rows of a published table, none where the release is without it, as it is where there would be none."""
    files = sorted((release / "data" / table).glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


@pytest.mark.slow
def test_twenty_days_as_hub_stats_has_them_are_releases_of_exactly_the_days_that_exist(tmp_path):
    """Days with models only first, as in its first year, and some later; papers flat, once as text; two gaps."""
    days, gaps = DAYS[:20], {DAYS[6], DAYS[7]}
    models_only, text, undated = {*DAYS[:4], DAYS[9], DAYS[12]}, DAYS[14], DAYS[4]
    papers: dict[dt.date, set[str]] = {}
    with running_sandbox(synthetic_catalogue(scale=SCALE, date=days[-1]), tmp_path / "hub") as hub:
        for day in days:
            if day in gaps:
                continue
            catalogue = synthetic_catalogue(scale=SCALE, date=day)
            files = bulk_files(catalogue, papers="text" if day == text else "flat")
            if day in models_only:
                files = {"models.parquet": files["models.parquet"]}
            elif day == undated:
                files["daily_papers.parquet"] = without(files["daily_papers.parquet"], "paper_submittedOnDailyAt")
            else:
                papers[day] = {item["paper"]["id"] for page in catalogue.papers.values() for item in page}
            commit_files(hub.app.state.store, files, dt.datetime.combine(day, dt.time(20), dt.UTC), alone=True)
        data_dir = tmp_path / "data"
        words = ("--from", f"{days[0]}", "--to", f"{days[-1]}")
        done = hubscape("backfill", variables(hub, data_dir), *words)

    assert done.returncode == 0, done.stderr[-3000:]
    expected = [day for day in days if day not in gaps]
    assert sorted(path.name for path in data_dir.glob("release/2*")) == [f"{day}" for day in expected]
    assert f"gaps       {spans(sorted(gaps))}, never filled from other days" in done.stdout
    for day in expected:
        folder = data_dir / "release" / f"{day}"
        package = read_datapackage(folder)
        lacking = {"organizations"} | (set() if day in papers else {"daily_papers"})
        lacking |= {"datasets", "spaces"} if day in models_only else set()
        unobserved = {c.table for c in package.checks if c.check == "table_observed" and c.verdict == "warned"}
        assert unobserved == lacking and not any(c.verdict == "failed" for c in package.checks), day
        assert {row["paper_id"] for row in rows_of(folder, "fct_papers")} == papers.get(day, set()), day
        gone = [row for row in rows_of(folder, "fct_tombstones") if row["repo_type"] != "model"]
        assert not any(row["snapshot_date"] in models_only for row in gone), day


@pytest.mark.slow
def test_thirty_whole_days_killed_twice_are_those_of_runs_of_each_day_alone(hub, tmp_path):
    filled, alone = tmp_path / "filled", tmp_path / "alone"
    words = ("--from", f"{DAYS[0]}", "--to", f"{DAYS[-1]}")
    for releases in (5, 14):
        kill_when(lambda at=releases: len(list(filled.glob("release/2*"))) >= at, variables(hub, filled), *words)
    done = hubscape("backfill", variables(hub, filled), *words)
    assert done.returncode == 0, done.stderr[-3000:]
    for day in PRESENT:
        run = hubscape("run", variables(hub, alone, HUBSCAPE_SNAPSHOT_DATE=f"{day}"))
        assert run.returncode == 0, f"{day}: {run.stderr[-3000:]}"

    assert sorted(path.name for path in filled.glob("release/2*")) == [f"{day}" for day in PRESENT]
    for part in ("raw", "release"):
        assert same_tree(filled / part, alone / part), part


def test_the_job_in_dagster_fills_the_partitions_that_exist_in_one_run(hub, tmp_path):
    data_dir, ends = tmp_path / "data", (DAYS[1], DAYS[6])
    with instance(data_dir) as dagster:
        result = (
            build_definitions(settings_of(hub, data_dir))
            .resolve_job_def("backfill")
            .execute_in_process(
                instance=dagster,
                tags={
                    f"dagster/asset_partition_range_{end}": f"{day}"
                    for end, day in zip(("start", "end"), ends, strict=True)
                },
            )
        )
        assert result.success
        filled = dagster.get_materialized_partitions(HISTORY)
    expected = [day for day in DAYS[1:7] if day not in GAPS]
    assert sorted(filled) == [f"{day}" for day in expected]
    assert snapshots(data_dir, "models") == expected
    policy = build_definitions().resolve_assets_def(HISTORY).backfill_policy
    assert policy == dg.BackfillPolicy.single_run()


def test_a_day_whose_file_is_damaged_is_left_out_and_told_of_and_the_others_stand(tmp_path):
    with running_sandbox(synthetic_catalogue(scale=SCALE, date=FIRST), tmp_path / "hub") as hub:
        put(hub, DAYS[0], 20)
        put(hub, DAYS[1], 20, datasets=b"PAR1 and then nothing")
        put(hub, DAYS[2], 20)
        words = ("--from", f"{DAYS[0]}", "--to", f"{DAYS[2]}", "--raw-only")

        done = hubscape("backfill", variables(hub, tmp_path / "data"), *words)

        assert done.returncode == 1
        assert f"1 of the days were refused ({DAYS[1]}), first {DAYS[1]}: The bulk file" in done.stderr.splitlines()[-1]
        assert snapshots(tmp_path / "data", "datasets") == [DAYS[0], DAYS[2]]

        put(hub, DAYS[1], 21)  # the source mends it, later that day
        assert hubscape("backfill", variables(hub, tmp_path / "data"), *words).returncode == 0
        assert snapshots(tmp_path / "data", "datasets") == DAYS[:3]
        commits = {read_manifest(tmp_path / "data", table, DAYS[1]).source_commit for table in TABLES}
        assert len(commits) == 1, "all tables of a day are of one commit"


def test_days_of_any_subset_of_tables_and_of_any_shape_are_taken_and_what_they_lack_is_said(tmp_path):
    files = bulk_files(synthetic_catalogue(scale=SCALE, date=FIRST))
    undated = without(files["daily_papers.parquet"], "paper_submittedOnDailyAt")
    untagged = without(files["models.parquet"], "tags", "safetensors")
    of_days = [
        {"models.parquet": files["models.parquet"]},
        {
            "models.parquet": untagged,
            "daily_papers.parquet": undated,
            "arxiv_papers.parquet": b"",
            "posts.parquet": b"",
        },
        *(bulk_files(synthetic_catalogue(scale=SCALE, date=FIRST), papers=shape) for shape in ("text", "nested")),
    ]
    said: list[str] = []
    with running_sandbox(synthetic_catalogue(scale=SCALE, date=FIRST), tmp_path / "hub") as hub:
        for day, content in zip(DAYS, of_days, strict=False):
            commit_files(hub.app.state.store, content, dt.datetime.combine(day, dt.time(20), dt.UTC), alone=True)
        done = fill_raw(settings_of(hub, tmp_path / "data"), access(hub), GATE, DAYS[0], DAYS[3], say=said.append)

    assert list(done.filled) == DAYS[:4] and not done.refused
    held = {(t, n): read_manifest(tmp_path / "data", t, DAYS[n]) for t in TABLES for n in range(4)}
    observed = [{table for table in TABLES if was_observed(held[table, number])} for number in range(4)]
    assert observed == [{"models"}, {"models"}, *[{"models", "datasets", "spaces", "daily_papers"}] * 2]
    assert held["daily_papers", 1].not_found == ["paper.submittedOnDailyAt"]
    assert set(held["models", 1].not_observed) - set(held["models", 0].not_observed) == {
        "tags", "safetensors.total", "safetensors.parameters",
    }  # fmt: skip
    papers = [snapshot_dir(tmp_path / "data", "daily_papers", DAYS[number]) for number in (2, 3)]
    assert pq.read_table(papers[0]).drop_columns("observed_at") == pq.read_table(papers[1]).drop_columns("observed_at")


def test_a_used_up_quota_pauses_a_backfill_which_goes_on_by_itself(tmp_path):
    with running_sandbox(
        synthetic_catalogue(scale=SCALE, date=FIRST), tmp_path / "hub", quota=9, window_seconds=2
    ) as hub:
        for day in DAYS[:3]:
            put(hub, day, 20)
        said: list[str] = []
        done = fill_raw(settings_of(hub, tmp_path / "data"), access(hub), GATE, DAYS[0], DAYS[2], say=said.append)
        assert list(done.filled) == DAYS[:3]
        assert len(hub.requests) > 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A data folder on a disk of 400 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this user may not mount the small disk that this test fills")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_sentence_and_the_next_backfill_goes_on(hub, small_disk):
    done = hubscape("backfill", variables(hub, small_disk), "--from", f"{DAYS[0]}", "--to", f"{DAYS[-1]}", "--raw-only")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr.splitlines()[-1]
    whole = [day for day in snapshots(small_disk, "spaces") if day in snapshots(small_disk, "daily_papers")]
    assert 1 <= len(whole) < len(PRESENT)
    assert not list(small_disk.glob("raw/*/.building-*"))

    shutil.rmtree(small_disk / "raw")
    shutil.rmtree(small_disk / "bulk", ignore_errors=True)
    settings = settings_of(hub, small_disk)
    assert list(fill_raw(settings, access(hub), GATE, whole[0], whole[0], say=print).filled) == whole[:1]


def test_a_folder_of_this_machine_is_taken_as_it_is_and_what_it_lacks_is_said(hub, tmp_path):
    today = dt.datetime.now(dt.UTC).date()
    files = bulk_files(synthetic_catalogue(scale=SCALE, date=FIRST))
    del files["daily_papers.parquet"]
    folder = write_folder(tmp_path / "dump", files)
    settings = settings_of(hub, tmp_path / "data", today, bulk_source=str(folder))
    nowhere = HubAccess("http://127.0.0.1:9", None)
    said: list[str] = []

    def take(table: str, access: HubAccess):
        return fetch_bulk(table, settings, access, GATE, refetch=False, progress=said.append)

    models, papers = take("models", nowhere), take("daily_papers", nowhere)
    assert models and was_observed(models) and models.source_commit is None
    assert str(folder) not in models.source_label
    assert papers and not was_observed(papers) and papers.rows == 0
    assert take("organizations", access(hub)) is None, "they are left to a crawl"
    organizations = take("organizations", nowhere)
    assert organizations and not was_observed(organizations)
    assert said[-1] == f"organizations of {today} were not observed: the source does not have them"

    (folder / "models.parquet").unlink()
    with pytest.raises(LakeError, match=r"has no models\.parquet"):
        fetch_bulk("models", settings, nowhere, GATE, refetch=True, progress=print)


def test_a_lake_of_one_dump_takes_no_other(hub, tmp_path):
    settings = settings_of(hub, tmp_path / "data")
    fetch_bulk("models", settings, access(hub), GATE, refetch=False, progress=print)
    other = settings.model_copy(update={"bulk_source": "somebody/else"})
    with pytest.raises(LakeError, match="holds models of bulk"):
        fetch_bulk("models", other, access(hub), GATE, refetch=False, progress=print)


def test_all_tables_of_a_day_are_of_the_commit_that_its_first_table_took(tmp_path):
    with running_sandbox(synthetic_catalogue(scale=SCALE, date=FIRST), tmp_path / "hub") as hub:
        put(hub, FIRST, 4)
        settings = settings_of(hub, tmp_path / "data")
        first = fetch_bulk("models", settings, access(hub), GATE, refetch=False, progress=print)
        put(hub, FIRST, 20)
        second = fetch_bulk("datasets", settings, access(hub), GATE, refetch=False, progress=print)
        assert first and second and first.source_commit == second.source_commit


def test_only_a_source_with_a_history_can_be_filled_from_and_only_days_that_have_been(hub, tmp_path):
    settings = settings_of(hub, tmp_path / "data")
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    local = settings.model_copy(update={"bulk_source": str(tmp_path)})
    api = settings.model_copy(update={"source": "api"})
    for which, first, last in (
        (local, FIRST, FIRST),
        (api, FIRST, FIRST),
        (settings, DAYS[1], DAYS[0]),
        (settings, FIRST, tomorrow),
    ):
        with pytest.raises(SettingsError):
            backfill(which, access(hub), first, last, run_day=None, say=print)
    done = hubscape(
        "backfill",
        variables(hub, tmp_path / "data", HUBSCAPE_SOURCE="api"),
        "--from",
        "2026-10-01",
        "--to",
        "2026-10-02",
    )
    assert done.returncode == 2 and "HUBSCAPE_SOURCE=bulk" in done.stderr
    assert (
        hubscape("backfill", variables(hub, tmp_path / "data"), "--from", "yesterday", "--to", "today").returncode == 2
    )


def test_days_are_written_as_spans():
    assert spans(GAPS) == "2026-10-04 to 2026-10-05, 2026-10-11, 2026-10-21 to 2026-10-23"
    assert spans([]) == ""
