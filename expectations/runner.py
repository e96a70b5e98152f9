"""Runs the suites of a layer and says what became of each expectation.

One DuckDB connection per call, closed at the end. Whatever keeps a rule from being judged (an absent table, an
unreadable file, an error inside Great Expectations) is a failed outcome and never a success.
Great Expectations takes seconds to import, so it is imported by the functions that ask it, and by them alone.
"""

import glob
import importlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from expectations.dialect import connect
from expectations.outcome import Layer, Outcome
from expectations.release import released_table
from expectations.rules import Rule
from orchestration.ground.engine import sql_name, sql_text

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult

Suites = Mapping[str, Sequence[Rule]]  # the rules of each table
# The rules of a table, made from the types of its columns as DuckDB finds them.
_Suite = Callable[[Mapping[str, str]], Sequence[Rule]]

_GX_SEVERITY = {"error": "critical", "warn": "warning"}


def check_raw(
    data_dir: Path,
    snapshot_date: date,
    suites: Suites,
    *,
    before: Mapping[str, date] | None = None,
    memory_limit: str = "1GB",
) -> list[Outcome]:
    """Outcomes of the rules of each raw table of one snapshot; `before`: of which date the one before is, if any."""
    days = {f"{table}_before": day for table, day in (before or {}).items()} | dict.fromkeys(suites, snapshot_date)
    folders = {n: data_dir / "raw" / n.removesuffix("_before") / f"snapshot_date={day}" for n, day in days.items()}
    return _check("raw", _of_any_columns(suites), data_dir, memory_limit, folders=folders)


def check_marts(warehouse: Path, suites: Suites, *, memory_limit: str = "1GB") -> list[Outcome]:
    """Outcomes of the rules of each table in the DuckDB file `warehouse`, which is opened read-only."""
    return _check("marts", _of_any_columns(suites), warehouse.parent, memory_limit, database=warehouse)


def check_release(
    release_dir: Path,
    tables: Mapping[str, tuple[Sequence[str], int]],
    snapshot_date: date,
    *,
    memory_limit: str = "1GB",
) -> list[Outcome]:
    """Outcomes of the `tables` of the release in `release_dir`, each with its key and rows from the manifest."""
    suites = {table: partial(released_table, table, *of_table, snapshot_date) for table, of_table in tables.items()}
    folders = {table: release_dir / "data" / table for table in tables}
    # Beside the release, never in it: a release holds what its manifest lists and nothing else.
    return _check("release", suites, release_dir.parent, memory_limit, folders=folders)


def _of_any_columns(suites: Suites) -> Mapping[str, _Suite]:
    return {table: lambda _, rules=rules: rules for table, rules in suites.items()}


def _check(
    layer: Layer,
    suites: Mapping[str, _Suite],
    beside: Path,
    memory_limit: str,
    *,
    database: Path | None = None,
    folders: Mapping[str, Path] | None = None,
) -> list[Outcome]:
    """Outcomes of every suite, on the tables of `database` or on views over the Parquet files of `folders`."""
    if database and not database.is_file():
        return [_unreadable(layer, table, f"no file {database.name}") for table in suites]
    folders, scratch, outcomes = folders or {}, beside / ".checks.tmp", list[Outcome]()
    try:
        with connect(database, readable=folders.values(), scratch=scratch, memory_limit=memory_limit) as engine:
            judge = _Judge(engine)
            for table, suite in suites.items():
                outcomes += _check_table(layer, engine, judge, table, suite, folders)
    except SQLAlchemyError as error:
        return [_unreadable(layer, table, _first_line(error)) for table in suites]
    return outcomes


def _check_table(
    layer: Layer, engine: Engine, judge: "_Judge", table: str, suite: _Suite, folders: Mapping[str, Path]
) -> list[Outcome]:
    if not table.isidentifier():
        return [_unreadable(layer, table, "a name that no table has")]
    name = sql_name(table)
    try:
        with engine.begin() as connection:
            for view in {table, f"{table}_before"} & folders.keys():
                folder = folders[view]
                if not (files := sorted(folder.glob("*.parquet"))):
                    return [_unreadable(layer, table, f"no Parquet file in {folder.parent.name}/{folder.name}")]
                # Escaped, since DuckDB takes brackets in a file's name for a pattern.
                listed = ", ".join(sql_text(glob.escape(str(file.resolve()))) for file in files)
                connection.exec_driver_sql(
                    f"create view {sql_name(view)} as from read_parquet([{listed}], hive_partitioning = false)"
                )
            columns = {row[0]: row[1] for row in connection.exec_driver_sql(f"describe {name}")}
            rows = connection.exec_driver_sql(f"select count(*) from {name}").scalar_one()
    except SQLAlchemyError as error:
        return [_unreadable(layer, table, _first_line(error))]
    rules = suite(columns)
    results = judge.ask(table, rules)
    return [_outcome(layer, table, rule, results.get(number), rows) for number, rule in enumerate(rules)]


