"""Merging the changes of a day over an earlier snapshot: exactly what an update of a dict by key gives."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.hub.page import Page
from orchestration.lake import ingest, merge
from orchestration.lake.files import LakeError
from orchestration.lake.manifest import Manifest
from orchestration.lake.merge import full_crawl_date, merge_snapshot, refresh_base
from orchestration.lake.rows import type_rows
from orchestration.lake.schemas import SCHEMAS
from orchestration.lake.snapshot import read_manifest, snapshot_dir, snapshots, verify, write_snapshot
from orchestration.lake.spool import Spool
from tests.unit.test_lake_snapshot import rows_of

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, 23) + timedelta(days=n) for n in range(3))
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def opened(data_dir: Path, day: date, table: str = "models"):
    return Spool.open(data_dir, table, day, source="sandbox", source_label="synthetic; seed=7")


def spooled(spool: Spool, pages: list[list], *, synthetic: bool = False) -> None:
    """Stores the pages as a crawl from noon of the spool's day on, a page a minute."""
    for number, rows in enumerate(pages):
        at = NOON + (spool.snapshot_date - MONDAY) + timedelta(minutes=number)
        spool.append(Page(rows, None if number == len(pages) - 1 else f"/{number}", at, 2, synthetic, []))


def crawl(data_dir: Path, pages: list[list], day: date = MONDAY, table: str = "models") -> Manifest:
    with opened(data_dir, day, table) as spool:
        spooled(spool, pages)
        return write_snapshot(spool)


def refresh(data_dir: Path, base: Manifest, pages: list[list], day: date = TUESDAY, **options: bool) -> Manifest:
    with opened(data_dir, day, base.table) as spool:
        spooled(spool, pages, **options)
        return merge_snapshot(spool, base)


def model(key: int, likes: object, **fields: object) -> dict:
    return {"_id": f"{key}", "id": f"a/{key}", "likes": likes, **fields}


# Rows of few repos, with or without the Hub's key; with a value that does not fit; and some that are no rows at all.
any_row = st.one_of(
    st.builds(model, st.integers(0, 5), st.integers(0, 99)),
    st.builds(model, st.integers(0, 5), st.just("many")),
    st.builds(lambda key, likes: {"id": f"a/{key}", "likes": likes}, st.integers(0, 5), st.integers(0, 99)),
    st.sampled_from(["poison", None, {"likes": 3}, {"likes": 3, "gguf": {"total": 1}, "safetensors": {}, "new": 1}]),
)
any_pages = st.lists(st.lists(any_row, max_size=5), min_size=1, max_size=4)


def identity(row: dict) -> str:
    return row["_id"] or row["id"] or repr({**row, "observed_at": None})


@settings(max_examples=40, deadline=None)
@given(any_pages, any_pages)
def test_a_merge_is_an_update_of_a_dict_by_key(before, changes):
    with TemporaryDirectory() as folder:
        base = crawl(Path(folder), before)
        kept = rows_of(Path(folder))
        manifest = refresh(Path(folder), base, changes)
        merged = rows_of(Path(folder), day=TUESDAY)
        assert verify(Path(folder), "models", TUESDAY) == manifest

    day = NOON + timedelta(days=1)
    latest = {}
    for number, page in enumerate(changes):
        # Of two rows of one key on one page, which is one answer of the Hub, the first.
        for row in reversed(type_rows("models", page, day + timedelta(minutes=number)).batch.to_pylist()):
            latest[identity(row)] = row
    keyless = [row for row in kept if not (row["_id"] or row["id"])]  # each of them, though they be alike
    known = {identity(row) for row in keyless}
    expected = {identity(row): row for row in kept if identity(row) not in known}
    expected.update({key: row for key, row in latest.items() if key not in known})
    assert sorted(map(repr, merged)) == sorted(map(repr, [*expected.values(), *keyless]))

    assert manifest.rows == len(merged)
    assert manifest.faulty_rows == sum(row["fault"] is not None for row in merged)
    assert manifest.duplicate_rows == sum(map(len, changes)) - sum(row["observed_at"] >= day for row in merged)


