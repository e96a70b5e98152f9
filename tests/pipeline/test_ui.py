"""The Dagster UI as its user has it: a real webserver, daemon and code server, asked through the UI's own GraphQL."""

import datetime as dt
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests

from orchestration.lake.snapshot import snapshots
from orchestration.release.build import release_days, release_dir
from orchestration.sandbox.ecosystem import synthetic_catalogue
from tests.bulk import bulk_files, commit_files
from tests.hubscape import clean_environment
from tests.sandbox import TOKEN, running_sandbox
from tests.support import PATIENCE, PROJECT

FIRST = dt.date(2026, 10, 1)
DAYS = [FIRST + dt.timedelta(days=number) for number in range(5)]
SCALE = 0.01
REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "hubscape"}


@dataclass
class Ui:
    """A running webserver."""

    url: str
    data_dir: Path
    environment: dict[str, str]

    @contextmanager
    def process(self, command: str, *words: str) -> Iterator[None]:
        """One of Dagster's processes, until the block ends."""
        program = Path(sys.executable).with_name(command)
        with (self.data_dir / f"{command}.log").open("w") as log:
            running = subprocess.Popen(
                [program, *words, "-w", "workspace.yaml"],
                env=self.environment,
                cwd=PROJECT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield
        finally:
            os.killpg(running.pid, signal.SIGTERM)
            try:
                running.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """What the webserver answers."""
        answer = requests.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=PATIENCE
        ).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def wait(self, happened: Callable[[], Any]) -> Any:
        """What `happened` returns, once that is something."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = happened()
            if found:
                return found
            time.sleep(0.5)
        raise AssertionError(f"it did not happen in {PATIENCE} s")


@pytest.fixture(scope="module")
def ui(tmp_path_factory) -> Iterator[Ui]:
    """A webserver over a bulk dataset that has a commit on each of the days but the third."""
    folder = tmp_path_factory.mktemp("ui")
    home = folder / "data" / "dagster"
    home.mkdir(parents=True)
    shutil.copyfile(PROJECT / "dagster.yaml", home / "dagster.yaml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running_sandbox(synthetic_catalogue(scale=SCALE, date=DAYS[-1]), folder / "hub") as hub:
        for day in DAYS[:2] + DAYS[3:]:
            files = bulk_files(synthetic_catalogue(scale=SCALE, date=day))
            commit_files(hub.app.state.store, files, dt.datetime.combine(day, dt.time(20), dt.UTC))
        variables = {
            "DAGSTER_HOME": str(home),
            "HUBSCAPE_DATA_DIR": str(folder / "data"),
            "HUBSCAPE_SOURCE": "bulk",
            "HUBSCAPE_PUBLISH_REPO": "",
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": TOKEN,
        }
        running = Ui(f"http://127.0.0.1:{port}", folder / "data", clean_environment(variables))
        with running.process("dagster-webserver", "--host", "127.0.0.1", "--port", str(port)):
            running.wait(lambda: answers(running.url))
            yield running


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/server_info", timeout=5).ok
    except requests.ConnectionError:
        return False


LAUNCH = """mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""
STATE = """query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { runs { status } } }
}"""
PARTITIONS = """query ($key: AssetKeyInput!, $chosen: [String!]!) {
  assetNodeOrError(assetKey: $key) { ... on AssetNode {
    latestMaterializationByPartition(partitions: $chosen) { partition }
  } }
}"""
DEFAULTS = """query ($repository: RepositorySelector!) { repositoryOrError(repositorySelector: $repository) {
  ... on Repository { schedules { name description scheduleState { status } }
    sensors { name description sensorState { status } } }
} }"""


def backfill(ui: Ui, asset: str, days: list[dt.date]) -> tuple[list[str], list[str]]:
    """Launches chosen days of an asset; returns how its runs ended and the days that are materialized then."""
    key, chosen = {"path": asset.split("/")}, [f"{day}" for day in days]
    params = {"assetSelection": [key], "partitionNames": chosen, "tags": []}
    launched = ui.ask(LAUNCH, params=params)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched

    def ended() -> list[str] | None:
        runs = ui.ask(STATE, id=launched["backfillId"])["partitionBackfillOrError"]["runs"]
        states = [run["status"] for run in runs]
        return states if states and all(state in {"SUCCESS", "FAILURE", "CANCELED"} for state in states) else None

    with ui.process("dagster-daemon", "run"):  # its first look, right after its start, saves half a minute
        states = ui.wait(ended)
    found = ui.ask(PARTITIONS, key=key, chosen=chosen)["assetNodeOrError"]["latestMaterializationByPartition"]
    return states, [event["partition"] for event in found if event]


def test_several_days_chosen_in_the_ui_are_filled_by_one_backfill_and_a_gap_stays_empty(ui):
    chosen = [DAYS[0], DAYS[2], DAYS[3], DAYS[4]]  # not all in a row, and one that has no dump
    states, filled = backfill(ui, "raw/history", chosen)
    assert states == ["SUCCESS", "SUCCESS"]  # a run for each row of days
    assert filled == [f"{day}" for day in (DAYS[0], DAYS[3], DAYS[4])]
    assert snapshots(ui.data_dir, "models") == [DAYS[0], DAYS[3], DAYS[4]]


def test_days_chosen_in_the_ui_become_releases_each_with_the_history_of_those_before(ui):
    states, released = backfill(ui, "release/history", DAYS[1:4])
    assert states == ["SUCCESS"]
    assert released == [f"{DAYS[1]}", f"{DAYS[3]}"]
    assert release_days(ui.data_dir) == [DAYS[1], DAYS[3]]
    counted = pq.read_table(
        release_dir(ui.data_dir, DAYS[3]) / "data/fct_organization_snapshots/fct_organization_snapshots.parquet"
    )
    assert set(counted["snapshot_date"].to_pylist()) == {DAYS[1], DAYS[3]}


def test_on_a_laptop_nothing_runs_until_somebody_turns_it_on(ui):
    found = ui.ask(DEFAULTS, repository=REPOSITORY)["repositoryOrError"]
    states = {s["name"]: s["scheduleState"]["status"] for s in found["schedules"]}
    states |= {s["name"]: s["sensorState"]["status"] for s in found["sensors"]}
    assert states == {"daily_refresh": "STOPPED", "failed_runs": "STOPPED", "warned_checks": "STOPPED"}
