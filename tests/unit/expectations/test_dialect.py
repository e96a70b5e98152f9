"""The connection that Great Expectations is given: locked down, in UTC, closed afterwards, results read at once."""

import gc
from datetime import date
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from expectations import raw
from expectations.dialect import connect
from expectations.runner import check_raw


def value(engine: Engine, query: str) -> object:
    with engine.connect() as connection:
        return connection.execute(text(query)).scalar_one()


def test_only_the_given_folders_can_be_read_even_by_a_later_connection(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside.csv", tmp_path.parent / f"{tmp_path.name}-outside.csv"
    for file in (inside, outside):
        file.write_text("a\n1\n")
    with connect(None, readable=[tmp_path], scratch=tmp_path / "scratch", memory_limit="100MB") as engine:
        for _ in range(2):
            assert value(engine, f"select count(*) from read_csv('{inside}')") == 1
            assert value(engine, "select current_setting('TimeZone')") == "UTC"
            for refused in (
                f"select count(*) from read_csv('{outside}')",
                "set enable_external_access = true",
                "install httpfs",
            ):
                with pytest.raises(SQLAlchemyError):
                    value(engine, refused)
            engine.dispose()  # the pool opens another one, which must be no freer


def test_rows_outlive_the_connection_that_read_them(tmp_path: Path) -> None:
    with connect(None, scratch=tmp_path / "scratch", memory_limit="100MB") as engine:
        with engine.connect() as connection:
            result = connection.execute(text("select * from range(3)"))
        assert value(engine, "select 7") == 7
        assert result.fetchall() == [(0,), (1,), (2,)]


def test_a_database_is_read_only_and_free_after_an_error(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(file)).close()
    with connect(file, scratch=tmp_path / "scratch", memory_limit="100MB") as engine, pytest.raises(SQLAlchemyError):
        value(engine, "create table t as select 1")
    with pytest.raises(KeyError), connect(file, scratch=tmp_path / "scratch", memory_limit="100MB") as engine:
        assert value(engine, "select 1") == 1
        raise KeyError
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table t as select 1")


def test_every_table_is_judged_however_often_garbage_is_collected(tmp_path: Path) -> None:
    # An engine of Great Expectations disposes of the connection when it is collected, and the views go with it.
    tables = ("models", "datasets", "spaces")
    for table in tables:
        folder = tmp_path / "raw" / table / "snapshot_date=2026-11-23"
        folder.mkdir(parents=True)
        duckdb.connect().sql(
            "select 'o/n' as id, 'k' as _id, now() as createdAt, 1 as downloads, 1 as likes, ['a'] as tags, "
            "now() as observed_at, null::varchar as fault"
        ).write_parquet(str(folder / "part-00000.parquet"))
    threshold = gc.get_threshold()
    gc.set_threshold(50, 2, 2)
    try:
        suites = {table: raw.SUITES[table](raw.Limits()) for table in tables}
        outcomes = check_raw(tmp_path, date(2026, 11, 23), suites)
    finally:
        gc.set_threshold(*threshold)
    assert {outcome.table for outcome in outcomes} == set(tables)
    assert [outcome.summary for outcome in outcomes if not outcome.success] == []
