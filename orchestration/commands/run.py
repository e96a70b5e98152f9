"""Runs the job `refresh` in this process, in the run history that the UI shows, and reports how it went."""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from orchestration.dbt import prepare_manifest
from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import lock, writing
from orchestration.settings import PROJECT_DIR, Settings

if TYPE_CHECKING:
    import dagster as dg
    from dagster_shared.error import SerializableErrorInfo

_CLI_TAG = {"hubscape/launched_by": "cli"}
_PROGRESS_LINES = {"loggers": {"console": {"config": {}}}}


@dataclass(frozen=True)
class RunReport:
    """A run that succeeded: its id, the seconds each step took, and what the last step published."""

    run_id: str
    seconds_by_step: dict[str, float]
    publication: dict[str, object]


def run_refresh(
    settings: Settings, build: "Callable[[Settings], dg.Definitions]", within: "dg.DagsterInstance | None" = None
) -> RunReport:
    """Runs the whole job for the settings' snapshot, with the definitions that `build` makes of them.

    Its history is that of the instance that it runs `within`, else that of the data folder, which `make ui` shows.

    Raises:
        HubscapeError: a source failed, a check refused, or another run is at work in the same data folder.
    """
    quiet_libraries()
    opened = nullcontext(within) if within else instance(settings.data_dir)
    with only_run(settings.data_dir), opened as dagster_instance:
        _bury_dead_runs(dagster_instance)
        prepare_manifest()
        job = build(settings).resolve_job_def("refresh")
        result = job.execute_in_process(
            instance=dagster_instance, tags=_CLI_TAG, raise_on_error=False, run_config=_PROGRESS_LINES
        )
        if not result.success:
            raise HubscapeError(
                " ".join(causes(result.all_events)) or f"Run {result.run_id} failed: look at it with `make ui`."
            )
        seconds = {e.step_key: e.step_success_data.duration_ms / 1000 for e in result.all_events if e.is_step_success}
        published = result.asset_materializations_for_node("publication")
        facts = {name: value.value for made in published for name, value in made.metadata.items()}
        return RunReport(result.run_id, seconds, facts)


def quiet_libraries() -> None:
    """Turns off what the libraries would send or show by themselves."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")


def only_run(data_dir: Path) -> IO[bytes]:
    """The lock that holds the data folder for one run at a time, until it is closed or its process ends.

    Raises:
        HubscapeError: another run holds it, or the folder cannot be written.
    """
    with writing(data_dir, "name another HUBSCAPE_DATA_DIR"):
        return lock(data_dir / "run.lock", HubscapeError(f"Another run is at work in {data_dir}: wait for it to end."))


@contextmanager
def instance(data_dir: Path) -> Iterator["dg.DagsterInstance"]:
    """The Dagster instance whose history lies in the data folder, set up as dagster.yaml says."""
    from dagster import DagsterInstance

    home = data_dir / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT_DIR / "dagster.yaml", home / "dagster.yaml")
    with DagsterInstance.from_config(str(home)) as dagster_instance:
        yield dagster_instance


def _bury_dead_runs(dagster_instance: "dg.DagsterInstance") -> None:
    """Ends runs of this command that a killed process left open, so that they hold no pool.

    Only called while the data folder is locked: whoever left them is not alive.
    """
    import dagster as dg
    from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

    unfinished = dg.RunsFilter(tags=_CLI_TAG, statuses=list(NOT_FINISHED_STATUSES))
    for dead in dagster_instance.get_runs(filters=unfinished):
        dagster_instance.report_run_canceled(dead, message="The process of this run was killed.")
        dagster_instance.event_log_storage.free_concurrency_slots_for_run(dead.run_id)


def causes(events: Iterable["dg.DagsterEvent"]) -> list[str]:
    """One sentence for each thing that stopped a run, in the order in which it happened."""
    sentences: list[str] = []
    for event in events:
        if event.is_step_failure and event.step_failure_data.user_failure_data:
            sentences.append(event.step_failure_data.user_failure_data.description or "")
        elif event.is_step_failure and event.step_failure_data.error:
            kind = event.step_failure_data.error.cls_name
            if kind == "DagsterAssetCheckFailedError":
                continue  # the check has said it
            if kind == "DagsterExecutionInterruptedError":
                return ["The run was interrupted: run again to go on."]
            sentences.append(f"Step {event.step_key} failed: {_root_cause(event.step_failure_data.error)}")
        elif event.is_run_failure and (failure := event.event_specific_data):  # none where somebody else has ended it
            if failure.error and not failure.first_step_failure_event:
                sentences.append(_root_cause(failure.error))
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            check = event.asset_check_evaluation_data
            if not check.passed and check.blocking and check.severity.value == "ERROR":
                name = "/".join(check.asset_key.path)
                why = f": {check.description}" if check.description else "."
                sentences.append(f"Check {check.check_name} refused {name}{why}")
    return list(dict.fromkeys(filter(None, sentences)))


def _root_cause(error: "SerializableErrorInfo") -> str:
    """The first line of the error that caused all others, without the name of its class."""
    while error.cause:
        error = error.cause
    return re.sub(r"^[\w.]+(Error|Unauthorized|NotFound): ", "", error.message.strip().splitlines()[0])
