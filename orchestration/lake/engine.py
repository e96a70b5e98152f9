"""DuckDB as the lake uses it. Belongs here: a disk that fails under it, the lake's types in its words."""

import errno
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.ground.engine import connect, sql_name


@contextmanager
def closed_engine(
    folder: Path, *, memory_limit: str, folders: Sequence[Path] = (), files: Sequence[Path] = ()
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads and writes in `folder`, and reads in `folders` and `files` besides.

    Raises:
        OSError: the disk failed while DuckDB was using it.
    """
    spill = folder / ".duckdb_tmp"
    reached = {"folders": [folder, *folders], "files": files}
    try:
        with connect(memory_limit=memory_limit, spill=spill, threads=2, **reached) as connection:
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


def duckdb_type(kind: pa.DataType) -> str:
    """What DuckDB calls a type of the lake's schemas."""
    if pa.types.is_struct(kind):
        return "struct(" + ", ".join(f"{sql_name(inner.name)} {duckdb_type(inner.type)}" for inner in kind) + ")"
    if pa.types.is_list(kind):
        return f"{duckdb_type(kind.value_type)}[]"
    if pa.types.is_map(kind):
        return f"map({duckdb_type(kind.key_type)}, {duckdb_type(kind.item_type)})"
    names = {pa.bool_(): "boolean", pa.int64(): "bigint", pa.float64(): "double", pa.date32(): "date"}
    return names.get(kind) or ("varchar" if kind == pa.string() else "timestamptz")
