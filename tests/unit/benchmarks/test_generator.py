"""The made-up Hub of the benchmarks: the same bytes each time, the shape of the real one, one content in all forms."""

import gzip
import hashlib
import json
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from benchmarks import generator
from benchmarks.bench import Finding, Verdict, require_equal
from benchmarks.forms import PAGE_TABLES, write_bulk, write_lake, write_pages
from benchmarks.generator import LARGEST_MERGE, LONGEST_CHAIN, write_hub, write_next_day
from benchmarks.measure import BenchmarkFailed, Measured, Program, run
from orchestration.lake.files import LakeError
from orchestration.lake.schemas import OUR_COLUMNS, SCHEMAS
from orchestration.lake.shape import fits
from orchestration.lake.snapshot import verify

DAY = date(2026, 11, 20)
SCALE = 0.002


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Path:
    return write_hub(tmp_path_factory.mktemp("hub") / "hub", SCALE, DAY)


@pytest.fixture(scope="module")
def lake(hub, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    write_lake(hub, folder, DAY)
    return folder


def ask(sql: str) -> list[tuple]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_scale_day_and_seed_give_the_same_bytes(hub, tmp_path):
    again = write_hub(tmp_path / "again", SCALE, DAY)
    assert hashes(again) == hashes(hub)

    other = write_hub(tmp_path / "other", SCALE, DAY, seed=8)
    assert hashes(other)["models/part-00000.parquet"] != hashes(hub)["models/part-00000.parquet"]


def test_a_hub_that_is_there_is_kept_and_another_one_replaces_it(tmp_path):
    folder = write_hub(tmp_path / "hub", 0.0005, DAY)
    kept = (folder / "models" / "part-00000.parquet").stat().st_mtime_ns
    write_hub(folder, 0.0005, DAY)
    assert (folder / "models" / "part-00000.parquet").stat().st_mtime_ns == kept

    write_hub(folder, 0.0005, DAY + timedelta(days=1))
    assert generator.described(folder) == (0.0005, DAY + timedelta(days=1), 7)


def test_a_scale_that_is_not_above_zero_is_refused(tmp_path):
    with pytest.raises(ValueError, match="above 0"):
        write_hub(tmp_path / "hub", 0, DAY)


def test_the_hub_has_the_proportions_of_the_real_one(hub):
    counts = {table: ask(f"select count(*) from '{hub}/{table}/*.parquet'")[0][0] for table in SCHEMAS}
    assert counts["models"] == round(generator.MODELS * SCALE)
    assert counts["datasets"] == round(generator.DATASETS * SCALE)
    assert counts["spaces"] == round(generator.SPACES * SCALE)
    assert counts["organizations"] > 197  # the registry's and made-up ones
    assert counts["daily_papers"] == 200


def test_models_have_the_shape_of_the_real_ones(hub):
    models = f"'{hub}/models/*.parquet'"
    (count, ids, keys, tags, legacy, top, likes) = ask(f"""
        select count(*), count(distinct lower(id)), count(distinct _id), avg(len(tags)),
            count(*) filter (where createdAt = timestamptz '2022-03-02 23:29:04+00') / count(*),
            sum(downloads) filter (where place <= 0.015 * rows) / sum(downloads), median(likes)
        from (select *, row_number() over (order by downloads desc) as place, count(*) over () as rows from {models})
    """)[0]
    assert count == ids == keys
    assert 8 < tags < 12
    assert 0.005 < legacy < 0.05
    assert top > 0.8 and likes == 0  # few have nearly all downloads, and most are liked by nobody
    # Newest first, and the key follows the time of creation.
    assert ask(f"""
        select count(*) from (
            select _id, createdAt, lead(_id) over (order by file_row_number) as next_key,
                lead(createdAt) over (order by file_row_number) as next_created
            from read_parquet({models}, file_row_number = true)
        ) where next_key >= _id or next_created > createdAt
    """) == [(0,)]
    assert ask(f"select count(*) from {models} where regexp_full_match(_id, '[0-9a-f]{{24}}')") == [(count,)]
    for tag in ("base_model:%", "base_model:finetune:%", "license:%", "arxiv:%", "dataset:%", "region:%", "en"):
        assert ask(f"select count(*) > 10 from {models} where len(list_filter(tags, lambda t: t like '{tag}')) > 0")[0][
            0
        ]
    assert ask(f"select count(*) > 3 from {models} where id like 'Qwen/%'")[0][0]


def test_lineage_has_the_oddities_of_the_real_one(hub):
    with duckdb.connect() as connection:
        connection.execute(f"""
            create table models as select *, row_number() over () as n from '{hub}/models/*.parquet';
            create table edges as
            select child.id as child, parent.id as parent, child.createdAt < parents.createdAt as is_backwards
            from (select id, createdAt, unnest(baseModels.models) as parent from models) as child
            left join models as parents on child.parent._id = parents._id
        """)
        one = lambda sql: connection.execute(sql).fetchone()  # noqa: E731
        (most,) = one("select max(len(baseModels.models)) from models where baseModels.relation = 'merge'")
        (edges,) = one("select count(*) from edges")
        assert most == LARGEST_MERGE
        assert edges == pytest.approx(842_649 * SCALE, rel=0.15)
        assert one("select count(*) from edges where child = parent") == (3,)
        assert one("select count(distinct child) from edges where child like 'bench-loops/cycle-%'") == (5,)
        # Every parent that baseModels names is there, and was made before its child.
        assert one("select count(*) from edges where is_backwards and child not like 'bench-loops/%'") == (0,)
        assert one("select count(*) from edges where parent not in (select id from models)") == (0,)
        # Others are named in tags alone, and are not there.
        assert one("""
            select count(*) > 5 from (select baseModels, unnest(tags) as tag from models)
            where baseModels is null and tag like 'base_model:%' and tag not like 'base_model:%:%'
                and substr(tag, 12) not in (select id from models)
        """) == (True,)
        depth = one("""
            with recursive pairs(a, d, depth) using key (a, d, min(depth)) as (
                select parent, child, 1 from edges where parent <> child
                union select a, edges.child, depth + 1 from pairs inner join edges on d = edges.parent
                where edges.child <> a
            ) select max(depth) from pairs
        """)
        assert depth == (LONGEST_CHAIN,)
        # A heavy tail: one parent has far more children than the parents of most have.
        assert one("select max(c) > 20 * median(c) from (select count(*) as c from edges group by parent)") == (True,)


def test_the_lake_is_whole_and_typed_as_the_schemas_say(hub, lake):
    import pyarrow.parquet as pq

    for table, schema in SCHEMAS.items():
        manifest = verify(lake, table, DAY)
        files = [lake / "raw" / table / f"snapshot_date={DAY}" / file.path for file in manifest.files]
        assert manifest.synthetic and manifest.complete and manifest.source == "sandbox"
        assert manifest.source_label == f"benchmark; scale={SCALE}; seed=7; date={DAY}"
        assert sum(pq.read_metadata(file).num_rows for file in files) == manifest.rows > 0
        assert all(pq.read_schema(file).remove_metadata().equals(schema) for file in files)
    part = next((lake / "raw" / "models").rglob("*.parquet"))
    part.write_bytes(part.read_bytes() + b"x")
    with pytest.raises(LakeError, match="not what its manifest says"):
        verify(lake, "models", DAY)
    write_lake(hub, lake, DAY)
    verify(lake, "models", DAY)


@pytest.mark.parametrize("table", PAGE_TABLES)
def test_pages_hold_the_rows_of_the_lake_as_the_hub_writes_them(hub, lake, tmp_path, table):
    pages = tmp_path / table
    count = write_pages(hub, pages, table, rows=500)
    bodies = [gzip.decompress(path.read_bytes()) for path in sorted(pages.iterdir())]
    rows = [row for body in bodies for row in json.loads(body)]

    assert count == len(bodies) == -(-len(rows) // 500)
    assert all(fits(table, body) for body in bodies)
    assert not [row for row in rows if None in row.values()]
    assert rows[0]["createdAt"].endswith(".000Z")
    if table == "models":
        assert {row["gated"] for row in rows} == {False, "auto", "manual"}

    from orchestration.lake.rows import type_rows

    from_pages = type_rows(table, rows, generator.datetime.now(generator.UTC)).batch
    columns = [column.name for column in SCHEMAS[table] if column.name not in OUR_COLUMNS]
    files = sorted((lake / "raw" / table / f"snapshot_date={DAY}").glob("*.parquet"))
    import pyarrow.parquet as pq

    assert from_pages.select(columns).to_pylist() == pq.read_table(files).select(columns).to_pylist()


def test_pages_in_another_order_hold_its_head(hub, tmp_path):
    write_pages(hub, tmp_path / "liked", "models", sort="likes", most=1_500)
    pages = [json.loads(gzip.decompress(path.read_bytes())) for path in sorted((tmp_path / "liked").iterdir())]
    likes = [row["likes"] for page in pages for row in page]

    assert [len(page) for page in pages] == [1000, 500]
    assert likes == sorted(likes, reverse=True)
    assert likes[0] == ask(f"select max(likes) from '{hub}/models/*.parquet'")[0][0]


def test_bulk_files_hold_the_same_rows_without_what_bulk_lacks(hub, tmp_path):
    write_bulk(hub, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "daily_papers.parquet", "datasets.parquet", "models.parquet", "spaces.parquet",
    ]  # fmt: skip
    columns = {row[0] for row in ask(f"describe from '{tmp_path}/models.parquet'")}
    assert not columns & {"_id", "sha", "private", "gated"}
    assert {"cardData", "siblings", "config", "baseModels", "safetensors"} <= columns
    same = "id, author, createdAt, lastModified, downloads, downloadsAllTime, likes, tags, baseModels"
    left, right = f"select {same} from '{hub}/models/*.parquet'", f"select {same} from '{tmp_path}/models.parquet'"
    assert ask(f"select count(*) from ({left} except all {right})") == [(0,)]


def test_the_next_day_changes_the_share_that_was_asked_for(hub, tmp_path):
    after = write_next_day(hub, tmp_path / "after", 0.05)
    for table in PAGE_TABLES:
        changed, count, earliest = ask(f"""
            select count(*) filter (where one.lastModified <> other.lastModified), count(*),
                min(other.lastModified) filter (where one.lastModified <> other.lastModified)
            from '{hub}/{table}/*.parquet' as one inner join '{after}/{table}/*.parquet' as other using (_id, id)
        """)[0]
        assert count == ask(f"select count(*) from '{hub}/{table}/*.parquet'")[0][0]
        assert 0.03 < changed / count < 0.07
        assert earliest.date() == DAY
    assert generator.described(after)[1] == DAY + timedelta(days=1)


def test_a_program_is_measured_with_its_children():
    held = 300 * 2**20
    child = f"x = bytearray({held}); import time; time.sleep(0.3)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    measured = Measured("parent")
    run(Program("parent", [sys.executable, "-c", parent + '; print(\'{"answer": 1, "work_seconds": 0.5}\')']), measured)

    assert measured.peak > held
    assert measured.median_seconds > 0.3
    assert (measured.median_work_seconds, measured.said["answer"]) == (0.5, 1)


def test_a_program_that_fails_and_peers_that_disagree_are_told():
    with pytest.raises(BenchmarkFailed, match=r"broken ended with code 3: .*no such thing"):
        code = "import sys; sys.stderr.write('no such thing'); sys.exit(3)"
        run(Program("broken", [sys.executable, "-c", code]), Measured("broken"))
    one, other = Measured("one", said={"answer": [1, 2]}), Measured("other", said={"answer": [1, 3]})
    with pytest.raises(BenchmarkFailed, match="one and other disagree"):
        require_equal(one, other)
    require_equal(one, Measured("silent"))


def test_a_figure_is_met_below_a_limit_or_above_a_floor():
    assert Verdict("seconds", 10, 15, "s").is_met and not Verdict("seconds", 16, 15, "s").is_met
    assert Verdict("ratio", 5, 3, "x", True).is_met and not Verdict("ratio", 2, 3, "x", True).is_met
    assert Verdict("ratio", 6, 3, "x", True).factor == 2
    assert Finding("anything").programs == []
