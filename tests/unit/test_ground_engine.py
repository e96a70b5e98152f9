"""Every connection of ours is closed off: what it was not given it cannot read, and nothing asked opens it again."""

import duckdb
import pytest

from orchestration.ground.engine import connect, sql_name, sql_text


def test_a_connection_reaches_what_it_was_given_and_nothing_else(tmp_path):
    for name in ("in [1]", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.csv").write_text("a\n1\n")
    inside, outside, alone = tmp_path / "in [1]", tmp_path / "out" / "rows.csv", tmp_path / "alone.csv"
    alone.write_text("a\n1\n2\n")
    with connect(folders=[inside], files=[alone], spill=inside / "spilled", threads=1) as connection:
        assert connection.execute(f"select count(*) from read_csv({sql_text(alone)})").fetchone() == (2,)
        connection.execute(f"copy (select 1 as a) to {sql_text(inside / 'made.csv')}")
        found = connection.execute(f"from read_csv({sql_text(str(inside).replace('[', '[[]') + '/*.csv')})").fetchall()
        assert found == [(1,), (1,)]
        settings = "select current_setting('TimeZone'), current_setting('threads'), current_setting('temp_directory')"
        assert connection.execute(settings).fetchone() == ("UTC", 1, str(inside / "spilled"))
        for refused in (
            f"from read_csv({sql_text(outside)})",
            f"attach {sql_text(tmp_path / 'other.duckdb')}",
            f"copy (select 1) to {sql_text(tmp_path / 'out' / 'written.csv')}",
            "set enable_external_access = true",
            "set memory_limit = '99GB'",
            "install httpfs",
        ):
            with pytest.raises(duckdb.Error, match=r"(?i)permission|locked|disabled|cannot"):
                connection.execute(refused)


def test_a_database_is_only_read_and_must_be_one(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(path) as made:
        made.execute("create table t as select 1 as a")
    with connect(path, memory_limit="100MB") as connection:
        assert connection.execute("from t").fetchall() == [(1,)]
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("create table u as select 1")
    path.write_bytes(b"x" * 5000)
    with pytest.raises(duckdb.IOException, match="not a valid"):
        connect(path)
    with pytest.raises(duckdb.IOException, match="does not exist"):
        connect(tmp_path / "none.duckdb")


def test_names_and_texts_are_data():
    with connect() as connection:
        name, text = 'a"b; drop', "it's\n--"
        found = connection.execute(f"select {sql_text(text)} as {sql_name(name)}")
        assert (found.description[0][0], found.fetchall()) == (name, [(text,)])
