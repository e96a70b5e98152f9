"""Where a lake's snapshots come from: one lake holds one source, so that made-up and real numbers never mix."""

from datetime import date
from pathlib import Path

from orchestration.lake.files import LakeError
from orchestration.lake.manifest import Manifest
from orchestration.lake.snapshot import read_manifest, snapshots


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
