"""What a finished dbt build tells of its models and tests, read from the warehouse: on their events, and as a gate.

Belongs here: rows, snapshot date, previews of published marts, what tests failed on, whether a build may be released.
Not: how dbt is run.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
import duckdb

from orchestration.ground.errors import HubscapeError
from orchestration.ground.text import inert
from orchestration.metadata import column_schema, preview_of, table_of
from orchestration.release.contract import Contract
from orchestration.release.datapackage import CheckResult, RawSource
from orchestration.release.export import open_warehouse
from orchestration.settings import Settings

_TYPES = """
select table_name, map(list(column_name), list(lower(data_type))) from duckdb_columns() where not internal group by all
"""


def open_build(settings: Settings) -> duckdb.DuckDBPyConnection:
    """The warehouse of the settings' data folder, to be read; raises HubscapeError as `open_warehouse`."""
    return open_warehouse(settings.data_dir / "warehouse.duckdb", memory_limit=settings.reading_memory_limit)


def sampled_tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of the raw tables of which the build's snapshot holds a sample, sorted."""
    query = "select table_name from stg_hub__snapshots where is_sample order by table_name"
    return [table for (table,) in connection.execute(query).fetchall()]


def with_facts(
    events: Iterable[Any], settings: Settings, manifest: Mapping[str, Any], say: Callable[[str], None]
) -> Iterator[Any]:
    """The events of a build that has ended, with what the warehouse knows; as they are where it cannot be read.

    DuckDB lets nobody read while dbt writes, so this comes after the build. It costs a count of each relation, which
    DuckDB answers from its own metadata for tables, and ten rows of each published mart.
    """
    try:
        connection = open_build(settings)
    except HubscapeError as error:
        say(f"models and tests are shown without numbers: {error}")
        yield from events
        return
    with connection:
        # Views over earlier releases look for them below this variable, as dbt's own connection does.
        connection.execute("set variable data_dir = ?", [str(settings.data_dir)])
        found, types = _found(connection), dict(connection.execute(_TYPES).fetchall())
        for event in events:
            node = manifest["nodes"][event.metadata["unique_id"].value]
            if isinstance(event, dg.AssetCheckResult):
                yield of_test(event, node, *found.get(node["unique_id"], (None, "")))
            else:
                facts = of_model(connection, node, settings, types.get(node["alias"], {}))
                yield event.with_metadata({**event.metadata, **facts})


def of_model(
    connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], settings: Settings, types: Mapping[str, str]
) -> dict[str, Any]:
    """Rows, snapshot date and columns of a model or seed, in `types` by column, and ten rows if it is published."""
    name = f'"{node["schema"]}"."{node["alias"]}"'
    (rows,) = connection.execute(f"select count(*) from {name}").fetchone()
    facts = {"snapshot_date": settings.snapshot_date.isoformat(), **column_schema(node, types)}
    facts["dagster/row_count"] = rows
    if node["config"]["meta"].get("publish"):
        facts["preview"] = preview_of(_rows(connection, f"from {name} limit 10"))
    return facts


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
    facts = {
        "threshold": dg.MetadataValue.text("no failing rows" if threshold == "!= 0" else f"fails if {threshold}"),
        "observed": dg.MetadataValue.text(f"{failures} failing rows"),
        "rows_failing": dg.MetadataValue.int(failures),
        "sample_keys": table_of({"key": key} for key in keys) if keys else dg.MetadataValue.text("none"),
    }
    description = "Holds." if event.passed else f"{failures} rows fail{examples}."
    return event._replace(description=description, metadata={**event.metadata, **facts})


def faults(settings: Settings) -> dict[str, tuple[int | None, str]]:
    """How many rows the nodes of the last build failed on, with a sample; nothing where the warehouse cannot tell."""
    try:
        with open_build(settings) as connection:
            return _found(connection)
    except (HubscapeError, duckdb.Error):
        return {}


def _found(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int | None, str]]:
    rows = connection.execute("select unique_id, failures, coalesce(sample, '') from build_log")
    return {unique_id: (failures, sample) for unique_id, failures, sample in rows.fetchall()}


def require_built(connection: duckdb.DuckDBPyConnection, contract: Contract, snapshot_date: str) -> None:
    """Refuses a warehouse in which a model or a test behind the published tables did not pass for this snapshot.

    Raises:
        HubscapeError: names how many nodes are missing or failed, and the first of them.
    """
    rows = _logged(connection, "unique_id, status, cast(snapshot_date as varchar)", "releasing")
    passed = {name for name, status, day in rows if day == snapshot_date and status in {"success", "pass", "warn"}}
    missing = sorted(contract.required_nodes - passed)
    if missing:
        raise HubscapeError(
            f"The warehouse is not a passed build of snapshot {snapshot_date}: {len(missing)} of "
            f"{len(contract.required_nodes)} dbt nodes did not pass, such as {missing[0]}. Build all of it again."
        )


def require_built_from(connection: duckdb.DuckDBPyConnection, sources: Iterable[RawSource]) -> None:
    """Refuses a warehouse that was built from other raw snapshots than `sources`, such as before one was fetched again.

    Raises:
        HubscapeError: names the table.
    """
    built = {
        table: facts
        for table, *facts in connection.execute(
            "select table_name, rows_count, first_observed_at, last_observed_at from stg_hub__snapshots"
        ).fetchall()
    }
    for source in sources:
        if built.get(source.table) != [source.rows, source.first_observed_at, source.last_observed_at]:
            raise HubscapeError(
                f"The warehouse was built from another snapshot of {source.table} than the lake holds now: "
                "build all of it again."
            )


def build_subject(connection: duckdb.DuckDBPyConnection) -> str:
    """What names the state of a warehouse: the dbt invocations that its nodes were last built by."""
    rows = _logged(connection, "distinct invocation_id", "checking")
    return " ".join(sorted(str(invocation) for (invocation,) in rows))


def _logged(connection: duckdb.DuckDBPyConnection, columns: str, before: str) -> list[tuple]:
    try:
        return connection.execute(f"select {columns} from build_log").fetchall()
    except duckdb.CatalogException:
        raise HubscapeError(f"The warehouse has no build log: build it with dbt before {before} it.") from None


def build_checks(connection: duckdb.DuckDBPyConnection) -> list[CheckResult]:
    """What every dbt test found in the last build, in a stable order."""
    query = """
        select 'dbt' as layer, 'warehouse' as "table", split_part(unique_id, '.', 3) as "check", severity,
            case status when 'pass' then 'passed' when 'warn' then 'warned' else 'failed' end as verdict,
            failures as rows_failing
        from build_log where resource_type = 'test' order by unique_id
    """
    return [CheckResult(**row) for row in _rows(connection, query)]


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    found = connection.execute(query)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
