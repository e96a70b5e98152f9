"""Puts the changes of a day over an earlier snapshot: the snapshot of an incremental day.

Belongs here: over which snapshot, and which row of a repo stands. Not: which changes are crawled (hub.changes), the
layout on disk and the manifest (snapshot, manifest), what a value must be like (rows).

A repo's row is replaced as a whole, by its key, and every row keeps its own `observed_at`. Nothing is left out for not
being among the changes: that a repo is gone shows against a whole list alone.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.lake.files import LakeError
from orchestration.lake.ingest import ROW_GROUP_ROWS
from orchestration.lake.manifest import Manifest
from orchestration.lake.rows import add_unknown_fields, type_rows
from orchestration.lake.schemas import KEYS, SCHEMAS
from orchestration.lake.snapshot import listed, new_snapshot, snapshot_dir, verify, write_manifest
from orchestration.lake.spool import Spool, read_rows

_ROW_GROUP_BYTES = 96 * 2**20  # in memory; rows that are uncommonly large make row groups of fewer rows


def refresh_base(
    last: Manifest | None, *, source: str, snapshot_date: date, now: datetime, full_crawl_days: int
) -> Manifest | None:
    """The snapshot that the changes of `snapshot_date` may be put over, or None where the day needs a whole crawl.

    `last` is the newest earlier snapshot that was accepted. It does not do where it is of another kind of source (whose
    keys may be others), was not read to its end, is from after `now` (then a clock was wrong, and changes since cannot
    be told), or stands on a whole crawl that is `full_crawl_days` old or older.
    """
    if last is None or last.source != source or not last.complete or last.first_observed_at > now:
        return None
    age = snapshot_date - full_crawl_date(last)
    return last if 0 < age.days < full_crawl_days else None


def full_crawl_date(manifest: Manifest) -> date:
    """The date of the whole crawl that a snapshot stands on: its own unless it is of an incremental day."""
    return manifest.full_crawl_date or manifest.snapshot_date


def merge_snapshot(spool: Spool, base: Manifest) -> Manifest:
    """Writes the snapshot of an incremental day from a finished crawl of changes, then removes the crawl's pages.

    Its rows are the changes, the latest of each key, and those rows of the snapshot `base` whose key is not among them.
    A row without a key, which is at fault, is told apart by all that it holds: what the base has is not added again.
    The manifest's requests and times are those of the day's own crawl. Replaces a snapshot of that date. In memory are
    the keys of the changes and a row group.

    Raises:
        LakeError: the crawl is not finished, the base is damaged or another one than was read, or the disk fails;
            nothing half-written is left then.
    """
    if not spool.is_finished:
        raise LakeError(f"The crawl of {spool.table} for {spool.snapshot_date} is not finished: run again to go on.")
    if verify(spool.data_dir, spool.table, base.snapshot_date) != base:
        raise LakeError(f"The snapshot of {spool.table} for {base.snapshot_date} was replaced meanwhile: run again.")
    with new_snapshot(spool.data_dir, spool.table, spool.snapshot_date) as folder:
        manifest = _write(spool, base, folder)
        write_manifest(folder, manifest)
    spool.discard()
    return manifest


def _write(spool: Spool, base: Manifest, folder: Path) -> Manifest:
    base_folder = snapshot_dir(spool.data_dir, spool.table, base.snapshot_date)
    base_parts = [base_folder / file.path for file in base.files]
    changes = _Changes(spool, {_content(row) for part in base_parts for row in _rows_without_key(part, spool.table)})
    parts = [_Part(folder / "part-00000.parquet", spool.table, changes.tables())]
    changed = pa.array(changes.keys, pa.string())
    for part in base_parts:
        carried = _Part(
            folder / f"part-{len(parts):05}.parquet", spool.table, _rows_without(part, spool.table, changed)
        )
        if carried.file.rows:
            parts.append(carried)
        else:
            carried.path.unlink()
    unknown_fields: Counter[str] = Counter()
    for written in parts:
        add_unknown_fields(unknown_fields, written.unknown_fields)
    pages = spool.stored()
    return Manifest(
        table=spool.table,
        snapshot_date=spool.snapshot_date,
        source=spool.source,
        source_label=spool.source_label,
        synthetic=base.synthetic or any(page.synthetic for page in pages),
        complete=spool.is_finished,
        rows=sum(written.file.rows for written in parts),
        faulty_rows=sum(written.faulty for written in parts),
        duplicate_rows=changes.repeated,
        bytes=sum(written.file.bytes for written in parts),
        files=[written.file for written in parts],
        requests=spool.requests,
        first_observed_at=min(page.observed_at for page in pages),
        last_observed_at=max(page.observed_at for page in pages),
        not_found=[name for page in pages for name in page.not_found],
        unknown_fields=dict(sorted(unknown_fields.items())),
        refresh="incremental",
        full_crawl_date=full_crawl_date(base),
    )


class _Changes:
    """The rows of a crawl, of each key the latest, but for those without a key that are in `known`.

    What `keys` there are and how many rows were `repeated` is told once all tables have been taken.
    """

    def __init__(self, spool: Spool, known: set[str]) -> None:
        self.keys: list[str] = []
        self.repeated = 0
        self._spool, self._known = spool, known

    def tables(self) -> Iterator[pa.Table]:
        """The rows, a page or more at a time, up to a row group."""
        met: set[Any] = set(self._known)
        waiting: list[pa.RecordBatch] = []
        # The last page first: so the row that was observed last is the first of its key.
        for page in reversed(self._spool.stored()):
            typed = type_rows(self._spool.table, read_rows(page.path), page.observed_at)
            is_first = []
            for number, key in enumerate(typed.keys):
                identity = key or _content(typed.batch.slice(number, 1).to_pylist()[0])
                is_first.append(identity not in met)
                met.add(identity)
            waiting.append(typed.batch.filter(pa.array(is_first, pa.bool_())))
            self.repeated += len(is_first) - waiting[-1].num_rows
            rows, size = (sum(getattr(batch, what) for batch in waiting) for what in ("num_rows", "nbytes"))
            if rows >= ROW_GROUP_ROWS or size >= _ROW_GROUP_BYTES:
                yield pa.Table.from_batches(waiting)
                waiting = []
        yield pa.Table.from_batches(waiting, SCHEMAS[self._spool.table])
        self.keys = [identity[0] for identity in met if isinstance(identity, tuple)]


class _Part:
    """A Parquet file that was written to `path`, and what it holds: its rows, faults and unknown fields."""

    def __init__(self, path: Path, table: str, tables: Iterator[pa.Table]) -> None:
        self.path = path
        self.faulty = rows = 0
        self.unknown_fields: Counter[str] = Counter()
        with (
            path.open("wb") as file,
            pq.ParquetWriter(file, SCHEMAS[table], compression="zstd", write_page_checksum=True) as writer,
        ):
            for found in tables:
                if found.num_rows:
                    writer.write_table(found, row_group_size=ROW_GROUP_ROWS)
                rows += found.num_rows
                self.faulty += found.num_rows - found["fault"].null_count
                # As far as `extra` keeps them: one that was too long is a fault.
                extras = found["extra"].drop_null().to_pylist()
                add_unknown_fields(self.unknown_fields, Counter(name for extra in extras for name in json.loads(extra)))
        self.file = listed(path, rows)


def _rows_without(part: Path, table: str, keys: pa.Array) -> Iterator[pa.Table]:
    """The rows of a part whose key is none of `keys`, in order, a row group at a time."""
    with pq.ParquetFile(part, page_checksum_verification=True) as file:
        for number in range(file.num_row_groups):
            rows = file.read_row_group(number)
            yield _in_schema(rows.filter(pc.invert(pc.is_in(_keys(rows, table), value_set=keys))), table)


def _rows_without_key(part: Path, table: str) -> Iterator[dict[str, Any]]:
    (columns,) = KEYS[table]
    with pq.ParquetFile(part) as file:
        for number in range(file.num_row_groups):
            has_no_key = pc.is_null(_keys(file.read_row_group(number, columns=list(columns)), table))
            if pc.any(has_no_key).as_py():
                yield from _in_schema(file.read_row_group(number).filter(has_no_key), table).to_pylist()


def _in_schema(rows: pa.Table, table: str) -> pa.Table:
    """The rows in the columns of today; one that they lack, written before it was there, is null."""
    schema = SCHEMAS[table]
    for column in schema:
        if column.name not in rows.column_names:
            rows = rows.append_column(column, pa.nulls(rows.num_rows, column.type))
    return rows.select(schema.names).cast(schema)


def _keys(rows: pa.Table, table: str) -> pa.ChunkedArray:
    """The key of each row, null where it has none; of tables whose key is the first of some columns that is given."""
    (columns,) = KEYS[table]
    given = [pc.if_else(pc.equal(rows[column], ""), pa.scalar(None, pa.string()), rows[column]) for column in columns]
    return pc.coalesce(*given)


def _content(row: dict[str, Any]) -> str:
    """All that a row holds but when it was observed."""
    return repr({**row, "observed_at": None})
