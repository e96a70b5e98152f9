"""What is published, read from the dbt manifest: the tables marked `publish: true` and their column contracts.

The dbt YAML is the only place where a table is opted in; types, order and key of the Parquet files follow from it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from orchestration.ground.errors import HubscapeError

# The types that contracts of published marts may use, as pyarrow writes them and as Table Schema (datapackage.org)
# names them; anything else has to be added here on purpose.
_TYPES: dict[str, tuple[pa.DataType, str]] = {
    "boolean": (pa.bool_(), "boolean"),
    "integer": (pa.int32(), "integer"),
    "bigint": (pa.int64(), "integer"),
    "double": (pa.float64(), "number"),
    "varchar": (pa.string(), "string"),
    "date": (pa.date32(), "date"),
    "timestamp": (pa.timestamp("us"), "datetime"),
    "timestamptz": (pa.timestamp("us", tz="UTC"), "datetime"),
    "timestamp with time zone": (pa.timestamp("us", tz="UTC"), "datetime"),
}


@dataclass(frozen=True)
class Column:
    """One column of a published table."""

    name: str
    data_type: str
    description: str

    @property
    def arrow_type(self) -> pa.DataType:
        """The pyarrow type that the dbt contract's type is written as."""
        return _TYPES[self.data_type][0]

    @property
    def table_schema_type(self) -> str:
        """What Table Schema calls the type."""
        return _TYPES[self.data_type][1]


@dataclass(frozen=True)
class PublishedTable:
    """One table of the release: its columns in order, its key and the order its rows are written in.

    `carries_history` is true where it holds the rows of earlier snapshots too, `subject` is its folder among the marts.
    """

    name: str
    title: str
    grain: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    question: str = ""
    caveats: tuple[str, ...] = ()
    carries_history: bool = False
    subject: str = ""

    @property
    def schema(self) -> pa.Schema:
        """The exact schema of the table's Parquet files."""
        return pa.schema([pa.field(column.name, column.arrow_type) for column in self.columns])


@dataclass(frozen=True)
class Contract:
    """All published tables, by name, the dbt nodes that have to have passed before they may be exported, and the
    tables of earlier releases from which a new snapshot goes on."""

    tables: tuple[PublishedTable, ...]
    required_nodes: frozenset[str]
    history: tuple[str, ...] = ()


def read_contract(manifest_path: Path) -> Contract:
    """The contract that a dbt manifest describes.

    Raises:
        HubscapeError: there is no manifest, nothing is published, or a column has a type no file is written with.
    """
    if not manifest_path.is_file():
        raise HubscapeError(f"There is no dbt manifest at {manifest_path}: run `make install` to have it written.")
    manifest = json.loads(manifest_path.read_text())
    nodes: dict[str, dict[str, Any]] = manifest["nodes"]
    published = {
        unique_id: node
        for unique_id, node in nodes.items()
        if node["resource_type"] == "model" and node["config"].get("meta", {}).get("publish")
    }
    if not published:
        raise HubscapeError("No dbt model is marked `publish: true`: mark the marts to publish in their YAML.")
    parents: dict[str, list[str]] = manifest["parent_map"]
    upstream = {name for name in _with_ancestors(published, parents) if not name.startswith("source.")}
    tests = {
        unique_id
        for unique_id, node in nodes.items()
        if node["resource_type"] == "test" and upstream.intersection(parents[unique_id])
    }
    # To read the release before, as a comparison does, is not to carry its rows on.
    carried = {
        parent
        for unique_id, node in nodes.items()
        if any(macro.endswith(".released_rows") for macro in node.get("depends_on", {}).get("macros", ()))
        for parent in parents[unique_id]
    }
    tables = tuple(
        sorted(
            (_table(node, _with_ancestors([unique_id], parents) & carried) for unique_id, node in published.items()),
            key=lambda table: table.name,
        )
    )
    history = sorted(node["name"] for node in manifest["sources"].values() if node["source_name"] == "release")
    return Contract(tables, frozenset(upstream | tests), tuple(history))


def _with_ancestors(start: Iterable[str], parents: dict[str, list[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(start)
    while waiting:
        unique_id = waiting.pop()
        if unique_id not in seen:
            seen.add(unique_id)
            waiting.extend(parents.get(unique_id, ()))
    return seen


def _table(node: dict[str, Any], carried: set[str]) -> PublishedTable:
    meta = node["config"]["meta"]
    missing = [name for name in ("title", "grain", "order_by", "question", "caveats") if not meta.get(name)]
    if missing:
        raise HubscapeError(f"dbt model {node['name']} is published without {', '.join(missing)} in its meta.")
    columns = tuple(
        Column(name, str(column["data_type"]).lower(), " ".join(column["description"].split()))
        for name, column in node["columns"].items()
    )
    for column in columns:
        if column.data_type not in _TYPES:
            raise HubscapeError(
                f"Column {node['name']}.{column.name} has type {column.data_type}, which no release file is written "
                f"with; use one of {', '.join(_TYPES)}."
            )
    return PublishedTable(
        name=node["name"],
        title=meta["title"],
        grain=meta["grain"],
        description=" ".join(node["description"].split()),
        key=tuple(meta["order_by"]),
        columns=columns,
        question=meta["question"],
        caveats=tuple(meta["caveats"]),
        subject=node["path"].split("/")[1],
        # A table that is made from its own rows in earlier releases goes on from them.
        carries_history=any(name.endswith(f".release.{node['name']}") for name in carried),
    )
