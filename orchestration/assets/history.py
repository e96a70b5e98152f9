"""Days of the past as Dagster assets with a partition a day, made from the history of a bulk dataset.

`raw/history` is the raw tables of those days, `release/history` what whole runs of them, one by one, have released.
"""

import datetime as dt
import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

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
_RAW = "Raw tables of past days, each from the last commit of that day in HUBSCAPE_BULK_SOURCE."
_RELEASES = (
    "A whole run for each past day, oldest first, as `hubscape backfill` makes them; only the last day is published, "
    "and only if no later release is there."
)


def past_days(run_day: RunDay) -> list[dg.AssetsDefinition]:
    """`raw/history` and `release/history`, whose days `run_day` makes; a day that the source lacks stays empty."""
    release = functools.partial(_release, run_day)
    with warnings.catch_warnings():
        # When a backfill policy is no longer called beta, this can go.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return [
            _history(HISTORY, _fill_raw, _RAW, {"huggingface", "parquet"}, pool="crawl_history"),
            _history(RELEASE_HISTORY, release, _RELEASES, {"parquet"}, pool="release_history", deps=[HISTORY]),
        ]


def _history(
    key: dg.AssetKey, make_days: Callable[..., Backfill], description: str, kinds: set[str], **facts: Any
) -> dg.AssetsDefinition:
    """An asset whose days are made, and reported one by one, by `make_days`."""

    @dg.asset(
        key=key,
        group_name=key.path[0],
        description=description,
        kinds=kinds,
        partitions_def=DAYS,
        # The source's history is read once for all days, and each day goes on from the one before.
        backfill_policy=dg.BackfillPolicy.single_run(),
        owners=[OWNER],
        output_required=False,
        **facts,
    )
    def history(
        context: dg.AssetExecutionContext, hub: dg.ResourceParam[HubAccess], settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult]:
        yield from ()  # days are reported where they are made, for each may be one that the source lacks
        first, last = map(dt.date.fromisoformat, context.partition_key_range)
        with plain_failures():
            done = make_days(context, settings, hub, first, last)
        print_days(done, context.log.info)
        if done.failure:  # though all other days stand
            raise dg.Failure(done.failure, allow_retries=False)

    return history


def _fill_raw(
    context: dg.AssetExecutionContext, settings: Settings, hub: HubAccess, first: dt.date, last: dt.date
) -> Backfill:
    def filled(day: dt.date, commit: BulkCommit, manifests: list[Manifest]) -> None:
        metadata = {"source_commit": commit.sha, **{f"{m.table}_rows": m.rows for m in manifests}}
        context.log_event(dg.AssetMaterialization(HISTORY, partition=day.isoformat(), metadata=metadata))

    return fill_raw(settings, hub, GATE, first, last, say=context.log.info, on_day=filled)


def _release(
    run_day: RunDay,
    context: dg.AssetExecutionContext,
    settings: Settings,
    hub: HubAccess,
    first: dt.date,
    last: dt.date,
) -> Backfill:
    run = functools.partial(run_day, instance=context.instance)
    try:
        return backfill(settings, hub, first, last, run_day=run, say=context.log.info)
    finally:
        for number in range((last - first).days + 1):
            of_day = settings.model_copy(update={"snapshot_date": first + dt.timedelta(days=number)})
            if stands(of_day):
                context.log_event(_released(of_day))


def _released(settings: Settings) -> dg.AssetMaterialization:
    package = read_datapackage(release_dir(settings.data_dir, settings.snapshot_date))
    metadata = {
        "dagster/row_count": sum(resource.rows for resource in package.resources),
        "tables": len(package.resources),
        "checks": len(package.checks),
    }
    return dg.AssetMaterialization(RELEASE_HISTORY, partition=settings.snapshot_date.isoformat(), metadata=metadata)
