"""An incremental day that is killed before each of its file operations in turn, or finds the disk full.

Run as a module it does the kills, in a process of its own, since it forks.
"""

import resource
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from orchestration.hub.page import Page
from orchestration.lake.files import LakeError
from orchestration.lake.merge import merge_snapshot
from orchestration.lake.snapshot import read_manifest, snapshot_dir, snapshots, verify, write_snapshot
from orchestration.lake.spool import Spool
from tests.support import PROJECT
from tests.unit.lake_crashes import in_child, kill_at

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
PAGES = 2


def opened(data_dir: Path, day: date):
    return Spool.open(data_dir, "models", day, source="api", source_label="test")


def page(number: int, likes: int, *, last: bool) -> Page:
    rows = [{"id": f"owner/{number}-{row}", "likes": likes} for row in range(3)]
    at = datetime(2026, 11, 22 + likes, tzinfo=UTC) + timedelta(minutes=number)
    return Page(rows, None if last else f"{number + 1}", at, 1, True, [])


def whole_day(data_dir: Path) -> None:
    """Monday: three pages of three repos with one like each."""
    with opened(data_dir, MONDAY) as spool:
        for number in range(3):
            spool.append(page(number, 1, last=number == 2))
        write_snapshot(spool)


def incremental_day(data_dir: Path) -> None:
    """Tuesday, as a run does it: takes up the spool where it is, crawls the rest, merges. Two likes on two pages."""
    with opened(data_dir, TUESDAY) as spool:
        while not spool.is_finished:
            number = int(spool.cursor or 0)
            spool.append(page(number, 2, last=number == PAGES - 1))
        merge_snapshot(spool, read_manifest(data_dir, "models", MONDAY))


def expect_whole(data_dir: Path) -> None:
    assert snapshots(data_dir, "models") == [MONDAY, TUESDAY]
    manifest = verify(data_dir, "models", TUESDAY)
    files = [snapshot_dir(data_dir, "models", TUESDAY) / file.path for file in manifest.files]
    likes = {row["id"]: row["likes"] for file in files for row in pq.read_table(file).to_pylist()}
    assert likes == {f"owner/{n}-{row}": 2 if n < PAGES else 1 for n in range(3) for row in range(3)}
    assert (manifest.rows, manifest.requests, manifest.full_crawl_date) == (9, PAGES, MONDAY)


def judged(data_dir: Path) -> None:
    """After a kill there is no snapshot or a whole one; an ordinary run makes it, and nothing is left beside it."""
    if TUESDAY in snapshots(data_dir, "models"):
        expect_whole(data_dir)
    incremental_day(data_dir)
    expect_whole(data_dir)
    verify(data_dir, "models", MONDAY)
    names = sorted(path.name for path in (data_dir / "raw" / "models").iterdir())
    assert names == [f"snapshot_date={MONDAY}", f"snapshot_date={TUESDAY}"]
    assert [path.name for path in (data_dir / "spool" / "models").iterdir()] == [".lock"]


def kill_everywhere(folder: Path) -> int:
    """How often an incremental day was killed, each time on a lake of its own."""
    number = 0
    whole_day(folder / "0")
    incremental_day(folder / "0")  # here, so that no child has to import what it needs
    while True:
        number += 1
        data_dir = folder / f"{number}"
        assert in_child(lambda d=data_dir: whole_day(d)) == 0
        status = in_child(lambda n=number, d=data_dir: kill_at(n, d, lambda: incremental_day(d)))
        if status == 0:
            return number - 1
        assert status == signal.SIGKILL, status
        assert in_child(lambda d=data_dir: judged(d)) == 0, f"after a kill before operation {number}"


def disk_full(data_dir: Path) -> None:
    """A file system that takes no more: a sentence and nothing half-written; with space again the run goes on."""
    whole_day(data_dir)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with opened(data_dir, TUESDAY) as spool:
        for number in range(PAGES):
            spool.append(page(number, 2, last=number == PAGES - 1))
        for size in (0, 100, 1000, 2000, 4000):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
            try:
                merge_snapshot(spool, read_manifest(data_dir, "models", MONDAY))
            except LakeError as error:
                assert "free some space" in str(error), error
            else:
                raise AssertionError(f"a snapshot fits into {size} bytes")
            assert [path.name for path in (data_dir / "raw" / "models").iterdir()] == [f"snapshot_date={MONDAY}"]
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    incremental_day(data_dir)
    expect_whole(data_dir)


def run(scenario: str, folder: Path) -> str:
    command = [sys.executable, "-m", "tests.unit.test_merge_crashes", scenario, str(folder)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_incremental_day_survives_a_kill_before_each_of_its_file_operations(tmp_path):
    assert int(run("kills", tmp_path)) > 20


def test_a_full_disk_leaves_nothing_half_merged(tmp_path):
    run("disk-full", tmp_path)


if __name__ == "__main__":
    if sys.argv[1] == "kills":
        print(kill_everywhere(Path(sys.argv[2])))
    else:
        disk_full(Path(sys.argv[2]))
