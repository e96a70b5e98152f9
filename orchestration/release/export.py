"""Writes the published marts of a warehouse as Parquet: explicit schema, total order, zstd, no empty file.

The same warehouse rows always give the same bytes: rows are ordered by key, and pyarrow's writer is deterministic.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.ground.engine import connect, sql_name
from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import fsync
from orchestration.release.contract import PublishedTable

# The Hub's viewer and DuckDB read a few row groups at once best below this size.
ROWS_PER_GROUP = 122_880


def open_warehouse(path: Path, *, memory_limit: str = "1GB") -> duckdb.DuckDBPyConnection:
    """A locked-down, read-only connection, which reaches the files of the warehouse's data folder besides.

    Raises:
        HubscapeError: there is no warehouse, another process is writing it, or it is damaged.
    """
    if not path.is_file():
        raise HubscapeError(f"There is no warehouse at {path}: materialize the dbt models first.")
    try:
        spill, reached = path.with_name(".duckdb_tmp"), [path.parent]
        return connect(path, memory_limit=memory_limit, spill=spill, folders=reached, threads=2)
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise HubscapeError(f"The warehouse {path} is in use by another process: wait until that ends.") from None
        raise HubscapeError(f"The warehouse {path} cannot be read: remove it and build it again with dbt.") from None


def export_tables(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[PublishedTable], folder: Path
) -> dict[str, Path]:
    """Writes `folder/data/<table>/<table>.parquet` for each table that has rows.

    Returns:
        The file of each table written; an empty table has none, because a Hub's viewer refuses empty files.

    Raises:
        HubscapeError: the connection's memory is too small for a table, or its file has not all of its rows once.
    """
    written: dict[str, Path] = {}
    for table in tables:
        path = folder / "data" / table.name / f"{table.name}.parquet"
        try:
            rows = _write(_row_groups(_in_order(connection, table)), table.schema, path)
            ((wanted,),) = connection.execute(f'select count(*) from "{table.name}"').fetchall()
        except duckdb.OutOfMemoryException:
            raise HubscapeError(
                f"The rows of {table.name} cannot be sorted in a third of HUBSCAPE_MEMORY_LIMIT: set that higher."
            ) from None
        if rows != wanted:  # keys are judged in the warehouse, and nobody judges them again in the file
            raise HubscapeError(f"{rows} rows of {table.name} were written, and it has {wanted}: report the fault.")
        if rows:
            written[table.name] = path
    return written


def _in_order(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> Iterator[pa.RecordBatch]:
    """The rows of a table by its key; those of one snapshot after those of another, so that history sorts no longer."""
    columns = ", ".join(sql_name(column.name) for column in table.columns)
    order, name = ", ".join(map(sql_name, table.key)), sql_name(table.name)
    wheres = [""]
    # 12 million rows of two snapshots at once ran out of 1.5 GB, where each alone sorts in 1 GB (DuckDB 2.0.0).
    if table.key[0] == "snapshot_date":
        days = connection.execute(f"select distinct snapshot_date from {name} order by 1").fetchall()
        wheres = [f"where snapshot_date = date '{day}'" for (day,) in days]
    for where in wheres:
        rows = connection.sql(f"select {columns} from {name} {where} order by {order}")
        yield from rows.to_arrow_reader(ROWS_PER_GROUP)


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows in full row groups, but for the last: a day of a small table makes none of its own."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        while rows >= ROWS_PER_GROUP:
            table = pa.Table.from_batches(held)
            yield table.slice(0, ROWS_PER_GROUP)
            held = table.slice(ROWS_PER_GROUP).to_batches()
            rows -= ROWS_PER_GROUP
    if rows:
        yield pa.Table.from_batches(held)


def _write(groups: Iterable[pa.Table], schema: pa.Schema, path: Path) -> int:
    """Rows written; no file where there are none."""
    writer: pq.ParquetWriter | None = None
    rows = 0
    try:
        for group in groups:
            if writer is None:
                path.parent.mkdir(parents=True)
                writer = pq.ParquetWriter(
                    path,
                    schema,
                    compression="zstd",
                    write_page_index=True,
                    write_page_checksum=True,
                    use_content_defined_chunking=True,
                )
            writer.write_table(group.cast(schema), row_group_size=ROWS_PER_GROUP)
            rows += group.num_rows
    finally:
        if writer is not None:
            writer.close()
    if writer is not None:
        fsync(path)
    return rows
