"""The manifest of a raw snapshot: what its files hold and where they come from. Not: how it is written or checked."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MANIFEST_NAME = "_manifest.json"


class SnapshotFile(BaseModel):
    """One Parquet file of a snapshot; `path` is its name in the snapshot's folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(pattern=r"^part-[0-9]{5}\.parquet$")
    bytes: int
    rows: int
    sha256: str


class Manifest(BaseModel):
    """A whole snapshot of one raw table.

    `rows` counts what the files hold, `faulty_rows` how many of those have a `fault`, `duplicate_rows` how many more
    were dropped since their key was there already. `unknown_fields` counts rows for each field that no column takes.
    `refresh` is `incremental` where rows of the last complete crawl, that of `full_crawl_date`, were carried on; the
    date is None for a full crawl. `source_commit` and its time are those of a bulk dataset's revision, None elsewhere.
    `not_observed` are the columns that a dump does not have, written with a point inside a struct: all null here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str
    snapshot_date: date
    source: Literal["sandbox", "api", "bulk"]
    source_label: str
    synthetic: bool
    complete: bool
    rows: int
    faulty_rows: int
    duplicate_rows: int
    bytes: int
    files: list[SnapshotFile]
    requests: int
    first_observed_at: datetime
    last_observed_at: datetime
    not_found: list[str]
    unknown_fields: dict[str, int]
    refresh: Literal["full", "incremental"] = "full"
    full_crawl_date: date | None = None
    source_commit: str | None = None
    source_commit_at: datetime | None = None
    not_observed: list[str] = Field([], exclude_if=lambda columns: not columns)  # a crawl's manifest says nothing of it
