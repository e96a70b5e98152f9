"""What a dbt build shows in Dagster: numbers of its models, and what its tests wanted, found and failed on."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.checks.build_log import with_facts
from orchestration.settings import Settings, load_settings

TEST = "test.hubscape.unique_t_id"
NODE = {"schema": "main", "alias": "t", "unique_id": "model.hubscape.t"}
MANIFEST = {
    "nodes": {
        "model.hubscape.t": NODE
        | {
            "columns": {"id": {"name": "id", "description": "Key of\n the row."}},
            "config": {"meta": {"publish": True}},
        },
        "model.hubscape.inner": NODE | {"unique_id": "model.hubscape.inner", "columns": {}, "config": {"meta": {}}},
        TEST: {"unique_id": TEST, "config": {"severity": "ERROR", "error_if": "!= 0", "warn_if": "!= 0"}},
    }
}
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("create table t as select i as id, ? as title from range(12) as r(i)", [HOSTILE])
        connection.execute(
            "create table build_log (unique_id varchar, resource_type varchar, failures int, sample varchar)"
        )
        sample = "; ".join(f"id {number}" for number in range(7)) + f"; id {HOSTILE}"
        connection.execute("insert into build_log values (?, 'test', 8, ?)", [TEST, sample])
    return load_settings(data_dir=tmp_path, snapshot_date=dt.date(2026, 1, 2))


def built(settings: Settings, *events: object) -> list:
    said: list[str] = []
    found = list(with_facts(events, settings, MANIFEST, said.append))
    return [*found, said] if said else found


def of_model(name: str) -> dg.Output:
    return dg.Output(None, output_name="t", metadata={"unique_id": f"model.hubscape.{name}", "status": "success"})


def of_test(*, passed: bool = False) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=passed, asset_key="t", check_name="unique_t_id", metadata={"unique_id": TEST})


def test_a_published_model_has_rows_date_columns_and_ten_inert_rows(settings):
    (event,) = built(settings, of_model("t"))
    metadata = event.metadata
    assert metadata["status"].value == "success"
    assert (metadata["dagster/row_count"].value, metadata["snapshot_date"].value) == (12, "2026-01-02")
    (column,) = metadata["dagster/column_schema"].schema.columns
    assert (column.name, column.type, column.description) == ("id", "bigint", "Key of the row.")
    preview = metadata["preview"]
    assert [record.data["id"] for record in preview.records] == [str(number) for number in range(10)]
    assert [column.name for column in preview.schema.columns] == ["id", "title"]
    assert {record.data["title"] for record in preview.records} == {"?img src=x onerror=alert(1)?"}


def test_a_model_that_is_not_published_has_no_preview(settings):
    (event,) = built(settings, of_model("inner"))
    assert event.metadata["dagster/row_count"].value == 12 and "preview" not in event.metadata


def test_a_view_over_files_of_the_data_folder_has_rows_too(settings):
    with duckdb.connect(settings.data_dir / "warehouse.duckdb") as connection:
        connection.execute("copy (select range as id from range(3)) to ? (format parquet)", [f"{settings.data_dir}/x"])
        connection.execute("set variable data_dir = ?", [str(settings.data_dir)])
        connection.execute("create view history as select * from read_parquet(getvariable('data_dir') || '/x')")
    manifest = json.loads(json.dumps(MANIFEST))
    manifest["nodes"]["model.hubscape.inner"]["alias"] = "history"
    (event,) = with_facts([of_model("inner")], settings, manifest, print)
    assert event.metadata["dagster/row_count"].value == 3


def test_a_failed_test_says_what_it_wanted_and_found_and_five_inert_rows(settings):
    (event,) = built(settings, of_test())
    assert event.description == "8 rows fail, for example id 0; id 1; id 2; id 3; id 4."
    assert event.metadata["threshold"].value == "no failing rows"
    assert event.metadata["observed"].value == "8 failing rows"
    assert event.metadata["rows_failing"].value == 8
    assert [record.data["key"] for record in event.metadata["sample_keys"].records] == [f"id {n}" for n in range(5)]


def test_a_sample_is_inert_and_a_threshold_of_a_tests_own_is_told(settings):
    with duckdb.connect(settings.data_dir / "warehouse.duckdb") as connection:
        connection.execute("update build_log set sample = ?", [f"id {HOSTILE}"])
    manifest = json.loads(json.dumps(MANIFEST))
    manifest["nodes"][TEST]["config"]["error_if"] = "> 5"
    (event,) = with_facts([of_test()], settings, manifest, print)
    assert event.metadata["threshold"].value == "fails if > 5"
    assert "<" not in event.description and "<" not in str(event.metadata["sample_keys"].records)


def test_a_test_that_did_not_come_to_a_result_stays_as_dbt_told_it(settings):
    with duckdb.connect(settings.data_dir / "warehouse.duckdb") as connection:
        connection.execute("delete from build_log")
    assert built(settings, of_test()) == [of_test()]


def test_a_warehouse_that_cannot_be_read_costs_the_numbers_and_not_the_build(settings):
    (settings.data_dir / "warehouse.duckdb").unlink()
    event, said = built(settings, of_model("t"))
    assert "dagster/row_count" not in event.metadata and "There is no warehouse" in said[0]
