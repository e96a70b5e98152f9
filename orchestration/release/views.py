"""The tables of a release as views of a locked database: for whoever asks a release something in SQL."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from orchestration.ground import engine
from orchestration.ground.engine import sql_name, sql_text
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
        scratch: a folder of its own, for what does not fit into memory and for answers that are written; else neither.
        memory_limit: DuckDB's memory limit, such as 1GB.
    """
    paths = {resource.name: folder / resource.path for resource in resources}
    reached = [folder, scratch] if scratch else [folder]
    connection = engine.connect(memory_limit=memory_limit, spill=scratch and scratch / "spilled", folders=reached)
    for table in tables:
        columns = ", ".join(f"cast(null as {column.data_type}) as {sql_name(column.name)}" for column in table.columns)
        path = paths.get(table.name)
        rows = f"* from read_parquet({sql_text(path)})" if path else f"{columns} where false"
        connection.execute(f"create view {sql_name(table.name)} as select {rows}")
    return connection
