"""DuckDB as the lake uses it: it sees the files that it is given, and nothing else of this machine.

Belongs here: how a connection is closed off, and names and texts in SQL. Not: what is read.
"""

import errno
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb


@contextmanager
def closed_engine(
    folder: Path, *, memory_limit: str, folders: Sequence[Path] = (), files: Sequence[Path] = ()
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads and writes in `folder`, and reads in `folders` and `files` besides.

    Raises:
        OSError: the disk failed while DuckDB was using it.
    """
    spill = folder / ".duckdb_tmp"
    settings = {
        "threads": 2,
        "memory_limit": memory_limit,
        "temp_directory": str(spill),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        with duckdb.connect(config=settings) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set allowed_directories = $1", [sorted({str(folder), *map(str, folders)})])
            connection.execute("set allowed_paths = $1", [[str(file) for file in files]])
            connection.execute("set enable_external_access = false")
            connection.execute("set lock_configuration = true")
            yield connection
    except duckdb.IOException as error:
        if number := _error_number(str(error)):
            raise OSError(number, "DuckDB could not read or write") from error
        raise
    finally:
        shutil.rmtree(spill, ignore_errors=True)


def _error_number(text: str) -> int | None:
    if number := re.search(r'"errno":"([0-9]+)"', text):
        return int(number[1])
    return errno.ENOSPC if "no space left" in text.lower() else None


def sql_name(identifier: str) -> str:
    """A name in SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def sql_text(value: object) -> str:
    """A text in SQL, of a path too."""
    return "'" + str(value).replace("'", "''") + "'"
