"""How many rows a second does a crawl of the list of models take in, with all of the client's own work?

Ours reads pages of a loopback server through the session and stores them in the spool, fsynced. Peer: huggingface_hub's
`HfApi.list_models` with the same fields, on the first rows where the whole would take minutes; compared by row. Equal:
rows and sums of counters and tags over those first rows.
"""

import argparse
import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import DAY, Bench, Finding, Verdict, stopwatch
from benchmarks.measure import PROJECT, BenchmarkFailed, Program, environment, python, say

SAMPLE_ROWS = 100_000  # for the peer that takes minutes
ORIGIN = {"source": "sandbox", "source_label": "benchmark"}  # of what is spooled


def measure(bench: Bench) -> Finding:
    """Measures both against a server in a process of its own, which no figure counts."""
    data = bench.scratch / "crawl"
    with serving(bench.pages()) as url:
        objects, ours = bench.compare(
            [
                Program(
                    f"HfApi.list_models, first {SAMPLE_ROWS:,} rows at most", python("benchmarks.crawl", "objects", url)
                ),
                Program("hubscape listing and spool", python("benchmarks.crawl", "ours", url, str(data))),
            ],
            before=lambda: shutil.rmtree(data, ignore_errors=True),
        )
    bench.made("spool-models", lambda folder: data.rename(folder))
    shutil.rmtree(data, ignore_errors=True)
    return Finding(
        "crawl: the list of models from a loopback Hub",
        [ours, objects],
        [
            Verdict("rows a second", ours.rows / ours.median_work_seconds, 40_000, "rows/s", True),
            Verdict("peak memory", ours.peak / 2**20, 500, "MiB"),
            Verdict(
                "the client's own work by row, HfApi.list_models / ours",
                objects.cpu_seconds_a_row / ours.cpu_seconds_a_row,
                3,
                "x",
                True,
            ),
        ],
        [
            f"{ours.rows:,} rows in {ours.said['requests']:,} requests; the server ran beside it on the same cores."
            " Rows a second are of wall time; the client's own work is its seconds of the processor, by wall time the"
            f" ratio is {objects.seconds_a_row / ours.seconds_a_row:.2f}. Ours stores what it reads, fsynced; the peer"
            " only makes its objects."
        ],
    )


@contextlib.contextmanager
def serving(pages: Path) -> Iterator[str]:
    """The address of a server of the pages, for as long as the block lasts."""
    process = subprocess.Popen(
        python("benchmarks.pages_server", str(pages)),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=environment({}),
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None  # they are pipes
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise BenchmarkFailed(
                "The server of pages did not start: run `python -m benchmarks.pages_server` to see why."
            )
        yield url
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


def _ours(url: str, data_dir: str) -> None:
    from orchestration.hub.listing import pages
    from orchestration.hub.session import HubSession
    from orchestration.lake.spool import Spool

    folder = Path(data_dir)
    session = HubSession(url, None)
    rows = 0
    with stopwatch() as seconds, Spool.open(folder, "models", DAY, **ORIGIN) as spool:
        for page in pages(session, "models"):
            spool.append(page)
            rows += len(page.rows)
    with stopwatch() as aside:
        answer = _first_rows(folder)
    say(
        answer=answer, rows=rows, requests=session.requests, work_seconds=seconds[0], work_cpu_seconds=seconds[1],
        aside_seconds=aside[0],
    )  # fmt: skip


def _first_rows(data_dir: Path) -> list[int]:
    """Sums over the first rows as they were stored, by another reader than the one that stored them."""
    import duckdb

    files = sorted((data_dir / "spool" / "models" / f"snapshot_date={DAY}").glob("page-*.json.zst"))
    listed = ", ".join(f"'{file}'" for file in files[: SAMPLE_ROWS // 1000])
    columns = "{id: 'varchar', downloads: 'bigint', likes: 'bigint', tags: 'varchar[]'}"
    with duckdb.connect(config={"threads": 2}) as connection:
        return list(
            connection.execute(
                "select count(*), cast(sum(downloads) as bigint), cast(sum(likes) as bigint),"
                f" cast(sum(len(tags)) as bigint) from read_json([{listed}], columns = {columns}, format = 'array',"
                " compression = 'zstd') where id is not null"
            ).fetchone()
        )


def _objects(url: str) -> None:
    from huggingface_hub import HfApi

    from orchestration.hub.listing import FIELDS

    api = HfApi(endpoint=url, token=False)
    sums = [0, 0, 0, 0]
    with stopwatch() as seconds:
        for info in api.list_models(sort="createdAt", expand=list(FIELDS["models"]), limit=SAMPLE_ROWS):
            sums[0] += 1
            sums[1] += info.downloads
            sums[2] += info.likes
            sums[3] += len(info.tags)
    say(answer=sums, rows=sums[0], work_seconds=seconds[0], work_cpu_seconds=seconds[1])


def main() -> None:
    """Runs one program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=["ours", "objects"])
    parser.add_argument("words", nargs="*")
    given = parser.parse_args()
    {"ours": _ours, "objects": _objects}[given.program](*given.words)


if __name__ == "__main__":
    main()