def load_library() -> None:
    """Imports Great Expectations, without its analytics; it takes seconds. Not for a thread beside others."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read once, at import
    importlib.import_module("great_expectations")


class _Judge:
    """Great Expectations on one connection, which its engine closes when collected: kept as long as that is used."""

    def __init__(self, engine: Engine) -> None:
        load_library()
        import great_expectations as gx
        from great_expectations.data_context.types import base
        from great_expectations.execution_engine import SqlAlchemyExecutionEngine

        logging.getLogger("great_expectations").setLevel(logging.CRITICAL)  # every failure comes back in a result
        config = base.DataContextConfig(
            # Without these a temporary folder is made for pages that nobody asked for.
            store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            progress_bars=base.ProgressBarsConfig(globally=False),
        )
        self._context = gx.get_context(mode="ephemeral", project_config=config)
        # Given our engine instead of an address, so that there is one connection and we are the ones to close it.
        self._engine = SqlAlchemyExecutionEngine(engine=engine, create_temp_table=False)

    def ask(self, table: str, rules: Sequence[Rule]) -> dict[int, "ExpectationValidationResult"]:
        """The results of a whole suite at once, by the rule's place in it."""
        from great_expectations import expectations
        from great_expectations.core.batch import Batch
        from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
        from great_expectations.validator.validator import Validator

        from expectations.unexpected import NoUnexpectedRows

        classes = {**vars(expectations), NoUnexpectedRows.__name__: NoUnexpectedRows}
        data = SqlAlchemyBatchData(self._engine, table_name=table, create_temp_table=False)
        validator = Validator(self._engine, data_context=self._context, batches=[Batch(data=data)])
        asked = [
            classes[rule.gx_class](**rule.arguments, severity=_GX_SEVERITY[rule.severity], meta={"rule": number})
            for number, rule in enumerate(rules)
        ]
        results = validator.graph_validate(
            configurations=[expectation.configuration for expectation in asked],
            runtime_configuration={"catch_exceptions": True, "result_format": {"result_format": "COMPLETE"}},
        )
        return {result.expectation_config.meta["rule"]: result for result in results}


def _outcome(layer: Layer, table: str, rule: Rule, result: "ExpectationValidationResult | None", rows: int) -> Outcome:
    problem = _problem(result)
    success = problem is None and result.success is True
    found = {} if problem else result.result
    broken = next(iter(found.get("details", {}).get("unexpected_rows", ())), {})
    rows_failing = broken.get("rows_failing") or 0
    if problem:
        observed = problem
    elif rows_failing:
        observed = f"{rows_failing} of {rows} rows against it"
    elif rule.gx_class == "NoUnexpectedRows":
        observed = "as wanted" if success else broken.get("observed") or "nothing"
    else:
        observed = f"{found.get('observed_value')} rows"
    return Outcome(
        layer=layer,
        table=table,
        expectation=rule.expectation,
        column=rule.column,
        severity=rule.severity,
        success=success,
        rows_tested=rows,
        rows_failing=rows_failing,
        threshold=rule.threshold,
        observed=observed,
        sample_keys=tuple(broken.get("sample_keys") or ()),
    )


def _problem(result: "ExpectationValidationResult | None") -> str | None:
    """Why the rule could not be judged, None if it was. Great Expectations nests the reason by metric, or does not."""
    if result is None:
        return "not judged: Great Expectations gave no result"
    info = result.exception_info or {}
    for reason in (info, *info.values()):
        if isinstance(reason, dict) and reason.get("raised_exception"):
            return f"not judged: {_first_line(reason.get('exception_message'))}"
    return None


def _unreadable(layer: Layer, table: str, reason: str) -> Outcome:
    return Outcome(layer, table, "readable", None, "error", False, 0, 0, "a table that can be read", reason)


def _first_line(error: object) -> str:
    return next(iter(str(error).splitlines()), "no reason given")
