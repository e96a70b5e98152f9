"""What Dagster's pages show of data: column schemas and small pictures, with all that a stranger wrote made inert."""

import base64
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

_ROWS = 10
_CHARACTERS = 80
# What HTML, Markdown, a template, a table or a chat would act upon.
_ACTIVE = re.compile(r"[<>&`*\[\]|\\{}$!~@]")
# A spreadsheet takes a text that begins like this for a formula.
_FORMULA = re.compile(r"^\s*[=+\-]")


def preview(folder: Path) -> dg.TableMetadataValue:
    """The first ten rows of a folder of Parquet files, as short inert text."""
    rows: list[Mapping[str, object]] = []
    for path in sorted(folder.glob("*.parquet"))[:1]:
        with pq.ParquetFile(path) as file:
            batch = next(file.iter_batches(batch_size=_ROWS), None)
        rows = batch.to_pylist() if batch else []
    return preview_of(rows)


def preview_of(rows: Iterable[Mapping[str, object]]) -> dg.TableMetadataValue:
    """Rows as short inert text; one that says `none` where there are none."""
    records = [dg.TableRecord({name: shown(value) for name, value in row.items()}) for row in rows]
    records = records or [dg.TableRecord({"rows": "none"})]
    # Dagster keeps the fields of a record by name; the schema has them in their own order.
    return dg.MetadataValue.table(records, dg.TableSchema([dg.TableColumn(name) for name in records[0].data]))


def shown(value: object, limit: int = _CHARACTERS) -> str:
    """A value as one line of at most `limit` printable characters that no page, chat or sheet acts upon."""
    text = "".join(c if c.isprintable() else "?" for c in _plain(value)[:limit])
    text = _ACTIVE.sub("?", text)
    is_number = isinstance(value, int | float)
    return "?" + text[1:] if _FORMULA.match(text) and not is_number else text


def _plain(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(item)}" for name, item in value.items())
    return "" if value is None else str(value)


def picture(png: bytes) -> dg.MarkdownMetadataValue:
    """A PNG image, inside of the metadata itself: nothing is fetched to show it."""
    return dg.MetadataValue.md(f"![chart](data:image/png;base64,{base64.b64encode(png).decode()})")


def source_columns(manifest: Mapping[str, Any], source: str, table: str, schema: pa.Schema | None = None) -> dict:
    """The metadata `dagster/column_schema` of a dbt source: documented columns, in the types of `schema` if given."""
    node = next(n for n in manifest["sources"].values() if (n["source_name"], n["name"]) == (source, table))
    types = {field.name: str(field.type) for field in schema or ()}
    columns = [
        dg.TableColumn(
            name,
            types.get(name) or str(column["data_type"]).lower(),
            description=" ".join(column["description"].split()),
        )
        for name, column in node["columns"].items()
    ]
    return {"dagster/column_schema": dg.TableSchema(columns)}
