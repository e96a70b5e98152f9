"""SQL over the latest local release: its tables as views, nothing else within reach."""

import sys
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from orchestration.release.build import release_days, release_dir
from orchestration.release.datapackage import DataPackage, DataPackageError, read_datapackage

_ROWS_SHOWN = 50


class QueryError(RuntimeError):
    """There is no release to ask, or the SQL is refused."""


def latest_release(data_dir: Path) -> tuple[Path, DataPackage]:
    """The newest release folder and its manifest.

    Raises:
        QueryError: there is none.
    """
    folders = [release_dir(data_dir, day) for day in release_days(data_dir)]
    try:
        return folders[-1], read_datapackage(folders[-1])
    except (IndexError, DataPackageError):
        raise QueryError(f"There is no release in {data_dir}: run `make run` first.") from None


def connect(folder: Path, package: DataPackage) -> duckdb.DuckDBPyConnection:
    """An in-memory database with a view for each table; of files it reaches that release's folder only."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    for resource in package.resources:
        path = str(folder / resource.path).replace("'", "''")
        connection.execute(f"""create view "{resource.name}" as select * from read_parquet('{path}')""")
    connection.execute(
        "set allowed_directories = [$folder]".replace("$folder", "'" + str(folder).replace("'", "''") + "'")
    )
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def print_query(data_dir: Path, sql: str) -> None:
    """Prints the first rows of an answer as a table.

    Raises:
        QueryError: there is no release, or DuckDB refuses the SQL.
    """
    folder, package = latest_release(data_dir)
    connection = connect(folder, package)
    try:
        if any(statement.type != duckdb.StatementType.SELECT for statement in connection.extract_statements(sql)):
            raise QueryError("DuckDB refused the query: only select is allowed, a release is not to be changed.")
        result = connection.execute(sql)
        rows = result.fetchmany(_ROWS_SHOWN + 1)
    except duckdb.Error as error:
        raise QueryError(f"DuckDB refused the query: {str(error).splitlines()[0]}") from None
    table = Table()
    for column in result.description or []:
        table.add_column(column[0])
    for row in rows[:_ROWS_SHOWN]:
        table.add_row(*("" if value is None else str(value) for value in row))
    console = plain_console()
    console.print(table)
    if len(rows) > _ROWS_SHOWN:
        console.print(f"The first {_ROWS_SHOWN} rows; add a limit or a where clause to see others.")


def print_tables(data_dir: Path) -> None:
    """Prints the tables of the latest release with their grain and columns."""
    folder, package = latest_release(data_dir)
    console = plain_console()
    for resource in package.resources:
        console.print(f"{resource.name}: one row per {resource.grain}; {resource.rows:,} rows")
        console.print("    " + ", ".join(column.name for column in resource.table_schema.fields))
    console.print(f'\nhubscape query "select * from {package.resources[0].name} limit 5" reads {folder}.')


def plain_console() -> Console:
    """Writes plain text; as wide as the table needs where it goes to a file or a pipe."""
    return Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 1_000)
