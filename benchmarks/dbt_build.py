"""What does the whole `dbt build` cost over its SQL?

Peer: the same compiled SQL, of models and tests in the order of the build, as one plain DuckDB script on disk with the
same settings. Equal: every table, as a hash of its rows; columns of fractions by their sum, since threads add them in
turns.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from benchmarks.bench import DAY, Bench, Finding, Verdict, fresh_copy, stopwatch
from benchmarks.measure import PROJECT, Program, python, say

WAREHOUSE = "warehouse.duckdb"


def build_program(data_dir: Path, target: Path) -> Program:
    """The build as the pipeline runs it, on the lake in `data_dir`."""
    return Program(
        "dbt build",
        [
            str(Path(sys.executable).with_name("dbt")), "--no-use-colors", "build", "--exclude-resource-type", "unit_test",
            "--project-dir", str(PROJECT / "dbt_project"), "--profiles-dir", str(PROJECT / "dbt_project"),
            "--target-path", str(target),
        ],
        {
            "HUBSCAPE_DATA_DIR": str(data_dir),
            "HUBSCAPE_SNAPSHOT_DATE": DAY.isoformat(),
            "DBT_LOG_PATH": str(target / "logs"),
        },
    )  # fmt: skip


def measure(bench: Bench) -> Finding:
    """Measures the build and the script, each from an empty warehouse, and compares what they built."""
    with bench.making("built"):
        return _measure(bench)


def _measure(bench: Bench) -> Finding:
    data, plain = bench.lake_copy("dbt"), bench.scratch / "dbt-plain"
    target = data / "dbt"

    def ready() -> None:
        (data / WAREHOUSE).unlink(missing_ok=True)

    (build,) = bench.compare([build_program(data, target)], before=ready)

    def ready_plain() -> None:
        shutil.rmtree(plain, ignore_errors=True)
        plain.mkdir()

    (script,) = bench.compare(
        [
            Program(
                "its compiled SQL in plain DuckDB",
                python("benchmarks.dbt_build", "script", str(target), str(data), str(plain)),
            )
        ],
        before=ready_plain,
    )
    tables = bench.compare(
        [
            Program("tables of dbt", python("benchmarks.dbt_build", "digest", str(data / WAREHOUSE))),
            Program("tables of the script", python("benchmarks.dbt_build", "digest", str(plain / WAREHOUSE))),
        ],
        runs=1,
    )
    build.agrees = script.agrees = all(found.agrees for found in tables)
    bench.made("built", lambda folder: data.rename(folder))
    for folder in (data, plain):
        shutil.rmtree(folder, ignore_errors=True)
    nodes = script.said["models"] + script.said["tests"]
    allowed = script.median_seconds + 5 + 0.1 * nodes
    return Finding(
        "dbt: `dbt build` of all models and tests, the whole process",
        [build, script],
        [
            Verdict("seconds", build.median_seconds, 60, "s"),
            Verdict("peak memory", build.peak / 2**20, 4096, "MiB"),
            Verdict(
                f"seconds, against the script + 5 s + 0.1 s for each of {nodes}", build.median_seconds, allowed, "s"
            ),
        ],
        [f"{script.said['models']} models and seeds, {script.said['tests']} tests; all runs of the build came first."],
    )


def built(bench: Bench) -> Path:
    """A data folder with the lake and the warehouse that dbt built of it, for questions that start there."""

    def make(folder: Path) -> None:
        fresh_copy(bench.lake(), folder)
        bench.compare([build_program(folder, folder / "dbt")], runs=1)

    return bench.made("built", make)


def _script(target: Path, data_dir: Path, plain: Path) -> None:
    import duckdb

    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    # As dbt ended them, so each comes after what it reads.
    order = [r["unique_id"] for r in json.loads((target / "run_results.json").read_text())["results"]]
    models = tests = 0
    config = {"threads": 2, "memory_limit": "4GB", "temp_directory": str(plain / ".duckdb_tmp")}
    with stopwatch() as seconds, duckdb.connect(plain / WAREHOUSE, config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set variable data_dir = $1", [str(data_dir)])
        connection.execute("set variable project_dir = $1", [str(PROJECT / "dbt_project")])
        connection.execute(f"attach '{data_dir / WAREHOUSE}' as built (read_only)")
        connection.execute("create table main.build_log as from built.main.build_log")
        for unique_id in order:
            node = nodes.get(unique_id)
            if node is None or (not node.get("compiled_code") and node["resource_type"] != "seed"):
                continue
            if node["resource_type"] == "seed":
                connection.execute(f"create table main.{node['name']} as from built.main.{node['name']}")
                models += 1
            elif node["resource_type"] == "model":
                kind = "view" if node["config"]["materialized"] == "view" else "table"
                connection.execute(f"create {kind} main.{node['name']} as {node['compiled_code']}")
                models += 1
            elif node["resource_type"] == "test":
                connection.execute(f"select count(*) from ({node['compiled_code']})").fetchone()
                tests += 1
        connection.execute("detach built")
    say(models=models, tests=tests, work_seconds=seconds[0])


def _digest(warehouse: Path) -> None:
    import duckdb

    answer = {}
    with duckdb.connect(warehouse, read_only=True, config={"threads": 2, "memory_limit": "4GB"}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        columns = connection.execute(
            "select table_name, list(column_name order by ordinal_position), list(data_type order by ordinal_position)"
            " from information_schema.columns join information_schema.tables using (table_name)"
            " where table_type = 'BASE TABLE' and table_name <> 'build_log' group by all order by table_name"
        ).fetchall()
        for table, names, types in columns:
            exact = [f'"{name}"' for name, kind in zip(names, types, strict=True) if kind not in ("DOUBLE", "FLOAT")]
            fractions = [f'"{name}"' for name, kind in zip(names, types, strict=True) if kind in ("DOUBLE", "FLOAT")]
            sums = "".join(f", sum({name})" for name in fractions)
            count, hashed, *rest = connection.execute(
                f"select count(*), cast(sum(hash({', '.join(exact) or '0'})) as varchar){sums} from main.{table}"
            ).fetchone()
            answer[table] = [count, hashed, *[f"{value:.9g}" if value is not None else None for value in rest]]
    say(answer=answer)


def main() -> None:
    """Runs one program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=["script", "digest"])
    parser.add_argument("paths", nargs="*", type=Path)
    given = parser.parse_args()
    {"script": _script, "digest": _digest}[given.program](*given.paths)


if __name__ == "__main__":
    main()
