"""Whole runs that tests share: made once a session, by the process that needs it first, and handed out as copies.

Copies, not links: a later run writes on in the warehouse and in Dagster's history where they are.
"""

import datetime as dt
import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from orchestration.sandbox.catalogue import Catalogue
from orchestration.sandbox.ecosystem import synthetic_catalogue
from orchestration.sandbox.recorded import recorded_catalogue
from tests.hubscape import dagster, hubscape
from tests.machine import Machine
from tests.sandbox import TOKEN, RunningSandbox, running_sandbox
from tests.support import PROJECT, once, recorded_dir

# Two days of a made-up Hub, far enough apart for every window of a change.
FIRST, SECOND = MONTHS = (dt.date(2026, 10, 20), dt.date(2026, 11, 20))
RECORDED_DATE = "2026-08-22"  # the day on which the models were recorded
RECORDED_REPO = "somebody/recorded"


def made_up(day: dt.date) -> Catalogue:
    """The made-up Hub of a day."""
    return synthetic_catalogue(seed=7, scale=0.04, date=day)


@dataclass(frozen=True)
class Finished:
    """A machine after a whole run of a day, and the Hub that it published to, both below `folder`."""

    folder: Path
    day: dt.date

    @property
    def machine(self) -> Machine:
        return Machine(self.folder / "data")

    def copy(self, folder: Path) -> "Finished":
        """The same in another folder, to go on from."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Finished(folder, self.day)

    def hub(self, catalogue: Catalogue | None = None) -> AbstractContextManager[RunningSandbox]:
        """The Hub with what was published, as it is on that day or as the catalogue says."""
        return running_sandbox(catalogue or made_up(self.day), self.folder / "hub")


@dataclass(frozen=True)
class TwoMonths:
    """A machine with two published releases, a month apart, and the Hub that holds them."""

    machine: Machine
    hub: RunningSandbox

    @property
    def variables(self) -> dict[str, str]:
        return self.machine.variables(self.hub.url, SECOND)


def first_day(shared: Path) -> Finished:
    """The first day, run by Dagster without our command; not to be changed by who asks for it."""

    def make(folder: Path) -> None:
        made = Finished(folder, FIRST)
        home = made.machine.data_dir / "dagster"
        home.mkdir(parents=True)
        shutil.copy(PROJECT / "dagster.yaml", home)
        with made.hub() as hub:
            variables = {**made.machine.variables(hub.url, FIRST), "DAGSTER_HOME": str(home)}
            done = dagster(variables, "job", "execute", "-j", "refresh")
            assert done.returncode == 0, done.stderr[-3000:]

    return Finished(once(shared / "first-day", make), FIRST)


def second_day(shared: Path) -> Finished:
    """The second day, by our command on a machine that had lost all but what was published; not to be changed."""

    def make(folder: Path) -> None:
        shutil.copytree(first_day(shared).folder / "hub", folder / "hub")
        made = Finished(folder, SECOND)
        with made.hub() as hub:
            restored = hubscape("restore", made.machine.variables(hub.url, SECOND))
            assert restored.returncode == 0, restored.stderr
            assert f"release of {FIRST}" in restored.stdout
            made.machine.run(hub.url, SECOND)

    return Finished(once(shared / "second-day", make), SECOND)


@dataclass(frozen=True)
class RecordedRun:
    """The data folder that a run on recorded rows has filled, and the Hub it was published to, still running."""

    data_dir: Path
    hub: RunningSandbox
    output: str

    @property
    def release(self) -> Path:
        return self.data_dir / "release" / RECORDED_DATE

    @property
    def environment(self) -> dict[str, str]:
        return recorded_environment(self.hub, self.data_dir)


def recorded_environment(hub: RunningSandbox, data_dir: Path) -> dict[str, str]:
    """What a maintainer sets to run against a Hub that is not the sandbox's own."""
    return {
        "HUBSCAPE_SOURCE": "api",
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HUBSCAPE_DATA_DIR": str(data_dir),
        "HUBSCAPE_SNAPSHOT_DATE": RECORDED_DATE,
        "HUBSCAPE_PUBLISH_REPO": RECORDED_REPO,
    }


def recorded_hub(folder: Path) -> AbstractContextManager[RunningSandbox]:
    """The Hub that serves the recorded rows and keeps what is published below the folder."""
    return running_sandbox(recorded_catalogue(recorded_dir()), folder / "hub")


def recorded_day(shared: Path) -> Path:
    """The folder of a run on recorded rows, its output and its Hub; not to be changed."""

    def make(folder: Path) -> None:
        with recorded_hub(folder) as hub:
            done = hubscape("run", recorded_environment(hub, folder / "data"))
            assert done.returncode == 0, done.stderr
            (folder / "output").write_text(done.stdout)

    return once(shared / "recorded", make)
