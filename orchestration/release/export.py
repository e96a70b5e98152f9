"""Writes the published marts of a warehouse as Parquet: explicit schema, total order, zstd, no empty file.

The same warehouse rows always give the same bytes: rows are ordered by key, and pyarrow's writer is deterministic.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.release.contract import Contract, PublishedTable
from orchestration.release.datapackage import CheckResult, RawSource

# The Hub's viewer and DuckDB read a few row groups at once best below this size.
ROWS_PER_GROUP = 122_880


class ExportError(RuntimeError):
    """The warehouse cannot be released; the text says why and what to do."""


def open_warehouse(path: Path, *, memory_limit: str = "1GB") -> duckdb.DuckDBPyConnection:
    """A read-only connection in UTC.

    Raises:
        ExportError: there is no warehouse, or another process is writing it.
    """
    if not path.is_file():
        raise ExportError(f"There is no warehouse at {path}: materialize the dbt models first.")
    try:
        connection = duckdb.connect(
            path,
            read_only=True,
            config={"memory_limit": memory_limit, "threads": 2, "temp_directory": str(path.with_name(".duckdb_tmp"))},
        )
    except duckdb.IOException:
        raise ExportError(f"The warehouse {path} is in use by another process: wait until that ends.") from None
    connection.execute("set TimeZone = 'UTC'")  # not in `config`: there it comes before the extension that knows it
    return connection


def require_built(connection: duckdb.DuckDBPyConnection, contract: Contract, snapshot_date: str) -> None:
    """Refuses a warehouse in which a model or a test behind the published tables did not pass for this snapshot.

    Raises:
        ExportError: names how many nodes are missing or failed, and the first of them.
    """
    try:
        rows = connection.execute("select unique_id, status, cast(snapshot_date as varchar) from build_log").fetchall()
    except duckdb.CatalogException:
        raise ExportError("The warehouse has no build log: build it with dbt before releasing it.") from None
    passed = {
        unique_id for unique_id, status, date in rows if date == snapshot_date and status in {"success", "pass", "warn"}
    }
    missing = sorted(contract.required_nodes - passed)
    if missing:
        raise ExportError(
            f"The warehouse is not a passed build of snapshot {snapshot_date}: {len(missing)} of "
            f"{len(contract.required_nodes)} dbt nodes did not pass, such as {missing[0]}. Build all of it again."
        )


def require_built_from(connection: duckdb.DuckDBPyConnection, sources: Iterable[RawSource]) -> None:
    """Refuses a warehouse that was built from other raw snapshots than `sources`, such as before one was fetched again.

    Raises:
        ExportError: names the table.
    """
    built = {
        table: facts
        for table, *facts in connection.execute(
            "select table_name, rows_count, first_observed_at, last_observed_at from stg_hub__snapshots"
        ).fetchall()
    }
    for source in sources:
        if built.get(source.table) != [source.rows, source.first_observed_at, source.last_observed_at]:
            raise ExportError(
                f"The warehouse was built from another snapshot of {source.table} than the lake holds now: "
                "build all of it again."
            )


def export_tables(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[PublishedTable], folder: Path
) -> dict[str, Path]:
    """Writes `folder/data/<table>/<table>.parquet` for each table that has rows.

    Returns:
        The file of each table written; an empty table has none, because a Hub's viewer refuses empty files.

    Raises:
        ExportError: the connection's memory is too small for a table, or its file would not have all of its rows once.
    """
    written: dict[str, Path] = {}
    for table in tables:
        path = folder / "data" / table.name / f"{table.name}.parquet"
        try:
            rows = _write(_row_groups(_in_order(connection, table)), table.schema, path)
            ((wanted,),) = connection.execute(f'select count(*) from "{table.name}"').fetchall()
        except duckdb.OutOfMemoryException:
            raise ExportError(
                f"The rows of {table.name} cannot be sorted in a third of HUBSCAPE_MEMORY_LIMIT: set that higher."
            ) from None
        if rows != wanted:  # keys are judged in the warehouse, and nobody judges them again in the file
            raise ExportError(f"{rows} rows of {table.name} were written, and it has {wanted}: report this as a fault.")
        if rows:
            written[table.name] = path
    return written


def _in_order(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> Iterator[pa.RecordBatch]:
    """The rows of a table by its key; those of one snapshot after those of another, so that history sorts no longer."""
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    order = ", ".join(f'"{name}"' for name in table.key)
    wheres = [""]
    # 12 million rows of two snapshots at once ran out of 1.5 GB, where each alone sorts in 1 GB (DuckDB 2.0.0).
    if table.key[0] == "snapshot_date":
        days = connection.execute(f'select distinct snapshot_date from "{table.name}" order by 1').fetchall()
        wheres = [f"where snapshot_date = date '{day}'" for (day,) in days]
    for where in wheres:
        rows = connection.sql(f'select {columns} from "{table.name}" {where} order by {order}')
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


def fsync(path: Path) -> None:
    """Has the disk hold a file or a folder before anything refers to it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def build_subject(connection: duckdb.DuckDBPyConnection) -> str:
    """What names the state of a warehouse: the dbt invocations that its nodes were last built by."""
    try:
        rows = connection.execute("select distinct invocation_id from build_log order by 1").fetchall()
    except duckdb.CatalogException:
        raise ExportError("The warehouse has no build log: build it with dbt before checking it.") from None
    return " ".join(str(invocation) for (invocation,) in rows)


def build_checks(connection: duckdb.DuckDBPyConnection) -> list[CheckResult]:
    """What every dbt test found in the last build, in a stable order."""
    rows = connection.execute(
        "select unique_id, severity, status, failures from build_log where resource_type = 'test' order by unique_id"
    ).fetchall()
    verdicts = {"pass": "passed", "warn": "warned"}
    return [
        CheckResult(
            layer="dbt",
            table="warehouse",
            check=unique_id.split(".")[2],
            severity=severity,
            verdict=verdicts.get(status, "failed"),
            rows_failing=failures,
        )
        for unique_id, severity, status, failures in rows
    ]
