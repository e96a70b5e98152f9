"""One run of the whole job on recorded rows, shared by the tests that read its release."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestration.sandbox.recorded import recorded_catalogue
from tests.hubscape import hubscape
from tests.sandbox import TOKEN, RunningSandbox, running_sandbox
from tests.support import recorded_dir

RECORDED_DATE = "2026-08-22"  # the day on which the models were recorded
REPO = "somebody/recorded"


@dataclass(frozen=True)
class RecordedRun:
    """The data folder that a run on recorded rows has filled, and the Hub it talked to, still running."""

    data_dir: Path
    hub: RunningSandbox
    output: str

    @property
    def release(self) -> Path:
        return self.data_dir / "release" / RECORDED_DATE

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.hub, self.data_dir)


def environment(hub: RunningSandbox, data_dir: Path) -> dict[str, str]:
    """What a maintainer sets to run against a Hub that is not the sandbox's own."""
    return {
        "HUBSCAPE_SOURCE": "api",
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HUBSCAPE_DATA_DIR": str(data_dir),
        "HUBSCAPE_SNAPSHOT_DATE": RECORDED_DATE,
        "HUBSCAPE_PUBLISH_REPO": REPO,
    }


@pytest.fixture(scope="session")
def recorded_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedRun]:
    catalogue = recorded_catalogue(recorded_dir())
    folder = tmp_path_factory.mktemp("recorded")
    with running_sandbox(catalogue, folder / "hub") as hub:
        done = hubscape("run", environment(hub, folder / "data"))
        assert done.returncode == 0, done.stderr
        yield RecordedRun(folder / "data", hub, done.stdout)


@pytest.fixture(scope="session")
def recorded_release(recorded_run: RecordedRun) -> Path:
    return recorded_run.release
