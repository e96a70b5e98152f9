"""How fast do spooled pages become a typed raw snapshot, and a bulk file of the same models?

Peers: a bare DuckDB `read_json` to Parquet over the same pages, and `ModelInfo` objects of huggingface_hub written by
pandas (over evenly spread pages where the whole would take minutes; compared by row). Equal: rows, and sums over ids,
counters, tags, parents and dates.
"""

import argparse
import gzip
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.bench import DAY, Bench, Finding, Verdict, fresh_copy, require_equal, stopwatch
from benchmarks.crawl import ORIGIN
from benchmarks.measure import Program, python, say

SAMPLE_PAGES = 100  # for the peer that takes minutes

# Sums that depend on every row; of hashes, so that no order is needed.
_SUMS = """
    select count(*), cast(sum(hash(id) % 1000003) as bigint), cast(sum(downloads) as bigint),
        cast(sum(likes) as bigint), cast(sum(len(tags)) as bigint), cast(sum(coalesce(len({parents}), 0)) as bigint),
        cast(sum(epoch({created}) % 1000003) as bigint)
    from read_parquet('{files}')
"""


def measure(bench: Bench) -> Finding:
    """Measures the four programs, the last on a sample."""
    spool = bench.made("spool-models", lambda folder: fill(bench.pages() / "models", folder))
    total = len(list((bench.pages() / "models").iterdir()))
    data, out = bench.scratch / "raw", bench.scratch / "raw-peer"

    def ready() -> None:
        fresh_copy(spool, data)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()

    file = bench.bulk() / "models.parquet"
    ours, bare, bulk = bench.compare(
        [
            Program("hubscape write_snapshot", python("benchmarks.raw", "ours", str(data))),
            Program("DuckDB read_json to Parquet", python("benchmarks.raw", "bare", str(data), str(out))),
            Program("hubscape write_bulk_snapshot", python("benchmarks.raw", "bulk", str(file), str(out))),
        ],
        before=ready,
    )
    (objects,) = bench.compare(
        [
            Program(
                f"ModelInfo and pandas, {min(SAMPLE_PAGES, total)} of {total} pages",
                python("benchmarks.raw", "objects", str(bench.pages() / "models"), str(out)),
            )
        ],
        before=ready,
    )
    (sample,) = bench.compare(
        [Program("the sample's sums by DuckDB", python("benchmarks.raw", "sample", str(bench.pages() / "models")))],
        runs=1,
    )
    require_equal(objects, sample)
    shutil.rmtree(data, ignore_errors=True)
    return Finding(
        "raw: spooled model rows to typed raw Parquet",
        [ours, bare, bulk, objects],
        [
            Verdict("seconds", ours.median_seconds, 15, "s"),
            Verdict("peak memory", ours.peak / 2**20, 700, "MiB"),
            Verdict("by row, ModelInfo and pandas / ours", objects.seconds_a_row / ours.seconds_a_row, 10, "x", True),
            Verdict("ours / bare DuckDB", ours.median_work_seconds / bare.median_work_seconds, 1.6, "x"),
        ],
        [
            "Ratios are of work seconds: without the start of Python and imports. The objects are of evenly spread"
            " pages, read and written once, as a whole."
        ],
    )


def fill(pages: Path, data_dir: Path, table: str = "models") -> None:
    """Fills the spool of `table` below `data_dir` with pages from disk, to the end."""
    from orchestration.hub.page import JsonRows, Page
    from orchestration.lake.spool import Spool

    files = sorted(pages.glob("*.json.gz"))
    came = datetime(DAY.year, DAY.month, DAY.day, 1, tzinfo=UTC)
    with Spool.open(data_dir, table, DAY, **ORIGIN) as spool:
        for number, path in enumerate(files, 1):
            rows = JsonRows(gzip.decompress(path.read_bytes()))
            cursor = str(number) if number < len(files) else None
            spool.append(Page(rows=rows, cursor=cursor, observed_at=came, requests=1, synthetic=True))


def _tell(
    files: str, rows: int, seconds: float, parents: str = "baseModels.models", created: str = "createdAt"
) -> None:
    import duckdb

    with stopwatch() as aside, duckdb.connect(config={"threads": 2, "memory_limit": "200MB"}) as connection:
        query = _SUMS.format(files=files, parents=parents, created=created)
        answer = list(connection.execute(query).fetchone())
    say(answer=answer, rows=rows, work_seconds=seconds, aside_seconds=aside[0])


