"""Runs a piece of a lake run and kills it before each of its file operations in turn.

Called as `python -m tests.unit.lake_crashes SCENARIO FOLDER`, a process of its own, since it forks. After each kill the
state on disk is judged and the ordinary run is made again, in processes of their own too. Prints the number of kills.
"""

import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from orchestration.hub.page import Page
from orchestration.lake.files import LakeError
from orchestration.lake.snapshot import snapshot_dir, snapshots, sweep, verify, write_snapshot
from orchestration.lake.spool import Spool
from tests.spool import pages_of

DAY = date(2026, 11, 23)
PAGES = 3
_OPERATIONS = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"})


def page(number: int, crawl: int) -> Page:
    """Page `number` of a crawl of PAGES pages; its rows tell page and crawl."""
    return Page(
        rows=[{"id": f"owner/{number}-{row}", "likes": crawl} for row in range(3)],
        cursor=f"/api/models?cursor={number + 1}" if number + 1 < PAGES else None,
        observed_at=datetime(2026, 11, 23, tzinfo=UTC) + timedelta(minutes=number),
        requests=1,
        synthetic=True,
        not_found=[],
    )


def ordinary_run(data_dir: Path, crawl: int) -> None:
    """What a run does: takes up the spool where it is, crawls the rest, writes the snapshot."""
    with Spool.open(data_dir, "models", DAY, source="api", source_label="test") as spool:
        while not spool.is_finished:
            number = int(spool.cursor.rpartition("=")[2]) if spool.cursor else 0
            spool.append(page(number, crawl))
        write_snapshot(spool)


def expect_whole(data_dir: Path, crawls: set[int]) -> None:
    """There is one snapshot, whole, of one of `crawls`, and nothing else beside it."""
    assert snapshots(data_dir, "models") == [DAY]
    manifest = verify(data_dir, "models", DAY)
    rows = pq.read_table(snapshot_dir(data_dir, "models", DAY) / "part-00000.parquet").to_pylist()
    assert [row["id"] for row in rows] == [f"owner/{n}-{row}" for n in range(PAGES) for row in range(3)]
    assert manifest.rows == 3 * PAGES and manifest.requests == PAGES and manifest.complete
    assert {row["likes"] for row in rows} <= crawls


def expect_nothing_left_over(data_dir: Path) -> None:
    """Neither spool nor half-built folders."""
    assert sorted(path.name for path in (data_dir / "raw" / "models").iterdir()) == [f"snapshot_date={DAY}"]
    assert sorted(path.name for path in (data_dir / "spool" / "models").iterdir()) == [".lock"]


def first_snapshot(data_dir: Path) -> None:
    """State after a kill while the first snapshot is made: none, or a whole one; a run then makes it."""
    if snapshots(data_dir, "models"):
        expect_whole(data_dir, {1})
    with Spool.open(data_dir, "models", DAY, source="api", source_label="test") as spool:
        stored = pages_of(spool)
        assert stored == [page(number, 1) for number in range(len(stored))]
        assert spool.cursor == (stored[-1].cursor if stored else None)
        # Pages that were on their way out are not taken for a crawl to go on with.
        assert spool.is_finished or not stored or not snapshots(data_dir, "models")
    ordinary_run(data_dir, 1)
    expect_whole(data_dir, {1})
    expect_nothing_left_over(data_dir)


def replaced_snapshot(data_dir: Path) -> None:
    """State after a kill while a snapshot is replaced: the next run has a whole one, old or new, and makes the new."""
    with Spool.open(data_dir, "models", DAY, source="api", source_label="test"):
        sweep(data_dir, "models")
    expect_whole(data_dir, {1, 2})
    ordinary_run(data_dir, 2)
    expect_whole(data_dir, {2})
    expect_nothing_left_over(data_dir)


def in_child(work: Callable[[], None]) -> int:
    """The wait status of `work` done in a process of its own."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    status = 1
    try:
        work()
        status = 0
    finally:
        if status:
            traceback.print_exc()
        os._exit(status)


def kill_at(number: int, folder: Path, work: Callable[[], None]) -> None:
    """Does `work`, and kills this process before its file operation `number` in `folder`."""
    seen = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal seen
        # A tree is removed by names relative to its folders.
        if event in _OPERATIONS and str(folder / str(arguments[0])).startswith(str(folder)):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    work()


def kill_everywhere(folder: Path, judge: Callable[[Path], None], crawl: int) -> int:
    """Kills an ordinary run before each of its file operations, each time on a fresh lake; how often that was."""
    number = 0
    ordinary_run(folder / "0", 1)  # here, so that no child has to import what it needs
    while True:
        number += 1
        data_dir = folder / str(number)
        if crawl == 2:
            assert in_child(lambda d=data_dir: ordinary_run(d, 1)) == 0
        status = in_child(lambda n=number, d=data_dir: kill_at(n, d, lambda: ordinary_run(d, crawl)))
        if status == 0:
            return number - 1
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        assert in_child(lambda d=data_dir: judge(d)) == 0, f"after a kill before operation {number}"


def disk_full(data_dir: Path) -> None:
    """A file system that takes no more: a sentence, and nothing half-written; with space again the run goes on."""
    with Spool.open(data_dir, "models", DAY, source="api", source_label="test") as spool:
        for number in range(PAGES):
            spool.append(page(number, 1))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        for size in (0, 100, 1000, 2000):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
            try:
                write_snapshot(spool)
            except LakeError as error:
                assert "free some space" in str(error), error
            else:
                raise AssertionError(f"a snapshot fits into {size} bytes")
            assert list((data_dir / "raw" / "models").iterdir()) == []
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, hard))
        with Spool.open(data_dir, "datasets", DAY, source="api", source_label="test") as other:
            try:
                other.append(page(0, 1))
            except LakeError as error:
                assert "free some space" in str(error), error
            else:
                raise AssertionError("a page fits into 50 bytes")
            assert other.cursor is None and pages_of(other) == []
            assert list((data_dir / "spool" / "datasets" / f"snapshot_date={DAY}").iterdir()) == []
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            other.append(page(0, 1))
            assert pages_of(other) == [page(0, 1)]
    ordinary_run(data_dir, 1)
    expect_whole(data_dir, {1})


def flat_memory(data_dir: Path) -> None:
    """Stores and writes 200 pages of 1,000 rows; peak memory of this process, in MiB, must stay below 500."""
    tags = [f"tag-{n}" for n in range(20)]
    with Spool.open(data_dir, "models", DAY, source="api", source_label="test") as spool:
        for number in range(200):
            rows = [{"id": f"owner-{number}/{n}", "tags": [f"{n} {tag}" for tag in tags]} for n in range(1000)]
            cursor = str(number) if number < 199 else None
            spool.append(Page(rows, cursor, datetime(2026, 11, 23, tzinfo=UTC), 1, True, []))
        manifest = write_snapshot(spool)
    assert (manifest.rows, manifest.duplicate_rows) == (200_000, 0)
    # Not ru_maxrss, which begins with what the process that started this one had.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    assert peak < 500, f"{peak} MiB"


if __name__ == "__main__":
    scenario, folder = sys.argv[1], Path(sys.argv[2])
    if scenario == "first":
        print(kill_everywhere(folder, first_snapshot, 1))
    elif scenario == "replaced":
        print(kill_everywhere(folder, replaced_snapshot, 2))
    elif scenario == "disk-full":
        disk_full(folder)
    elif scenario == "memory":
        flat_memory(folder)
