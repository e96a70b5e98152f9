"""Runs the project's own SQL on raw rows in memory, many snapshots a minute.

Belongs here: compiling the models once with dbt, writing raw rows and releases as the pipeline lays them out, running
the compiled SQL in DuckDB. Not here: what comes out of it (the tests), nor dbt's own tests of the models.

The SQL depends on the snapshot's day and on the days of the releases before it, which are literals in it; it is
compiled for some days and their texts are replaced by those of the days that are wanted.
"""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from orchestration.dbt import dbt_executable
from orchestration.lake.manifest import MANIFEST_NAME, Manifest
from orchestration.lake.rows import type_rows
from orchestration.lake.schemas import SCHEMAS
from tests.hubscape import clean_environment
from tests.independent.registry import Row, Seeds
from tests.independent.rows import Snapshot
from tests.support import PROJECT

# Days that stand nowhere else in the SQL.
PLACEHOLDERS = (date(2091, 1, 11), date(2092, 2, 12), date(2093, 3, 13))
_DBT = PROJECT / "dbt_project"


@dataclass(frozen=True)
class Model:
    """A model of the project: its SQL, and whether its rows are published."""

    name: str
    sql: str
    is_published: bool


@dataclass(frozen=True, repr=False)
class Project:
    """What dbt has made of the project.

    `models` are in an order in which each can be built, for each number of releases before the snapshot; `seed_types`
    are the types of the seeds' columns.
    """

    models: tuple[tuple[Model, ...], ...]
    seed_types: Mapping[str, Mapping[str, str]]

    def __repr__(self) -> str:
        """Short, since a failing test prints it."""
        return "Project()"

    @property
    def published(self) -> list[str]:
        return [model.name for model in self.models[0] if model.is_published]

    def edited(self, name: str, old: str, new: str) -> "Project":
        """The project with one passage of a model replaced; it must be there once.

        Raises:
            ValueError: if it is not.
        """
        versions = []
        for models in self.models:
            (model,) = [model for model in models if model.name == name]
            if model.sql.count(old) != 1:
                raise ValueError(f"{name} has {model.sql.count(old)} times: {old}")
            edited = Model(name, model.sql.replace(old, new), model.is_published)
            versions.append(tuple(edited if other is model else other for other in models))
        return Project(tuple(versions), self.seed_types)


def compile_project(folder: Path) -> Project:
    """Has dbt compile the project for no, one and two releases before the snapshot; writes to `folder` alone."""
    versions, seed_types = [], {}
    for count, day in enumerate(PLACEHOLDERS):
        manifest = _compile(folder, day)
        nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}
        for node in nodes.values():
            if node["resource_type"] == "seed":
                seed_types[node["name"]] = node["config"]["column_types"]
        graph = {key: node["depends_on"]["nodes"] for key, node in nodes.items() if node["resource_type"] == "model"}
        order = [nodes[key] for key in TopologicalSorter(graph).static_order() if key in graph]
        versions.append(tuple(_model(node) for node in order))
        _pretend_release(folder, PLACEHOLDERS[count], [model.name for model in versions[0] if model.is_published])
    return Project(tuple(versions), seed_types)


def _model(node: Mapping[str, Any]) -> Model:
    return Model(node["name"], node["compiled_code"], bool(node["config"].get("meta", {}).get("publish")))


