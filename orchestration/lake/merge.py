"""Puts the changes of a day over an earlier snapshot: the snapshot of an incremental day.

Belongs here: over which snapshot, and which row of a repo stands. Not: which changes are crawled (hub.changes), the
layout on disk and the manifest (snapshot, manifest), what a value must be like (values).

A repo's row is replaced as a whole, by its key, and every row keeps its own `observed_at`. Nothing is left out for not
being among the changes: that a repo is gone shows against a whole list alone.
"""

from collections import Counter
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.ground.engine import sql_name
from orchestration.lake.engine import closed_engine
from orchestration.lake.files import LakeError
from orchestration.lake.ingest import MEMORY, Typed, drop_rows, rows_sql, type_pages, write_without
from orchestration.lake.manifest import Manifest
from orchestration.lake.rows import add_unknown_fields
from orchestration.lake.schemas import SCHEMAS, key_sql
from orchestration.lake.snapshot import new_snapshot, require_finished, snapshot_dir, verify, write_crawl_manifest
from orchestration.lake.spool import Spool


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
    require_finished(spool)
    if verify(spool.data_dir, spool.table, base.snapshot_date) != base:
        raise LakeError(f"The snapshot of {spool.table} for {base.snapshot_date} was replaced meanwhile: run again.")
    with new_snapshot(spool.data_dir, spool.table, spool.snapshot_date) as folder:
        # The last page first: so the row that was observed last is the first of its key, which is kept.
        typed = type_pages(spool.table, spool.stored()[::-1], folder)
        _add_base(typed, spool, base, folder)
        manifest = write_crawl_manifest(
            folder,
            typed,
            spool,
            synthetic=base.synthetic or any(page.synthetic for page in spool.stored()),
            refresh="incremental",
            full_crawl_date=full_crawl_date(base),
        )
    spool.discard()
    return manifest


def _add_base(typed: Typed, spool: Spool, base: Manifest, folder: Path) -> None:
    """Adds to the changes that were `typed` in `folder` the rows of `base` that they do not replace."""
    table, base_folder = spool.table, snapshot_dir(spool.data_dir, spool.table, base.snapshot_date)
    parts = [base_folder / file.path for file in base.files]
    key = key_sql(table)
    with closed_engine(folder, memory_limit=MEMORY, folders=[base_folder]) as connection:
        drop_rows(table, typed, _known(connection, table, typed.parts, parts))
        replaced = connection.sql(f"""
            select file, file_row_number from {rows_sql(parts)}
            where {key} in (select {key} from {rows_sql(typed.parts)})
        """).to_arrow_table()
        for part, file in zip(parts, base.files, strict=True):
            numbers = replaced.filter(pc.field("file") == str(part))["file_row_number"]
            if len(numbers) < file.rows:
                typed.parts.append(folder / f"part-{len(typed.parts):05}.parquet")
                write_without(part, typed.parts[-1], table, numbers)
        # As far as `extra` keeps them: one that was too long is a fault.
        names = f"select unnest(json_keys(extra)) as name from {rows_sql(typed.parts)} where extra is not null"
        counts = connection.execute(f"select name, count(*) from ({names}) group by name").fetchall()
    typed.unknown_fields.clear()
    add_unknown_fields(typed.unknown_fields, Counter(dict(counts)))


def _known(connection: duckdb.DuckDBPyConnection, table: str, changes: list[Path], base: list[Path]) -> pa.Table:
    """The rows of the changes that have no key, and hold nothing but what an earlier one or one of the base does."""
    told = ", ".join(f"{name} := {name}" for name in map(sql_name, SCHEMAS[table].names) if name != '"observed_at"')
    content, keyless = f"to_json(struct_pack({told}))", f"where {key_sql(table)} is null"
    found = f"select file, file_row_number, {content} as content from {rows_sql(changes)} {keyless}"
    earlier = "row_number() over (partition by content order by file, file_row_number) > 1"
    if connection.execute(f"{found} limit 1").fetchall():  # seldom, so that the base need not be read
        # By name, as a base that is older may lack a column.
        of_base = f"((select * from {rows_sql(changes)} limit 0) union all by name select * from {rows_sql(base)})"
        earlier += f" or content in (select {content} from {of_base} {keyless})"
    return connection.sql(f"select file, file_row_number from ({found}) qualify {earlier}").to_arrow_table()
