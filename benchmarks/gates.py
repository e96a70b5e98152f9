"""What do all gates of Great Expectations cost, its import included?

Ours: every suite of the raw tables, of the marts and of the release, as the pipeline asks them. Peer: the same rules as
far as column expectations can say them, by Great Expectations on pandas batches of the same tables; it judges fewer
rules. Equal: rows of every table, and that every rule both can judge holds.
"""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.bench import DAY, Bench, Finding, Verdict, stopwatch
from benchmarks.measure import Program, python, say
from benchmarks.release import WAREHOUSE, released


def measure(bench: Bench) -> Finding:
    """Measures both on a data folder with lake, warehouse and release."""
    data = str(released(bench))
    ours, pandas = bench.compare(
        [
            Program("hubscape's gates in DuckDB", python("benchmarks.gates", "ours", data)),
            Program("Great Expectations on pandas batches", python("benchmarks.gates", "pandas", data), most_runs=1),
        ]
    )
    return Finding(
        "gates: all Great Expectations gates, imports included",
        [ours, pandas],
        [
            Verdict("seconds", ours.median_seconds, 25, "s"),
            Verdict("peak memory", ours.peak / 2**20, 1536, "MiB"),
            Verdict("pandas batch / ours", pandas.median_seconds / ours.median_seconds, 2.5, "x", True),
            Verdict("memory, ours / pandas batch", ours.peak / pandas.peak, 0.5, "x"),
        ],
        [f"Ours judged {ours.said['rules']} rules, the peer {pandas.said['rules']} of them on the same tables."],
    )


def _layers(data_dir: Path) -> Iterator[tuple[str, list[Any]]]:
    """(layer, outcomes) of all gates, in the order of the pipeline."""
    from expectations import marts, raw
    from expectations.runner import check_marts, check_raw
    from orchestration.checks.gates import release_outcomes
    from orchestration.dbt import prepare_manifest
    from orchestration.lake import schemas, snapshot
    from orchestration.release.build import release_dir
    from orchestration.release.datapackage import read_datapackage
    from orchestration.settings import load_settings

    settings = load_settings(data_dir=data_dir, snapshot_date=DAY.isoformat())
    for table in schemas.SCHEMAS:
        suite = {table: raw.SUITES[table](raw.Limits())}
        yield "raw", check_raw(data_dir, DAY, suite, memory_limit=settings.reading_memory_limit)
    raw_rows = {table: snapshot.read_manifest(data_dir, table, DAY).rows for table in schemas.SCHEMAS}
    suites = marts.suites(json.loads(prepare_manifest().read_text()), raw_rows)
    yield "marts", check_marts(data_dir / WAREHOUSE, suites, memory_limit=settings.reading_memory_limit)
    yield "release", release_outcomes(settings, read_datapackage(release_dir(data_dir, DAY)))


def _ours(data_dir: Path) -> None:
    rows: dict[str, int] = {}
    failed, rules = [], 0
    with stopwatch() as seconds:
        for layer, outcomes in _layers(data_dir):
            for outcome in outcomes:
                rows[f"{layer}/{outcome.table}"] = outcome.rows_tested
                rules += 1
                if not outcome.success and outcome.severity == "error":
                    failed.append(outcome.summary)
    say(answer={"rows": rows, "failed": failed}, rules=rules, work_seconds=seconds[0], rows=sum(rows.values()))


def _pandas(data_dir: Path) -> None:
    """The same tables through pandas, one after the other."""
    import duckdb
    import great_expectations as gx
    import pandas as pd

    from expectations import marts, raw
    from expectations.rules import row_count_equal
    from orchestration.dbt import prepare_manifest
    from orchestration.lake import schemas, snapshot
    from orchestration.release.build import release_dir
    from orchestration.release.contract import read_contract
    from orchestration.release.datapackage import read_datapackage

    rows: dict[str, int] = {}
    failed: list[str] = []
    rules = 0
    with stopwatch() as seconds:
        source = gx.get_context(mode="ephemeral").data_sources.add_pandas("pandas")

        def judge(name: str, frame: pd.DataFrame, key: list[str], suite: list[Any]) -> None:
            nonlocal rules
            rows[name] = len(frame)
            batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all").get_batch(
                {"dataframe": frame}
            )  # fmt: skip
            asked = [e for e in (_as_column_expectation(rule, key, frame) for rule in suite) if e is not None]
            # As a suite at once, so that what several ask is computed once.
            for result in batch.validate(gx.ExpectationSuite(name, expectations=asked)).results:
                rules += 1
                if not result.success:
                    failed.append(f"{name}: {result.expectation_config.type}")

        for table in schemas.SCHEMAS:
            files = sorted(snapshot.snapshot_dir(data_dir, table, DAY).glob("*.parquet"))
            frame = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
            key = [path[0] for path in schemas.KEYS[table] if "." not in path[0]]
            if table == "daily_papers":
                frame["paper.id"] = frame["paper"].map(lambda paper: paper["id"])
                key = ["date", "paper.id"]
            judge(f"raw/{table}", frame, key, raw.SUITES[table](raw.Limits()))
            del frame
        contract = read_contract(prepare_manifest())
        raw_rows = {table: snapshot.read_manifest(data_dir, table, DAY).rows for table in schemas.SCHEMAS}
        suites = marts.suites(json.loads(prepare_manifest().read_text()), raw_rows)
        with duckdb.connect(data_dir / WAREHOUSE, read_only=True) as connection:
            for table in contract.tables:
                frame = connection.execute(f"from {table.name}").df()
                judge(f"marts/{table.name}", frame, list(table.key), suites[table.name])
        folder = release_dir(data_dir, DAY)
        for resource in read_datapackage(folder).resources:
            frame = pd.read_parquet(folder / resource.path)
            judge(f"release/{resource.name}", frame, [], [row_count_equal(resource.rows)])
    say(answer={"rows": rows, "failed": failed}, rules=rules, work_seconds=seconds[0], rows=sum(rows.values()))


def _as_column_expectation(rule: Any, key: list[str], frame: Any) -> Any:
    """What a pandas batch can be asked in place of a rule; None where there is nothing of that kind."""
    import great_expectations.expectations as gxe

    if rule.gx_class.startswith("ExpectTableRowCount"):
        return getattr(gxe, rule.gx_class)(**rule.arguments)
    if rule.expectation == "key_unique":
        if len(key) == 1:
            return gxe.ExpectColumnValuesToBeUnique(column=key[0])
        return gxe.ExpectCompoundColumnsToBeUnique(column_list=key)
    column = rule.column
    if column not in frame.columns or rule.severity != "error":
        return None
    if rule.expectation == "values_not_null":
        return gxe.ExpectColumnValuesToNotBeNull(column=column)
    if rule.expectation == "fault_share_at_most":
        return gxe.ExpectColumnValuesToBeNull(column=column, mostly=0.95)
    if rule.expectation == "values_at_least":
        least = re.search(r"at least ([0-9]+)", rule.threshold)
        return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=int(least[1]) if least else 0)
    if rule.expectation == "values_between":
        low, high = re.search(r"from ([0-9]+) to ([0-9]+)", rule.threshold).groups()
        return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=int(low), max_value=int(high))
    if rule.expectation == "lengths_at_most":
        return gxe.ExpectColumnValueLengthsToBeBetween(column=column, max_value=1000)
    return None


def main() -> None:
    """Runs one program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=["ours", "pandas"])
    parser.add_argument("path", type=Path)
    given = parser.parse_args()
    {"ours": _ours, "pandas": _pandas}[given.program](given.path)


if __name__ == "__main__":
    main()
