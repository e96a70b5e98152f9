"""The published dataset as its users read it: each reader in a process of its own, from the Hub, at the tag of the day.

What they read is compared with the rows that pyarrow reads from the local files of the release.
"""

import json
import math
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.release.build import release_dir
from tests.days import SECOND, TwoMonths
from tests.hubscape import clean_environment
from tests.machine import Machine
from tests.sandbox import TOKEN, RunningSandbox
from tests.support import PATIENCE


@dataclass(frozen=True)
class Published:
    """What was published, by the tag of its day, and the Hub that holds it."""

    hub: RunningSandbox
    release: Path
    tag: str

    @property
    def tables(self) -> list[str]:
        """Names of the published tables."""
        return sorted(folder.name for folder in (self.release / "data").iterdir())

    def file(self, table: str) -> Path:
        """The local Parquet file of a table."""
        return self.release / "data" / table / f"{table}.parquet"

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table in their order, as pyarrow reads the local file."""
        return pq.read_table(self.file(table)).to_pylist()


@pytest.fixture(scope="module")
def published(months: TwoMonths) -> Published:
    release = release_dir(months.machine.data_dir, SECOND)
    return Published(months.hub, release, f"snapshot-{SECOND}")


HERE = Path(__file__).resolve().parent
TABLE = "fct_derivative_counts"

DATASETS = """
from datasets import load_dataset
for table in {tables!r}:
    load_dataset({repo!r}, table, revision={tag!r}, split="train").to_parquet(f"{folder}/{{table}}.parquet")
load_dataset({repo!r}, revision={tag!r}, split="train").to_parquet("{folder}/default.parquet")
"""
PANDAS = """
import pandas
frame = pandas.read_parquet("hf://datasets/{repo}@{tag}/data/{table}/{table}.parquet", dtype_backend="pyarrow")
frame.to_parquet("{folder}/{table}.parquet")
"""
POLARS = """
import polars
from huggingface_hub import HfFileSystem
with HfFileSystem().open("datasets/{repo}@{tag}/data/{table}/{table}.parquet") as file:
    polars.read_parquet(file).write_parquet("{folder}/{table}.parquet")
"""
DUCKDB = """
import duckdb
from huggingface_hub import HfFileSystem
connection = duckdb.connect()
connection.register_filesystem(HfFileSystem())
connection.sql("select * from 'hf://datasets/{repo}@{tag}/data/{table}/*.parquet'").write_parquet(
    "{folder}/{table}.parquet"
)
"""


def read(published: Published, folder: Path, code: str) -> None:
    """Runs a reader that knows the Hub by its address alone, with nothing in its cache."""
    filled = code.format(repo=Machine.repo, tag=published.tag, table=TABLE, tables=published.tables, folder=folder)
    variables = {
        "HF_ENDPOINT": published.hub.url,
        "HF_HOME": str(folder / "cache"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", filled],
        env=clean_environment(variables),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def rows(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def test_datasets_reads_every_table_whole_and_in_order(published: Published, tmp_path):
    read(published, tmp_path, DATASETS)

    for table in published.tables:
        assert rows(tmp_path / f"{table}.parquet") == published.rows(table), table
    assert rows(tmp_path / "default.parquet") == published.rows("fct_organization_snapshots")


@pytest.mark.parametrize("code", [PANDAS, POLARS, DUCKDB], ids=["pandas", "polars", "duckdb"])
def test_a_reader_of_python_reads_all_rows_in_order(published: Published, tmp_path, code):
    read(published, tmp_path, code)

    found = pq.read_table(tmp_path / f"{TABLE}.parquet")
    assert found.to_pylist() == published.rows(TABLE)
    dates = {name: found.schema.field(name).type for name in ("snapshot_date",)}
    assert dates == {"snapshot_date": pa.date32()}


def test_javascript_reads_all_rows_in_order(published: Published, tmp_path):
    if shutil.which("npm") is None:
        pytest.skip("node is not installed (apt-get install nodejs npm): the JavaScript reader is skipped")
    for name in ("package.json", "package-lock.json", "read.js"):
        shutil.copy(HERE / name, tmp_path)
    quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--prefer-offline"]
    environment = clean_environment({})
    installed = subprocess.run(
        ["npm", "ci", *quiet],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert installed.returncode == 0, installed.stderr[-2000:]
    command = ["node", "read.js", published.hub.url, TOKEN, Machine.repo, published.tag, TABLE]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )

    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found == [as_javascript(row) for row in published.rows(TABLE)]


def as_javascript(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON.stringify writes it: dates as instants, a NaN as null."""
    return {
        name: f"{value}T00:00:00.000Z" if name == "snapshot_date" else None if _is_nan(value) else value
        for name, value in row.items()
    }


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
