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

from orchestration.ground.engine import sql_name, sql_text
from orchestration.lake.engine import closed_engine
from orchestration.lake.files import LakeError
from orchestration.lake.rows import add_unknown_fields, type_rows
from orchestration.lake.schemas import SCHEMAS, duckdb_type, hub_columns, key_sql
from orchestration.lake.spool import HEADER, PAGE_NUMBER, StoredPage, read_rows

# DuckDB holds the row groups of all threads until they are written in turn: with twice the rows a thread waits.
ROW_GROUP_ROWS = 61_440
_ROW_GROUP_BYTES = 128 * 2**20  # of JSON; rows that are uncommonly large make row groups of fewer rows
_PART_ROW_GROUPS = 16
_SMALLEST_GROUP = 2_048  # what DuckDB handles at a time
# More runs of pages that fit and pages that do not make a part be read row by row, ten times slower, but in one go.
_MOST_RUNS = 40
# Row groups as they are built and the pages being read, for each of two threads.
MEMORY = "500MB"


@dataclass
class Typed:
    """What typing made: the parts in order, how many rows were dropped as repeats, and the fields nobody knows."""

    parts: list[Path] = field(default_factory=list)
    duplicates: int = 0
    unknown_fields: Counter[str] = field(default_factory=Counter)


def type_pages(table: str, pages: Sequence[StoredPage], folder: Path) -> Typed:
    """Writes the rows of `pages`, all of a crawl in any order, to `part-NNNNN.parquet` in `folder`; at least one part.

    Of rows with the same key the first is kept; rows without a key are all kept. In memory are some row groups and
    pages, and about 40 bytes a row.

    Raises:
        LakeError: a page cannot be read, or its rows are larger than the memory for them.
        OSError: the disk fails.
    """
    typed = Typed()
    try:
        with closed_engine(folder, memory_limit=MEMORY, folders=[page.path.parent for page in pages]) as connection:
            # By position, not by a join, which need not keep the order of rows.
            observed = [page.observed_at for page in sorted(pages, key=lambda page: page.path)]
            connection.execute("set variable observed = $1::timestamptz[]", [observed])
            for number, chunk in enumerate(_chunks(pages)):
                _write_part(connection, table, chunk, folder / f"part-{number:05}.parquet", typed)
            drop_repeats(connection, table, typed)
    except duckdb.IOException as error:
        raise OSError(errno.EIO, "DuckDB could not read or write") from error
    except duckdb.OutOfMemoryException:
        raise LakeError(
            f"The pages of {table} in {pages[0].path.parent} have rows too large for {MEMORY}: look at them."
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
    try:
        _copy(connection, table, runs, part, typed)
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.ConstraintException):
        # DuckDB has met what the strict reading lets pass, such as a name twice in one object.
        if not any(fits for fits, _ in runs):
            raise
        part.unlink(missing_ok=True)
        _copy(connection, table, [(False, pages)], part, typed)


def _copy(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    runs: list[tuple[bool, list[StoredPage]]],
    part: Path,
    typed: Typed,
) -> None:
    """Writes the runs of pages, those that fit and those that are read row by row, as one part."""
    by_row = {f"rows_{number}": _ByRow(table, pages) for number, (fits, pages) in enumerate(runs) if not fits}
    selects = [
        _select(table, pages) if fits else f"select * from rows_{number}" for number, (fits, pages) in enumerate(runs)
    ]
    options = _copy_options([page for _, pages in runs for page in pages])
    for name, rows in by_row.items():
        connection.register(name, pa.RecordBatchReader.from_batches(SCHEMAS[table], rows.batches()))
    try:
        connection.execute(f"copy ({' union all '.join(selects)}) to {sql_text(part)} {options}")
    except duckdb.Error:
        for rows in by_row.values():
            if rows.failure:
                raise rows.failure from None
        raise
    finally:
        for name in by_row:
            connection.unregister(name)
    typed.parts.append(part)
    for rows in by_row.values():
        add_unknown_fields(typed.unknown_fields, rows.unknown_fields)


