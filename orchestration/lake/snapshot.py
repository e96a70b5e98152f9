"""Raw snapshots: written whole from a spool, found, read and verified.

Belongs here: the layout `<data>/raw/<table>/snapshot_date=YYYY-MM-DD/`. Not: where rows come from, how they are typed
(rows). A folder of that name is always a whole snapshot: it is built aside and renamed as the last step.
"""

import hashlib
import os
import re
import shutil
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from orchestration.lake.files import LakeError, disk_errors, sync_folder, write_durably
from orchestration.lake.ingest import type_pages
from orchestration.lake.manifest import MANIFEST_NAME, Manifest, SnapshotFile
from orchestration.lake.schemas import SCHEMAS
from orchestration.lake.spool import Spool

_ROW_GROUP_ROWS = 122_880
_ROW_GROUP_BYTES = 96 * 2**20  # in memory; keeps memory flat where rows are uncommonly large
_FILE_ROWS = 8 * _ROW_GROUP_ROWS
_FOLDER = re.compile(r"snapshot_date=([0-9]{4}-[0-9]{2}-[0-9]{2})")


def snapshot_dir(data_dir: Path, table: str, snapshot_date: date) -> Path:
    """The folder of a snapshot, there or not."""
    if table not in SCHEMAS:
        raise ValueError(f"no raw table is called {table!r}")
    return data_dir / "raw" / table / f"snapshot_date={snapshot_date.isoformat()}"


def write_snapshot(spool: Spool) -> Manifest:
    """Types the pages of a finished crawl into the snapshot of its table and date, then removes the pages.

    Replaces a snapshot of that date. Of rows with the same key the first is kept; rows without a key are all kept.

    Raises:
        LakeError: the crawl is not finished, or the disk fails; nothing half-written is left then.
    """
    if not spool.is_finished:
        raise LakeError(f"The crawl of {spool.table} for {spool.snapshot_date} is not finished: run again to go on.")
    final = snapshot_dir(spool.data_dir, spool.table, spool.snapshot_date)
    building = final.with_name(f".building-{spool.snapshot_date.isoformat()}-{os.getpid()}")
    with disk_errors(f"write the snapshot of {spool.table}", final.parent):
        sweep(spool.data_dir, spool.table)
        try:
            building.mkdir(parents=True)
            manifest = _write(spool, building)
            write_durably(building / MANIFEST_NAME, manifest.model_dump_json(indent=2).encode())
            _put_in_place(building, final)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    spool.discard()
    return manifest


def sweep(data_dir: Path, table: str) -> None:
    """Removes what a killed run has left beside the snapshots of `table`; its spool must be held.

    A snapshot that was about to be replaced is put back.
    """
    for leftover in (data_dir / "raw" / table).glob(".building-*"):
        shutil.rmtree(leftover)
    for replaced in (data_dir / "raw" / table).glob(".replaced-*"):
        final = snapshot_dir(data_dir, table, date.fromisoformat(replaced.name.removeprefix(".replaced-")))
        if final.exists():
            shutil.rmtree(replaced)
        else:
            replaced.rename(final)


def snapshots(data_dir: Path, table: str) -> list[date]:
    """Dates of the snapshots of `table` on disk, oldest first."""
    folders = (data_dir / "raw" / table).glob("snapshot_date=*")
    matches = [_FOLDER.fullmatch(folder.name) for folder in folders if (folder / MANIFEST_NAME).is_file()]
    return sorted(date.fromisoformat(match.group(1)) for match in matches if match)


def read_manifest(data_dir: Path, table: str, snapshot_date: date) -> Manifest:
    """The manifest of a snapshot.

    Raises:
        LakeError: there is no such snapshot, or its manifest cannot be read.
    """
    path = snapshot_dir(data_dir, table, snapshot_date) / MANIFEST_NAME
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise LakeError(f"There is no snapshot of {table} for {snapshot_date} in {data_dir}: fetch it first.") from None
    except (OSError, ValidationError):
        raise LakeError(
            f"The manifest {path} cannot be read: remove its folder and fetch the snapshot again."
        ) from None
    if (manifest.table, manifest.snapshot_date) != (table, snapshot_date):
        raise LakeError(f"The manifest {path} belongs to another snapshot: remove its folder and fetch it again.")
    return manifest


