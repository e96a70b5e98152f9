"""What Dagster's pages show of data: column schemas and small pictures, with all that a stranger wrote made inert."""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.ground.text import legible

_ROWS = 10


def preview(folder: Path) -> dg.TableMetadataValue:
    """The first ten rows of a folder of Parquet files, as short inert text."""
    rows: list[Mapping[str, object]] = []
    for path in sorted(folder.glob("*.parquet"))[:1]:
        with pq.ParquetFile(path) as file:
            batch = next(file.iter_batches(batch_size=_ROWS), None)
        rows = batch.to_pylist() if batch else []
    return preview_of(rows)


def preview_of(rows: Iterable[Mapping[str, object]]) -> dg.TableMetadataValue:
    """Rows as short inert text."""
    return table_of({name: legible(value) for name, value in row.items()} for row in rows)


def table_of(rows: Iterable[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Rows as they are, with the columns of the first one; one that says `none` where there are none."""
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows] or [dg.TableRecord({"rows": "none"})])


def picture(png: bytes) -> dg.MarkdownMetadataValue:
    """A PNG image, inside of the metadata itself: nothing is fetched to show it."""
    return dg.MetadataValue.md(f"![chart](data:image/png;base64,{base64.b64encode(png).decode()})")


def source_columns(manifest: Mapping[str, Any], source: str, table: str, schema: pa.Schema | None = None) -> dict:
    """The metadata `dagster/column_schema` of a dbt source: documented columns, in the types of `schema` if given."""
    node = next(n for n in manifest["sources"].values() if (n["source_name"], n["name"]) == (source, table))
    types = {name: str(column["data_type"]).lower() for name, column in node["columns"].items()}
    return column_schema(node, types | {field.name: str(field.type) for field in schema or ()})


def column_schema(node: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, dg.TableSchema]:
    """The same of any dbt node, in `types` by column."""
    columns = [
        dg.TableColumn(name, types.get(name, "?"), description=" ".join(column["description"].split()))
        for name, column in node["columns"].items()
    ]
    return {"dagster/column_schema": dg.TableSchema(columns)}
