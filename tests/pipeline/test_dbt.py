"""dbt without Dagster: on a lake that exists, the same numbers come out, and every unit test of a model passes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.dbt import prepare_manifest
from tests.days import RECORDED_DATE, RecordedRun
from tests.hubscape import clean_environment
from tests.support import PATIENCE, PROJECT


def dbt(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs dbt on a data folder, as people do without Dagster."""
    command = [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", *words]
    where = ["--project-dir", "dbt_project", "--profiles-dir", "dbt_project", "--target-path", str(folder / "target")]
    return subprocess.run(
        [*command, *where],
        env=clean_environment({"HUBSCAPE_DATA_DIR": str(folder), "DBT_LOG_PATH": str(folder / "logs")}),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="session")
def alone(recorded_run: RecordedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the same raw snapshots, in which `dbt build` has built everything and run all tests."""
    folder = tmp_path_factory.mktemp("dbt-alone")
    shutil.copytree(recorded_run.data_dir / "raw", folder / "raw")
    done = dbt(folder, "build")
    assert done.returncode == 0, done.stdout[-5000:]
    return folder


def test_every_node_and_every_unit_test_passes(alone):
    results = json.loads((alone / "target" / "run_results.json").read_text())["results"]
    manifest = json.loads((alone / "target" / "manifest.json").read_text())

    # An exposure is no more than a mention: dbt has nothing to do for it.
    built = [result for result in results if not result["unique_id"].startswith("exposure.")]
    assert {result["status"] for result in built} <= {"success", "pass"}
    ran = {result["unique_id"] for result in results}
    assert manifest["unit_tests"] and set(manifest["unit_tests"]) <= ran


def test_the_numbers_are_those_of_the_job(alone, recorded_release):
    with duckdb.connect(alone / "warehouse.duckdb", read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for path in sorted(recorded_release.glob("data/*/*.parquet")):
            table = path.parent.name
            columns = ", ".join(f'"{row[0]}"' for row in connection.execute(f"describe from '{path}'").fetchall())
            for left, right in ((f"'{path}'", table), (table, f"'{path}'")):
                query = f"select count(*) from (select {columns} from {left} except all select {columns} from {right})"
                assert connection.execute(query).fetchone() == (0,), table


def test_every_column_of_the_warehouse_is_documented_and_the_other_way_round(recorded_run):
    documented = {
        node["name"]: set(node["columns"])
        for node in json.loads(prepare_manifest().read_text())["nodes"].values()
        if node["resource_type"] in {"model", "seed"}
    }
    with duckdb.connect(recorded_run.data_dir / "warehouse.duckdb", read_only=True) as connection:
        rows = connection.execute(
            "select table_name, column_name from information_schema.columns where table_name <> 'build_log'"
        ).fetchall()
    found: dict[str, set[str]] = {}
    for table, column in rows:
        found.setdefault(table, set()).add(column)

    assert found.keys() == documented.keys()
    for table, columns in found.items():
        assert columns == documented[table], table


def test_what_the_yaml_does_not_allow_is_told_with_the_key_of_the_row(recorded_run, tmp_path):
    shutil.copy(recorded_run.data_dir / "warehouse.duckdb", tmp_path)
    shutil.copytree(recorded_run.data_dir / "raw", tmp_path / "raw")
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        (key,) = connection.execute("select min(handle_key) from int_handles").fetchone()
        connection.execute("update int_handles set organization = null where handle_key = ?", [key])
        (tag,) = connection.execute("select min(tag) from int_tags where regexp_full_match(tag, '[a-z]+')").fetchone()
        connection.execute("insert into int_tags from int_tags where tag = ?", [tag])
        connection.execute("update registry_licences set licence_class = 'free' where licence = 'mit'")
        connection.execute("delete from registry_countries")
        connection.execute("update int_claim_days set days_away = -1 where claim_id = 'r1_mit'")
    tables = ("int_handles", "int_registry", "int_tags", "registry_licences", "registry_countries", "int_claim_days")
    done = dbt(tmp_path, "test", "--select", *(f"as_described_{table}_" for table in tables))

    assert done.returncode == 1 and "PASS=4 WARN=0 ERROR=5 SKIP=0" in done.stdout, done.stdout
    with duckdb.connect(tmp_path / "warehouse.duckdb", read_only=True) as connection:
        log = "select split_part(unique_id, '.', 3), failures, sample from build_log where status = 'fail'"
        told = {name: (failures, sample) for name, failures, sample in connection.execute(log).fetchall()}
    classes = "permissive, copyleft, restricted, noncommercial, other"
    assert told == {
        "as_described_int_handles_": (1, f"handle_key {key}, problem organization is missing"),
        "as_described_int_tags_": (1, f"tag {tag}, problem is there 2 times"),
        "as_described_registry_licences_": (1, f"licence mit, problem licence_class is none of {classes}"),
        "as_described_registry_countries_": (1, "problem there is no row"),
        "as_described_int_claim_days_": (1, "claim_id r1_mit, problem days_away is below 0"),
    }
    assert f"as_described_int_handles_ failed on: handle_key {key}, problem organization is missing" in done.stdout


def test_a_value_that_the_contract_asks_for_is_told_with_the_key_of_the_row_that_misses_it(recorded_run, tmp_path):
    shutil.copy(recorded_run.data_dir / "warehouse.duckdb", tmp_path)
    shutil.copytree(recorded_run.data_dir / "raw", tmp_path / "raw")
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        roots = "select count(*), min(descendant_id) from int_lineage_roots where depth > 0"
        expected, model = connection.execute(roots).fetchone()
        (key,) = connection.execute("select repo_key from int_models where model_id = ?", [model]).fetchone()
        connection.execute("update int_lineage_roots set share = null where descendant_id = ?", [model])
        (failing,) = connection.execute("select count(*) from int_lineage_roots where share is null").fetchone()
    done = dbt(tmp_path, "build", "--select", "fct_lineage_roots")

    assert done.returncode == 1 and "PASS=3 WARN=0 ERROR=1 SKIP=1" in done.stdout, done.stdout
    told = f"problem share is missing, snapshot_date {RECORDED_DATE}, descendant_key {key}, root_key "
    assert f"fct_lineage_roots failed on: {told}" in done.stdout
    with duckdb.connect(tmp_path / "warehouse.duckdb", read_only=True) as connection:
        log = "select status, failures, sample from build_log where unique_id = 'model.hubscape.fct_lineage_roots'"
        status, failures, sample = connection.execute(log).fetchone()
        (kept,) = connection.execute("select count(*) from fct_lineage_roots").fetchone()
    assert (status, failures, kept) == ("error", failing, expected) and sample.startswith(told)
