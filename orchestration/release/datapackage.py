"""The release's manifest: `datapackage.json`, a Data Package (datapackage.org) with provenance and check results.

Every number of the card comes from here, and a reader can verify each file against it. It holds no time of its own
making: the same snapshot, made by the same code, gives the same bytes.
"""

import datetime as dt
import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestration.release.contract import PublishedTable

FILE_NAME = "datapackage.json"


class DataPackageError(RuntimeError):
    """A datapackage.json is missing or is not one of ours."""


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

    Releases of version 0.1.0 do not have the three facts with a default; they can still be restored.
    """

    name: str
    title: str
    description: str
    grain: str
    question: str = ""
    caveats: list[str] = []
    carries_history: bool = Field(False, description="Whether it holds the rows of earlier snapshots too.")
    path: str
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


class DataPackage(_Document):
    """The whole document; fields keep their order in the file."""

    name: str = "hubscape"
    title: str = "Hubscape: the open-source AI ecosystem, day by day"
    snapshot_date: dt.date
    synthetic: list[str] = Field(description="Raw tables whose numbers are made up by a sandbox.")
    licenses: list[dict[str, str]] = [{"name": "CC-BY-4.0", "title": "Creative Commons Attribution 4.0"}]
    provenance: Provenance
    sources: list[RawSource]
    checks: list[CheckResult]
    empty_tables: list[str]
    resources: list[Resource]

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


def read_datapackage(folder: Path) -> DataPackage:
    """The manifest of a release folder.

    Raises:
        DataPackageError: there is none, or it cannot be read as one.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise DataPackageError(f"There is no release in {folder}: materialize the release first.")
    try:
        return DataPackage.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataPackageError(
            f"{path} is not a manifest of this version ({error.error_count()} problems): materialize the release again."
        ) from None


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
