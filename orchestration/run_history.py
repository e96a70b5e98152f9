"""Dagster's run history on one machine: its own SQLite files, written through connections that stay open.

Belongs here: what dagster.yaml names as `instance_class`. Not: PostgreSQL, which a deployment has instead.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event

# The index of all runs, the run at work, and those that somebody looks at in the UI.
_FILES_KEPT_OPEN = 8


class OneMachine(dg.DagsterInstance):
    """A Dagster instance whose storage, unless dagster.yaml names another, is `SqliteStorage`."""

    @classmethod
    def config_schema(cls) -> Mapping[str, Any]:
        """No settings of its own."""
        return {}

    @staticmethod
    def config_defaults(base_dir: str) -> Mapping[str, ConfigurableClassData | None]:
        """What Dagster takes where dagster.yaml says nothing."""
        defaults = InstanceRef.config_defaults(base_dir)
        return {**defaults, "storage": defaults["storage"]._replace(module_name=__name__, class_name="SqliteStorage")}


class SqliteEvents(SqliteEventLogStorage):
    """Dagster's SQLite files of events, with an engine kept for each file in place of one for each statement."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:  # noqa: D107
        self._engines: dict[tuple[str, int], Engine] = {}
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> Engine:
        path = Path(self.path_for_shard(shard))
        # A data folder that was removed and made anew has another file of the same name.
        engine = self._engines.pop((shard, _inode(path)), None) or self._opened(shard)
        self._engines[shard, _inode(path)] = engine
        if len(self._engines) > _FILES_KEPT_OPEN:
            self._engines.pop(next(iter(self._engines))).dispose()
        return engine

    def _opened(self, shard: str) -> Engine:
        address, options = self.conn_string_for_shard(shard), {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
        engine = create_engine(address, connect_args=options)
        # With a write-ahead log nothing is lost or torn when a process is killed; the last events of a machine that
        # loses power may be, and the disk is not waited for after each of a thousand events.
        event.listen(engine, "connect", lambda connection, _: connection.execute("pragma synchronous = normal"))
        self._initdb(engine)
        return engine

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table. One that was found is not looked for again: Dagster asks at each event."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables


def _inode(path: Path) -> int:
    return path.stat().st_ino if path.exists() else 0


class SqliteStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage of runs, events and schedules, the events as `SqliteEvents` keeps them."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:  # noqa: D107
        super().__init__(base_dir, inst_data)
        self._event_log_storage = SqliteEvents(str(Path(base_dir, "history", "runs")))

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> "SqliteStorage":
        """The storage in the folder that the instance was given."""
        return cls.from_local(inst_data=inst_data, **config_value)
