"""Snapshots: whole or absent, exactly the rows of the crawl, and known by their bytes."""

import hashlib
import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.hub.page import Page
from orchestration.lake import ingest
from orchestration.lake.files import LakeError
from orchestration.lake.manifest import Manifest
from orchestration.lake.schemas import SCHEMAS
from orchestration.lake.snapshot import (
    previous_manifest,
    read_manifest,
    snapshot_dir,
    snapshots,
    verify,
    write_snapshot,
)
from orchestration.lake.spool import Spool
from tests.support import PROJECT

DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def write(
    data_dir: Path, pages: list[list], *, table: str = "models", day: date = DAY, finished: bool = True
) -> Manifest:
    with Spool.open(data_dir, table, day, source="sandbox", source_label="synthetic; seed=7") as spool:
        for number, rows in enumerate(pages):
            last = finished and number == len(pages) - 1
            at = NOON + timedelta(minutes=number)
            spool.append(Page(rows, None if last else f"/{number}", at, 2, number == 0, [f"gone-{number}"]))
        return write_snapshot(spool)


def rows_of(data_dir: Path, table: str = "models", day: date = DAY) -> list[dict]:
    """All rows of a snapshot, read with page checksums verified."""
    files = sorted(snapshot_dir(data_dir, table, day).glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file, page_checksum_verification=True).to_pylist()]


def crash(scenario: str, folder: Path) -> str:
    command = [sys.executable, "-m", "tests.unit.lake_crashes", scenario, str(folder)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_snapshot_and_its_manifest(tmp_path):
    pages = [
        [{"_id": "1", "id": "a/b", "likes": 1, "new": 1}, "poison"],
        [{"_id": "2", "id": "a/c", "likes": 5.5}, {"_id": "1", "id": "a/renamed"}],
    ]
    manifest = write(tmp_path, pages)
    (path,) = snapshot_dir(tmp_path, "models", DAY).glob("*.parquet")
    content = path.read_bytes()
    assert json.loads((path.parent / "_manifest.json").read_text()) == {
        "table": "models",
        "snapshot_date": "2026-11-23",
        "source": "sandbox",
        "source_label": "synthetic; seed=7",
        "synthetic": True,
        "complete": True,
        "rows": 3,
        "faulty_rows": 2,
        "duplicate_rows": 1,
        "bytes": len(content),
        "files": [{"path": path.name, "bytes": len(content), "rows": 3, "sha256": hashlib.sha256(content).hexdigest()}],
        "requests": 4,
        "first_observed_at": "2026-11-23T12:00:00Z",
        "last_observed_at": "2026-11-23T12:01:00Z",
        "not_found": ["gone-0", "gone-1"],
        "unknown_fields": {"new": 1},
        "refresh": "full",
        "full_crawl_date": None,
        "source_commit": None,
        "source_commit_at": None,
    }
    assert read_manifest(tmp_path, "models", DAY) == verify(tmp_path, "models", DAY) == manifest
    rows = rows_of(tmp_path)
    assert [(row["id"], row["likes"], row["fault"], row["extra"]) for row in rows] == [
        ("a/b", 1, None, '{"new":1}'),
        (None, None, "not_an_object", None),
        ("a/c", None, "bad_value:likes", None),
    ]
    assert [row["observed_at"] for row in rows] == [NOON, NOON, NOON + timedelta(minutes=1)]
    assert [(field.name, field.type) for field in pq.read_schema(path)] == [
        (field.name, field.type) for field in SCHEMAS["models"]
    ]
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"
    assert not (tmp_path / "spool" / "models" / f"snapshot_date={DAY}").exists()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.none() | st.integers(0, 6) | st.just("poison"), max_size=5), min_size=1, max_size=5))
def test_rows_in_are_rows_out_and_duplicates(pages):
    made = [
        [{"id": f"a/{n}", "likes": at * 10 + i} if isinstance(n, int) else n for i, n in enumerate(page)]
        for at, page in enumerate(pages)
    ]
    with TemporaryDirectory() as folder:
        manifest = write(Path(folder), made)
        out = rows_of(Path(folder))
    flat = [row for page in made for row in page]
    first: dict[str, dict] = {}
    for row in flat:
        if isinstance(row, dict):
            first.setdefault(row["id"], row)
    kept = [row for row in flat if not isinstance(row, dict) or first[row["id"]] is row]
    assert [row["likes"] for row in out] == [row["likes"] if isinstance(row, dict) else None for row in kept]
    assert manifest.rows == len(kept) and manifest.rows + manifest.duplicate_rows == len(flat)
    assert manifest.faulty_rows == sum(not isinstance(row, dict) for row in flat)


@pytest.mark.parametrize("table", SCHEMAS)
def test_an_empty_crawl_is_an_empty_file_with_the_schema(tmp_path, table):
    manifest = write(tmp_path, [[]], table=table)
    assert (manifest.rows, len(manifest.files)) == (0, 1)
    path = snapshot_dir(tmp_path, table, DAY) / manifest.files[0].path
    assert pq.read_table(path).num_rows == 0 and pq.read_schema(path).equals(SCHEMAS[table])


def test_files_and_row_groups_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(ingest, "ROW_GROUP_ROWS", 2048)
    monkeypatch.setattr(ingest, "_PART_ROW_GROUPS", 2)
    made = [[{"id": f"a/{page}-{row}"} for row in range(500)] for page in range(20)]
    manifest = write(tmp_path, made)
    assert [file.path for file in manifest.files] == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    assert sum(file.rows for file in manifest.files) == manifest.rows == 10_000
    assert [row["id"] for row in rows_of(tmp_path)] == [row["id"] for page in made for row in page]
    for file in manifest.files:
        metadata = pq.ParquetFile(snapshot_dir(tmp_path, "models", DAY) / file.path).metadata
        groups = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        assert sum(groups) == file.rows <= 2 * 2048
        assert all(rows <= 2048 for rows in groups)
    verify(tmp_path, "models", DAY)


