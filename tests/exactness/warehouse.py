"""Runs the project's own SQL on raw rows in memory, many snapshots a minute.

Belongs here: compiling the models once with dbt, writing raw rows and releases as the pipeline lays them out, running
the compiled SQL in DuckDB. Not here: what comes out of it (the tests), nor dbt's own tests of the models.

The SQL depends on the snapshot's day and on the days of the releases before it, which are literals in it; it is
compiled for some days and their texts are replaced by those of the days that are wanted.
"""

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.dbt import parse, run_dbt
from orchestration.lake.manifest import MANIFEST_NAME, Manifest
from orchestration.lake.rows import type_rows
from orchestration.lake.schemas import SCHEMAS
from orchestration.settings import Settings, load_settings
from tests.independent.registry import Row, Seeds
from tests.independent.rows import Snapshot
from tests.support import PROJECT

# Days that stand nowhere else in the SQL.
PLACEHOLDERS = (date(2091, 1, 11), date(2092, 2, 12), date(2093, 3, 13))
_DBT = PROJECT / "dbt_project"


@dataclass(frozen=True)
class Model:
    """A model of the project: its SQL, the names of the models it reads, and whether its rows are published."""

    name: str
    sql: str
    reads: tuple[str, ...]
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
            edited = replace(model, sql=model.sql.replace(old, new))
            versions.append(tuple(edited if other is model else other for other in models))
        return Project(tuple(versions), self.seed_types)


def compile_project(folder: Path) -> Project:
    """Has dbt compile the project for no, one and two releases before the snapshot; writes to `folder` alone."""
    versions = []
    project = parse(folder / "target")
    nodes = {key: node for key, node in project.nodes.items() if node.resource_type in ("model", "seed")}
    seed_types = {node.name: node.config.column_types for node in nodes.values() if node.resource_type == "seed"}
    graph = {key: node.depends_on.nodes for key, node in nodes.items() if node.resource_type == "model"}
    order = [key for key in TopologicalSorter(graph).static_order() if key in graph]
    sql: dict[str, str] = {}
    for before, day in zip((None, *PLACEHOLDERS), PLACEHOLDERS, strict=False):
        # Only what reads releases knows more than its own day.
        known = {key: text.replace(f"{before}", f"{day}") for key, text in sql.items()}
        sql = known | _compile(folder, day, *(("--select", "source:release+1") if sql else ()))
        models = [
            Model(
                name=nodes[key].name,
                sql=sql[key],
                reads=tuple(nodes[parent].name for parent in graph[key] if parent in graph),
                is_published=bool(nodes[key].config.meta.get("publish")),
            )
            for key in order
        ]
        versions.append(tuple(models))
        _pretend_release(folder, day, [model.name for model in models if model.is_published])
    return Project(tuple(versions), seed_types)


def with_own_families(project: Project, folder: Path) -> Project:
    """The project with the patterns of its own families as constants in its SQL, as in a run: much faster."""
    names = ("int_family_tags", "int_family_tagged_models")
    assert run_dbt(_settings(folder, PLACEHOLDERS[0]), "seed", "--select", "registry_families").success
    sql = {key.split(".")[-1]: text for key, text in _compile(folder, PLACEHOLDERS[0], "--select", *names).items()}
    versions = [
        tuple(replace(model, sql=sql[model.name]) if model.name in names else model for model in models)
        for models in project.models
    ]
    return Project(tuple(versions), project.seed_types)


def _settings(folder: Path, day: date) -> Settings:
    (folder / "data").mkdir(exist_ok=True)
    # Days of the future, which settings that a run is given may not have.
    return load_settings(data_dir=folder / "data").model_copy(update={"snapshot_date": day})


def _compile(folder: Path, day: date, *selected: str) -> dict[str, str]:
    """The SQL of each node, compiled for the snapshot of a day."""
    done = run_dbt(_settings(folder, day), "compile", *selected)
    assert done.success, done.exception or [result.message for result in done.result.results if result.message][-3:]
    return {result.node.unique_id: getattr(result.node, "compiled_code", "") for result in done.result.results}


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
        return {name: table.to_pylist() for name, table in self.release(snapshot).items()}

    def release(self, snapshot: Snapshot, tables: Collection[str] = ()) -> dict[str, pa.Table]:
        """The published tables after the snapshot, or those of them that are named, written as a release is."""
        self._write_raw(snapshot)
        # A release says what those before it said: the last two tell all that the SQL reads.
        earlier = self.days[1 - len(PLACEHOLDERS) :]
        days = dict(zip(PLACEHOLDERS, [*earlier, snapshot.date], strict=False))
        models = self.project.models[len(earlier)]
        wanted = set(tables) or {model.name for model in models if model.is_published}
        needed = set(wanted)
        for model in reversed(models):
            if model.name in needed:
                needed.update(model.reads)
        with _connect(self.folder) as connection:
            self._load_seeds(connection)
            for model in models:
                if model.name in needed:
                    sql = model.sql
                    for placeholder, day in days.items():
                        sql = sql.replace(f"{placeholder}", f"{day}")
                    connection.execute(f'create table "{model.name}" as {sql}')
            made = {name: connection.sql(f'select * from "{name}"').to_arrow_table() for name in wanted}
        for name, table in made.items():
            release = self.folder / "release" / f"{snapshot.date}" / "data" / name
            release.mkdir(parents=True)
            pq.write_table(table, release / f"{name}.parquet", compression="none")
        self.days.append(snapshot.date)
        return made

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
    is_observed = table not in snapshot.unobserved
    missing = snapshot.asked_handles - rows if table == "organizations" else 0
    not_found = [f"missing-{number}" for number in range(missing)] if is_observed else [f"{table}.parquet"]
    at: datetime = snapshot.observed_at
    return Manifest(
        table=table,
        snapshot_date=snapshot.date,
        source="api" if is_observed else "bulk",
        source_label="recorded" if table in snapshot.sampled else "https://huggingface.co",
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
        not_found=not_found,
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