def test_the_manifest_tells_the_days_own_crawl_and_the_whole_one_that_it_stands_on(tmp_path):
    base = crawl(tmp_path, [[model(1, 1), model(2, 1, new=1), "poison"]])
    tuesday = refresh(tmp_path, base, [[model(1, 2, newer=1)], [model(3, 1), "poison"]], synthetic=True)
    assert (tuesday.rows, tuesday.faulty_rows, tuesday.duplicate_rows, tuesday.requests) == (4, 1, 1, 4)
    began = NOON + timedelta(days=1)
    assert (tuesday.first_observed_at, tuesday.last_observed_at) == (began, began + timedelta(minutes=1))
    assert (tuesday.refresh, tuesday.full_crawl_date, tuesday.complete) == ("incremental", MONDAY, True)
    assert tuesday.unknown_fields == {"new": 1, "newer": 1}
    assert tuesday.synthetic and not base.synthetic

    wednesday = refresh(tmp_path, tuesday, [[model(3, 2)]], day=WEDNESDAY)
    assert (wednesday.rows, wednesday.full_crawl_date, wednesday.synthetic) == (4, MONDAY, True)
    observed = {row["id"]: (row["likes"], (row["observed_at"] - NOON).days) for row in rows_of(tmp_path, day=WEDNESDAY)}
    assert observed == {"a/3": (2, 2), "a/1": (2, 1), "a/2": (1, 0), None: (None, 0)}
    assert not list((tmp_path / "spool" / "models").glob("snapshot_date=*"))
    assert verify(tmp_path, "models", MONDAY) == base


def test_of_a_repo_that_came_twice_the_row_observed_last_stands(tmp_path):
    base = crawl(tmp_path, [[model(1, 1)]])
    manifest = refresh(tmp_path, base, [[model(1, 2), model(2, 1)], [model(2, 7)], [model(1, 3), model(1, 3)]])
    assert sorted((row["id"], row["likes"]) for row in rows_of(tmp_path, day=TUESDAY)) == [("a/1", 3), ("a/2", 7)]
    assert manifest.duplicate_rows == 3


def test_a_renamed_repo_replaces_itself_and_one_that_took_its_name_stands_beside_it(tmp_path):
    base = crawl(tmp_path, [[model(1, 1), model(2, 1)]])
    refresh(tmp_path, base, [[model(1, 1, id="a/new"), model(3, 1, id="a/2")]])
    rows = rows_of(tmp_path, day=TUESDAY)
    assert sorted((row["_id"], row["id"]) for row in rows) == [("1", "a/new"), ("2", "a/2"), ("3", "a/2")]


@pytest.mark.parametrize("table", ["models", "datasets", "spaces"])
def test_values_of_every_type_are_carried_on_as_they_are(tmp_path, table):
    full = {
        "createdAt": "2026-01-02T03:04:05.678Z",
        "tags": ["a", None],
        "trendingScore": 0.5,
        "gated": "auto",
        "safetensors": {"total": 5, "parameters": {"BF16": 5, "ü": None}},
        "gguf": {"total": 1, "architecture": "llama"},
        "baseModels": {"relation": "finetune", "models": [{"_id": "7", "id": "a/7"}, None]},
        "usedStorage": 2**62,
    }
    base = crawl(tmp_path, [[model(1, 1, **full), model(2, 1, **full)]], table=table)
    refresh(tmp_path, base, [[model(2, 1)]])
    (before,) = [row for row in rows_of(tmp_path, table) if row["_id"] == "1"]
    (after,) = [row for row in rows_of(tmp_path, table, TUESDAY) if row["_id"] == "1"]
    assert before == after and after["tags"] == ["a", None]
    for file in snapshot_dir(tmp_path, table, TUESDAY).glob("*.parquet"):
        found = [(column.name, column.type) for column in pq.read_schema(file)]
        assert found == [(column.name, column.type) for column in SCHEMAS[table]]


