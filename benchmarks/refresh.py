"""What does a whole refresh cost, from the pages of a Hub to the verified publication, and how does that grow?

Ours alone: `hubscape run` against a Hub on this machine that serves lists, overviews and papers and takes the
publication; that Hub runs in a process of its own and is not counted. Beside it the same at a tenth of the size, and an
incremental day on which a hundredth of all repos changed, against the full refresh. Equal: every raw list has as many
rows as the Hub.
"""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from benchmarks.bench import DAY, Bench, Finding, Verdict
from benchmarks.forms import PAGE_TABLES, write_pages
from benchmarks.generator import write_next_day
from benchmarks.measure import PROJECT, BenchmarkFailed, Measured, Program, environment, python

CHANGED_SHARE = 0.01
SORTS = ("lastModified", "downloads", "likes", "trendingScore")


def measure(bench: Bench) -> Finding:
    """Measures the refresh, the one at a tenth, and an incremental day where the project has one."""
    small = Bench(bench.root, bench.scale / 10, bench.runs, bench.seed)
    full, tenth = _refresh(bench, "hubscape run"), _refresh(small, "hubscape run at a tenth of the size")
    verdicts = [
        Verdict("seconds", full.median_seconds, 180, "s"),
        Verdict("peak memory", full.peak / 2**20, 4096, "MiB"),
        Verdict("growth of time, size times ten", full.median_seconds / tenth.median_seconds, 11, "x"),
        Verdict("growth of memory, size times ten", full.peak / tenth.peak, 5, "x"),
    ]
    programs, notes = [full, tenth], []
    # The hook for the incremental day: it is measured as soon as the project has the module that finds changes.
    if find_spec("orchestration.hub.changes"):
        day = _incremental_day(bench)
        programs.append(day)
        share = day.median_seconds / full.median_seconds
        verdicts.append(Verdict("an incremental day / the full refresh", share, 0.3, "x"))
    else:
        notes.append("An incremental day was not measured: this version of the project has none.")
    return Finding("refresh: from raw pages to the verified publication", programs, verdicts, notes)


def _refresh(bench: Bench, name: str) -> Measured:
    data, store = bench.scratch / "refresh", bench.scratch / "refresh-store"

    def ready() -> None:
        shutil.rmtree(data, ignore_errors=True)

    shutil.rmtree(store, ignore_errors=True)
    with serving(bench.hub(), bench.pages(), store) as url:
        # A repo of its own would need another name each time: the release is the same, and published is published.
        measured = Measured(name)
        for turn in range(bench.runs):
            variables = {
                **_variables(data, url, DAY.isoformat()),
                "HUBSCAPE_PUBLISH_REPO": f"hubscape-sandbox/run-{turn}",
            }
            (once,) = bench.compare(
                [Program(name, python("orchestration.cli", "run"), variables)], before=ready, runs=1
            )
            measured.seconds += once.seconds
            measured.peak_bytes += once.peak_bytes
            _require_all_rows(bench.hub(), data, DAY.isoformat())
    shutil.rmtree(data, ignore_errors=True)
    return measured


def _incremental_day(bench: Bench) -> Measured:
    """The day after a full crawl, each time from a copy of the data folder that the crawl has left."""
    start, data, store = bench.scratch / "day-before", bench.scratch / "day-after", bench.scratch / "day-store"
    hub = bench.made("hub-next-day", lambda folder: write_next_day(bench.hub(), folder, CHANGED_SHARE))
    pages = bench.made("pages-next-day", lambda folder: _next_pages(hub, folder))
    repo = {"HUBSCAPE_PUBLISH_REPO": "hubscape-sandbox/days"}
    for folder in (start, store):
        shutil.rmtree(folder, ignore_errors=True)
    with serving(bench.hub(), bench.pages(), store) as url:
        full = Program(
            "the day before", python("orchestration.cli", "run"), {**_variables(start, url, str(DAY)), **repo}
        )
        bench.compare([full], runs=1)
    after = str(DAY + timedelta(days=1))

    def ready() -> None:
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(start, data)

    with serving(hub, pages, store) as url:
        variables = {**_variables(data, url, after), **repo, "HUBSCAPE_REFRESH": "incremental"}
        name = f"hubscape run, incremental, {CHANGED_SHARE:.0%} changed"
        (measured,) = bench.compare([Program(name, python("orchestration.cli", "run"), variables)], before=ready)
        _require_all_rows(hub, data, after)
    for folder in (start, data):
        shutil.rmtree(folder, ignore_errors=True)
    return measured


def _next_pages(hub: Path, folder: Path) -> None:
    folder.mkdir()
    for kind in PAGE_TABLES:
        write_pages(hub, folder / kind, kind)
        for sort in SORTS if kind != "spaces" else [sort for sort in SORTS if sort != "downloads"]:
            # What a day reads of the other orders is their head.
            write_pages(hub, folder / f"{kind}-{sort}", kind, sort=sort, most=200_000)


def _variables(data: Path, url: str, day: str) -> dict[str, str]:
    return {
        "HUBSCAPE_DATA_DIR": str(data),
        "HUBSCAPE_SNAPSHOT_DATE": day,
        "HUBSCAPE_SOURCE": "sandbox",
        "HF_ENDPOINT": url,
    }


def _require_all_rows(hub: Path, data: Path, day: str) -> None:
    import duckdb

    for kind in PAGE_TABLES:
        manifest = data / "raw" / kind / f"snapshot_date={day}" / "_manifest.json"
        found = json.loads(manifest.read_text())["rows"]
        (wanted,) = duckdb.execute(f"select count(*) from read_parquet('{hub}/{kind}/*.parquet')").fetchone()
        if found != wanted:
            raise BenchmarkFailed(f"The refresh has {found:,} rows of {kind} where the Hub has {wanted:,}.")


@contextlib.contextmanager
def serving(hub: Path, pages: Path, store: Path) -> Iterator[str]:
    """The address of a whole Hub over the made-up one, for as long as the block lasts."""
    process = subprocess.Popen(
        python("benchmarks.hub_server", str(hub), str(pages), str(store)),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=environment({}),
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None  # they are pipes
    try:
        line = process.stdout.readline()
        if not line.startswith("Sandbox Hub: "):
            raise BenchmarkFailed("The Hub did not start: run `python -m benchmarks.hub_server` to see why.")
        yield line.removeprefix("Sandbox Hub: ").split()[0]
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()
