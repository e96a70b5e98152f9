"""Recorded rows are served as they lie there; a folder that is broken is refused with file and line."""

import gzip
import json
from pathlib import Path

import pytest

from orchestration.sandbox.recorded import RecordedRowsError, recorded_catalogue
from tests.support import recorded_dir

MODEL = {"id": "sandbox-user-00001/m", "author": "sandbox-user-00001", "createdAt": "2026-08-01T00:00:00.000Z"}
PAPER = {"date": "2026-05-01", "item": {"paper": {"id": "2604.00001"}, "title": "made up"}}


def write(file: Path, *lines: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small folder in the layout of the recorded rows, with nothing wrong."""
    for kind in ("models", "datasets", "spaces"):
        write(tmp_path / f"{kind}.jsonl.gz", json.dumps(MODEL))
    write(tmp_path / "daily_papers" / "2026-05.jsonl.gz", json.dumps(PAPER), json.dumps(PAPER))
    return tmp_path


def test_every_recorded_row_is_there_and_untouched() -> None:
    folder = recorded_dir()
    catalogue = recorded_catalogue(folder)
    assert (len(catalogue.models), len(catalogue.datasets), len(catalogue.spaces)) == (15_156, 1_000, 1_000)
    assert sum(map(len, catalogue.papers.values())) == 6_223
    for kind in ("models", "datasets", "spaces"):
        with gzip.open(folder / f"{kind}.jsonl.gz", "rt", encoding="utf-8") as lines:
            assert [json.loads(line) for line in lines] == getattr(catalogue, kind)
    assert not any("_id" in row for row in catalogue.models)
    assert (catalogue.label, catalogue.synthetic, catalogue.organizations_synthetic) == ("recorded", False, True)
    assert catalogue.renames == {}


def test_overviews_are_made_up_around_the_recorded_rows() -> None:
    catalogue = recorded_catalogue(recorded_dir())
    qwen = catalogue.organizations["qwen"]
    assert qwen["fullname"] == "Qwen team"
    assert qwen["numModels"] == sum(row["author"].lower() == "qwen" for row in catalogue.models) > 0
    assert "thudm" not in catalogue.organizations


def test_papers_are_grouped_by_the_day_of_their_page(folder: Path) -> None:
    write(folder / "daily_papers" / "2026-06.jsonl.gz", json.dumps(PAPER | {"date": "2026-06-02"}))
    papers = recorded_catalogue(folder).papers
    assert papers == {"2026-05-01": [PAPER["item"]] * 2, "2026-06-02": [PAPER["item"]]}


@pytest.mark.parametrize("line", ["{", "", "NULL", "[]", '"text"'])
def test_a_broken_line_is_named(folder: Path, line: str) -> None:
    write(folder / "spaces.jsonl.gz", json.dumps(MODEL), line)
    with pytest.raises(
        RecordedRowsError, match=r"^Line 2 of .*/spaces\.jsonl\.gz is not [\w ]+: repair or remove it\.$"
    ):
        recorded_catalogue(folder)


@pytest.mark.parametrize("change", [{"date": "2026-5-1"}, {"date": None}, {"item": []}, {"item": {"title": "x"}}])
def test_a_paper_without_its_day_is_named(folder: Path, change: dict) -> None:
    write(folder / "daily_papers" / "2026-05.jsonl.gz", json.dumps(PAPER | change))
    with pytest.raises(RecordedRowsError, match=r"^Line 1 of .*/2026-05\.jsonl\.gz is no paper"):
        recorded_catalogue(folder)


@pytest.mark.parametrize(
    "name", ["models.jsonl.gz", "datasets.jsonl.gz", "spaces.jsonl.gz", "daily_papers/2026-05.jsonl.gz"]
)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    expected = name.replace("2026-05", "*")
    with pytest.raises(RecordedRowsError) as refused:
        recorded_catalogue(folder)
    assert f"{folder / expected}" in str(refused.value) and str(refused.value).count(". ") == 0


# Named, since gzip writes the time into its bytes and two test processes have to agree on what a case is called.
@pytest.mark.parametrize(
    "content",
    [b"not gzip", gzip.compress(b'{"id": "a/b"}\n' * 999)[:-20], gzip.compress(b"\xff\n")],
    ids=["no_gzip", "cut_short", "no_text"],
)
def test_a_file_that_is_no_gzip_text_is_named(folder: Path, content: bytes) -> None:
    (folder / "models.jsonl.gz").write_bytes(content)
    with pytest.raises(RecordedRowsError, match=r"^Line \d+ of .*/models\.jsonl\.gz cannot be read"):
        recorded_catalogue(folder)
