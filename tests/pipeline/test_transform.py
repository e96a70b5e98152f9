"""dbt in our own process: no whole parse for a new data folder, each build of its own folder and day, parts of it."""

import datetime as dt
import json
import os
import signal
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult

from orchestration.assets import transform
from orchestration.dbt import prepare_manifest, run_dbt
from orchestration.settings import Settings, load_settings

SEED = "registry_families"
DAYS = (dt.date(2026, 1, 2), dt.date(2026, 1, 3))


@pytest.fixture(scope="module", autouse=True)
def parsed() -> None:
    prepare_manifest()


def settings_of(folder: Path, day: dt.date, memory_limit: str = "1GB") -> Settings:
    return load_settings(data_dir=folder, snapshot_date=day, memory_limit=memory_limit)


def build(settings: Settings) -> None:
    settings.data_dir.mkdir(exist_ok=True)
    done = run_dbt(settings, "build", "--select", SEED, "--exclude-resource-type", "test")
    assert done.success, done.exception


def logged_days(folder: Path) -> list[dt.date]:
    """The snapshots that the build log knows; dbt must have let go of the file, or this would not open it."""
    with duckdb.connect(folder / "warehouse.duckdb") as connection:
        rows = connection.execute("select distinct snapshot_date from build_log order by 1").fetchall()
        assert connection.execute(f"select count(*) > 0 from {SEED}").fetchone() == (True,)
    return [day for (day,) in rows]


def test_a_new_data_folder_parses_nothing_again(tmp_path):
    folder = tmp_path / "new folder"
    build(settings_of(folder, DAYS[0], "2GB"))

    assert not (folder / "dbt" / "partial_parse.msgpack").exists(), "dbt keeps what it has parsed anew"
    log = (folder / "dbt" / "dbt.log").read_text()
    assert SEED in log and "partial parsing" not in log, log


def test_builds_of_one_process_each_have_their_own_folder_and_day(tmp_path, monkeypatch):
    elsewhere = {"HUBSCAPE_DATA_DIR": f"{tmp_path}/elsewhere", "HUBSCAPE_SNAPSHOT_DATE": "2025-05-05"}
    for name, value in elsewhere.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    first, second = tmp_path / "first", tmp_path / "second"

    build(settings_of(first, DAYS[0]))
    build(settings_of(second, DAYS[1], "2GB"))
    assert (logged_days(first), logged_days(second)) == ([DAYS[0]], [DAYS[1]])
    build(settings_of(first, DAYS[1]))
    assert (logged_days(first), logged_days(second)) == ([DAYS[1]], [DAYS[1]])
    assert dict(os.environ) == before and not (tmp_path / "elsewhere").exists()


def test_a_failure_leaves_what_was_there_and_lets_the_warehouse_go(tmp_path):
    settings, warehouse, model = settings_of(tmp_path, DAYS[0]), tmp_path / "warehouse.duckdb", "stg_hub__models"
    with duckdb.connect(warehouse) as connection:
        connection.execute(f"create table {model} as select 'of before' as made")
    done = run_dbt(settings, "build", "--select", model, "--exclude-resource-type", "test")

    assert not done.success and "error" in {result.status for result in done.result.results}
    with pytest.raises(Exception, match="requested before creation"):
        DuckDBConnectionManager.env()
    with duckdb.connect(warehouse) as connection:
        assert connection.execute(f"from {model}").fetchall() == [("of before",)]


def test_a_model_takes_the_place_of_whatever_has_its_name(tmp_path):
    settings, warehouse, model = settings_of(tmp_path, DAYS[0]), tmp_path / "warehouse.duckdb", "int_registry_periods"
    with duckdb.connect(warehouse) as connection:
        connection.execute(f"create view {model} as select 'of before' as made")
    for _ in range(2):
        done = run_dbt(settings, "build", "--select", f"+{model}", "--exclude-resource-type", "test")
        assert done.success, done.exception
        with duckdb.connect(warehouse) as connection:
            found = connection.execute(f"select count(*), count(distinct handle) from {model}").fetchone()
            kinds = connection.execute(f"select table_type from information_schema.tables where table_name = '{model}'")
            assert found[0] > 0 < found[1] and kinds.fetchall() == [("BASE TABLE",)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_one_whatever_dbt_makes_of_it(tmp_path, monkeypatch, number):
    """A mock, as nobody can time it: dbt fails to cancel a query of which it has no connection yet."""

    def invoke(*_: object) -> dbtRunnerResult:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        return dbtRunnerResult(success=False, exception=AttributeError("no cursor"))

    monkeypatch.setattr(dbtRunner, "invoke", invoke)
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        run_dbt(settings_of(tmp_path, DAYS[0]), "build", parsed=SimpleNamespace())
    assert signal.getsignal(number) is before


@pytest.fixture
def told(monkeypatch) -> list[str]:
    """What dbt was told, which then came to nothing."""
    words: list[str] = []

    def run(_: Settings, *given: str, **__) -> SimpleNamespace:
        words.extend(given)
        return SimpleNamespace(success=False, result=None)

    monkeypatch.setattr(transform, "run_dbt", run)
    return words


@pytest.mark.parametrize(
    ("selection", "switch", "has_seed", "has_tests"),
    [
        (dg.AssetSelection.assets(SEED), [], True, True),
        (dg.AssetSelection.assets(SEED).without_checks(), ["--indirect-selection", "empty"], True, False),
        (dg.AssetSelection.checks_for_assets(SEED), [], False, True),
        (dg.AssetSelection.all(), None, False, False),
    ],
)
def test_dbt_is_told_to_build_what_was_asked_for(tmp_path, told, selection, switch, has_seed, has_tests):
    manifest = json.loads(prepare_manifest().read_text())
    settings = settings_of(tmp_path, DAYS[0])
    parsed = Future()
    parsed.set_result(None)
    done = dg.materialize(
        [transform.transform_assets(manifest)], selection=selection, resources={"settings": settings, "dbt": parsed},
        raise_on_error=False,
    )  # fmt: skip

    tests = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["depends_on"]["nodes"][-1] == f"seed.hubscape.{SEED}"
    }
    words = told[3:]
    if switch is None:
        assert words == []
    else:
        assert words[: len(switch) + 1] == [*switch, "--select"]
        names = {name.rpartition(".")[2] for name in words[len(switch) + 1 :]}
        assert names == ({SEED} if has_seed else set()) | (tests if has_tests else set())
    (failure,) = [event for event in done.all_events if event.is_step_failure]
    assert "dbt did not come to a result" in failure.step_failure_data.user_failure_data.description
