"""Turns a stranger's Parquet files of a bulk dump into a snapshot of one raw table.

Belongs here: whether such a file may be read at all, and whether it is newer than what is held. Not: where files come
from (hub.bulk), which of its columns becomes which of ours, and how (columns).

A file is read under a memory limit, by a connection that sees nothing else of this machine, in one pass.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.ground.engine import sql_name, sql_text
from orchestration.lake.columns import LEFT_OUT, Columns, missing_columns
from orchestration.lake.engine import closed_engine
from orchestration.lake.files import LakeError, locked
from orchestration.lake.ingest import ROW_GROUP_ROWS, Typed, drop_repeats
from orchestration.lake.manifest import Manifest
from orchestration.lake.rows import MAX_JSON_BYTES, TOO_LONG, add_unknown_fields, type_texts
from orchestration.lake.schemas import SCHEMAS
from orchestration.lake.snapshot import new_snapshot, previous_manifest, snapshot_dir, write_manifest

MAX_ROWS = 100_000_000
MAX_BYTES = 64 * 2**30  # of the columns that are read, unpacked
_MAX_FOOTER_BYTES = 64 * 2**20
_LARGE_TEXT = 2**30  # bytes of JSON text in a file; more are refused if they are
_MAX_UNPACKED = 200  # times those of the file: ten times is usual
_MAX_TEXT_AT_ONCE = 2**29
_VECTOR = 2_048  # the rows that DuckDB holds at a time
_TEXTS = 32  # those that are objects of Python at a time
_DAY_OF_PAGE = "paper.submittedOnDailyAt"  # dumps from before March 2025 are without it
_MAX_VALUES_A_ROW = 200  # on average in one column; the Hub's models have ten tags each


class BulkRefused(LakeError):
    """A bulk file is not taken over: it is damaged, of another schema, too large, or not newer than what is held."""


@dataclass(frozen=True)
class BulkOrigin:
    """Where files come from: the source's name, its commit and that commit's time if it has commits, what it cost.

    `observed_at` (UTC) is when the facts in the files were so at the latest: the time of the commit, else of reading.
    """

    source_label: str
    observed_at: datetime
    synthetic: bool = False
    commit: str | None = None
    commit_at: datetime | None = None
    requests: int = 0


def write_bulk_snapshot(
    files: Sequence[Path],
    data_dir: Path,
    table: str,
    snapshot_date: date,
    origin: BulkOrigin,
    *,
    memory_limit: str = "1500MB",
    max_bytes: int = MAX_BYTES,
) -> Manifest:
    """Types `files` (at least one, in this order) into the snapshot of a table and date, and returns its manifest.

    Replaces a snapshot of that date. Of rows with the same key the first is kept. The same files with the same origin
    give the same bytes. Papers of which no day can be told were not observed: they are left out, all of them.

    Raises:
        BulkRefused: a file is damaged, has no column that names its rows, would unpack to more than `max_bytes` or to
            more than the memory, or is not newer than the snapshot before; nothing is left of it then.
        LakeError: the disk fails, or another run writes.
    """
    if not files:
        raise ValueError("a bulk snapshot needs at least one file")
    require_newer(data_dir, table, snapshot_date, origin)
    for file in files:
        _require_readable(file, table, max_bytes)
    with locked(data_dir / "spool" / table / ".lock"), new_snapshot(data_dir, table, snapshot_date) as folder:
        typed, absent = _type_files(files, table, folder, origin, memory_limit)
        if table == "daily_papers" and {"date", _DAY_OF_PAGE} <= set(absent):
            return _write_nothing(folder, table, snapshot_date, origin, _DAY_OF_PAGE)
        if origin.commit_at is None:
            _require_newer_rows(data_dir, table, snapshot_date, folder)
        return _write_manifest(folder, typed, table, snapshot_date, origin, not_observed=absent)


def write_unobserved_snapshot(data_dir: Path, table: str, snapshot_date: date, origin: BulkOrigin) -> Manifest:
    """Writes the snapshot of a table that a source does not have: no rows, and a manifest that says so.

    Raises:
        LakeError: the disk fails, or another run writes.
    """
    with locked(data_dir / "spool" / table / ".lock"), new_snapshot(data_dir, table, snapshot_date) as folder:
        return _write_nothing(folder, table, snapshot_date, origin, f"{table}.parquet")


def was_observed(manifest: Manifest) -> bool:
    """False for a snapshot of a table that its source does not have, or not so that it could be used.

    Of the organizations that a crawl asked for each may be unknown to the Hub, which is an observation.
    """
    is_asked_for = manifest.source != "bulk" and manifest.table == "organizations"
    return manifest.rows > 0 or not manifest.not_found or is_asked_for


def require_newer(data_dir: Path, table: str, snapshot_date: date, origin: BulkOrigin) -> None:
    """Refuses a commit that is not newer than that of the snapshot before: it would tell an older state as a newer one.

    Raises:
        BulkRefused: it is not. LakeError: the manifest of the snapshot before cannot be read.
    """
    before = previous_manifest(data_dir, table, snapshot_date)
    if before is None or before.source_commit_at is None or origin.commit_at is None:
        return
    if origin.commit_at <= before.source_commit_at:
        how = "the same as" if origin.commit == before.source_commit else "older than"
        raise BulkRefused(
            f"The bulk source {origin.source_label} has nothing newer than the snapshot of {before.snapshot_date}: its "
            f"commit of {origin.commit_at:%Y-%m-%d %H:%M} UTC is {how} that one's, so {table} of {snapshot_date} is "
            "left out; run again after its next commit."
        )


def _write_nothing(folder: Path, table: str, snapshot_date: date, origin: BulkOrigin, missing: str) -> Manifest:
    part = folder / "part-00000.parquet"
    pq.write_table(SCHEMAS[table].empty_table(), part, compression="zstd")
    return _write_manifest(folder, Typed([part]), table, snapshot_date, origin, not_found=[missing])


def _write_manifest(
    folder: Path,
    typed: Typed,
    table: str,
    snapshot_date: date,
    origin: BulkOrigin,
    *,
    not_found: Sequence[str] = (),
    not_observed: Sequence[str] = (),
) -> Manifest:
    return write_manifest(
        folder,
        typed,
        table=table,
        snapshot_date=snapshot_date,
        source="bulk",
        source_label=origin.source_label,
        synthetic=origin.synthetic,
        complete=True,
        requests=origin.requests,
        first_observed_at=origin.observed_at,
        last_observed_at=origin.observed_at,
        not_found=list(not_found),
        not_observed=list(not_observed),
        source_commit=origin.commit,
        source_commit_at=origin.commit_at,
    )


def _require_readable(file: Path, table: str, max_bytes: int) -> None:
    """Judges a file by its footer, before any of its pages is unpacked."""
    damaged = f"The bulk file {file.name} is no whole Parquet file, truncated or damaged: fetch it again."
    try:
        with file.open("rb") as opened:
            opened.seek(-8, os.SEEK_END)
            footer = int.from_bytes(opened.read(4), "little")
        if footer > _MAX_FOOTER_BYTES:
            raise BulkRefused(damaged)
        with pq.ParquetFile(file) as parquet:
            metadata, columns = parquet.metadata, parquet.schema_arrow.names
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise BulkRefused(damaged) from None
    if missing := missing_columns(table, columns):
        raise BulkRefused(
            f"The bulk file {file.name} has another schema than a dump of {table}, without a column {missing[0]!r}: "
            "check HUBSCAPE_BULK_SOURCE."
        )
    if len({name.lower() for name in columns}) != len(columns):
        raise BulkRefused(f"The bulk file {file.name} has columns whose names differ only in case: look at it.")
    size: Counter[str] = Counter()
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for index in range(group.num_columns):
            chunk = group.column(index)
            name = chunk.path_in_schema.partition(".")[0]
            if name not in LEFT_OUT:
                size["bytes"] += max(chunk.total_uncompressed_size, 0)
                size[chunk.path_in_schema] += chunk.num_values
    values = max((count for name, count in size.items() if name != "bytes"), default=0)
    if (
        metadata.num_rows > MAX_ROWS
        or size["bytes"] > max_bytes
        or values > max(1_000_000, _MAX_VALUES_A_ROW * metadata.num_rows)
    ):
        raise BulkRefused(
            f"The bulk file {file.name} would unpack to {metadata.num_rows:,} rows, {values:,} values in a column and "
            f"{size['bytes']:,} bytes, which no dump of {table} has: look at it."
        )


def _type_files(
    files: Sequence[Path], table: str, folder: Path, origin: BulkOrigin, memory_limit: str
) -> tuple[Typed, list[str]]:
    """What typing made, and the paths of columns that none of the files has."""
    typed, absent = Typed(), list[set[str]]()
    name = files[0].name
    try:
        with closed_engine(folder, memory_limit=memory_limit, files=files) as connection:
            connection.execute("set variable observed_at = $1::timestamptz", [origin.observed_at])
            for number, file in enumerate(files):
                name, part = file.name, folder / f"part-{number:05}.parquet"
                absent.append(_type_file(connection, table, file, part, typed, memory_limit))
            drop_repeats(connection, table, typed)
    except duckdb.OutOfMemoryException:
        raise BulkRefused(
            f"The bulk file {name} unpacks to more than the {memory_limit} of memory that it may take: look at it."
        ) from None
    except duckdb.Error:
        raise BulkRefused(f"The bulk file {name} is damaged inside: fetch it again.") from None
    return typed, sorted(set.intersection(*absent))


def _type_file(
    connection: duckdb.DuckDBPyConnection, table: str, file: Path, part: Path, typed: Typed, memory_limit: str
) -> set[str]:
    source = f"read_parquet({sql_text(file)}, file_row_number = true)"
    relation = connection.sql(f"select * exclude (file_row_number) from {source}")
    have = dict(zip(relation.columns, relation.types, strict=True))
    if missing_columns(table, have):
        raise BulkRefused(f"The bulk file {file.name} cannot be read as a dump of {table}: look at it.")
    columns, rows = Columns(table, have), f"{source} as row"
    texts = part.with_suffix(".texts")
    if columns.texts:
        _type_texts(file, columns.texts, texts, memory_limit)
        rows += f" positional join read_parquet({sql_text(texts)}) as texts"
    connection.execute(
        f"copy (select {columns.select} from {rows}) to {sql_text(part)}"
        f" (format parquet, compression zstd, row_group_size {ROW_GROUP_ROWS})"
    )
    texts.unlink(missing_ok=True)
    typed.parts.append(part)
    if columns.unknown:
        counts = ", ".join(f"count({sql_name(name)})" for name in columns.unknown)
        found = connection.execute(f"select {counts} from {source}").fetchone()
        named = {name: count for name, count in zip(columns.unknown, found, strict=True) if count}
        add_unknown_fields(typed.unknown_fields, Counter(named))
    return columns.absent


def _type_texts(file: Path, texts: dict[str, tuple[pa.DataType, str]], target: Path, memory_limit: str) -> None:
    """Types the JSON text in columns of a file into a column each of another one, a few rows in memory at a time."""
    kinds = [pa.struct([("value", kind), ("fault", pa.string())]) for kind, _ in texts.values()]
    schema = pa.schema(list(zip(texts, kinds, strict=True)))
    source = f"read_parquet({sql_text(file)}, file_row_number = true) as row"
    size = " + ".join(f"coalesce(strlen({x}), 0)" for _, x in texts.values())
    sizes = f"select sum({size}) as size from {source} group by file_row_number // {_VECTOR}"
    shown = ", ".join(
        f"case when strlen({x}) > {MAX_JSON_BYTES} then '{TOO_LONG}' else {x} end as {sql_name(path)}"
        for path, (_, x) in texts.items()
    )
    # One thread, as each of them holds a vector of rows.
    with closed_engine(target.parent, memory_limit=memory_limit, files=[file], threads=1) as connection:
        ((most, total),) = connection.execute(f"select max(size), sum(size) from ({sizes})").fetchall()
        if (most or 0) > _MAX_TEXT_AT_ONCE or (total or 0) > max(_LARGE_TEXT, _MAX_UNPACKED * file.stat().st_size):
            raise BulkRefused(
                f"The bulk file {file.name} would unpack to {total:,} bytes of text, which no dump has: look at it."
            )
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for batch in connection.sql(f"select {shown} from {source}").to_arrow_reader(_TEXTS):
                told = zip(texts.items(), batch.columns, strict=True)
                typed = [type_texts(kind, path, column) for (path, (kind, _)), column in told]
                writer.write_batch(pa.record_batch(typed, schema=schema), row_group_size=ROW_GROUP_ROWS)


def _require_newer_rows(data_dir: Path, table: str, snapshot_date: date, folder: Path) -> None:
    """Refuses files without a commit whose newest repo is days older than the newest of the snapshot before."""
    before = previous_manifest(data_dir, table, snapshot_date)
    if before is None or "createdAt" not in SCHEMAS[table].names:
        return
    held = _newest(snapshot_dir(data_dir, table, before.snapshot_date), before.snapshot_date)
    found = _newest(folder, snapshot_date)
    # A day's grace, as the newest of all may have been deleted since.
    if held and (found is None or found < held - timedelta(days=1)):
        raise BulkRefused(
            f"The bulk file of {table} is older than the snapshot of {before.snapshot_date}: its newest repo is of "
            f"{f'{found:%Y-%m-%d}' if found else 'no day'}, that one's of {held:%Y-%m-%d}; take a newer file."
        )


def _newest(folder: Path, snapshot_date: date) -> datetime | None:
    """When the newest repo was created, those aside that claim to be of a time after the snapshot."""
    end = datetime(snapshot_date.year, snapshot_date.month, snapshot_date.day, tzinfo=UTC) + timedelta(days=2)
    rows = pq.read_table(sorted(folder.glob("*.parquet")), columns=["createdAt"], filters=pc.field("createdAt") < end)
    return pc.max(rows["createdAt"]).as_py()
