"""Bad rows in the seeds and holes in the lake: `dbt build` fails and says which row it was."""

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb

from tests.days import RECORDED_DATE, RecordedRun
from tests.hubscape import clean_environment
from tests.support import PATIENCE, PROJECT

# Seed, what stands in it, what takes its place, and what has to be said of it.
BAD_ROWS = [
    (
        "registry_organizations",
        "mosaicml,MosaicML,Databricks,US,US,startup,2023-07-19",
        "mosaicml,MosaicML,Databricks,US,US,startup,2023-07-01",
        "handle mosaicml, valid_to 2023-07-19, problem overlaps with the next row of the handle",
    ),
    (
        "registry_organizations",
        "\nai21labs,AI21 Labs,AI21 Labs,IL,IL,",
        "\nai21labs,AI21 Labs,AI21 Labs,XX,IL,",
        "handle ai21labs, country IL, company_country XX, problem company_country is no known code",
    ),
    ("registry_milestones", "https://arxiv.org/abs/1910.10683", "", "2019-10-23-t5-paper-checkpoints"),
    ("registry_claims", "models.license", "models.colour", "r1_mit"),
]


def build(project: Path, data_dir: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", "build"]
    folders = ["--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(data_dir / "target")]
    return subprocess.run(
        [*command, "--exclude-resource-types", "unit_test", *folders],
        env=clean_environment(
            {
                "HUBSCAPE_DATA_DIR": str(data_dir),
                "HUBSCAPE_SNAPSHOT_DATE": RECORDED_DATE,
                "DBT_LOG_PATH": str(data_dir / "logs"),
            }
        ),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def marts(data_dir: Path) -> set[str]:
    with duckdb.connect(data_dir / "warehouse.duckdb", read_only=True) as connection:
        return {name for (name,) in connection.execute("select table_name from information_schema.tables").fetchall()}


def test_bad_rows_of_the_registry_are_named_and_nothing_is_built_on_them(recorded_run: RecordedRun, tmp_path: Path):
    project = tmp_path / "dbt_project"
    shutil.copytree(PROJECT / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
    for seed, good, bad, _ in BAD_ROWS:
        path = project / "seeds" / f"{seed}.csv"
        text = path.read_text(encoding="utf-8")
        assert text.count(good) == 1, seed
        path.write_text(text.replace(good, bad), encoding="utf-8")
    shutil.copytree(recorded_run.data_dir / "raw", tmp_path / "data" / "raw")

    done = build(project, tmp_path / "data")

    assert done.returncode == 1
    said = [line for line in done.stdout.splitlines() if " failed on: " in line]
    for *_, row in BAD_ROWS:
        assert any(row in line for line in said), (row, said)
    built = marts(tmp_path / "data")
    for mart in ("fct_derivative_counts", "fct_organization_snapshots", "fct_milestones", "rpt_claims"):
        assert mart not in built


def test_a_snapshot_with_a_missing_table_is_refused_and_never_taken_for_an_empty_one(
    recorded_run: RecordedRun, tmp_path: Path
):
    data_dir = tmp_path / "data"
    shutil.copytree(recorded_run.data_dir / "raw", data_dir / "raw")
    # Another day has the table, so that its files would be found by who looks carelessly.
    folder = data_dir / "raw" / "spaces" / f"snapshot_date={RECORDED_DATE}"
    folder.rename(folder.with_name("snapshot_date=2026-08-21"))

    done = build(PROJECT / "dbt_project", data_dir)

    assert done.returncode == 1
    assert "table_name spaces, problem is missing from the snapshot" in done.stdout
    assert not {"fct_organization_snapshots", "dim_repos", "rpt_chain_coverage"} & marts(data_dir)
