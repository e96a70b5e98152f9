"""The tables of a release as views of a locked database: for whoever asks a release something in SQL."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from orchestration.release.contract import PublishedTable
from orchestration.release.datapackage import Resource


def connect(
    folder: Path,
    resources: Iterable[Resource],
    tables: Iterable[PublishedTable],
    *,
    scratch: Path | None = None,
    memory_limit: str = "1GB",
) -> duckdb.DuckDBPyConnection:
    """An in-memory database in UTC with a view for each table; of files it reaches that release's folder only.

    A manifest may be a stranger's: it says where a table's file lies, and the contract what tables there are. What it
    names besides is left out, and the connection is locked before anything of it is read.

    Args:
        folder: the release.
        resources: what its manifest lists.
        tables: the tables of the contract; one that the release has no file of is a view without rows.
        scratch: a folder of its own, for what does not fit into memory and for answers that are written.
        memory_limit: DuckDB's memory limit, such as 1GB.
    """
    paths = {resource.name: folder / resource.path for resource in resources}
    connection = duckdb.connect(config={"memory_limit": memory_limit})
    connection.execute("set TimeZone = 'UTC'")
    reached = [folder]
    if scratch:
        connection.execute(f"set temp_directory = {text(scratch / 'spilled')}")
        reached.append(scratch)
    connection.execute(f"set allowed_directories = [{', '.join(map(text, reached))}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    for table in tables:
        columns = ", ".join(f'cast(null as {column.data_type}) as "{column.name}"' for column in table.columns)
        path = paths.get(table.name)
        rows = f"* from read_parquet({text(path)})" if path else f"{columns} where false"
        connection.execute(f'create view "{table.name}" as select {rows}')
    return connection


def text(path: Path) -> str:
    """A path as a literal of SQL."""
    return "'" + str(path).replace("'", "''") + "'"
