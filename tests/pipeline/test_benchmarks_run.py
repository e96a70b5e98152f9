"""The benchmarks on a small Hub: every program runs and peers give equal results, however long it takes."""

import os
import subprocess
import sys

import pytest

from tests.hubscape import clean_environment
from tests.support import PATIENCE, PROJECT

PEERS = {
    "hubscape listing and spool", "HfApi.list_models", "hubscape write_snapshot", "DuckDB read_json to Parquet",
    "hubscape write_bulk_snapshot", "ModelInfo and pandas", "dbt build", "its compiled SQL in plain DuckDB",
    "hubscape's SQL in DuckDB", "polars", "pandas with networkx", "hubscape's gates in DuckDB",
    "Great Expectations on pandas batches",
}  # fmt: skip


def run(folder, *words):
    command = [sys.executable, "-m", "benchmarks", "--scale", "0.005", "--folder", str(folder), *words]
    return subprocess.run(
        command,
        cwd=PROJECT,
        env=clean_environment({}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.slow
def test_a_small_run_finds_all_peers_equal_and_goes_on_where_it_stopped(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    (report,) = tmp_path.glob("scale-0.005-*/RESULTS.md")
    text = report.read_text()
    assert done.stdout == text
    equal = [line.split("|")[1].split(",")[0].strip() for line in text.splitlines() if line.endswith("| equal |")]
    assert set(equal) == PEERS and len(equal) == len(PEERS)
    assert "14,663 models" in text and "hubscape release to publication" in text
    assert str(tmp_path) not in text and os.uname().nodename not in text

    again = run(tmp_path, "--resume")
    assert again.returncode == 0, again.stderr[-3000:]
    assert "run 1" not in again.stderr and again.stdout == text
