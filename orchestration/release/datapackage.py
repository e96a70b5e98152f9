"""The release's manifest: `datapackage.json`, a Data Package (datapackage.org) with provenance and check results.

Every number of the card comes from here, and a reader can verify each file against it. It holds no time of its own
making: the same snapshot, made by the same code, gives the same bytes.
"""

import datetime as dt
import json
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import sha256_of
from orchestration.release.contract import PublishedTable

FILE_NAME = "datapackage.json"


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)


class FieldDescriptor(_Document):
    """One column: its name, its type as Table Schema names it, and what it means."""

    name: str
    type: str
    description: str


class TableSchema(_Document):
    """The columns of a table in order, and those that make its key."""

    fields: list[FieldDescriptor]
    primary_key: list[str] = Field(alias="primaryKey")


class Resource(_Document):
    """One table of the release and the file that holds it.

    Releases of version 0.1.0 do not have the three facts with a default; they can still be restored. A name is no more
    than a name, and a path no more than a file of the release, whoever has written the manifest.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    title: str
    description: str
    grain: str
    question: str = ""
    caveats: list[str] = []
    carries_history: bool = Field(False, description="Whether it holds the rows of earlier snapshots too.")
    path: str = Field(pattern=r"^data/[a-z][a-z0-9_]*/[A-Za-z0-9_][A-Za-z0-9_.=-]*\.parquet$")
    format: str = "parquet"
    rows: int
    bytes: int
    sha256: str
    table_schema: TableSchema = Field(alias="schema")


class RawSource(_Document):
    """One raw table that the release was made from.

    The last three facts, as the raw snapshot's manifest has them, are missing in releases of version 0.1.0.
    """

    table: str
    source: str
    source_label: str
    synthetic: bool
    rows: int
    faulty_rows: int
    first_observed_at: dt.datetime | None
    last_observed_at: dt.datetime | None
    manifest_sha256: str
    refresh: str = "full"
    full_crawl_date: dt.date | None = None
    source_commit: str | None = None


class CheckResult(_Document):
    """What one check of one layer found. `verdict` is passed, failed (severity error) or warned (severity warn)."""

    layer: str
    table: str
    check: str
    severity: str
    verdict: str
    rows_tested: int | None = None
    rows_failing: int | None = None


class Provenance(_Document):
    """Which code made the release."""

    hubscape: str
    git_commit: str
    packages: dict[str, str]


class ReleaseFile(_Document):
    """A file of the release that is no table: the report, or one of its charts as a picture.

    `description` is what somebody who cannot see it is told.
    """

    path: str
    title: str
    description: str
    bytes: int
    sha256: str


class Coverage(_Document):
    """Which days the release has snapshots of; `missing` are the days between that have none, as spans `from/to`."""

    first: dt.date
    last: dt.date
    snapshots: int
    missing: list[str]


class TableChange(_Document):
    """How a table differs from that of the release before; a table that one of them does not have has None rows."""

    table: str
    rows_before: int | None
    rows: int | None
    columns_added: list[str]
    columns_removed: list[str]
    columns_retyped: list[str]


class Changes(_Document):
    """What changed against the release before, in rows and schema; only tables in which something did."""

    since: dt.date
    tables: list[TableChange]


class DataPackage(_Document):
    """The whole document; fields keep their order in the file.

    What has a default is missing in older releases, which can still be restored and asked.
    """

    name: str = "hubscape"
    title: str = "Hubscape: the open-source AI ecosystem, day by day"
    snapshot_date: dt.date
    synthetic: list[str] = Field(description="Raw tables whose numbers are made up by a sandbox.")
    sample: list[str] = Field([], description="Raw tables that hold a sample of their Hub, not all of it.")
    repo_id: str = Field("", description="Dataset repo that the release is meant for, if any.")
    report_space: str = Field("", description="Space that shows the report, if any.")
    licenses: list[dict[str, str]] = [{"name": "CC-BY-4.0", "title": "Creative Commons Attribution 4.0"}]
    provenance: Provenance
    sources: list[RawSource]
    checks: list[CheckResult]
    empty_tables: list[str]
    resources: list[Resource]
    coverage: Coverage | None = None
    changes: Changes | None = None
    files: list[ReleaseFile] = []

    def text(self) -> str:
        """The document as it stands in the file."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False) + "\n"


def describe(table: PublishedTable, path: Path, folder: Path) -> Resource:
    """The resource of one exported table, measured on the file itself."""
    return Resource(
        name=table.name,
        title=table.title,
        description=table.description,
        grain=table.grain,
        question=table.question,
        caveats=list(table.caveats),
        carries_history=table.carries_history,
        path=path.relative_to(folder).as_posix(),
        rows=pq.read_metadata(path).num_rows,
        bytes=path.stat().st_size,
        sha256=sha256_of(path),
        table_schema=TableSchema(
            fields=[
                FieldDescriptor(name=c.name, type=c.table_schema_type, description=c.description) for c in table.columns
            ],
            primary_key=list(table.key),
        ),
    )


def described(path: Path, folder: Path, title: str, description: str) -> ReleaseFile:
    """A file of the release, measured on the file itself."""
    return ReleaseFile(
        path=path.relative_to(folder).as_posix(),
        title=title,
        description=description,
        bytes=path.stat().st_size,
        sha256=sha256_of(path),
    )


def changes(before: DataPackage, resources: Sequence[Resource]) -> Changes:
    """What the tables of a release changed against the release before."""
    old, new = ({r.name: r for r in held} for held in (before.resources, resources))
    tables = []
    for name in sorted(old.keys() | new.keys()):
        types = [_types(held.get(name)) for held in (old, new)]
        change = TableChange(
            table=name,
            rows_before=old[name].rows if name in old else None,
            rows=new[name].rows if name in new else None,
            columns_added=[column for column in types[1] if column not in types[0]] if name in old else [],
            columns_removed=[column for column in types[0] if column not in types[1]] if name in new else [],
            columns_retyped=[c for c in types[1] if types[0].get(c, types[1][c]) != types[1][c]],
        )
        if change.rows != change.rows_before or types[0] != types[1]:
            tables.append(change)
    return Changes(since=before.snapshot_date, tables=tables)


def _types(resource: Resource | None) -> dict[str, str]:
    return {field.name: field.type for field in resource.table_schema.fields} if resource else {}


def coverage(days: Collection[dt.date]) -> Coverage | None:
    """Which days there are snapshots of, None where there are none."""
    if not days:
        return None
    ordered = sorted(days)
    one = dt.timedelta(days=1)
    missing = [f"{a + one}/{b - one}" for a, b in pairwise(ordered) if b - a > one]
    return Coverage(first=ordered[0], last=ordered[-1], snapshots=len(ordered), missing=missing)


def read_datapackage(folder: Path) -> DataPackage:
    """The manifest of a release folder.

    Raises:
        HubscapeError: there is none, or it cannot be read as one.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise HubscapeError(f"There is no release in {folder}: materialize the release first.")
    try:
        return DataPackage.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise HubscapeError(
            f"{path} is not a manifest of this version ({error.error_count()} problems): make or fetch it again."
        ) from None