def previous_manifest(data_dir: Path, table: str, before: date) -> Manifest | None:
    """The manifest of the last snapshot of `table` before a date, None if there is none.

    Raises:
        LakeError: it cannot be read.
    """
    earlier = [day for day in snapshots(data_dir, table) if day < before]
    return read_manifest(data_dir, table, earlier[-1]) if earlier else None


def verify(data_dir: Path, table: str, snapshot_date: date) -> Manifest:
    """The manifest of a snapshot, once its Parquet files are known to be exactly those it lists, byte for byte.

    Raises:
        LakeError: a file differs, is missing or is not listed, or the manifest cannot be read.
    """
    manifest = read_manifest(data_dir, table, snapshot_date)
    folder = snapshot_dir(data_dir, table, snapshot_date)
    listed = {file.path for file in manifest.files}
    advice = "remove its folder and fetch the snapshot again"
    for path in folder.glob("*.parquet"):
        if path.name not in listed:
            raise LakeError(f"The file {path} is not listed in its manifest: {advice}.")
    for file in manifest.files:
        path = folder / file.path
        if not path.is_file():
            raise LakeError(f"The file {path} is missing: {advice}.")
        with disk_errors(f"read the snapshot of {table}", folder):
            if (path.stat().st_size, _sha256(path)) != (file.bytes, file.sha256):
                raise LakeError(f"The file {path} is not what its manifest says: {advice}.")
    return manifest


def _write(spool: Spool, folder: Path) -> Manifest:
    pages = spool.stored()
    typed = type_pages(spool.table, pages, folder)
    files = [
        SnapshotFile(path=part.name, bytes=part.stat().st_size, rows=rows, sha256=_sha256(part))
        for part, rows in zip(typed.parts, typed.rows, strict=True)
    ]
    return Manifest(
        table=spool.table,
        snapshot_date=spool.snapshot_date,
        source=spool.source,
        source_label=spool.source_label,
        synthetic=any(page.synthetic for page in pages),
        complete=spool.is_finished,
        rows=sum(typed.rows),
        faulty_rows=typed.faulty,
        duplicate_rows=typed.duplicates,
        bytes=sum(file.bytes for file in files),
        files=files,
        requests=spool.requests,
        first_observed_at=min(page.observed_at for page in pages),
        last_observed_at=max(page.observed_at for page in pages),
        not_found=[name for page in pages for name in page.not_found],
        unknown_fields=dict(sorted(typed.unknown_fields.items())),
    )


def _put_in_place(building: Path, final: Path) -> None:
    """Renames a whole folder to its final name; a kill in between leaves the old one for `sweep` to put back."""
    sync_folder(building)
    replaced = final.with_name(f".replaced-{final.name.partition('=')[2]}")
    if final.exists():
        final.rename(replaced)
    building.rename(final)
    sync_folder(final.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Parts:
    """Writes batches as Parquet files and row groups of bounded size; at least one file, be it empty."""

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self.files: list[SnapshotFile] = []
        self._folder = folder
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._sink: BinaryIO | None = None
        self._writer: pq.ParquetWriter | None = None
        self._file_rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            if self._waiting or not (self._writer or self.files):
                self._flush()
            self._close()
        elif self._sink is not None:
            self._sink.close()

    def add(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            self._waiting.append(batch)
        rows, size = sum(b.num_rows for b in self._waiting), sum(b.nbytes for b in self._waiting)
        if rows >= _ROW_GROUP_ROWS or size >= _ROW_GROUP_BYTES:
            self._flush()
            if self._file_rows >= _FILE_ROWS:
                self._close()

    def _flush(self) -> None:
        if self._writer is None:
            self._sink = (self._folder / f"part-{len(self.files):05}.parquet").open("wb")
            self._writer = pq.ParquetWriter(self._sink, self._schema, compression="zstd", write_page_checksum=True)
        table = pa.Table.from_batches(self._waiting, schema=self._schema)
        self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
        self._file_rows += table.num_rows
        self._waiting = []

    def _close(self) -> None:
        if self._writer is None or self._sink is None:
            return
        self._writer.close()
        self._sink.flush()
        os.fsync(self._sink.fileno())
        self._sink.close()
        path = Path(self._sink.name)
        size = path.stat().st_size
        self.files.append(SnapshotFile(path=path.name, bytes=size, rows=self._file_rows, sha256=_sha256(path)))
        self._writer = self._sink = None
        self._file_rows = 0
