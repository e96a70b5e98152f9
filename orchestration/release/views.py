"""The tables of a release as views of a locked database: for whoever asks a release something in SQL."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from orchestration.release.datapackage import Resource


def connect(folder: Path, resources: Iterable[Resource], *, memory_limit: str = "1GB") -> duckdb.DuckDBPyConnection:
    """An in-memory database in UTC with a view for each table; of files it reaches the release's folder only."""
    connection = duckdb.connect(config={"memory_limit": memory_limit, "threads": 2})
    connection.execute("set TimeZone = 'UTC'")
    for resource in resources:
        path = str(folder / resource.path).replace("'", "''")
        connection.execute(f"""create view "{resource.name}" as select * from read_parquet('{path}')""")
    connection.execute("set allowed_directories = ['" + str(folder).replace("'", "''") + "']")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection
