"""A bulk file becomes the lake's own types: as rows of the API do, in whatever clothes it comes, or it is refused."""

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.lake.bulk import (
    BulkOrigin,
    BulkRefused,
    was_observed,
    write_bulk_snapshot,
    write_unobserved_snapshot,
)
from orchestration.lake.files import LakeError
from orchestration.lake.manifest import Manifest
from orchestration.lake.rows import type_rows
from orchestration.lake.schemas import SCHEMAS
from orchestration.lake.snapshot import snapshot_dir, snapshots, verify
from orchestration.sandbox.ecosystem import synthetic_catalogue
from orchestration.sandbox.recorded import recorded_catalogue
from tests.bulk import COLUMNS, PAPERS, bulk_table, papers_table, parquet
from tests.support import PATIENCE, PROJECT, recorded_dir

DAY = dt.date(2026, 11, 20)
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
ORIGIN = BulkOrigin("cfahlgren1/hub-stats of here", NOON, commit="a" * 40, commit_at=NOON, requests=2)


def taken(
    folder: Path, table: str, *tables: pa.Table, day: dt.date = DAY, origin: BulkOrigin = ORIGIN, **options
) -> tuple[Manifest, pa.Table]:
    files = []
    for number, content in enumerate(tables):
        files.append(folder / f"{table}-{number}.parquet")
        files[-1].write_bytes(parquet(content))
    manifest = write_bulk_snapshot(files, folder / "data", table, day, origin, **options)
    assert verify(folder / "data", table, day) == manifest
    return manifest, held(folder / "data", table, day)


def held(data_dir: Path, table: str, day: dt.date = DAY) -> pa.Table:
    return pa.concat_tables([pq.read_table(p) for p in sorted(snapshot_dir(data_dir, table, day).glob("*.parquet"))])


def models(**columns: pa.Array | list) -> pa.Table:
    count = len(next(iter(columns.values()))) if columns else 1
    return pa.table({"id": [f"owner/model-{n}" for n in range(count)], **columns})


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded rows", "made-up rows"])
@pytest.mark.parametrize(
    ("table", "shape"),
    [("models", None), ("datasets", None), ("spaces", None), *(("daily_papers", shape) for shape in PAPERS)],
)
def test_a_dump_gives_the_lake_that_the_api_gives_of_the_same_rows(tmp_path, table, shape, recorded):
    catalogue = recorded_catalogue(recorded_dir()) if recorded else synthetic_catalogue(scale=0.1, date=DAY)
    if table == "daily_papers":
        rows = [
            {**item, "date": day}
            for day, items in sorted(catalogue.papers.items())
            for item in items
            # The day of the page is not in a dump; where it is not the day of submission nobody can know it.
            if (item["paper"].get("submittedOnDailyAt") or "")[:10] == day
        ]
    else:
        rows = getattr(catalogue, table)
    assert len(rows) > 100
    expected = pa.Table.from_batches([type_rows(table, rows, NOON).batch])

    manifest, found = taken(tmp_path, table, papers_table(rows, shape) if shape else bulk_table(rows, COLUMNS[table]))

    assert found.schema.equals(SCHEMAS[table])
    keys = {"models": "id", "datasets": "id", "spaces": "id"}
    if table in keys:  # what the same id comes with again is dropped by either road
        first = {key: number for number, key in reversed(list(enumerate(expected["id"].to_pylist())))}
        expected = expected.take(sorted(first.values()))
    assert manifest.rows == found.num_rows == expected.num_rows
    for name in {*COLUMNS[table], *(["date"] if table == "daily_papers" else [])} & set(SCHEMAS[table].names):
        assert found[name].to_pylist() == expected[name].to_pylist(), name
    assert manifest.faulty_rows == 0 and manifest.unknown_fields == {}
    for name in {"_id", "sha", "private", "gated", "usedStorage"} & set(found.column_names):
        assert found[name].null_count == found.num_rows, name


def test_the_same_file_gives_the_same_bytes_and_the_source_s_order(tmp_path):
    table = pa.concat_tables([bulk_table(synthetic_catalogue(date=DAY).models, COLUMNS["models"])] * 8)
    table = table.set_column(0, "id", pa.array([f"owner/{n}" for n in range(table.num_rows)]))
    assert table.num_rows > 130_000, "more than a row group"
    hashes = set()
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        manifest, found = taken(folder, "models", table)
        hashes.add(tuple(file.sha256 for file in manifest.files))
    assert len(hashes) == 1
    assert found["id"].to_pylist() == table["id"].to_pylist()


SAFE = {"parameters": [("BF16", 7)], "total": 7}
STRUCT = pa.struct([("parameters", pa.struct([("BF16", pa.int64()), ("F8", pa.int64())])), ("total", pa.int64())])
MAPPED = pa.struct([("parameters", pa.map_(pa.string(), pa.int32())), ("total", pa.float64())])
PARENT = {"relation": "finetune", "models": [{"_id": "b", "id": "c/d"}]}
TIME = dt.datetime(2025, 1, 2, 3, 4, 5, 678000, tzinfo=dt.UTC)
VARIANTS = [
    ("likes", pa.array([3], pa.int32()), 3),
    ("likes", pa.array([3.0]), 3),
    ("likes", pa.array([3], pa.uint64()), 3),
    ("trendingScore", pa.array([3], pa.int64()), 3.0),
    ("createdAt", pa.array(["2025-01-02T03:04:05.678Z"]), TIME),
    ("createdAt", pa.array(["2025-01-02T03:04:05.678"]), TIME),
    ("createdAt", pa.array(["2025-01-02 05:04:05.678+02:00"]), TIME),
    ("createdAt", pa.array([TIME.replace(tzinfo=None)], pa.timestamp("ns")), TIME),
    ("createdAt", pa.array([TIME.replace(tzinfo=None)], pa.timestamp("ms")), TIME),
    ("createdAt", pa.array([TIME], pa.timestamp("us", tz="UTC")), TIME),
    ("createdAt", pa.array([TIME], pa.timestamp("ns", tz="America/New_York")), TIME),
    ("tags", pa.array([None], pa.null()), None),
    ("tags", pa.array([["a", None]], pa.large_list(pa.large_string())), ["a", None]),
    ("tags", pa.array(['["a","b"]']), ["a", "b"]),
    ("tags", pa.array([["a"]], pa.list_(pa.string())).cast(pa.list_(pa.dictionary(pa.int8(), pa.string()))), ["a"]),
    ("gated", pa.array([True]), "true"),
    ("gated", pa.array(["auto"]), "auto"),
    ("author", pa.array([b"owner"]), "owner"),
    ("safetensors", pa.array([{"parameters": {"BF16": 7}, "total": 7}], STRUCT), SAFE),
    ("safetensors", pa.array([{"parameters": [("BF16", 7)], "total": 7.0}], MAPPED), SAFE),
    ("safetensors", pa.array(['{"parameters":{"BF16":7},"total":7,"sharded":true}']), SAFE),
    ("safetensors", pa.array([{"parameters": None, "total": None}], STRUCT), None),
    ("safetensors", pa.array(["null"]), None),
    ("baseModels", pa.array([json.dumps(PARENT)]), PARENT),
    ("baseModels", pa.array([{**PARENT, "more": 1}]), PARENT),
    ("baseModels", pa.array([{**PARENT, "models": json.dumps(PARENT["models"])}]), PARENT),
    ("gguf", pa.array([{"architecture": "a", "total": 9, "context": 4096}]), {"total": 9, "architecture": "a"}),
    ("gguf", pa.array([{"architecture": "llama"}]), {"total": None, "architecture": "llama"}),
]  # fmt: skip


@pytest.mark.parametrize(("column", "values", "expected"), VARIANTS)
def test_older_and_newer_types_of_a_column_are_taken_for_what_they_say(tmp_path, column, values, expected):
    manifest, found = taken(tmp_path, "models", models(**{column: values}))

    assert found[column].to_pylist() == [expected]
    assert found["fault"].to_pylist() == [None] and manifest.faulty_rows == 0
    assert manifest.unknown_fields == {}


BAD = [
    ("likes", pa.array([3.5]), "bad_value:likes"),
    ("likes", pa.array([float("nan")]), "bad_value:likes"),
    ("likes", pa.array([1e19]), "bad_value:likes"),
    ("likes", pa.array([2**63], pa.uint64()), "bad_value:likes"),
    ("likes", pa.array(["3"]), "bad_value:likes"),
    ("likes", pa.array([True]), "bad_value:likes"),
    ("trendingScore", pa.array([float("inf")]), "bad_value:trendingScore"),
    ("private", pa.array(["yes"]), "bad_value:private"),
    ("createdAt", pa.array(["2025-02-30T00:00:00Z"]), "bad_value:createdAt"),
    ("createdAt", pa.array(["yesterday"]), "bad_value:createdAt"),
    ("createdAt", pa.array([5], pa.int64()), "bad_value:createdAt"),
    ("createdAt", pa.array([-1], pa.timestamp("us")), "bad_value:createdAt"),
    ("lastModified", pa.array([7_258_118_400_000], pa.timestamp("ms")), "bad_value:lastModified"),
    ("pipeline_tag", pa.array(["x" * 100_001]), "too_long:pipeline_tag"),
    ("pipeline_tag", pa.array([5]), "bad_value:pipeline_tag"),
    ("author", pa.array([b"\xff\xfe"]), "bad_value:author"),
    ("tags", pa.array([["t"] * 10_001]), "too_long:tags"),
    ("tags", pa.array([["t", "x" * 100_001]]), "too_long:tags"),
    ("tags", pa.array([[1]]), "bad_value:tags"),
    ("tags", pa.array(['{"a":1}']), "bad_value:tags"),
    ("tags", pa.array(["not json"]), "bad_value:tags"),
    ("safetensors", pa.array([{"parameters": [("BF16", 7)], "total": 7.5}], MAPPED), "bad_value:safetensors.total"),
    ("safetensors", pa.array(['{"total":7.5}']), "bad_value:safetensors.total"),
    ("safetensors", pa.array(["[1]"]), "bad_value:safetensors"),
    ("gguf", pa.array([{"total": "many"}]), "bad_value:gguf.total"),
    ("baseModels", pa.array([{"relation": 5}]), "bad_value:baseModels.relation"),
    ("baseModels", pa.array([{"models": [{"id": 5}]}]), "bad_value:baseModels.models.id"),
    ("baseModels", pa.array(['{"models":[{"id":"a/b"},{"id":5.5}]}']), "bad_value:baseModels.models.id"),
    ("safetensors", pa.array(['{"parameters":{"F32":"7"}}']), "bad_value:safetensors.parameters"),
    ("id", pa.array([""]), "missing:id"),
    ("id", pa.array([None], pa.string()), "missing:id"),
    ("id", pa.array([7]), "bad_value:id"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "values", "fault"), BAD)
def test_a_value_that_does_not_fit_is_the_fault_of_its_own_row(tmp_path, column, values, fault):
    bad = models(**{column: values})
    good = pa.table({name: pa.nulls(2, bad.schema.field(name).type) for name in bad.column_names})
    if column != "id":
        good = good.set_column(good.column_names.index("id"), "id", pa.array(["a/1", "a/2"]))
        both = pa.concat_tables([good.slice(0, 1), bad, good.slice(1, 1)])
        expected = [None, fault, None]
    else:
        both, expected = bad, [fault]

    manifest, found = taken(tmp_path, "models", both)

    assert found["fault"].to_pylist() == expected
    assert manifest.faulty_rows == 1
    assert found.num_rows == len(expected), "no row is lost"


def test_faults_are_named_as_those_of_rows_of_the_api(tmp_path):
    rows = [
        {"id": "a/1", "likes": 2**63, "pipeline_tag": "x" * 100_001},
        {"id": "a/2", "tags": ["t"] * 10_001},
        {"id": ""},
        {"id": "a/3", "createdAt": "1969-12-31T00:00:00Z"},
    ]
    expected = type_rows("models", rows, NOON).batch["fault"].to_pylist()
    table = pa.table({
        "id": [row["id"] for row in rows],
        "likes": pa.array([row.get("likes") for row in rows], pa.uint64()),
        "pipeline_tag": pa.array([row.get("pipeline_tag") for row in rows], pa.string()),
        "tags": pa.array([row.get("tags") for row in rows], pa.list_(pa.string())),
        "createdAt": pa.array([row.get("createdAt") for row in rows], pa.string()),
    })  # fmt: skip

    _, found = taken(tmp_path, "models", table)

    assert found["fault"].to_pylist() == expected


def test_columns_that_nobody_knows_are_counted_and_kept_as_json(tmp_path):
    table = models(zeta=[1, None], Alpha=[{"b": "x"}, {"b": None}], cardData=["{}", "{}"], siblings=[[1], [2]])

    manifest, found = taken(tmp_path, "models", table)

    assert manifest.unknown_fields == {"Alpha": 2, "zeta": 1}
    assert [json.loads(extra) for extra in found["extra"].to_pylist()] == [
        {"Alpha": {"b": "x"}, "zeta": 1},
        {"Alpha": {"b": None}},
    ]
    assert found["fault"].null_count == 2


def test_hostile_names_of_columns_stay_names(tmp_path):
    name = """x"'); drop table y; --\n${a}"""
    manifest, found = taken(tmp_path, "models", models(**{name: [1]}))

    assert list(manifest.unknown_fields) == [name.replace("\n", "?")]
    assert json.loads(found["extra"].to_pylist()[0]) == {name: 1}


def test_a_key_that_comes_again_is_dropped_also_from_another_shard(tmp_path):
    one, two = models(likes=[1, 2]), pa.table({"id": ["owner/model-1", "owner/model-9"], "stars": [1, 2]})

    manifest, found = taken(tmp_path, "models", one, two)

    assert found["id"].to_pylist() == ["owner/model-0", "owner/model-1", "owner/model-9"]
    assert found["likes"].to_pylist() == [1, 2, None]
    assert (manifest.rows, manifest.duplicate_rows, manifest.unknown_fields) == (3, 1, {"stars": 2})


def test_the_day_of_a_paper_is_its_page_s_or_that_of_its_submission(tmp_path):
    paper = pa.array(
        [{"id": "2501.1", "submittedOnDailyAt": dt.datetime(2025, 1, 2, 23, tzinfo=dt.UTC)}, {"id": "2501.2"}]
    )

    _, derived = taken(tmp_path, "daily_papers", pa.table({"paper": paper}))
    dated = pa.table({"paper": paper, "date": ["2025-01-04", "2025-01-05"]})
    _, told = taken(tmp_path, "daily_papers", dated, origin=BulkOrigin("x", NOON))

    assert derived["date"].to_pylist() == [dt.date(2025, 1, 2), None]
    assert derived["fault"].to_pylist() == [None, "missing:date"]
    assert told["date"].to_pylist() == [dt.date(2025, 1, 4), dt.date(2025, 1, 5)]


def test_flat_columns_that_nobody_takes_are_dropped_as_fields_inside_a_nested_value_are(tmp_path):
    rows = [item for items in synthetic_catalogue(scale=0.1, date=DAY).papers.values() for item in items]
    flat = papers_table(rows, "flat").append_column("zeta", pa.array([1] * len(rows)))

    manifest, found = taken(tmp_path, "daily_papers", flat)

    assert manifest.unknown_fields == {"zeta": len(rows)} and manifest.not_observed == ["date"]
    assert set(found["extra"].to_pylist()) == {'{"zeta":1}'}


def test_a_paper_s_columns_are_found_whatever_tells_their_levels_apart(tmp_path):
    at = pa.array([dt.datetime(2026, 10, 1)])
    names = ["paper.id", "paper.submittedOnDailyAt", "paper.organization.name", "paper_title", "paper_organization"]
    dotted = pa.table([pa.array(["2510.1"]), at, pa.array(["Qwen"]), pa.array(["T"])], names=names[:4])
    plain = pa.table([pa.array(["2510.2"]), at, pa.array(["Qwen"])], names=[*names[:2], names[4]])

    _, found = taken(tmp_path, "daily_papers", dotted, plain)

    papers = found["paper"].to_pylist()
    assert [paper["id"] for paper in papers] == ["2510.1", "2510.2"]
    assert [paper["organization"]["name"] for paper in papers] == ["Qwen", "Qwen"]
    assert papers[0]["title"] == "T" and found["fault"].null_count == 2


@pytest.mark.parametrize(
    ("text", "organization", "fault"),
    [
        ("Qwen", {"_id": None, "name": "Qwen", "fullname": None}, None),
        ('{"_id":"a","name":"Qwen"}', {"_id": "a", "name": "Qwen", "fullname": None}, None),
        ("null", None, None),
        (None, None, None),
        ("Qwen team", None, "bad_value:organization"),
        ("", None, "bad_value:organization"),
        ('{"name":"' + "x" * 2_000_000 + '"}', None, "too_long:organization"),
    ],
)
def test_an_organization_in_text_is_json_or_a_handle(tmp_path, text, organization, fault):
    paper = pa.array([{"id": "2510.1", "submittedOnDailyAt": dt.datetime(2026, 10, 1)}])
    told = pa.table({"paper": paper, "organization": pa.array([text], pa.string())})
    _, found = taken(tmp_path, "daily_papers", told)
    assert (found["organization"].to_pylist(), found["fault"].to_pylist()) == ([organization], [fault])


def test_papers_of_which_no_day_can_be_told_were_not_observed(tmp_path):
    paper = pa.array([{"id": "2501.1", "upvotes": 5}, {"id": "2501.2", "upvotes": 6}])
    manifest, found = taken(tmp_path, "daily_papers", pa.table({"paper": paper}))
    assert not was_observed(manifest) and manifest.not_found == ["paper.submittedOnDailyAt"] and found.num_rows == 0


def test_a_column_is_not_observed_if_no_shard_has_it(tmp_path):
    manifest, _ = taken(tmp_path, "models", models(likes=[1]), models(tags=[["a"]]))
    lacking = set(manifest.not_observed)
    assert not lacking & {"id", "likes", "tags"}
    assert {"createdAt", "downloads", "safetensors.total", "baseModels.models"} <= lacking


def test_the_manifest_tells_the_commit(tmp_path):
    manifest, found = taken(tmp_path, "models", models())

    assert (manifest.source, manifest.source_commit, manifest.source_commit_at) == ("bulk", "a" * 40, NOON)
    assert (manifest.complete, manifest.requests, manifest.first_observed_at) == (True, 2, NOON)
    assert found["observed_at"].to_pylist() == [NOON]


def refused(folder: Path, content: bytes, table: str = "models", **options) -> str:
    file = folder / "models.parquet"
    file.write_bytes(content)
    with pytest.raises(BulkRefused) as failure:
        write_bulk_snapshot([file], folder / "data", table, DAY, ORIGIN, **options)
    assert snapshots(folder / "data", table) == []
    raw = folder / "data" / "raw" / table
    assert not raw.exists() or list(raw.iterdir()) == [], "something half-written is left"
    text = str(failure.value)
    assert "\n" not in text and text.endswith(".") and str(folder) not in text
    return text


def test_a_truncated_a_damaged_and_an_empty_file_are_refused(tmp_path):
    whole = parquet(bulk_table(synthetic_catalogue(scale=0.02, date=DAY).models, COLUMNS["models"]))
    for content in (b"", whole[:-1], whole[: len(whole) // 2], b"PAR1" + b"\xff" * 100 + b"PAR1", b"<html>" * 1000):
        assert "truncated or damaged" in refused(tmp_path, content)
    torn = bytearray(whole)
    torn[100:4000] = bytes(3900)
    assert "damaged inside" in refused(tmp_path, bytes(torn))


def test_a_file_of_another_schema_is_refused(tmp_path):
    assert "without a column 'id'" in refused(tmp_path, parquet(pa.table({"name": ["a"], "likes": [1]})))
    assert "differ only in case" in refused(tmp_path, parquet(pa.table({"id": ["a"], "Likes": [1], "likes": [1]})))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    zeros = pa.table({"id": [f"a/{n}" for n in range(1000)], "author": ["x" * 90_000] * 1000})
    content = parquet(zeros, use_dictionary=False)
    assert len(content) < 1_000_000
    assert "would unpack to 1,000 rows" in refused(tmp_path, content, max_bytes=50 * 2**20)


def test_a_bomb_that_hides_in_a_dictionary_is_refused_within_its_memory(tmp_path):
    rows = 300_000
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 99_000]))
    bomb = pa.table({"id": pa.array(range(rows), pa.int64()).cast(pa.string()), "author": text})
    (tmp_path / "models.parquet").write_bytes(parquet(bomb))
    peak, said = reading(tmp_path, "models", "150MB")
    assert peak < 700, "MiB for 30 GB"
    assert "The bulk file models.parquet unpacks to more than the 150MB of memory" in said
    assert snapshots(tmp_path / "data", "models") == []


def reading(folder: Path, table: str, memory_limit: str = "1500MB") -> tuple[int, str]:
    """What reading the bulk file of a table takes, in MiB, in a process of its own, and what became of it."""
    code = (
        "import sys, datetime as dt; from pathlib import Path; from orchestration.lake import bulk\n"
        "now, (folder, table, memory) = dt.datetime(2026, 11, 20, tzinfo=dt.UTC), sys.argv[1:]\n"
        "file, data, origin = Path(folder) / f'{table}.parquet', Path(folder) / 'data', bulk.BulkOrigin('x', now)\n"
        "try: said = bulk.write_bulk_snapshot([file], data, table, now.date(), origin, memory_limit=memory).rows\n"
        "except bulk.BulkRefused as error: said = error\n"
        "print('\\n' + Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0], said)"
    )
    words = [sys.executable, "-c", code, str(folder), table, memory_limit]
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=PROJECT, timeout=PATIENCE)
    peak, _, said = done.stdout.splitlines()[-1].partition(" ")
    return int(peak) // 1024, said


def test_papers_as_text_take_memory_for_few_of_them_however_many_there_are(tmp_path):
    author = {"name": "Some Author", "user": {"avatarUrl": "/avatars/" + "a" * 1700, "fullname": "Some Author"}}
    papers = [
        json.dumps({"id": f"2510.{n:05}", "submittedOnDailyAt": "2026-10-01T00:00:00Z", "authors": [author] * 50})
        for n in range(2_500)
    ]
    content = parquet(pa.table({"paper": papers}))
    assert sum(map(len, papers)) > 200e6 and len(content) < 2e6
    (tmp_path / "daily_papers.parquet").write_bytes(content)
    peak, said = reading(tmp_path, "daily_papers")
    assert said == "2500" and peak < 600


def test_a_bomb_of_text_in_a_dictionary_is_refused_before_it_is_all_read(tmp_path):
    text = json.dumps({"id": "1", "submittedOnDailyAt": "2026-10-01T00:00:00Z", "authors": [{"name": "x" * 500}] * 800})
    papers = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array([text]))
    (tmp_path / "daily_papers.parquet").write_bytes(parquet(pa.table({"paper": papers})))
    peak, said = reading(tmp_path, "daily_papers")
    assert said.startswith("The bulk file daily_papers.parquet would unpack to 41,1") and peak < 300


def test_values_by_the_million_in_few_rows_are_refused(tmp_path):
    many = pa.table({"id": ["a/1"], "tags": pa.array([["t"] * 1_500_000])})
    assert "1,500,000 values in a column" in refused(tmp_path, parquet(many))


def test_a_file_that_is_not_newer_than_the_snapshot_before_is_refused(tmp_path):
    taken(tmp_path, "models", models(), day=DAY - dt.timedelta(days=1))
    later = BulkOrigin(ORIGIN.source_label, NOON, commit="b" * 40, commit_at=NOON + dt.timedelta(hours=1))
    earlier = BulkOrigin(ORIGIN.source_label, NOON, commit="b" * 40, commit_at=NOON - dt.timedelta(hours=1))
    with pytest.raises(BulkRefused, match=r"nothing newer than the snapshot of 2026-11-19: .* older than"):
        taken(tmp_path, "models", models(), origin=earlier)
    with pytest.raises(BulkRefused, match="the same as"):
        taken(tmp_path, "models", models())
    assert snapshots(tmp_path / "data", "models") == [DAY - dt.timedelta(days=1)]
    taken(tmp_path, "models", models(), origin=later)


def test_a_local_file_is_older_if_its_newest_repo_is(tmp_path):
    here = BulkOrigin("a local folder", NOON)
    old, new = (models(createdAt=[dt.datetime(2026, month, 1, tzinfo=dt.UTC)]) for month in (9, 10))
    taken(tmp_path, "models", new, day=DAY - dt.timedelta(days=1), origin=here)
    with pytest.raises(BulkRefused, match="newest repo is of 2026-09-01, that one's of 2026-10-01"):
        taken(tmp_path, "models", old, origin=here)
    taken(tmp_path, "models", new, origin=here)


def test_a_table_that_a_source_does_not_have_is_empty_and_says_that_nobody_looked(tmp_path):
    manifest = write_unobserved_snapshot(tmp_path / "data", "organizations", DAY, ORIGIN)

    assert verify(tmp_path / "data", "organizations", DAY) == manifest
    assert manifest.not_found == ["organizations.parquet"] and manifest.rows == 0 and not was_observed(manifest)
    assert held(tmp_path / "data", "organizations").schema.equals(SCHEMAS["organizations"])
    empty, _ = taken(tmp_path, "models", models().slice(0, 0))
    assert was_observed(empty)


def test_a_connection_for_strangers_files_sees_nothing_else(tmp_path):
    from orchestration.lake.engine import closed_engine

    (tmp_path / "secret.parquet").write_bytes(parquet(models()))
    file = tmp_path / "given.parquet"
    file.write_bytes(parquet(models()))
    (tmp_path / "work").mkdir()
    with closed_engine(tmp_path / "work", memory_limit="100MB", files=[file]) as connection:
        assert connection.execute(f"select count(*) from '{file}'").fetchall() == [(1,)]
        for sql in (
            f"select * from '{tmp_path / 'secret.parquet'}'",
            "select * from read_text('/etc/hostname')",
            "set enable_external_access = true",
            "set memory_limit = '8GB'",
        ):
            with pytest.raises(Exception, match=r"(?i)permission|locked|disabled|cannot"):
                connection.execute(sql).fetchall()


def test_two_writers_of_one_table_do_not_meet(tmp_path):
    from orchestration.lake.files import locked

    with (
        locked(tmp_path / "data" / "spool" / "models" / ".lock"),
        pytest.raises(LakeError, match="Another run is writing"),
    ):
        taken(tmp_path, "models", models())
