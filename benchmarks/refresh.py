"""What does a whole refresh cost, from the pages of a Hub to the verified publication, and how does that grow?

Ours alone: `hubscape run` against a Hub on this machine that serves lists, overviews and papers and takes the
publication; that Hub runs in a process of its own and is not counted. Beside it the same at a tenth of the size. Equal:
every raw list has as many rows as the Hub.
"""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from benchmarks.bench import DAY, Bench, Finding, Verdict
from benchmarks.forms import PAGE_TABLES
from benchmarks.measure import PROJECT, BenchmarkFailed, Measured, Program, environment, python

LEFT = "refreshed"  # what a refresh has left: `data`, the `store` of its Hub, and its `seconds`
REPO = "hubscape-sandbox/observatory"
NO_QUOTA = 10_000_000  # more requests than anybody sends


def measure(bench: Bench) -> Finding:
    """Measures the refresh and the one at a tenth."""
    small = Bench(bench.root, bench.scale / 10, bench.runs, bench.seed)
    with bench.making(LEFT):
        full = refresh(bench, "hubscape run", keep=True)
    tenth = refresh(small, "hubscape run at a tenth of the size")
    return Finding(
        "refresh: from raw pages to the verified publication",
        [full, tenth],
        [
            Verdict("seconds", full.median_seconds, 180, "s"),
            Verdict("peak memory", full.peak / 2**20, 4096, "MiB"),
            Verdict("growth of time, size times ten", full.median_seconds / tenth.median_seconds, 11, "x"),
            Verdict("growth of memory, size times ten", full.peak / tenth.peak, 5, "x"),
        ],
    )


def refreshed(bench: Bench) -> Path:
    """What a refresh has left, for the question that starts there."""
    with bench.making(LEFT):
        if not bench.state(LEFT).exists():
            refresh(bench, "hubscape run", runs=1, keep=True)
    return bench.state(LEFT)


def refresh(bench: Bench, name: str, *, runs: int | None = None, quota: int = NO_QUOTA, keep: bool = False) -> Measured:
    """Measures full refreshes, each into an empty data folder and repo; what the last has left is kept if that is said.

    `quota`: requests that the Hub answers in 300 s.
    """
    folder = bench.scratch / "refresh"
    measured = Measured(name)
    for _ in range(runs or bench.runs):
        # A Hub of its own for each: what is published already is not published again.
        shutil.rmtree(folder, ignore_errors=True)
        with serving(bench.hub(), bench.pages(), folder / "store", quota) as url:
            data = folder / "data"
            program = Program(name, python("orchestration.cli", "run"), variables(data, url, DAY))
            bench.compare([program], runs=1, into=[measured])
            require_all_rows(bench.hub(), data, DAY)
    if keep:
        (folder / "seconds").write_text(str(measured.median_seconds))
        shutil.rmtree(bench.state(LEFT), ignore_errors=True)
        bench.made(LEFT, lambda left: folder.rename(left))
    shutil.rmtree(folder, ignore_errors=True)
    return measured


def variables(data: Path, url: str, day: date) -> dict[str, str]:
    """The settings of a run against the Hub at `url`."""
    return {
        "HUBSCAPE_DATA_DIR": str(data),
        "HUBSCAPE_SNAPSHOT_DATE": day.isoformat(),
        "HUBSCAPE_PUBLISH_REPO": REPO,
        "HUBSCAPE_SOURCE": "sandbox",
        "HF_ENDPOINT": url,
    }


def require_all_rows(hub: Path, data: Path, day: date) -> None:
    """Requires that every raw list of that day has as many rows as the Hub.

    Raises:
        BenchmarkFailed: one has not.
    """
    import duckdb

    for kind in PAGE_TABLES:
        manifest = data / "raw" / kind / f"snapshot_date={day}" / "_manifest.json"
        found = json.loads(manifest.read_text())["rows"]
        (wanted,) = duckdb.execute(f"select count(*) from read_parquet('{hub}/{kind}/*.parquet')").fetchone()
        if found != wanted:
            raise BenchmarkFailed(f"The refresh has {found:,} rows of {kind} where the Hub has {wanted:,}.")


@contextlib.contextmanager
def serving(hub: Path, pages: Path, store: Path, quota: int = NO_QUOTA) -> Iterator[str]:
    """The address of a whole Hub over the made-up one, for as long as the block lasts.

    `quota`: requests that it answers in 300 s.
    """
    process = subprocess.Popen(
        python("benchmarks.hub_server", str(hub), str(pages), str(store), str(quota)),
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
