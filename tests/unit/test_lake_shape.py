"""What fits a table as a whole page is what row by row gives no fault, and DuckDB reads the same from it."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.hub.page import Page
from orchestration.lake.rows import type_rows
from orchestration.lake.schemas import OUR_COLUMNS, SCHEMAS
from orchestration.lake.shape import fits
from orchestration.lake.snapshot import snapshot_dir, write_snapshot
from orchestration.lake.spool import Spool
from tests.unit.test_lake_rows import OBSERVED, any_rows, good_value

DAY = date(2026, 11, 23)


def body(rows: list) -> bytes:
    return json.dumps(rows).encode()


def snapshot_rows(pages: list[list], table: str) -> list[dict]:
    with TemporaryDirectory() as folder, Spool.open(Path(folder), table, DAY, source="api", source_label="x") as spool:
        for number, rows in enumerate(pages):
            cursor = None if number == len(pages) - 1 else f"/{number}"
            spool.append(Page(rows, cursor, OBSERVED, 1, False, []))
        manifest = write_snapshot(spool)
        files = [snapshot_dir(Path(folder), table, DAY) / file.path for file in manifest.files]
        return [row for file in files for row in pq.read_table(file).to_pylist()]


def keyed(rows: list[dict], table: str) -> list[dict]:
    """Rows with keys of their own, so that none is a repeat of another."""
    for number, row in enumerate(rows):
        if table == "daily_papers":
            row["date"], row["paper"] = "2026-01-02", {**(row.get("paper") or {}), "id": f"p{number}"}
        elif table == "organizations":
            row["handle"] = f"h{number}"
        else:
            row["_id"], row["id"] = f"k{number}", f"a/{number}"
    return rows


@pytest.mark.parametrize("table", SCHEMAS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_page_that_fits_has_no_fault_row_by_row(table, data):
    rows = data.draw(any_rows(table))
    if fits(table, body(rows)):
        typed = type_rows(table, rows, OBSERVED)
        assert typed.batch["fault"].null_count == len(rows) and not typed.unknown_fields


@pytest.mark.parametrize("table", SCHEMAS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_duckdb_reads_what_row_by_row_gives(table, data):
    fields = [field for field in SCHEMAS[table] if field.name not in OUR_COLUMNS]
    row = st.fixed_dictionaries({}, optional={field.name: good_value(field.type) for field in fields})
    pages = data.draw(st.lists(st.lists(row, max_size=4), min_size=1, max_size=3))
    flat = keyed([row for page in pages for row in page], table)
    expected = type_rows(table, flat, OBSERVED).batch.to_pylist()
    assert snapshot_rows(pages, table) == expected


MODEL = {
    "_id": "1",
    "id": "a/b",
    "createdAt": "2025-04-27T03:42:21.000Z",
    "gated": False,
    "likes": 3,
    "trendingScore": 2,
    "tags": ["x", None],
    "safetensors": {"total": 5, "parameters": {"F32": 5}, "new": 1},
}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"gated": "auto"},
        {"trendingScore": 0.5},
        {"modelId": "a/b"},
        {"likes": None},
        {"createdAt": "2024-02-29T23:59:59.123456Z"},
        {"createdAt": "2000-02-29T23:59:59Z"},
    ],
)
def test_what_the_hub_sends_fits(change):
    assert fits("models", body([MODEL | change, MODEL]))


@pytest.mark.parametrize(
    "change",
    [
        {"likes": 5.5},
        {"likes": 2**63},
        {"likes": True},
        {"likes": "3"},
        {"id": 7},
        {"id": ""},
        {"id": None},
        {"gated": 1},
        {"trendingScore": 2**70},
        {"createdAt": "2025-04-27"},
        {"createdAt": "2025-02-29T00:00:00.000Z"},
        {"createdAt": "2100-02-29T00:00:00.000Z"},
        {"createdAt": "0001-01-01T00:00:00.000Z"},
        {"createdAt": "2025-04-27T03:42:21.1234567Z"},
        {"createdAt": ""},
        {"createdAt": "2025-04-27T03:42:21Z\n2025-04-27T03:42:21Z"},
        {"createdAt": "2025-04-27T03:42:21Z\n"},
        {"createdAt": "2025-04-27T03:42:21", "lastModified": ".000Z"},
        {"tags": "x"},
        {"tags": [1]},
        {"author": "x" * 100_001},
        {"author": "\ud800"},
        {"new": 1},
        {"safetensors": {"parameters": {"F32": "5"}}},
        {"trendingScore": float("nan")},
    ],
)
def test_what_must_be_judged_row_by_row_does_not_fit(change):
    assert not fits("models", body([MODEL, MODEL | change]))


def test_a_name_twice_in_one_object_is_read_row_by_row():
    text = body([MODEL]).replace(b'"F32": 5', b'"F32": 5, "F32": 6')
    assert fits("models", text)

    class Rows(list):
        body = text

    (row,) = snapshot_rows([Rows(json.loads(text))], "models")
    assert row["safetensors"]["parameters"] == [("F32", 6)] and row["createdAt"] == datetime(
        2025, 4, 27, 3, 42, 21, tzinfo=UTC
    )
