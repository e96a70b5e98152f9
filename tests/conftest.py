"""What tests of several folders share, and a line at the end on the slow proofs that were left out."""

import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.days import Finished, RecordedRun, TwoMonths, first_day, recorded_day, recorded_hub, second_day
from tests.exactness.warehouse import Project, compile_project
from tests.support import once

SLOW_LEFT_OUT = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this session see."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def first(shared: Path) -> Finished:
    """A published day; who wants to go on from it takes a copy."""
    return first_day(shared)


@pytest.fixture(scope="session")
def second(shared: Path) -> Finished:
    """The same a month later; who wants to go on from it takes a copy."""
    return second_day(shared)


@pytest.fixture(scope="session")
def months(second: Finished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoMonths]:
    """The second day with its Hub running: this process's own, to be read."""
    own = second.copy(tmp_path_factory.mktemp("months"))
    with own.hub() as hub:
        yield TwoMonths(own.machine, hub)


@pytest.fixture(scope="session")
def recorded_run(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedRun]:
    """A run on recorded rows with its Hub running: this process's own, to be read."""
    own = tmp_path_factory.mktemp("recorded")
    shutil.copytree(recorded_day(shared), own, dirs_exist_ok=True)
    with recorded_hub(own) as hub:
        yield RecordedRun(own / "data", hub, (own / "output").read_text())


@pytest.fixture(scope="session")
def recorded_release(recorded_run: RecordedRun) -> Path:
    return recorded_run.release


@pytest.fixture(scope="session")
def project(shared: Path) -> Project:
    """The project's SQL, compiled once for all tests that run it."""
    folder = once(
        shared / "compiled", lambda folder: (folder / "sql").write_bytes(pickle.dumps(compile_project(folder)))
    )
    return pickle.loads((folder / "sql").read_bytes())


def pytest_deselected(items: list[pytest.Item]) -> None:
    stash = items[0].config.stash
    stash[SLOW_LEFT_OUT] = stash.get(SLOW_LEFT_OUT, 0) + sum(1 for item in items if item.get_closest_marker("slow"))


# Under pytest-xdist each worker deselects the same tests, and tells the process that prints.
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["slow_left_out"] = session.config.stash.get(SLOW_LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    node.config.stash[SLOW_LEFT_OUT] = getattr(node, "workeroutput", {}).get("slow_left_out", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if count := config.stash.get(SLOW_LEFT_OUT, 0):
        terminalreporter.write_line(f"{count} slow proofs left out: make test-all")
