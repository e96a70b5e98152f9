"""The spool: rows and cursor are stored together, for good, for one run at a time."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.hub.page import Page
from orchestration.lake.files import LakeError
from orchestration.lake.spool import Spool
from tests.spool import pages_of
from tests.unit.test_lake_rows import any_json

DAY = date(2026, 11, 23)
SOURCE = {"source": "sandbox", "source_label": "synthetic; seed=7"}


def page(number: int, *, last: bool = False, rows: list | None = None) -> Page:
    return Page(
        rows=[{"id": f"a/{number}"}, "poison", None] if rows is None else rows,
        cursor=None if last else f"/next?{number}",
        observed_at=datetime(2026, 11, 23, 12, number, 0, 5, tzinfo=UTC),
        requests=number + 1,
        synthetic=number % 2 == 0,
        not_found=[f"gone-{number}"],
    )


def opened(data_dir: Path, **changes: str):
    return Spool.open(data_dir, "models", DAY, **{**SOURCE, **changes})


def page_files(data_dir: Path) -> list[Path]:
    return sorted(data_dir.glob("spool/models/*/page-*"))


def test_a_crawl_goes_on_after_its_last_page(tmp_path):
    with opened(tmp_path) as spool:
        assert (spool.cursor, spool.is_finished, spool.requests) == (None, False, 0)
        spool.append(page(0))
        spool.append(page(1))
    with opened(tmp_path) as spool:
        assert (spool.cursor, spool.is_finished, spool.requests) == ("/next?1", False, 3)
        spool.append(page(2, last=True))
        assert (spool.cursor, spool.is_finished) == (None, True)
    with opened(tmp_path) as spool:
        assert (spool.cursor, spool.is_finished, spool.requests) == (None, True, 6)
        assert pages_of(spool) == [page(0), page(1), page(2, last=True)]
        with pytest.raises(LakeError, match="finished"):
            spool.append(page(3))
        spool.discard()
    with opened(tmp_path) as spool:
        assert not spool.is_finished and pages_of(spool) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(any_json, max_size=4), min_size=1, max_size=4))
def test_any_rows_come_back(pages):
    with TemporaryDirectory() as folder:
        with opened(Path(folder)) as spool:
            for number, rows in enumerate(pages):
                spool.append(page(number, rows=rows))
        with opened(Path(folder)) as spool:
            # By text, since NaN is not equal to itself.
            assert [repr(stored.rows) for stored in pages_of(spool)] == [repr(rows) for rows in pages]


@pytest.mark.parametrize("spoil", ["truncate", "flip", "empty", "remove", "not gzip", "short"])
def test_a_page_that_the_disk_did_not_keep_is_fetched_again_with_all_that_follow(tmp_path, spoil):
    with opened(tmp_path) as spool:
        for number in range(4):
            spool.append(page(number))
    path = page_files(tmp_path)[2]
    content = path.read_bytes()
    if spoil == "truncate":
        path.write_bytes(content[:-6])
    elif spoil == "flip":
        path.write_bytes(content[:30] + bytes([content[30] ^ 255]) + content[31:])
    elif spoil == "empty":
        path.write_bytes(b"")
    elif spoil == "remove":
        path.unlink()
    elif spoil == "short":
        with pa.input_stream(str(path), compression="zstd") as file:
            text = file.read()
        path.write_bytes(pa.compress(text.replace(b",null]", b"]"), "zstd", asbytes=True))
    else:
        path.write_bytes(b"{}\n")
    with opened(tmp_path) as spool:
        assert spool.cursor == "/next?1"
        assert pages_of(spool) == [page(0), page(1)]
        assert len(page_files(tmp_path)) == 2


def test_a_page_that_breaks_while_the_spool_is_open(tmp_path):
    with opened(tmp_path) as spool:
        spool.append(page(0))
        page_files(tmp_path)[0].write_bytes(b"")
        with pytest.raises(LakeError, match="run again"):
            pages_of(spool)


@pytest.mark.parametrize("change", [{"source": "api"}, {"source_label": "synthetic; seed=8"}])
def test_pages_of_another_source_are_not_mixed_in(tmp_path, change):
    with opened(tmp_path) as spool:
        spool.append(page(0))
    with pytest.raises(LakeError, match="HUBSCAPE_DATA_DIR"), opened(tmp_path, **change):
        pass
    with opened(tmp_path) as spool:
        assert pages_of(spool) == [page(0)]


def test_pages_of_another_scope_are_dropped(tmp_path):
    with opened(tmp_path, scope="2026-01-01..2026-02-01") as spool:
        spool.append(page(0))
        spool.append(page(1, last=True))
    with opened(tmp_path, scope="2026-01-01..2026-03-01") as spool:
        assert not spool.is_finished and spool.cursor is None
        assert page_files(tmp_path) == []


def test_one_run_at_a_time(tmp_path):
    with opened(tmp_path) as spool:
        with pytest.raises(LakeError, match="Another run"), opened(tmp_path):
            pass
        spool.append(page(0))
        with Spool.open(tmp_path, "datasets", DAY, **SOURCE) as other:
            other.append(page(0))
    with opened(tmp_path) as spool:
        assert pages_of(spool) == [page(0)]


def test_a_failure_of_whoever_uses_the_spool_passes_through(tmp_path):
    with pytest.raises(ConnectionError), opened(tmp_path) as spool:
        spool.append(page(0))
        raise ConnectionError
    with opened(tmp_path) as spool:
        assert spool.cursor == "/next?0"


def test_a_data_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "spool").write_text("a file where a folder should be")
    with pytest.raises(LakeError, match="check the folder"), opened(tmp_path):
        pass


def test_a_table_of_another_name(tmp_path):
    with pytest.raises(ValueError, match="no raw table"), Spool.open(tmp_path, "../evil", DAY, **SOURCE):
        pass


def test_equal_pages_are_equal_bytes(tmp_path):
    for folder in ("a", "b"):
        with opened(tmp_path / folder) as spool:
            spool.append(replace(page(0), rows=[{"id": "a/b"}] * 50))
    assert page_files(tmp_path / "a")[0].read_bytes() == page_files(tmp_path / "b")[0].read_bytes()
