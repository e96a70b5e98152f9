"""Days of the past as Dagster assets with a partition a day, made from the history of a bulk dataset.

`raw/history` is the raw tables of those days, `release/history` what whole runs of them, one by one, have released.
"""

import datetime as dt
import functools
import warnings
from collections.abc import Callable, Iterator

import dagster as dg

from orchestration.checks.gates import GATE
from orchestration.commands.backfill import backfill, print_days, stands
from orchestration.crawl.past_days import Backfill, fill_raw
from orchestration.crawl.source import HubAccess
from orchestration.failures import plain_failures
from orchestration.hub.bulk import BulkCommit
from orchestration.jobs import DAYS, HISTORY, RELEASE_HISTORY
from orchestration.lake.manifest import Manifest
from orchestration.release.build import release_dir
from orchestration.release.datapackage import read_datapackage
from orchestration.settings import Settings
from orchestration.translator import OWNER

# Makes the release of the day of its settings, in the run history of an instance.
RunDay = Callable[[Settings, dg.DagsterInstance], object]


def past_days(run_day: RunDay) -> list[dg.AssetsDefinition]:
    """`raw/history` and `release/history`, whose days `run_day` makes; a day that the source lacks stays empty."""
    with warnings.catch_warnings():
        # When a backfill policy is no longer called beta, this can go.
        warnings.simplefilter("ignore", dg.BetaWarning)
        shared = {
            "partitions_def": DAYS,
            # The source's history is read once for all days, and each day goes on from the one before.
            "backfill_policy": dg.BackfillPolicy.single_run(),
            "owners": [OWNER],
            "output_required": False,
        }
        return [_raw_history(shared), _release_history(shared, run_day)]


def _raw_history(shared: dict) -> dg.AssetsDefinition:
    @dg.asset(
        key=HISTORY,
        group_name="raw",
        kinds={"huggingface", "parquet"},
        pool="crawl_history",
        description="Raw tables of past days, each from the last commit of that day in HUBSCAPE_BULK_SOURCE.",
        **shared,
    )
    def history(
        context: dg.AssetExecutionContext, hub: dg.ResourceParam[HubAccess], settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult]:
        yield from ()  # the days that exist are reported one by one, below

        def filled(day: dt.date, commit: BulkCommit, manifests: list[Manifest]) -> None:
            metadata = {f"{m.table}_rows": dg.MetadataValue.int(m.rows) for m in manifests}
            metadata["source_commit"] = dg.MetadataValue.text(commit.sha)
            context.log_event(dg.AssetMaterialization(HISTORY, partition=day.isoformat(), metadata=metadata))

        with plain_failures():
            done = fill_raw(settings, hub, GATE, *_days(context), say=context.log.info, on_day=filled)
        _tell(context, done)

    return history


def _release_history(shared: dict, run_day: RunDay) -> dg.AssetsDefinition:
    @dg.asset(
        key=RELEASE_HISTORY,
        deps=[HISTORY],
        group_name="release",
        kinds={"parquet"},
        pool="release_history",
        description="A whole run for each past day, oldest first, as `hubscape backfill` makes them; only the last day "
        "is published, and only if no later release is there.",
        **shared,
    )
    def history(
        context: dg.AssetExecutionContext, hub: dg.ResourceParam[HubAccess], settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult]:
        yield from ()  # the days that have a release are reported one by one, below
        first, last = _days(context)
        run = functools.partial(run_day, instance=context.instance)
        try:
            with plain_failures():
                done = backfill(settings, hub, first, last, run_day=run, say=context.log.info)
        finally:
            for number in range((last - first).days + 1):
                of_day = settings.model_copy(update={"snapshot_date": first + dt.timedelta(days=number)})
                if stands(of_day):
                    context.log_event(_released(of_day))
        _tell(context, done)

    return history


def _days(context: dg.AssetExecutionContext) -> tuple[dt.date, dt.date]:
    """The first and the last of the days that a run is to fill."""
    first, last = context.partition_key_range
    return dt.date.fromisoformat(first), dt.date.fromisoformat(last)


def _tell(context: dg.AssetExecutionContext, done: Backfill) -> None:
    """Says what became of the days; fails where some were refused, though all others stand."""
    print_days(done, context.log.info)
    if done.failure:
        raise dg.Failure(done.failure, allow_retries=False)


def _released(settings: Settings) -> dg.AssetMaterialization:
    package = read_datapackage(release_dir(settings.data_dir, settings.snapshot_date))
    facts = {
        "dagster/row_count": sum(resource.rows for resource in package.resources),
        "tables": len(package.resources),
        "checks": len(package.checks),
    }
    metadata = {name: dg.MetadataValue.int(number) for name, number in facts.items()}
    return dg.AssetMaterialization(RELEASE_HISTORY, partition=settings.snapshot_date.isoformat(), metadata=metadata)