class _ByRow:
    """Pages typed row by row, one in memory at a time, with what was found in those that have been read."""

    def __init__(self, table: str, pages: list[StoredPage]) -> None:
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
            add_unknown_fields(self.unknown_fields, typed.unknown_fields)
            yield typed.batch


def _select(table: str, pages: list[StoredPage]) -> str:
    position = f"cast(regexp_extract(page.file, '{PAGE_NUMBER}', 1) as bigint) + 1"
    ours = {"observed_at": f"getvariable('observed')[{position}]", "extra": "null::varchar", "fault": "null::varchar"}
    kinds = {HEADER: "json", **{column.name: duckdb_type(column.type) for column in hub_columns(table)}}
    spec = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
    files = ", ".join(sql_text(page.path) for page in pages)
    shown = ", ".join(
        f"{ours[name]} as {name}" if name in ours else f"page.{sql_name(name)}" for name in SCHEMAS[table].names
    )
    return (
        f"select {shown} from read_json([{files}], columns = {{{spec}}}, format = 'array', compression = 'zstd',"
        f" filename = 'file') as page where page.{HEADER} is null"
    )


def drop_repeats(connection: duckdb.DuckDBPyConnection, table: str, typed: Typed) -> None:
    """Writes again, without them, the parts that have rows whose key an earlier row has."""
    key, rows = key_sql(table), rows_sql(typed.parts)
    # By the hashes first: they are few bytes, and a crawl seldom has repeats at all.
    hashes = f"select hash({key}) as hashed from {rows} where {key} is not null"
    ((count, distinct),) = connection.execute(f"select count(*), count(distinct hashed) from ({hashes})").fetchall()
    if count == distinct:
        return
    repeats = f"""
        select file, file_row_number from {rows}
        where {key} is not null and hash({key}) in (select hashed from ({hashes}) group by hashed having count(*) > 1)
        qualify row_number() over (partition by {key} order by file, file_row_number) > 1
    """
    drop_rows(table, typed, connection.sql(repeats).to_arrow_table())


def rows_sql(parts: Sequence[Path]) -> str:
    """The rows of Parquet files in SQL, each with its `file` and its `file_row_number` there."""
    files = ", ".join(map(sql_text, parts))
    return f"read_parquet([{files}], file_row_number = true, filename = 'file')"


def drop_rows(table: str, typed: Typed, rows: pa.Table) -> None:
    """Writes again, without `rows` (`file`, `file_row_number`), the parts that have some of them: they are repeats."""
    for part in typed.parts:
        numbers = rows.filter(pc.field("file") == str(part))["file_row_number"]
        if len(numbers):
            kept = part.with_suffix(".kept")
            write_without(part, kept, table, numbers)
            kept.replace(part)
            typed.duplicates += len(numbers)


def write_without(part: Path, target: Path, table: str, numbers: pa.ChunkedArray) -> None:
    """Writes a part but for the rows at these positions to `target`, in order.

    The columns are those of today: one that the part lacks, as it was written before it was there, is null.
    """
    schema, first = SCHEMAS[table], 0
    with (
        pq.ParquetFile(part, page_checksum_verification=True) as file,
        pq.ParquetWriter(target, schema, compression="zstd", write_page_checksum=True) as writer,
    ):
        for number in range(file.num_row_groups):
            rows = file.read_row_group(number)
            is_dropped = pc.is_in(pa.array(range(first, first + rows.num_rows), pa.int64()), value_set=numbers)
            kept = rows.filter(pc.invert(is_dropped))
            for column in schema:
                if column.name not in kept.column_names:
                    kept = kept.append_column(column, pa.nulls(kept.num_rows, column.type))
            if kept.num_rows:
                writer.write_table(kept.select(schema.names).cast(schema), row_group_size=ROW_GROUP_ROWS)
            first += rows.num_rows