def _compile(folder: Path, day: date) -> dict[str, Any]:
    """dbt's manifest of the project, compiled for the snapshot of a day."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    variables = {
        "HUBSCAPE_DATA_DIR": str(folder / "data"),
        "HUBSCAPE_SNAPSHOT_DATE": f"{day}",
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    places = ["--project-dir", str(_DBT), "--profiles-dir", str(_DBT), "--target-path", str(folder / "target")]
    done = subprocess.run(
        [dbt_executable(), "--quiet", "--no-use-colors", "compile", *places],
        env=clean_environment(variables),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"dbt cannot compile the project:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))


def _pretend_release(folder: Path, day: date, tables: Sequence[str]) -> None:
    """A release of which only the names of its files are there, which is all that compiling looks at."""
    release = folder / "data" / "release" / f"{day}"
    for table in tables:
        (release / "data" / table).mkdir(parents=True)
        (release / "data" / table / f"{table}.parquet").touch()
    (release / "datapackage.json").touch()


@dataclass
class Warehouse:
    """A data folder that grows by a snapshot a time, and the SQL that makes the published tables of each."""

    project: Project
    folder: Path
    seeds: Seeds
    days: list[date] = field(default_factory=list)

    def build(self, snapshot: Snapshot) -> dict[str, list[Row]]:
        """Rows of every published table after a snapshot later than all before it, which is released too."""
        self._write_raw(snapshot)
        models = self.project.models[len(self.days)]
        days = dict(zip(PLACEHOLDERS, [*self.days, snapshot.date], strict=False))
        with _connect(self.folder) as connection:
            self._load_seeds(connection)
            for model in models:
                sql = model.sql
                for placeholder, day in days.items():
                    sql = sql.replace(f"{placeholder}", f"{day}")
                connection.execute(f'create table "{model.name}" as {sql}')
            published = {
                model.name: connection.sql(f'select * from "{model.name}"').to_arrow_table()
                for model in models
                if model.is_published
            }
        for name, table in published.items():
            release = self.folder / "release" / f"{snapshot.date}" / "data" / name
            release.mkdir(parents=True)
            pq.write_table(table, release / f"{name}.parquet", compression="none")
        self.days.append(snapshot.date)
        return {name: table.to_pylist() for name, table in published.items()}

    def _load_seeds(self, connection: duckdb.DuckDBPyConnection) -> None:
        for name, types in self.project.seed_types.items():
            columns = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
            connection.execute(f'create table "{name}" ({columns})')
            rows = [[row[column] or None for column in types] for row in self.seeds[name]]
            if rows:
                values = ", ".join(["(" + ", ".join("?" * len(types)) + ")"] * len(rows))
                connection.execute(f'insert into "{name}" values {values}', [cell for row in rows for cell in row])

    def _write_raw(self, snapshot: Snapshot) -> None:
        for table in SCHEMAS:
            folder = self.folder / "raw" / table / f"snapshot_date={snapshot.date}"
            folder.mkdir(parents=True)
            typed = type_rows(table, snapshot.rows.get(table, []), snapshot.observed_at)
            with pq.ParquetWriter(folder / "part-00000.parquet", SCHEMAS[table], compression="none") as writer:
                writer.write_batch(typed.batch)
            manifest = _manifest(table, snapshot)
            (folder / MANIFEST_NAME).write_text(manifest.model_dump_json(), encoding="utf-8")

    def remove(self) -> None:
        shutil.rmtree(self.folder)


def _manifest(table: str, snapshot: Snapshot) -> Manifest:
    rows = len(snapshot.rows.get(table, []))
    missing = snapshot.asked_handles - rows if table == "organizations" else 0
    at: datetime = snapshot.observed_at
    return Manifest(
        table=table,
        snapshot_date=snapshot.date,
        source="api",
        source_label="recorded" if table in snapshot.sampled else "made up",
        synthetic=table in snapshot.synthetic,
        complete=True,
        rows=rows,
        faulty_rows=0,
        duplicate_rows=0,
        bytes=0,
        files=[],
        requests=1,
        first_observed_at=at,
        last_observed_at=at,
        not_found=[f"missing-{number}" for number in range(missing)],
        unknown_fields={},
    )


def _connect(data_dir: Path) -> duckdb.DuckDBPyConnection:
    """A database in memory under the name that the compiled SQL uses, set up as the project's profile says."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("attach ':memory:' as warehouse")
    connection.execute("use warehouse")
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set variable data_dir = ?", [str(data_dir)])
    connection.execute("set variable project_dir = ?", [str(_DBT)])
    return connection
