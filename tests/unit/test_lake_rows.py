"""Typing of rows: any JSON goes in, one typed row each comes out, and nothing is bent to fit."""

import gzip
import json
import math
from collections import Counter
from datetime import UTC, date, datetime

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lake.rows import (
    MAX_EXTRA_CHARACTERS,
    MAX_UNKNOWN_NAMES,
    OTHER_NAMES,
    add_unknown_fields,
    type_rows,
)
from orchestration.lake.schemas import KEYS, OUR_COLUMNS, REQUIRED, SCHEMAS, TIMESTAMP, key_sql
from orchestration.lake.values import MAX_ITEMS, MAX_TEXT_CHARACTERS
from tests.support import recorded_dir

OBSERVED = datetime(2026, 11, 23, 12, tzinfo=UTC)
MODEL = {
    "_id": "64b7f",
    "id": "Qwen/Qwen3-8B",
    "modelId": "Qwen/Qwen3-8B",
    "author": "Qwen",
    "sha": "9c92",
    "createdAt": "2025-04-27T03:42:21.000Z",
    "lastModified": "2025-07-26T03:49:13.123456Z",
    "private": False,
    "gated": "manual",
    "disabled": False,
    "downloads": 5_000_000,
    "downloadsAllTime": 2**62,
    "likes": 0,
    "trendingScore": 7.5,
    "tags": ["transformers", "base_model:Qwen/Qwen3-8B-Base", "zażółć 模型"],
    "pipeline_tag": "text-generation",
    "library_name": "transformers",
    "safetensors": {"total": 20_000_000_000_000_000, "parameters": {"BF16": 8_190_735_360, "made up; key": 1}},
    "gguf": {"total": 1, "architecture": "qwen3", "unknown inside": [1]},
    "baseModels": {"relation": "finetune", "models": [{"_id": "64b", "id": "Qwen/Qwen3-8B-Base"}]},
    "usedStorage": 16_400_000_000,
}

any_text = st.text(st.characters(exclude_categories=()), max_size=12)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.just("2025-04-27T03:42:21.000Z"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=8,
)


def names_in(kind: pa.DataType) -> set[str]:
    if pa.types.is_list(kind):
        return names_in(kind.value_type)
    return {kind.field(i).name for i in range(kind.num_fields)} if pa.types.is_struct(kind) else set()


def any_rows(table: str) -> st.SearchStrategy:
    """Rows that name real columns often enough to reach their types."""

    def value(kind: pa.DataType) -> st.SearchStrategy:
        inner = st.dictionaries(st.sampled_from(sorted(names_in(kind)) or ["x"]), any_json, max_size=4)
        return any_json | inner | st.lists(inner, max_size=3)

    columns = {field.name: value(field.type) for field in SCHEMAS[table]}
    known = st.fixed_dictionaries({}, optional=columns)
    row = st.builds(lambda a, b: {**a, **b}, st.dictionaries(any_text, any_json, max_size=2), known)
    return st.lists(row | any_json, max_size=5)


def good_value(kind: pa.DataType) -> st.SearchStrategy:
    """JSON values that fit a column, null among them."""
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        good = st.fixed_dictionaries({field.name: good_value(field.type) for field in fields})
    elif pa.types.is_map(kind):
        good = st.dictionaries(st.text(max_size=5), good_value(kind.item_type), max_size=3)
    elif pa.types.is_list(kind):
        good = st.lists(good_value(kind.value_type), max_size=3)
    elif kind == TIMESTAMP:
        instants = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31))
        good = instants.map(lambda instant: instant.isoformat() + "Z")
    else:
        good = {
            pa.string(): st.text(max_size=9),
            pa.bool_(): st.booleans(),
            pa.int64(): st.integers(-(2**63), 2**63 - 1),
            pa.float64(): st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**50), 2**50),
            pa.date32(): st.dates(date(1970, 1, 1), date(2199, 12, 31)).map(date.isoformat),
        }[kind]
    return good if pa.types.is_map(kind) else st.none() | good


