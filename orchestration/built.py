"""What a finished dbt build tells of its models and tests, read from the warehouse in one pass and put on their events.

Belongs here: rows, snapshot date, previews of published marts, and what tests failed on. Not: how dbt is run.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
import duckdb

from expectations.outcome import inert
from orchestration.metadata import preview_of
from orchestration.release.export import ExportError, open_warehouse
from orchestration.settings import Settings


def with_facts(
    events: Iterable[Any], settings: Settings, manifest: Mapping[str, Any], say: Callable[[str], None]
) -> Iterator[Any]:
    """The events of a build that has ended, with what the warehouse knows; as they are where it cannot be read.

    DuckDB lets nobody read while dbt writes, so this comes after the build. It costs a count of each relation, which
    DuckDB answers from its own metadata for tables, and ten rows of each published mart.
    """
    try:
        connection = open_warehouse(settings.data_dir / "warehouse.duckdb", memory_limit=settings.reading_memory_limit)
    except ExportError as error:
        say(f"models and tests are shown without numbers: {error}")
        yield from events
        return
    with connection:
        # Views over earlier releases look for them below this variable, as dbt's own connection does.
        connection.execute("set variable data_dir = ?", [str(settings.data_dir)])
        found, types = _found(connection), _types(connection)
        for event in events:
            node = manifest["nodes"].get(_text(event.metadata.get("unique_id")))
            if isinstance(event, dg.AssetCheckResult) and node:
                yield of_test(event, node, *found.get(node["unique_id"], (None, "")))
            elif isinstance(event, dg.Output) and node:
                yield event.with_metadata({**event.metadata, **of_model(connection, node, settings, types)})
            else:
                yield event


def of_model(
    connection: duckdb.DuckDBPyConnection,
    node: Mapping[str, Any],
    settings: Settings,
    types: Mapping[tuple[str, str], str],
) -> dict[str, Any]:
    """Rows, snapshot date and columns of a model or seed, in `types` by table and column, and ten rows if published."""
    columns = [
        dg.TableColumn(name, types.get((node["alias"], name), "?"), description=" ".join(column["description"].split()))
        for name, column in node["columns"].items()
    ]
    metadata: dict[str, Any] = {
        "snapshot_date": dg.MetadataValue.text(settings.snapshot_date.isoformat()),
        "dagster/column_schema": dg.TableSchema(columns),
    }
    name = f'"{node["schema"]}"."{node["alias"]}"'
    (rows,) = connection.execute(f"select count(*) from {name}").fetchone()
    metadata["dagster/row_count"] = dg.MetadataValue.int(rows)
    if node["config"]["meta"].get("publish"):
        found = connection.execute(f"select * from {name} limit 10")
        names = [column[0] for column in found.description]
        metadata["preview"] = preview_of(dict(zip(names, row, strict=True)) for row in found.fetchall())
    return metadata


def of_test(
    event: dg.AssetCheckResult, node: Mapping[str, Any], failures: int | None, sample: str
) -> dg.AssetCheckResult:
    """A test's result with what was wanted, what was found and up to five rows that it failed on, all inert."""
    if failures is None:  # dbt itself came to no result
        return event
    config = node["config"]
    threshold = config["warn_if" if config["severity"].lower() == "warn" else "error_if"]
    keys = [inert(key, 120) for key in sample.split("; ") if key][:5]
    examples = f", for example {'; '.join(keys)}" if keys else ""
    return event._replace(
        description="Holds." if event.passed else f"{failures} rows fail{examples}.",
        metadata={
            **event.metadata,
            "threshold": dg.MetadataValue.text("no failing rows" if threshold == "!= 0" else f"fails if {threshold}"),
            "observed": dg.MetadataValue.text(f"{failures} failing rows"),
            "rows_failing": dg.MetadataValue.int(failures),
            "sample_keys": dg.MetadataValue.table([dg.TableRecord({"key": key}) for key in keys])
            if keys
            else dg.MetadataValue.text("none"),
        },
    )


def faults(settings: Settings) -> dict[str, tuple[int | None, str]]:
    """How many rows the nodes of the last build failed on, with a sample; nothing where the warehouse cannot tell."""
    try:
        with open_warehouse(
            settings.data_dir / "warehouse.duckdb", memory_limit=settings.reading_memory_limit
        ) as connection:
            return _found(connection)
    except (ExportError, duckdb.Error):
        return {}


def _found(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int | None, str]]:
    rows = connection.execute("select unique_id, failures, coalesce(sample, '') from build_log")
    return {unique_id: (failures, sample) for unique_id, failures, sample in rows.fetchall()}


def _types(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    rows = connection.execute("select table_name, column_name, lower(data_type) from duckdb_columns()")
    return {(table, column): kind for table, column, kind in rows.fetchall()}


def _text(value: Any) -> str:
    return str(getattr(value, "text", value))
