"""Types the stored pages of a crawl into the Parquet parts of a snapshot.

Belongs here: which pages DuckDB may read at once and which are read row by row, and the parts' sizes. Pages that fit
their table in every value are taken over in one pass; of the others each row is judged for itself (rows). Not: the
snapshot's folder and manifest (snapshot), or what fits (shape).
"""

import errno
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.ground.engine import sql_text
from orchestration.lake.engine import closed_engine, duckdb_type
from orchestration.lake.files import LakeError
from orchestration.lake.rows import add_unknown_fields, type_rows
from orchestration.lake.schemas import KEYS, SCHEMAS
from orchestration.lake.spool import HEADER, PAGE_NUMBER, StoredPage, read_rows

# DuckDB holds the row groups of all threads until they are written in turn: with twice the rows a thread waits.
ROW_GROUP_ROWS = 61_440
_ROW_GROUP_BYTES = 128 * 2**20  # of JSON; rows that are uncommonly large make row groups of fewer rows
_PART_ROW_GROUPS = 16
_SMALLEST_GROUP = 2_048  # what DuckDB handles at a time
# More runs of pages that fit and pages that do not make a part be read row by row, ten times slower, but in one go.
_MOST_RUNS = 40
# Row groups as they are built and the pages being read, for each of two threads.
_MEMORY = "500MB"


@dataclass
class Typed:
    """What typing found: the parts in order, their rows, how many rows have a fault, how many repeat a key."""

    parts: list[Path] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    faulty: int = 0
    duplicates: int = 0
    unknown_fields: Counter[str] = field(default_factory=Counter)


def type_pages(table: str, pages: Sequence[StoredPage], folder: Path) -> Typed:
    """Writes the rows of `pages` to `part-NNNNN.parquet` in `folder`, in the order of the pages; at least one part.

    Of rows with the same key the first is kept; rows without a key are all kept. In memory are some row groups and
    pages, and about 40 bytes a row.

    Raises:
        LakeError: a page cannot be read, or its rows are larger than the memory for them.
        OSError: the disk fails.
    """
    typed = Typed()
    try:
        with closed_engine(folder, memory_limit=_MEMORY, folders=[page.path.parent for page in pages]) as connection:
            # By position, not by a join, which need not keep the order of rows.
            connection.execute("set variable observed = $1::timestamptz[]", [[page.observed_at for page in pages]])
            for number, chunk in enumerate(_chunks(pages)):
                _write_part(connection, table, chunk, folder / f"part-{number:05}.parquet", typed)
            drop_repeats(connection, table, typed)
    except duckdb.IOException as error:
        raise OSError(errno.EIO, "DuckDB could not read or write") from error
    except duckdb.OutOfMemoryException:
        raise LakeError(
            f"The pages of {table} in {pages[0].path.parent} have rows too large for {_MEMORY}: look at them."
        ) from None
    return typed


def _chunks(pages: Sequence[StoredPage]) -> Iterator[list[StoredPage]]:
    """The pages by part: in runs of about eight row groups."""
    chunk: list[StoredPage] = []
    rows = size = 0
    for page in pages:
        is_full = rows + page.rows > _PART_ROW_GROUPS * ROW_GROUP_ROWS or size > _PART_ROW_GROUPS * _ROW_GROUP_BYTES
        if chunk and is_full:
            yield chunk
            chunk, rows, size = [], 0, 0
        chunk.append(page)
        rows, size = rows + page.rows, size + page.bytes
    yield chunk


