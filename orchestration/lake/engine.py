"""DuckDB as the lake uses it, where the disk may fail under it. Not: what is read."""

import errno
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.ground.engine import connect


@contextmanager
def closed_engine(
    folder: Path, *, memory_limit: str, folders: Sequence[Path] = (), files: Sequence[Path] = (), threads: int = 2
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads and writes in `folder`, and reads in `folders` and `files` besides.

    Raises:
        OSError: the disk failed while DuckDB was using it.
    """
    spill = folder / ".duckdb_tmp"
    reached = {"folders": [folder, *folders], "files": files}
    try:
        with connect(memory_limit=memory_limit, spill=spill, threads=threads, **reached) as connection:
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
