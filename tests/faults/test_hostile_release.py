"""A stranger's release: what its manifest says is data, never SQL, and no path outside of it."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.ground.errors import HubscapeError
from orchestration.release.contract import Column, PublishedTable
from orchestration.release.datapackage import FILE_NAME, Resource, TableSchema, read_datapackage
from orchestration.release.views import connect

PAPERS = PublishedTable("fct_papers", "", "paper", "", ("paper_id",), (Column("paper_id", "varchar", ""),))


def listed(name: str, path: str) -> Resource:
    """A table as a manifest lists it, made without its validation: what is looked up must hold without that, too."""
    schema = TableSchema(fields=[], primary_key=[])
    facts = {"title": "", "description": "", "grain": "", "rows": 1, "bytes": 1, "sha256": "0" * 64}
    return Resource.model_construct(name=name, path=path, table_schema=schema, **facts)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "2026-01-02"
    (folder / "data" / "fct_papers").mkdir(parents=True)
    pq.write_table(pa.table({"paper_id": ["1"]}), folder / "data" / "fct_papers" / "fct_papers.parquet")
    return folder


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_name_in_a_manifest_never_runs_as_sql(release: Path, tmp_path: Path, quote: str):
    written = tmp_path / "written.csv"
    name = f"x{quote} as select 1; copy (select 42) to '{written}'; create view {quote}y"
    path = "data/fct_papers/fct_papers.parquet"
    hostile = [listed(name, path), listed("fct_papers", path), listed("y", f"{path}'); copy (select 1) to '{written}'")]

    with connect(release, hostile, [PAPERS]) as connection:
        assert connection.execute("select paper_id from fct_papers").fetchall() == [("1",)]
        views = connection.execute("select view_name from duckdb_views() where not internal").fetchall()

    assert not written.exists()
    assert views == [("fct_papers",)]


def test_a_path_in_a_manifest_reaches_no_file_outside_of_the_release(release: Path, tmp_path: Path):
    secret = tmp_path / "secret.parquet"
    pq.write_table(pa.table({"paper_id": ["of this machine"]}), secret)
    for path in ("../secret.parquet", str(secret), "data/../../secret.parquet"):
        with pytest.raises(Exception, match="disabled by configuration"):
            connect(release, [listed("fct_papers", path)], [PAPERS])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 'x" as select 1; --'),
        ("name", "../fct_papers"),
        ("path", "data/fct_papers/../../../secret.parquet"),
        ("path", "/etc/passwd"),
        ("path", "data/fct_papers/*.parquet"),
    ],
)
def test_a_manifest_with_such_a_name_or_path_is_no_manifest(release: Path, field: str, value: str):
    table = {
        "name": "fct_papers", "title": "", "description": "", "grain": "", "path": "data/fct_papers/fct_papers.parquet",
        "rows": 1, "bytes": 1, "sha256": "0" * 64, "schema": {"fields": [], "primaryKey": []},
    }  # fmt: skip
    package = {
        "snapshot_date": "2026-01-02", "synthetic": [], "sources": [], "checks": [], "empty_tables": [],
        "provenance": {"hubscape": "0", "git_commit": "0", "packages": {}}, "resources": [table],
    }  # fmt: skip
    (release / FILE_NAME).write_text(json.dumps(package))
    assert read_datapackage(release).resources[0].name == "fct_papers"

    (release / FILE_NAME).write_text(json.dumps({**package, "resources": [{**table, field: value}]}))
    with pytest.raises(HubscapeError, match="1 problems"):
        read_datapackage(release)
