"""The run history of one machine: Dagster's own files, which a killed process leaves whole and any Dagster can read."""

import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage

from orchestration.commands.run import instance
from orchestration.run_history import SqliteEvents


@dg.asset(check_specs=[dg.AssetCheckSpec("full", asset="table")])
def table() -> Iterator[dg.MaterializeResult]:
    yield dg.MaterializeResult(
        metadata={"dagster/row_count": 3}, check_results=[dg.AssetCheckResult(passed=True, check_name="full")]
    )


JOB = dg.Definitions([table], jobs=[dg.define_asset_job("job")]).resolve_job_def("job")
OPEN = Path("/proc/self/fd")
SUCCESS = dg.DagsterEventType.RUN_SUCCESS


def run(within: dg.DagsterInstance) -> str:
    done = JOB.execute_in_process(instance=within)
    assert done.success
    return done.run_id


def folder(data_dir: Path) -> str:
    return str(data_dir / "dagster" / "history" / "runs")


def test_what_is_written_is_what_dagsters_own_storage_reads_and_the_other_way_round(tmp_path):
    with instance(tmp_path) as ours:
        assert type(ours.event_log_storage) is SqliteEvents
        runs = [run(ours), run(ours)]
        written = [[event.to_json() for event in ours.all_logs(run_id)] for run_id in runs]
        plain = SqliteEventLogStorage(folder(tmp_path))
        assert [[event.to_json() for event in plain.get_logs_for_run(run_id)] for run_id in runs] == written
        record = ours.get_latest_asset_check_evaluation_record(dg.AssetCheckKey(table.key, "full"))
        assert record.run_id == runs[1] and record.status.value == "SUCCEEDED"

        entry = ours.all_logs(runs[0])[0]._replace(run_id="of another version")
        plain.store_event(entry)
        assert ours.all_logs("of another version") == [entry]


def test_runs_that_ended_are_told_once_each_in_the_order_in_which_they_ended(tmp_path):
    with instance(tmp_path) as ours:
        runs = [run(ours) for _ in range(3)]
        told = ours.fetch_run_status_changes(SUCCESS, limit=9, ascending=True).records
        assert [record.event_log_entry.run_id for record in told] == runs
        later = dg.RunStatusChangeRecordsFilter(SUCCESS, after_storage_id=told[0].storage_id)
        assert [r.storage_id for r in ours.fetch_run_status_changes(later, limit=1, ascending=True).records] == [
            told[1].storage_id
        ]


def test_a_process_that_looks_on_sees_events_and_a_folder_that_was_removed_is_made_anew(tmp_path):
    with instance(tmp_path) as looking:
        with instance(tmp_path) as writing:
            first = run(writing)
        assert looking.get_latest_materialization_event(table.key).run_id == first
        shutil.rmtree(tmp_path / "dagster" / "history" / "runs")
        (tmp_path / "dagster" / "history" / "runs").mkdir()
        with instance(tmp_path) as writing:
            second = run(writing)
        assert looking.get_latest_materialization_event(table.key).run_id == second


def test_more_runs_are_read_than_files_are_kept_open(tmp_path):
    with instance(tmp_path) as ours:
        entry = ours.all_logs(run(ours))[0]
        for number in range(10):
            ours.event_log_storage.store_event(entry._replace(run_id=f"{number}"))
        assert all(len(ours.all_logs(f"{number}")) == 1 for number in range(10))
        opened = [descriptor.readlink() for descriptor in OPEN.iterdir() if descriptor.is_symlink()]
        assert len({path for path in opened if path.suffix == ".db" and tmp_path in path.parents}) <= 9


def test_a_killed_process_leaves_every_event_that_it_had_written_and_files_that_are_whole(tmp_path):
    with instance(tmp_path) as before:
        entry = before.all_logs(run(before))[0]
    if not (child := os.fork()):
        storage = SqliteEvents(folder(tmp_path))
        for number in range(40):
            storage.store_event(entry._replace(run_id="killed", user_message=f"{number}"))
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL

    with instance(tmp_path) as after:
        assert [event.user_message for event in after.all_logs("killed")] == [f"{n}" for n in range(40)]
        assert run(after)
    for path in Path(folder(tmp_path)).glob("*.db"):
        with sqlite3.connect(path) as connection:
            assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
