"""Hands a made-up Hub out in the forms that Hubscape and its peers read: a lake's snapshots, bulk files, list pages.

Belongs here: how a form looks. Not: what the Hub holds (generator). Every form is cut from the same rows, so that what
is read from one of them equals what is read from another.
"""

import gzip
import hashlib
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.generator import PART_ROWS, connect, described
from orchestration.lake.manifest import MANIFEST_NAME, Manifest, SnapshotFile
from orchestration.lake.schemas import OUR_COLUMNS, SCHEMAS
from orchestration.lake.snapshot import snapshot_dir

PAGE_ROWS = 1_000
PAGE_TABLES = ("models", "datasets", "spaces")


def source_label(hub: Path) -> str:
    """What the manifests of a lake made of `hub` say of their source."""
    scale, day, seed = described(hub)
    return f"benchmark; scale={scale}; seed={seed}; date={day}"


def observed_at(day: date) -> datetime:
    """When the first page of a crawl on `day` came; each further one came a second later."""
    return datetime(day.year, day.month, day.day, 1, tzinfo=UTC)


def write_lake(hub: Path, data_dir: Path, day: date) -> None:
    """Writes whole snapshots of all raw tables for `day` below `data_dir`, as a crawl of the Hub would leave them."""
    for table in SCHEMAS:
        final = snapshot_dir(data_dir, table, day)
        building = final.with_name(f".building-{day}-{os.getpid()}")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        files = list(_write_parts(hub, table, building, day))
        rows = sum(file.rows for file in files)
        pages = max(1, -(-rows // PAGE_ROWS))
        manifest = Manifest(
            table=table,
            snapshot_date=day,
            source="sandbox",
            source_label=source_label(hub),
            synthetic=True,
            complete=True,
            rows=rows,
            faulty_rows=0,
            duplicate_rows=0,
            bytes=sum(file.bytes for file in files),
            files=files,
            requests=pages,
            first_observed_at=observed_at(day),
            last_observed_at=observed_at(day) + timedelta(seconds=pages - 1),
            not_found=[],
            unknown_fields={},
        )
        (building / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=2))
        shutil.rmtree(final, ignore_errors=True)
        building.rename(final)


def _write_parts(hub: Path, table: str, folder: Path, day: date) -> Iterator[SnapshotFile]:
    # As a case without an else, so that a column that happens to hold no null is not declared to be without them.
    columns = ", ".join(
        f'case when file_row_number < {PART_ROWS} then "{column.name}" end as "{column.name}"'
        for column in SCHEMAS[table]
        if column.name not in OUR_COLUMNS
    )
    first = f"timestamptz '{observed_at(day).isoformat()}'"
    before = 0
    with connect(folder) as connection:
        for part in sorted((hub / table).glob("*.parquet")):
            path = folder / part.name
            (rows,) = connection.execute(f"""
                copy (select {columns}, case when file_row_number < {PART_ROWS} then
                        {first} + to_seconds(({before} + file_row_number) // {PAGE_ROWS}) end as observed_at,
                    null::varchar as extra, null::varchar as fault
                    from read_parquet('{part}', file_row_number = true))
                to '{path}' (format parquet, compression zstd, row_group_size 122880)""").fetchone()
            before += rows
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            yield SnapshotFile(path=path.name, bytes=path.stat().st_size, rows=rows, sha256=sha256)


def write_bulk(hub: Path, folder: Path) -> None:
    """Writes the Hub as a bulk dataset has it: one Parquet file a table, as cfahlgren1/hub-stats lays them out.

    No organizations, and of repos neither `_id`, `sha`, `private` nor `gated`; a model's card and config are JSON text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    common = "id, author, createdAt, lastModified"
    card = """cast(to_json(struct_pack(license := (list_filter(tags, lambda t: starts_with(t, 'license:')))[1],
        tags := tags)) as varchar) as cardData"""
    selects = {
        "models": f"""{common}, downloads, downloadsAllTime, likes, trendingScore, tags, {card},
            case when safetensors is not null then struct_pack(parameters := safetensors.parameters,
                total := safetensors.total) end as safetensors,
            gguf, baseModels, pipeline_tag, library_name,
            [struct_pack(rfilename := 'README.md'), struct_pack(rfilename := 'config.json')] as siblings,
            '{{"model_type":"bench"}}' as config""",
        "datasets": f"{common}, downloads, downloadsAllTime, likes, trendingScore, tags, {card}",
        "spaces": f"{common}, likes, trendingScore, tags, sdk, models, datasets, {card}",
        "daily_papers": "date, paper, publishedAt, title, numComments, organization",
    }
    with connect(folder) as connection:
        for table, columns in selects.items():
            temporary = folder / f".{table}.parquet.tmp"
            connection.execute(
                f"copy (select {columns} from read_parquet('{hub / table}/*.parquet'))"
                f" to '{temporary}' (format parquet, compression zstd, row_group_size 122880)"
            )
            temporary.replace(folder / f"{table}.parquet")


def write_pages(
    hub: Path, folder: Path, kind: str, rows: int = PAGE_ROWS, *, sort: str = "createdAt", most: int | None = None
) -> int:
    """Writes the list of `kind` as the Hub answers it, highest `sort` first, and returns how many pages there are.

    Each page is `page-NNNNN.json.gz`: the JSON array of up to `rows` objects, without the fields that are null. At most
    the first `most` rows are written, all if None.
    """
    shutil.rmtree(folder, ignore_errors=True)
    building = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    number = 0
    for number, page in enumerate(_pages(hub, kind, rows, building, sort, most), 1):
        body = b"[" + ",".join(page).encode() + b"]"
        (building / f"page-{number - 1:05}.json.gz").write_bytes(gzip.compress(body, compresslevel=1, mtime=0))
    building.rename(folder)
    return number


def _pages(hub: Path, kind: str, rows: int, scratch: Path, sort: str, most: int | None) -> Iterator[list[str]]:
    page: list[str] = []
    text = f"select {_row_text(kind)} as text from"
    parts = [f"{text} read_parquet('{part}')" for part in sorted((hub / kind).glob("*.parquet"))]
    if (sort, most) != ("createdAt", None):
        # The order of the rows as they lie there is newest first.
        first = f"select * from read_parquet('{hub / kind}/*.parquet') order by {sort} desc, _id desc"
        parts = [f"{text} ({first}{'' if most is None else f' limit {most}'})"]
    with connect(scratch) as connection:
        for query in parts:
            texts = connection.sql(query)
            for batch in texts.to_arrow_reader(50_000):
                page += batch.column(0).to_pylist()
                while len(page) >= rows:
                    yield page[:rows]
                    page = page[rows:]
    if page:
        yield page


def _row_text(kind: str) -> str:
    """SQL for a row as the Hub writes it; ids and words of the generator need no escaping, lists get theirs."""
    plain = {"_id", "id", "author", "sha", "pipeline_tag", "library_name", "sdk"}
    moments = {"createdAt", "lastModified"}
    pieces = []
    for column in SCHEMAS[kind]:
        name = column.name
        if name in OUR_COLUMNS:
            continue
        if name in plain:
            value = f"'\"', \"{name}\", '\"'"
        elif name in moments:
            value = f"strftime({name}, '\"%Y-%m-%dT%H:%M:%S.000Z\"')"
        elif name == "gated":
            value = "case when gated in ('auto', 'manual') then concat('\"', gated, '\"') else gated end"
        elif name == "trendingScore":
            value = "cast(trendingScore as bigint)"
        elif name == "safetensors":
            value = "'{\"parameters\":', to_json(safetensors.parameters), ',\"total\":', safetensors.total, '}'"
        else:
            value = f"to_json({name})"
        text = f"concat(',\"{name}\":', {value})" if name != "_id" else f"concat('{{\"_id\":', {value})"
        pieces.append(f"case when {name} is null then '' else {text} end")
    return f"concat({', '.join(pieces)}, '}}')"