def _ours(data_dir: Path) -> None:
    from orchestration.lake.snapshot import snapshot_dir, write_snapshot
    from orchestration.lake.spool import Spool

    with (
        stopwatch() as seconds,
        Spool.open(data_dir, "models", DAY, **ORIGIN) as spool,
    ):
        manifest = write_snapshot(spool)
    _tell(f"{snapshot_dir(data_dir, 'models', DAY)}/*.parquet", manifest.rows, seconds[0])


def _bare(data_dir: Path, out: Path) -> None:
    import duckdb

    from orchestration.lake.schemas import MODELS, OUR_COLUMNS, duckdb_type

    columns = ", ".join(f"'{c.name}': '{duckdb_type(c.type)}'" for c in MODELS if c.name not in OUR_COLUMNS)
    files = str(data_dir / "spool" / "models" / f"snapshot_date={DAY}" / "page-*.json.zst")
    with stopwatch() as seconds, duckdb.connect(config={"threads": 2}) as connection:
        (rows,) = connection.execute(
            f"copy (select * from read_json('{files}', columns = {{{columns}}}, format = 'array', compression = 'zstd')"
            f" where id is not null) to '{out}/models.parquet' (format parquet, compression zstd)"
        ).fetchone()
    _tell(f"{out}/models.parquet", rows, seconds[0])


def _bulk(file: Path, data_dir: Path) -> None:
    from orchestration.lake.bulk import BulkOrigin, write_bulk_snapshot
    from orchestration.lake.snapshot import snapshot_dir

    came = datetime(DAY.year, DAY.month, DAY.day, 1, tzinfo=UTC)
    with stopwatch() as seconds:
        manifest = write_bulk_snapshot([file], data_dir, "models", DAY, BulkOrigin("benchmark", came))
    _tell(f"{snapshot_dir(data_dir, 'models', DAY)}/*.parquet", manifest.rows, seconds[0])


def sample(pages: Path) -> list[Path]:
    """Evenly spread pages, at most `SAMPLE_PAGES`."""
    files = sorted(pages.glob("*.json.gz"))
    step = max(1, len(files) // SAMPLE_PAGES)
    return files[::step][:SAMPLE_PAGES]


def _objects(pages: Path, out: Path) -> None:
    import json

    import pandas as pd
    from huggingface_hub.hf_api import ModelInfo

    with stopwatch() as seconds:
        objects = [ModelInfo(**row) for path in sample(pages) for row in json.loads(gzip.decompress(path.read_bytes()))]
        frame = pd.DataFrame([_flat(info) for info in objects])
        frame.to_parquet(out / "models.parquet", compression="zstd")
    _tell(f"{out}/models.parquet", len(frame), seconds[0], parents="parents", created="created_at")


def _flat(info: Any) -> dict[str, Any]:
    safetensors = info.safetensors
    return {
        "id": info.id, "author": info.author, "sha": info.sha, "created_at": info.created_at,
        "last_modified": info.last_modified, "private": info.private, "gated": str(info.gated).lower(),
        "disabled": info.disabled, "downloads": info.downloads, "downloads_all_time": info.downloads_all_time,
        "likes": info.likes, "trending_score": info.trending_score, "tags": info.tags,
        "pipeline_tag": info.pipeline_tag, "library_name": info.library_name, "parameters": safetensors.total if safetensors else None,
        "gguf": (info.gguf or {}).get("total"),
        "relation": (info.base_models or {}).get("relation") if isinstance(info.base_models, dict) else None,
        "parents": [parent["id"] for parent in (info.base_models or {}).get("models", [])],
    }  # fmt: skip


def _sample(pages: Path) -> None:
    import duckdb

    files = ", ".join(f"'{path}'" for path in sample(pages))
    columns = (
        "{id: 'varchar', downloads: 'bigint', likes: 'bigint', tags: 'varchar[]', createdAt: 'timestamptz',"
        " baseModels: 'struct(models struct(id varchar)[])'}"
    )
    query = _SUMS.format(parents="baseModels.models", created="createdAt", files="")
    query = query.replace("read_parquet('')", f"read_json([{files}], columns = {columns}, format = 'array')")
    with stopwatch() as seconds, duckdb.connect(config={"threads": 2}) as connection:
        answer = list(connection.execute(query).fetchone())
    say(answer=answer, rows=answer[0], work_seconds=seconds[0])


def main() -> None:
    """Runs one program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=["ours", "bare", "bulk", "objects", "sample"])
    parser.add_argument("paths", nargs="*", type=Path)
    given = parser.parse_args()
    {"ours": _ours, "bare": _bare, "bulk": _bulk, "objects": _objects, "sample": _sample}[given.program](*given.paths)


if __name__ == "__main__":
    main()
