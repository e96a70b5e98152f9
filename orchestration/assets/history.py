"""Days of the past as Dagster assets with a partition a day, made from the history of a bulk dataset.

`raw/history` is the raw tables of those days, `release/history` what whole runs of them, one by one, have released.
"""

import datetime as dt
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from orchestration.backfill import fill_raw, spans, stands
from orchestration.bulk import HubAccess
from orchestration.failures import plain_failures
from orchestration.hub.bulk import BulkCommit
from orchestration.lake.manifest import Manifest
from orchestration.partitions import DAYS, HISTORY, RELEASE_HISTORY
from orchestration.release.build import release_dir
from orchestration.release.datapackage import read_datapackage
from orchestration.resources import HubResource, SettingsResource
from orchestration.settings import PROJECT_DIR, Settings, SettingsError
from orchestration.translator import OWNER

# How long a child that was asked to stop may take to do so: it ends the step that it is in.
_STOP_SECONDS = 60


def past_days() -> list[dg.AssetsDefinition]:
    """`raw/history` and `release/history`. A day that the source does not have stays unmaterialized."""
    with warnings.catch_warnings():
        # A run in one go is what the policy is for; when it is no longer called beta, this can go.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return [_raw_history(), _release_history()]


def _raw_history() -> dg.AssetsDefinition:
    @dg.asset(
        key=HISTORY,
        partitions_def=DAYS,
        # The source's history is read once for all days, and each day must follow the one before.
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="raw",
        owners=[OWNER],
        kinds={"huggingface", "parquet"},
        output_required=False,
        pool="crawl_history",
        description="Raw tables of past days, each from the last commit of that day in HUBSCAPE_BULK_SOURCE.",
    )
    def history(
        context: dg.AssetExecutionContext, hub: HubResource, settings: SettingsResource
    ) -> Iterator[dg.MaterializeResult]:
        yield from ()  # the days that exist are reported one by one, below
        first, last = (dt.date.fromisoformat(day) for day in context.partition_key_range)

        def filled(day: dt.date, commit: BulkCommit, manifests: list[Manifest]) -> None:
            metadata = {f"{m.table}_rows": dg.MetadataValue.int(m.rows) for m in manifests}
            metadata["source_commit"] = dg.MetadataValue.text(commit.sha)
            context.log_event(dg.AssetMaterialization(HISTORY, partition=day.isoformat(), metadata=metadata))

        with plain_failures():
            try:
                done = fill_raw(
                    settings.value, HubAccess(hub.endpoint, hub.token), first, last, say=context.log.info, on_day=filled
                )
            except SettingsError as error:
                raise dg.Failure(str(error), allow_retries=False) from None
        context.log.info(f"gaps, never filled from other days: {spans(done.gaps) or 'none'}")
        if done.failure:
            raise dg.Failure(done.failure, allow_retries=False)

    return history


def _release_history() -> dg.AssetsDefinition:
    @dg.asset(
        key=RELEASE_HISTORY,
        deps=[HISTORY],
        partitions_def=DAYS,
        # A day carries on the history that the day before it released.
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="release",
        owners=[OWNER],
        kinds={"parquet"},
        output_required=False,
        pool="release_history",
        description="A whole run for each past day, oldest first, as `hubscape backfill` makes them; only the last day "
        "is published, and only if no later release is there.",
    )
    def history(
        context: dg.AssetExecutionContext, hub: HubResource, settings: SettingsResource
    ) -> Iterator[dg.MaterializeResult]:
        yield from ()  # the days that have a release are reported one by one, below
        first, last = (dt.date.fromisoformat(day) for day in context.partition_key_range)
        with _child("backfill", "--from", f"{first}", "--to", f"{last}", endpoint=hub.endpoint) as child:
            said = ""
            for line in child.stdout or []:
                context.log.info(said := line.rstrip())
        for number in range((last - first).days + 1):
            of_day = settings.value.model_copy(update={"snapshot_date": first + dt.timedelta(days=number)})
            if stands(of_day):
                context.log_event(_released(of_day))
        if child.returncode:
            why = said.removeprefix("hubscape: ")
            if why == said:
                why = f"The process of the backfill ended with {child.returncode}; the last that it said was: {said}"
            raise dg.Failure(why, allow_retries=False)

    return history


def _released(settings: Settings) -> dg.AssetMaterialization:
    package = read_datapackage(release_dir(settings.data_dir, settings.snapshot_date))
    return dg.AssetMaterialization(
        RELEASE_HISTORY,
        partition=settings.snapshot_date.isoformat(),
        metadata={
            "dagster/row_count": dg.MetadataValue.int(sum(resource.rows for resource in package.resources)),
            "tables": dg.MetadataValue.int(len(package.resources)),
            "checks": dg.MetadataValue.int(len(package.checks)),
        },
    )


@contextmanager
def _child(*words: str, endpoint: str) -> Iterator[subprocess.Popen[str]]:
    """A `hubscape` command in a process of its own, as each day takes its settings from the environment.

    It has ended when the block has; one that is left early, as when the run is terminated, is told to stop.
    """
    command = [sys.executable, "-m", "orchestration.cli", *words]
    environment = {**os.environ, "HF_ENDPOINT": endpoint}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    child = subprocess.Popen(command, env=environment, cwd=PROJECT_DIR, text=True, **pipes)
    try:
        yield child
        child.wait()
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