def test_rows_keep_their_order_and_the_bytes_are_the_same_each_time(tmp_path, monkeypatch):
    hashes = []
    for data_dir in (tmp_path / "a", tmp_path / "b"):
        base = crawl(data_dir, [[model(1000 * page + n, 1) for n in range(1000)] for page in range(20)])
        gone = set(range(0, 20_000, 7))
        with monkeypatch.context() as patch:
            patch.setattr(ingest, "ROW_GROUP_ROWS", 2048)
            manifest = refresh(data_dir, base, [[model(key, 2) for key in sorted(gone)]])
        carried = [row["_id"] for row in rows_of(data_dir, day=TUESDAY) if row["likes"] == 1]
        assert carried == [f"{key}" for key in range(20_000) if key not in gone]
        hashes.append([file.sha256 for file in manifest.files])
        for file in manifest.files:
            metadata = pq.ParquetFile(snapshot_dir(data_dir, "models", TUESDAY) / file.path).metadata
            assert metadata.num_row_groups == -(-file.rows // 2048)
    assert hashes[0] == hashes[1]


def test_a_part_all_of_whose_rows_changed_is_left_out(tmp_path):
    base = crawl(tmp_path, [[model(1, 1), model(2, 1)]])
    manifest = refresh(tmp_path, base, [[model(1, 2), model(2, 2)]])
    assert [(file.path, file.rows) for file in manifest.files] == [("part-00000.parquet", 2)]


def test_no_changes_over_no_rows(tmp_path):
    manifest = refresh(tmp_path, crawl(tmp_path, [[]]), [[]])
    assert (manifest.rows, len(manifest.files)) == (0, 1) and rows_of(tmp_path, day=TUESDAY) == []


def test_a_column_that_the_base_did_not_have_yet_is_null(tmp_path, monkeypatch):
    crawl(tmp_path, [[model(1, 1), model(2, 1)]])
    folder = snapshot_dir(tmp_path, "models", MONDAY)
    part = folder / "part-00000.parquet"
    pq.write_table(pq.read_table(part).drop_columns(["gguf"]), part)
    monkeypatch.setattr(merge, "verify", read_manifest)  # the bytes are no longer those of the manifest
    refresh(tmp_path, read_manifest(tmp_path, "models", MONDAY), [[model(1, 2, gguf={"total": 1})]])
    rows = rows_of(tmp_path, day=TUESDAY)
    assert [(row["_id"], row["gguf"]) for row in rows] == [("1", {"total": 1, "architecture": None}), ("2", None)]


def test_a_base_that_is_damaged_or_was_replaced_is_refused_and_nothing_is_written(tmp_path):
    base = crawl(tmp_path, [[model(1, 1)]])
    crawl(tmp_path, [[model(1, 5)]])
    with opened(tmp_path, TUESDAY) as spool:
        spooled(spool, [[model(1, 2)]])
        with pytest.raises(LakeError, match="was replaced meanwhile"):
            merge_snapshot(spool, base)
        base = read_manifest(tmp_path, "models", MONDAY)
        part = snapshot_dir(tmp_path, "models", MONDAY) / "part-00000.parquet"
        content = part.read_bytes()
        part.write_bytes(content[:-1] + b"x")
        with pytest.raises(LakeError, match="not what its manifest says"):
            merge_snapshot(spool, base)
        part.write_bytes(content)
        assert snapshots(tmp_path, "models") == [MONDAY]
        # The pages of the crawl are still there.
        assert merge_snapshot(spool, base).rows == 1


def test_an_unfinished_crawl_is_not_merged(tmp_path):
    base = crawl(tmp_path, [[model(1, 1)]])
    with opened(tmp_path, TUESDAY) as spool:
        spool.append(Page([model(1, 2)], "/more", NOON, 1, False, []))
        with pytest.raises(LakeError, match="not finished"):
            merge_snapshot(spool, base)


def manifest_of(tmp_path: Path, **changes: object) -> Manifest:
    return crawl(tmp_path, [[model(1, 1)]]).model_copy(update=changes)


def base_on(last: Manifest | None, day: date, **changes: object) -> Manifest | None:
    asked = {"source": "sandbox", "now": NOON + timedelta(days=9), "full_crawl_days": 7, **changes}
    return refresh_base(last, snapshot_date=day, **asked)


def test_a_day_is_merged_over_the_last_one_until_the_whole_crawl_is_too_old(tmp_path):
    full = manifest_of(tmp_path)
    assert full_crawl_date(full) == MONDAY
    for age in range(1, 7):
        assert base_on(full, MONDAY + timedelta(days=age)) is full
    assert base_on(full, MONDAY + timedelta(days=7)) is None
    assert base_on(full, TUESDAY, full_crawl_days=1) is None

    incremental = full.model_copy(
        update={"snapshot_date": WEDNESDAY, "refresh": "incremental", "full_crawl_date": MONDAY}
    )
    assert full_crawl_date(incremental) == MONDAY
    assert base_on(incremental, MONDAY + timedelta(days=6)) is incremental
    assert base_on(incremental, MONDAY + timedelta(days=7)) is None


def test_a_day_is_crawled_whole_where_there_is_nothing_to_go_on_from(tmp_path):
    full = manifest_of(tmp_path)
    assert base_on(None, TUESDAY) is None
    assert base_on(full, TUESDAY, source="api") is None
    assert base_on(full.model_copy(update={"complete": False}), TUESDAY) is None
    # The clock was wrong when it was made, or is wrong now.
    assert base_on(full, TUESDAY, now=NOON - timedelta(seconds=1)) is None
