"""The SQLAlchemy dialect through which Great Expectations talks to DuckDB, and the connection it is given.

Great Expectations fetches rows after it has given the connection back, which a DuckDB cursor does not survive, so
the dialect reads every result at once. What is asked for, and what an answer means, belongs to the runner.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb_engine
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.pool import StaticPool

from orchestration.ground.engine import closed, lock_down


class _BufferedContext(duckdb_engine.Dialect.execution_ctx_cls):
    def post_exec(self) -> None:
        super().post_exec()
        if self.cursor.description:
            rows = self.cursor.fetchall()
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(self.cursor, initial_buffer=rows)


class GxDialect(duckdb_engine.Dialect):
    """DuckDB for Great Expectations: as duckdb-engine has it, every result read before the connection goes back."""

    driver = "gx"
    supports_statement_cache = False
    execution_ctx_cls = _BufferedContext


@contextmanager
def connect(
    database: Path | None, *, readable: Collection[Path] = (), scratch: Path, memory_limit: str
) -> Iterator[Engine]:
    """One DuckDB connection as an engine, closed on leaving whatever happens, so that no file stays locked.

    `database` is opened read-only; None is an empty one in memory. Apart from it only files below `readable` can be
    read, and `scratch` (made only when memory runs out, removed afterwards) written. The zone is UTC.
    Raises sqlalchemy.exc.SQLAlchemyError if the database cannot be opened.
    """
    registry.register("duckdb.gx", __name__, GxDialect.__name__)
    engine = create_engine(
        URL.create("duckdb+gx", database=str(database) if database else ":memory:"),
        poolclass=StaticPool,  # one connection: the views of a database in memory are seen by it alone
        connect_args={"read_only": database is not None, "config": closed(memory_limit, scratch)},
    )

    @event.listens_for(engine, "connect")
    def close_off(connection: duckdb_engine.ConnectionWrapper, _: object) -> None:
        lock_down(connection, [folder.resolve() for folder in readable])

    try:
        with engine.connect():
            yield engine
    finally:
        engine.dispose()
