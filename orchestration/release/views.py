"""The tables of a release as views of a locked database: for whoever asks a release something in SQL."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from orchestration.release.contract import PublishedTable
from orchestration.release.datapackage import Resource


def connect(
    folder: Path,
    resources: Iterable[Resource],
    empty: Iterable[PublishedTable] = (),
    *,
    scratch: Path | None = None,
    memory_limit: str = "1GB",
) -> duckdb.DuckDBPyConnection:
    """An in-memory database in UTC with a view for each table; of files it reaches that release's folder only.

    Args:
        folder: the release.
        resources: its tables with rows.
        empty: its tables without rows, which have no file.
        scratch: a folder of its own, for what does not fit into memory and for answers that are written.
        memory_limit: DuckDB's memory limit, such as 1GB.
    """
    connection = duckdb.connect(config={"memory_limit": memory_limit})
    connection.execute("set TimeZone = 'UTC'")
    for resource in resources:
        source = f"select * from read_parquet({text(folder / resource.path)})"
        connection.execute(f'create view "{resource.name}" as {source}')
    for table in empty:
        columns = ", ".join(f'cast(null as {column.data_type}) as "{column.name}"' for column in table.columns)
        connection.execute(f'create view "{table.name}" as select {columns} where false')
    reached = [folder]
    if scratch:
        connection.execute(f"set temp_directory = {text(scratch / 'spilled')}")
        reached.append(scratch)
    connection.execute(f"set allowed_directories = [{', '.join(map(text, reached))}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def text(path: Path) -> str:
    """A path as a literal of SQL."""
    return "'" + str(path).replace("'", "''") + "'"