def test_large_rows_make_row_groups_of_few_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(ingest, "_ROW_GROUP_BYTES", 2_000_000)
    manifest = write(
        tmp_path, [[{"id": f"a/{page}-{row}", "author": "x" * 900} for row in range(1000)] for page in range(6)]
    )
    metadata = pq.ParquetFile(snapshot_dir(tmp_path, "models", DAY) / manifest.files[0].path).metadata
    assert metadata.num_row_groups >= 3


def test_repeats_are_dropped_across_parts_and_the_first_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(ingest, "ROW_GROUP_ROWS", 2048)
    monkeypatch.setattr(ingest, "_PART_ROW_GROUPS", 1)
    made = [
        [{"_id": str((page * 400 + row) % 2500), "id": f"a/{page}-{row}"} for row in range(500)] for page in range(9)
    ]
    made[4][7] = "poison"
    manifest = write(tmp_path, made)
    flat = [row for page in made for row in page]
    first: dict[str, dict] = {}
    for row in flat:
        if row != "poison":
            first.setdefault(row["_id"], row)
    kept = [row["id"] if row != "poison" else None for row in flat if row == "poison" or first[row["_id"]] is row]
    assert [row["id"] for row in rows_of(tmp_path)] == kept
    assert (manifest.rows, manifest.duplicate_rows, manifest.faulty_rows) == (len(kept), len(flat) - len(kept), 1)
    assert len(manifest.files) > 1
    verify(tmp_path, "models", DAY)


def test_the_same_pages_make_the_same_bytes(tmp_path):
    pages = [[{"id": f"a/{n}", "tags": [str(n)]} for n in range(500)], ["poison"]]
    assert write(tmp_path / "a", pages) == write(tmp_path / "b", pages)


def test_an_unfinished_crawl_makes_no_snapshot(tmp_path):
    with pytest.raises(LakeError, match="not finished"):
        write(tmp_path, [[{"id": "a/b"}]], finished=False)
    assert snapshots(tmp_path, "models") == [] and not (tmp_path / "raw").exists()


def test_snapshots_in_order_and_the_one_before(tmp_path):
    days = [date(2026, 11, 21), date(2026, 11, 3), date(2026, 12, 1)]
    for likes, day in enumerate(days):
        write(tmp_path, [[{"id": "a/b", "likes": likes}]], day=day)
    (tmp_path / "raw" / "models" / "snapshot_date=2026-11-22").mkdir()  # without a manifest
    (tmp_path / "raw" / "models" / "notes").mkdir()
    assert snapshots(tmp_path, "models") == sorted(days)
    assert snapshots(tmp_path, "spaces") == []
    assert previous_manifest(tmp_path, "models", date(2026, 11, 3)) is None
    before = previous_manifest(tmp_path, "models", date(2026, 12, 1))
    assert before is not None and before.snapshot_date == date(2026, 11, 21)


def test_a_snapshot_of_the_same_date_is_replaced(tmp_path):
    write(tmp_path, [[{"id": "a/old"}], [{"id": "a/older"}]])
    write(tmp_path, [[{"id": "a/new"}]])
    assert [row["id"] for row in rows_of(tmp_path)] == ["a/new"]
    verify(tmp_path, "models", DAY)
    assert len(list((tmp_path / "raw" / "models").iterdir())) == 1


@pytest.mark.parametrize("spoil", ["flip", "truncate", "remove", "add", "manifest", "no manifest", "other date"])
def test_what_is_not_as_its_manifest_says_is_named(tmp_path, spoil):
    write(tmp_path, [[{"id": f"a/{n}"} for n in range(100)]])
    folder = snapshot_dir(tmp_path, "models", DAY)
    path, manifest = folder / "part-00000.parquet", folder / "_manifest.json"
    content = path.read_bytes()
    if spoil == "flip":
        path.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
    elif spoil == "truncate":
        path.write_bytes(content[:-1])
    elif spoil == "remove":
        path.unlink()
    elif spoil == "add":
        path = folder / "part-00007.parquet"
        path.write_bytes(content)
    elif spoil == "manifest":
        path = manifest
        path.write_bytes(manifest.read_bytes()[:-5])
    elif spoil == "no manifest":
        path = tmp_path
        manifest.unlink()
    else:
        path = manifest
        manifest.write_text(manifest.read_text().replace('"2026-11-23"', '"2026-11-24"'))
    with pytest.raises(LakeError, match=str(path)) as caught:
        verify(tmp_path, "models", DAY)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["../part-00000.parquet", "/etc/passwd", "part-0.parquet", "part-00000.parquet\n"])
def test_a_manifest_names_no_file_elsewhere(tmp_path, name):
    write(tmp_path, [[]])
    path = snapshot_dir(tmp_path, "models", DAY) / "_manifest.json"
    path.write_text(path.read_text().replace('"part-00000.parquet"', json.dumps(name)))
    with pytest.raises(LakeError, match="cannot be read"):
        read_manifest(tmp_path, "models", DAY)


def test_a_kill_before_any_file_operation_leaves_a_crawl_that_goes_on(tmp_path):
    assert int(crash("first", tmp_path)) > 25


def test_a_kill_while_a_snapshot_is_replaced_leaves_a_whole_one_to_the_next_run(tmp_path):
    assert int(crash("replaced", tmp_path)) > 25


def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path):
    crash("disk-full", tmp_path)


def test_memory_stays_flat(tmp_path):
    crash("memory", tmp_path)