def _copy_options(pages: Sequence[StoredPage]) -> str:
    rows, size = sum(page.rows for page in pages), sum(page.bytes for page in pages)
    group = min(ROW_GROUP_ROWS, rows * _ROW_GROUP_BYTES // max(size, 1))
    group = max(group // _SMALLEST_GROUP * _SMALLEST_GROUP, _SMALLEST_GROUP)
    # The lowest level makes files as small of such rows, in a seventh less time.
    return f"(format parquet, compression zstd, compression_level 1, row_group_size {group})"


def _write_part(
    connection: duckdb.DuckDBPyConnection, table: str, pages: list[StoredPage], part: Path, typed: Typed
) -> None:
    runs = [(fits, list(run)) for fits, run in groupby(pages, key=lambda page: page.fits)]
    if len(runs) > _MOST_RUNS:
        runs = [(False, pages)]
    if not _copied(connection, table, runs, part, typed):
        # DuckDB has met what the strict reading lets pass, such as a name twice in one object.
        _copied(connection, table, [(False, pages)], part, typed)


def _copied(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    runs: list[tuple[bool, list[StoredPage]]],
    part: Path,
    typed: Typed,
) -> bool:
    """Writes the runs of pages as one part; False where DuckDB could not read a page that it was to read."""
    by_row = {f"rows_{number}": _ByRow(table, pages) for number, (fits, pages) in enumerate(runs) if not fits}
    selects = [
        _select(table, pages) if fits else f"select * from rows_{number}" for number, (fits, pages) in enumerate(runs)
    ]
    options = _copy_options([page for _, pages in runs for page in pages])
    for name, rows in by_row.items():
        connection.register(name, pa.RecordBatchReader.from_batches(SCHEMAS[table], rows.batches()))
    try:
        ((count,),) = connection.execute(
            f"copy ({' union all '.join(selects)}) to {sql_text(part)} {options}"
        ).fetchall()
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.ConstraintException):
        part.unlink(missing_ok=True)
        for rows in by_row.values():
            if rows.failure:
                raise rows.failure from None
        if len(by_row) == len(runs):
            raise
        return False
    finally:
        for name in by_row:
            connection.unregister(name)
    typed.parts.append(part)
    typed.rows.append(count)
    for rows in by_row.values():
        typed.faulty += rows.faulty
        add_unknown_fields(typed.unknown_fields, rows.unknown_fields)
    return True


class _ByRow:
    """Pages typed row by row, one in memory at a time, with what was found in those that have been read."""

    def __init__(self, table: str, pages: list[StoredPage]) -> None:
        self.faulty = 0
        self.unknown_fields: Counter[str] = Counter()
        self.failure: LakeError | None = None
        self._table, self._pages = table, pages

    def batches(self) -> Iterator[pa.RecordBatch]:
        for page in self._pages:
            try:
                rows = read_rows(page.path)
            except LakeError as error:  # DuckDB reads on from here, and tells of failures in words of its own
                self.failure = error
                raise
            typed = type_rows(self._table, rows, page.observed_at)
            self.faulty += typed.batch.num_rows - typed.batch["fault"].null_count
            add_unknown_fields(self.unknown_fields, typed.unknown_fields)
            yield typed.batch


def _select(table: str, pages: list[StoredPage]) -> str:
    position = f"cast(regexp_extract(page.file, '{PAGE_NUMBER}', 1) as bigint) + 1"
    ours = {"observed_at": f"getvariable('observed')[{position}]", "extra": "null::varchar", "fault": "null::varchar"}
    names = [column.name for column in SCHEMAS[table]]
    columns = {column.name: duckdb_type(column.type) for column in SCHEMAS[table] if column.name not in ours}
    spec = ", ".join(f"'{name}': '{kind}'" for name, kind in {HEADER: "json", **columns}.items())
    files = ", ".join(f"{sql_text(page.path)}" for page in pages)
    shown = ", ".join(f"{ours[name]} as {name}" if name in ours else f'page."{name}"' for name in names)
    return (
        f"select {shown} from read_json([{files}], columns = {{{spec}}}, format = 'array', compression = 'zstd',"
        f" filename = 'file') as page where page.{HEADER} is null"
    )


def drop_repeats(connection: duckdb.DuckDBPyConnection, table: str, typed: Typed) -> None:
    """Writes again, without them, the parts that have rows whose key an earlier row has."""
    key = _key(table)
    files = ", ".join(f"{sql_text(part)}" for part in typed.parts)
    read = f"read_parquet([{files}], file_row_number = true, filename = 'file')"
    # By the hashes first: they are few bytes, and a crawl seldom has repeats at all.
    hashes = f"select hash({key}) as hashed from {read} where {key} is not null"
    ((count, distinct),) = connection.execute(f"select count(*), count(distinct hashed) from ({hashes})").fetchall()
    if count == distinct:
        return
    repeats = f"""
        with keyed as (select {key} as key, file, file_row_number from {read}),
        several as (
            select key from keyed where key is not null and hash(key) in (
                select hash(key) from keyed where key is not null group by all having count(*) > 1
            ) group by key having count(*) > 1
        ),
        numbered as (
            select file, file_row_number, row_number() over (partition by key order by file, file_row_number) as turn
            from keyed where key in (select key from several)
        )
        select file, file_row_number from numbered where turn > 1
    """
    found = connection.sql(repeats).to_arrow_table()
    for number, part in enumerate(typed.parts):
        numbers = found.filter(pc.field("file") == str(part))["file_row_number"]
        if len(numbers):
            faulty = _rewrite_without(part, numbers)
            typed.rows[number] -= len(numbers)
            typed.duplicates += len(numbers)
            typed.faulty -= faulty


def _rewrite_without(part: Path, numbers: pa.ChunkedArray) -> int:
    """Writes a part again without the rows at these positions, in the same order; how many of those had a fault."""
    kept = part.with_suffix(".kept")
    first = faulty = 0
    with pq.ParquetFile(part) as file, pq.ParquetWriter(kept, file.schema_arrow, compression="zstd") as writer:
        for batch in file.iter_batches(batch_size=ROW_GROUP_ROWS):
            is_dropped = pc.is_in(pa.array(range(first, first + batch.num_rows), pa.int64()), value_set=numbers)
            dropped = batch.filter(is_dropped)
            faulty += dropped.num_rows - dropped["fault"].null_count
            writer.write_batch(batch.filter(pc.invert(is_dropped)))
            first += batch.num_rows
    kept.replace(part)
    return faulty


def _key(table: str) -> str:
    """The key of a row as SQL, null where a part of it is missing."""
    parts = []
    for paths in KEYS[table]:
        columns = [".".join(f'"{name}"' for name in path.split(".")) for path in paths]
        parts.append("coalesce(" + ", ".join(f"nullif(cast({column} as varchar), '')" for column in columns) + ")")
    if len(parts) == 1:
        return parts[0]
    return "case when " + " and ".join(f"{part} is not null" for part in parts) + f" then [{', '.join(parts)}] end"