def as_json(value, kind: pa.DataType):
    """A value read back from Arrow, as the JSON it came from."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {
            kind.field(i).name: as_json(value[kind.field(i).name], kind.field(i).type) for i in range(kind.num_fields)
        }
    if pa.types.is_map(kind):
        return dict(value)
    if pa.types.is_list(kind):
        return [as_json(item, kind.value_type) for item in value]
    if kind == TIMESTAMP:
        return value.replace(tzinfo=None).isoformat() + "Z"
    return value.isoformat() if kind == pa.date32() else value


def typed(row, table: str = "models") -> dict:
    """One row, typed and read back."""
    return type_rows(table, [row], OBSERVED).batch.to_pylist()[0]


def keys_of(table: str, batch: pa.RecordBatch) -> list:
    """The key of each row, None where it has none."""
    rows = duckdb.from_arrow(pa.Table.from_batches([batch]))
    return [key for (key,) in rows.select(key_sql(table)).fetchall()]


@pytest.mark.parametrize("table", SCHEMAS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_json_becomes_one_typed_row_each(table, data):
    rows = data.draw(any_rows(table))
    result = type_rows(table, rows, OBSERVED)
    result.batch.validate(full=True)
    assert result.batch.schema.equals(SCHEMAS[table])
    assert result.batch.num_rows == len(keys_of(table, result.batch)) == len(rows)
    for row, out in zip(rows, result.batch.to_pylist(maps_as_pydicts="lossy"), strict=True):
        assert out["observed_at"] == OBSERVED
        if not isinstance(row, dict):
            assert out["fault"] == "not_an_object"
        elif out["fault"] is None:
            # Without a fault nothing was left out: what is null was null or absent.
            for name in SCHEMAS[table].names:
                if name not in OUR_COLUMNS:
                    assert (out[name] is None) == (row.get(name) is None)


@pytest.mark.parametrize("table", SCHEMAS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_fits_comes_back_as_it_was(table, data):
    fields = [field for field in SCHEMAS[table] if field.name not in OUR_COLUMNS]
    row = data.draw(st.fixed_dictionaries({field.name: good_value(field.type) for field in fields}))
    batch = type_rows(table, [row], OBSERVED).batch
    assert (batch["fault"][0].as_py() or "missing:").startswith("missing:")
    for field in fields:
        assert as_json(batch[field.name][0].as_py(), field.type) == row[field.name]


def test_a_model_in_full():
    out = typed(MODEL)
    assert out["fault"] is None and out["extra"] is None
    assert out["createdAt"] == datetime(2025, 4, 27, 3, 42, 21, tzinfo=UTC)
    assert out["lastModified"] == datetime(2025, 7, 26, 3, 49, 13, 123456, tzinfo=UTC)
    assert out["safetensors"] == {
        "total": 20_000_000_000_000_000,
        "parameters": [("BF16", 8_190_735_360), ("made up; key", 1)],
    }
    assert out["gguf"] == {"total": 1, "architecture": "qwen3"}
    same = ("tags", "downloadsAllTime", "likes", "trendingScore", "baseModels", "private", "gated")
    assert {name: out[name] for name in same} == {name: MODEL[name] for name in same}


@pytest.mark.parametrize(("gated", "text"), [(False, "false"), (True, "true"), ("auto", "auto"), (None, None)])
def test_gated_is_a_boolean_or_text(gated, text):
    assert typed({**MODEL, "gated": gated})["gated"] == text


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("likes", True, "bad_value:likes"),
        ("likes", 5.5, "bad_value:likes"),
        ("likes", 5.0, "bad_value:likes"),
        ("likes", "5", "bad_value:likes"),
        ("likes", 2**63, "bad_value:likes"),
        ("likes", -(2**63) - 1, "bad_value:likes"),
        ("likes", {"a": 1}, "bad_value:likes"),
        ("gated", 1, "bad_value:gated"),
        ("private", 0, "bad_value:private"),
        ("private", "false", "bad_value:private"),
        ("trendingScore", math.nan, "bad_value:trendingScore"),
        ("trendingScore", math.inf, "bad_value:trendingScore"),
        ("trendingScore", 10**400, "bad_value:trendingScore"),
        ("trendingScore", True, "bad_value:trendingScore"),
        ("author", 5, "bad_value:author"),
        ("author", "\ud800", "bad_value:author"),
        ("author", "x" * (MAX_TEXT_CHARACTERS + 1), "too_long:author"),
        ("id", "\udfff", "bad_value:id"),
        ("id", None, "missing:id"),
        ("id", "", "missing:id"),
        ("id", ["x"], "bad_value:id"),
        ("createdAt", "0001-01-01T00:00:00Z", "bad_value:createdAt"),
        ("createdAt", "1969-12-31T23:59:59.999Z", "bad_value:createdAt"),
        ("createdAt", "2200-01-01T00:00:00Z", "bad_value:createdAt"),
        ("createdAt", "1970-01-01T00:00:00+00:01", "bad_value:createdAt"),
        ("createdAt", "9999-12-31T23:59:59-23:59", "bad_value:createdAt"),
        ("createdAt", "0001-01-01T00:00:00+23:59", "bad_value:createdAt"),
        ("createdAt", "2026-02-30T00:00:00Z", "bad_value:createdAt"),
        ("createdAt", "2026-01-01T00:00:00", "bad_value:createdAt"),
        ("createdAt", "2026-01-01", "bad_value:createdAt"),
        ("createdAt", "٢٠٢٦-01-01T00:00:00Z", "bad_value:createdAt"),
        ("createdAt", 1_700_000_000, "bad_value:createdAt"),
        ("tags", "not a list", "bad_value:tags"),
        ("tags", {"0": "x"}, "bad_value:tags"),
        ("tags", ["fine", 5], "bad_value:tags"),
        ("tags", ["x"] * (MAX_ITEMS + 1), "too_long:tags"),
        ("safetensors", [], "bad_value:safetensors"),
        ("safetensors", {"total": 1.5}, "bad_value:safetensors.total"),
        ("safetensors", {"parameters": [1]}, "bad_value:safetensors.parameters"),
        ("safetensors", {"parameters": {"F32": "many"}}, "bad_value:safetensors.parameters"),
        ("safetensors", {"parameters": {"\ud800": 1}}, "bad_value:safetensors.parameters"),
        ("baseModels", {"models": [{"id": 5}]}, "bad_value:baseModels.models.id"),
        ("baseModels", {"models": ["x"]}, "bad_value:baseModels.models"),
        ("new", math.nan, "bad_value:extra"),
        ("new", "\ud800", "bad_value:extra"),
        ("\ud800", 1, "bad_value:extra"),
        ("new", "x" * MAX_EXTRA_CHARACTERS, "too_long:extra"),
    ],
)
def test_a_value_that_does_not_fit_is_named_and_spoils_nothing_else(path, value, fault):
    good, out = typed(MODEL), typed({**MODEL, path: value})
    assert out.pop("fault") == fault
    column = fault.partition(":")[2].partition(".")[0]
    for name, was in good.items():
        if name not in (column, "fault"):
            assert out[name] == was
    if "." not in column and column not in ("tags", "safetensors", "baseModels"):
        assert out[column] in (None, "")


def test_a_bad_value_inside_a_nested_one_leaves_the_rest_of_it():
    paper = {"id": "2501.1", "title": "x", "upvotes": "many", "authors": [{"name": "A"}, {"name": 5}, {"name": "B"}]}
    out = typed({"date": "2025-01-13", "paper": paper}, "daily_papers")
    assert out["fault"] == "bad_value:paper.upvotes"
    assert (out["paper"]["id"], out["paper"]["upvotes"]) == ("2501.1", None)
    assert [author["name"] for author in out["paper"]["authors"]] == ["A", None, "B"]


@pytest.mark.parametrize(
    ("table", "row", "fault"),
    [
        ("organizations", {"name": "x"}, "missing:handle"),
        ("daily_papers", {"paper": {"id": "2501.1"}}, "missing:date"),
        ("daily_papers", {"date": "2025-01-13", "paper": {}}, "missing:paper.id"),
        ("daily_papers", {"date": "2025-01-13"}, "missing:paper.id"),
        ("daily_papers", {"date": "20250113", "paper": {"id": "1"}}, "bad_value:date"),
        ("daily_papers", {"date": "2025-02-29", "paper": {"id": "1"}}, "bad_value:date"),
    ],
)
def test_what_a_row_cannot_be_without(table, row, fault):
    assert typed(row, table)["fault"] == fault


def test_keys():
    rows = [{"_id": "a", "id": "x/y"}, {"id": "x/y"}, {"_id": 5, "id": "x/y"}, {}, 7, {"id": ""}]
    assert keys_of("models", type_rows("models", rows, OBSERVED).batch) == ["a", "x/y", "x/y", None, None, None]
    days = [{"date": day, "paper": {"id": "2501.1"}} for day in ("2025-01-13", "2025-01-14", "2025-01-13", "x")]
    keys = keys_of("daily_papers", type_rows("daily_papers", days, OBSERVED).batch)
    assert keys[0] == keys[2] != keys[1] and keys[3] is None


def test_unknown_fields_are_kept_and_counted():
    rows = [{"id": "a/b", "new": {"b": [1, None], "a": "é"}, "also": True}, {"id": "a/c", "new": 1}]
    result = type_rows("models", rows, OBSERVED)
    extra = result.batch["extra"].to_pylist()
    assert extra == ['{"also":true,"new":{"a":"é","b":[1,null]}}', '{"new":1}']
    assert result.unknown_fields == {"new": 2, "also": 1}
    # Names of our own columns are the Hub's to use as well.
    assert json.loads(typed({"id": "a/b", "fault": "x", "extra": 1})["extra"]) == {"fault": "x", "extra": 1}


def test_the_count_of_unknown_fields_stays_small_and_printable():
    total: Counter[str] = Counter()
    for page in range(30):
        add_unknown_fields(total, Counter({f"{page} {n}\n<b>\u202e" + "x" * 500: 2 for n in range(50)}))
    assert sum(total.values()) == 30 * 50 * 2
    assert len(total) == MAX_UNKNOWN_NAMES + 1 and total[OTHER_NAMES] > 0
    assert all(name.isascii() and name.isprintable() and len(name) <= 80 for name in total)


def test_a_nul_in_a_text_reaches_duckdb_unharmed(tmp_path):
    rows = [{"id": "a/b", "author": "x\0y", "tags": ["\0"], "new\0": "\0"}]
    batch = type_rows("models", rows, OBSERVED).batch
    pq.write_table(pa.Table.from_batches([batch]), tmp_path / "rows.parquet")
    query = f"select author, tags, extra from '{tmp_path}/rows.parquet'"
    assert duckdb.sql(query).fetchall() == [("x\0y", ["\0"], '{"new\\u0000":"\\u0000"}')]


@pytest.mark.parametrize("table", SCHEMAS)
def test_keys_and_required_columns_exist(table):
    paths = [path for alternatives in KEYS[table] for path in alternatives] + list(REQUIRED[table])
    for path in paths:
        name, _, inner = path.partition(".")
        kind = SCHEMAS[table].field(name).type
        assert not inner or inner in names_in(kind)
    assert tuple(SCHEMAS[table].names[-3:]) == OUR_COLUMNS


@pytest.mark.parametrize(
    ("file", "table", "count"),
    [
        ("models.jsonl.gz", "models", 15_156),
        ("models_trending.jsonl.gz", "models", 1_000),
        ("datasets.jsonl.gz", "datasets", 1_000),
        ("spaces.jsonl.gz", "spaces", 1_000),
    ],
)
def test_recorded_repos_have_no_faults(file, table, count):
    with gzip.open(recorded_dir() / file) as lines:
        rows = [json.loads(line) for line in lines]
    result = type_rows(table, rows, OBSERVED)
    assert result.batch.num_rows == count
    assert result.batch["fault"].null_count == count
    assert result.unknown_fields == {}
    for name in ("id", "likes", "tags", "trendingScore", "private"):
        assert result.batch[name].to_pylist() == [row[name] for row in rows]
    created = [datetime.fromisoformat(row["createdAt"]) for row in rows]
    assert result.batch["createdAt"].to_pylist() == created


def test_recorded_papers_have_no_faults():
    rows = []
    for path in sorted((recorded_dir() / "daily_papers").glob("*.jsonl.gz")):
        with gzip.open(path) as lines:
            rows += [{**recorded["item"], "date": recorded["date"]} for recorded in map(json.loads, lines)]
    result = type_rows("daily_papers", rows, OBSERVED)
    assert result.batch.num_rows == 6_223
    assert result.batch["fault"].null_count == 6_223
    assert result.unknown_fields == {"isAuthorParticipating": 6_223}
    papers = result.batch["paper"].to_pylist()
    assert [paper["upvotes"] for paper in papers] == [row["paper"]["upvotes"] for row in rows]
    assert max(len(paper["authors"]) for paper in papers) == max(len(row["paper"]["authors"]) for row in rows)
