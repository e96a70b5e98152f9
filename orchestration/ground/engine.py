"""DuckDB as everything of ours asks it: in UTC, and reaching the files that it was given and no others.

Not: what is asked, nor dbt, which opens and locks the warehouse that it writes by itself (`macros/lock_down.sql`).
"""

import glob
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb


def connect(
    database: Path | None = None,
    *,
    memory_limit: str = "1GB",
    spill: Path | None = None,
    folders: Iterable[Path] = (),
    files: Iterable[Path] = (),
    **options: Any,
) -> duckdb.DuckDBPyConnection:
    """A locked-down connection to a database file, read-only, or without one to an empty one in memory.

    Args:
        database: the file; it is there.
        memory_limit: such as 1GB.
        spill: folder for what does not fit into that, made when it is needed; None spills nothing.
        folders: whose files may be read, and written where no database is given.
        files: that may be so besides.
        options: further settings of DuckDB, such as `threads`.

    Raises:
        duckdb.IOException: the file is no database, or another process writes it.
    """
    config = {**closed(memory_limit, spill), **options}
    connection = duckdb.connect(database or ":memory:", read_only=database is not None, config=config)
    lock_down(connection, folders, files)
    return connection


def closed(memory_limit: str, spill: Path | None) -> dict[str, Any]:
    """What such a connection is opened with, for whoever has another open it."""
    return {
        "memory_limit": memory_limit,
        "temp_directory": str(spill or ""),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }


def lock_down(connection: Any, folders: Iterable[Path] = (), files: Iterable[Path] = ()) -> None:
    """Closes off an open connection for good: nothing that is asked through it changes that."""
    # A pattern is held against the folders as it is written, the files it finds as they are called.
    allowed = sorted({f"{name}/" for folder in folders for name in (folder, glob.escape(str(folder)))})
    connection.execute("set TimeZone = 'UTC'")  # not an option: there it comes before the extension that knows it
    connection.execute(f"set allowed_directories = [{', '.join(map(sql_text, allowed))}]")
    connection.execute(f"set allowed_paths = [{', '.join(map(sql_text, files))}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def sql_name(identifier: str) -> str:
    """A name in SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def sql_text(value: object) -> str:
    """A text in SQL, of a path too."""
    return "'" + str(value).replace("'", "''") + "'"
