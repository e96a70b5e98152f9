"""Days of the past as Dagster assets with a partition a day, made from the history of a bulk dataset.

`raw/history` is the raw tables of those days, `release/history` what whole runs of them, one by one, have released.
"""

import datetime as dt
import warnings
from collections.abc import Callable, Iterator

import dagster as dg

from orchestration.checks.gates import GATE
from orchestration.commands.backfill import backfill, print_days, stands
from orchestration.crawl.past_days import fill_raw, spans
from orchestration.crawl.source import HubAccess
from orchestration.failures import plain_failures
from orchestration.hub.bulk import BulkCommit
from orchestration.jobs import DAYS, HISTORY, RELEASE_HISTORY
from orchestration.lake.manifest import Manifest
from orchestration.release.build import release_dir
from orchestration.release.datapackage import read_datapackage
from orchestration.settings import Settings
from orchestration.translator import OWNER

RunDay = Callable[[Settings], object]


def past_days(run_day: RunDay) -> list[dg.AssetsDefinition]:
    """`raw/history` and `release/history`, whose days `run_day` makes; a day that the source lacks stays empty."""
    with warnings.catch_warnings():
        # A run in one go is what the policy is for; when it is no longer called beta, this can go.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return [_raw_history(), _release_history(run_day)]


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
        context: dg.AssetExecutionContext,
        hub: dg.ResourceParam[HubAccess],
        settings: dg.ResourceParam[Settings],
    ) -> Iterator[dg.MaterializeResult]:
        yield from ()  # the days that exist are reported one by one, below
        first, last = (dt.date.fromisoformat(day) for day in context.partition_key_range)

        def filled(day: dt.date, commit: BulkCommit, manifests: list[Manifest]) -> None:
            metadata = {f"{m.table}_rows": dg.MetadataValue.int(m.rows) for m in manifests}
            metadata["source_commit"] = dg.MetadataValue.text(commit.sha)
            context.log_event(dg.AssetMaterialization(HISTORY, partition=day.isoformat(), metadata=metadata))

        with plain_failures():
            done = fill_raw(settings, hub, GATE, first, last, say=context.log.info, on_day=filled)
        context.log.info(f"gaps, never filled from other days: {spans(done.gaps) or 'none'}")
        if done.failure:
            raise dg.Failure(done.failure, allow_retries=False)

    return history


def _release_history(run_day: RunDay) -> dg.AssetsDefinition:
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
        context: dg.AssetExecutionContext,
        hub: dg.ResourceParam[HubAccess],
        settings: dg.ResourceParam[Settings],
    ) -> Iterator[dg.MaterializeResult]:
        yield from ()  # the days that have a release are reported one by one, below
        first, last = (dt.date.fromisoformat(day) for day in context.partition_key_range)
        try:
            with plain_failures():
                done = backfill(settings, hub, first, last, run_day=run_day, say=context.log.info)
        finally:
            for number in range((last - first).days + 1):
                of_day = settings.model_copy(update={"snapshot_date": first + dt.timedelta(days=number)})
                if stands(of_day):
                    context.log_event(_released(of_day))
        print_days(done, context.log.info)
        if done.failure:
            raise dg.Failure(done.failure, allow_retries=False)

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
