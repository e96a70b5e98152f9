"""Small pictures of data for Dagster's pages, with everything a stranger may have written made inert."""

from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq

_ROWS = 10
_CHARACTERS = 80


def preview(folder: Path) -> dg.TableMetadataValue:
    """The first ten rows of a folder of Parquet files, as short printable text."""
    records: list[dg.TableRecord] = []
    for path in sorted(folder.glob("*.parquet"))[:1]:
        batch = next(pq.ParquetFile(path).iter_batches(batch_size=_ROWS), None)
        records = [
            dg.TableRecord({name: shown(value) for name, value in row.items()})
            for row in (batch.to_pylist() if batch else [])
        ]
    return dg.MetadataValue.table(records or [dg.TableRecord({"rows": "none"})])


def shown(value: object) -> str:
    """A value as one short line of printable characters."""
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() else "?" for c in text[:_CHARACTERS])
