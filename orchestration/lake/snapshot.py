"""Raw snapshots: written whole from a spool, found, read and verified.

Belongs here: the layout `<data>/raw/<table>/snapshot_date=YYYY-MM-DD/`. Not: where rows come from, how they are typed
(rows). A folder of that name is always a whole snapshot: it is built aside and renamed as the last step. One lake holds
one source, so that made-up and real numbers never mix.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import ValidationError

from orchestration.ground.files import fsync, put_in_place, sha256_of, write_durably
from orchestration.lake.files import LakeError, disk_errors
from orchestration.lake.ingest import Typed, type_pages
from orchestration.lake.manifest import MANIFEST_NAME, Manifest, SnapshotFile
from orchestration.lake.schemas import SCHEMAS
from orchestration.lake.spool import Spool

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
    require_finished(spool)
    with new_snapshot(spool.data_dir, spool.table, spool.snapshot_date) as folder:
        manifest = write_crawl_manifest(folder, type_pages(spool.table, spool.stored(), folder), spool)
    spool.discard()
    return manifest


@contextmanager
def new_snapshot(data_dir: Path, table: str, snapshot_date: date) -> Iterator[Path]:
    """An empty folder that becomes the snapshot of a table and date when the block ends, replacing an earlier one.

    The block writes all of it, the manifest too, and holds the lock of the table's spool. Nothing is left if it fails.

    Raises:
        LakeError: the disk fails.
    """
    final = snapshot_dir(data_dir, table, snapshot_date)
    building = final.with_name(f".building-{snapshot_date.isoformat()}-{os.getpid()}")
    with disk_errors(f"write the snapshot of {table}", final.parent):
        sweep(data_dir, table)
        try:
            building.mkdir(parents=True)
            yield building
            _put_in_place(building, final)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def write_manifest(folder: Path, typed: Typed, **told: Any) -> Manifest:
    """Makes the parts in `folder` durable and writes their manifest, which it returns; `told` are its other fields."""
    files, faulty = [], 0
    for part in typed.parts:
        fsync(part)
        rows, faults = _counts(part)
        files.append(SnapshotFile(path=part.name, bytes=part.stat().st_size, rows=rows, sha256=sha256_of(part)))
        faulty += faults
    manifest = Manifest(
        rows=sum(file.rows for file in files),
        faulty_rows=faulty,
        duplicate_rows=typed.duplicates,
        bytes=sum(file.bytes for file in files),
        files=files,
        unknown_fields=dict(sorted(typed.unknown_fields.items())),
        **told,
    )
    write_durably(folder / MANIFEST_NAME, manifest.model_dump_json(indent=2))
    return manifest


def _counts(part: Path) -> tuple[int, int]:
    """How many rows a part holds, and how many of them have a fault, as its footer tells."""
    footer = pq.read_metadata(part)
    fault = footer.schema.names.index("fault")
    groups = [footer.row_group(number) for number in range(footer.num_row_groups) if footer.num_rows]
    return footer.num_rows, sum(group.num_rows - group.column(fault).statistics.null_count for group in groups)


def write_crawl_manifest(folder: Path, typed: Typed, spool: Spool, **told: Any) -> Manifest:
    """The same of the parts that a crawl became; `told` is what the spool does not know, or knows otherwise."""
    pages = spool.stored()
    of_crawl = {
        "table": spool.table,
        "snapshot_date": spool.snapshot_date,
        "source": spool.source,
        "source_label": spool.source_label,
        "synthetic": any(page.synthetic for page in pages),
        "complete": spool.is_finished,
        "requests": spool.requests,
        "first_observed_at": min(page.observed_at for page in pages),
        "last_observed_at": max(page.observed_at for page in pages),
        "not_found": [name for page in pages for name in page.not_found],
    }
    return write_manifest(folder, typed, **(of_crawl | told))


def require_finished(spool: Spool) -> None:
    """Raises LakeError if a crawl is not finished: it cannot become a snapshot."""
    if not spool.is_finished:
        raise LakeError(f"The crawl of {spool.table} for {spool.snapshot_date} is not finished: run again to go on.")


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


def kept_snapshot(
    data_dir: Path, table: str, snapshot_date: date, *, source: str, source_label: str
) -> Manifest | None:
    """The manifest of a snapshot that the lake already holds, or None.

    Raises:
        LakeError: the lake's newest snapshot of the table, or the one of this date, comes from another source.
    """
    days = snapshots(data_dir, table)
    for day in {snapshot_date, *days[-1:]} & set(days):
        manifest = read_manifest(data_dir, table, day)
        if (manifest.source, without_day(manifest.source_label)) != (source, without_day(source_label)):
            raise LakeError(
                f"{data_dir} holds {table} of {manifest.source} ({manifest.source_label}), not of {source} "
                f"({source_label}): set another HUBSCAPE_DATA_DIR, or remove that folder."
            )
    return read_manifest(data_dir, table, snapshot_date) if snapshot_date in days else None


def without_day(source_label: str) -> str:
    """A source's label without its day: a sandbox that moves on by a day is the same sandbox."""
    return source_label.partition("; date=")[0]


def verify(data_dir: Path, table: str, snapshot_date: date) -> Manifest:
    """The manifest of a snapshot, once its Parquet files are known to be exactly those it lists, byte for byte.

    Raises:
        LakeError: a file differs, is missing or is not listed, or the manifest cannot be read.
    """
    manifest = read_manifest(data_dir, table, snapshot_date)
    folder = snapshot_dir(data_dir, table, snapshot_date)
    names = {file.path for file in manifest.files}
    advice = "remove its folder and fetch the snapshot again"
    for path in folder.glob("*.parquet"):
        if path.name not in names:
            raise LakeError(f"The file {path} is not listed in its manifest: {advice}.")
    for file in manifest.files:
        path = folder / file.path
        if not path.is_file():
            raise LakeError(f"The file {path} is missing: {advice}.")
        with disk_errors(f"read the snapshot of {table}", folder):
            if (path.stat().st_size, sha256_of(path)) != (file.bytes, file.sha256):
                raise LakeError(f"The file {path} is not what its manifest says: {advice}.")
    return manifest


def _put_in_place(building: Path, final: Path) -> None:
    """Renames a whole folder to its final name; a kill in between leaves the old one for `sweep` to put back."""
    replaced = final.with_name(f".replaced-{final.name.partition('=')[2]}")
    if final.exists():
        final.rename(replaced)
    put_in_place(building, final)
    shutil.rmtree(replaced, ignore_errors=True)
