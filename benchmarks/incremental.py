"""What does an incremental day cost, against the full refresh?

Ours alone: `hubscape run` with `HUBSCAPE_REFRESH=incremental`, on the day after a refresh, when a hundredth of all repos
has changed; each time from what that refresh has left, in the data folder and on the Hub. Equal: every raw list has as
many rows as the Hub.
"""

import shutil
from datetime import timedelta
from pathlib import Path

from benchmarks.bench import DAY, Bench, Finding, Verdict
from benchmarks.forms import PAGE_TABLES, write_pages
from benchmarks.generator import write_next_day
from benchmarks.measure import Measured, Program, python
from benchmarks.refresh import NO_QUOTA, refreshed, require_all_rows, serving, variables

CHANGED_SHARE = 0.01
_SORTS = ("lastModified", "downloads", "likes", "trendingScore")
_HEAD = 200_000  # what a day reads of any order is less


def measure(bench: Bench) -> Finding:
    """Measures the day, against the refresh that was measured before it."""
    measured = incremental_days(bench, f"hubscape run, incremental, {CHANGED_SHARE:.0%} changed")
    full = float((refreshed(bench) / "seconds").read_text())
    return Finding(
        "incremental: a day on which 1 % changed",
        [measured],
        [Verdict("an incremental day / the full refresh", measured.median_seconds / full, 0.3, "x")],
        [f"The full refresh took {full:.1f} s. The Hub of both counts no requests and is as near as can be."],
    )


def incremental_days(bench: Bench, name: str, *, runs: int | None = None, quota: int = NO_QUOTA) -> Measured:
    """Measures the day after a refresh, each time anew. `quota`: requests that the Hub answers in 300 s."""
    start, folder = refreshed(bench), bench.scratch / "day-after"
    hub = bench.made("hub-next-day", lambda made: write_next_day(bench.hub(), made, CHANGED_SHARE))
    pages = bench.made("pages-next-day", lambda made: _pages(hub, made))
    after = DAY + timedelta(days=1)
    measured = Measured(name)
    for _ in range(runs or bench.runs):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(start, folder)
        with serving(hub, pages, folder / "store", quota) as url:
            data = folder / "data"
            settings = {**variables(data, url, after), "HUBSCAPE_REFRESH": "incremental"}
            bench.compare([Program(name, python("orchestration.cli", "run"), settings)], runs=1, into=[measured])
            require_all_rows(hub, data, after)
    shutil.rmtree(folder, ignore_errors=True)
    return measured


def _pages(hub: Path, folder: Path) -> None:
    folder.mkdir()
    for kind in PAGE_TABLES:
        write_pages(hub, folder / kind, kind, most=_HEAD)
        for sort in _SORTS if kind != "spaces" else [sort for sort in _SORTS if sort != "downloads"]:
            write_pages(hub, folder / f"{kind}-{sort}", kind, sort=sort, most=_HEAD)
