"""Days of the past as Dagster assets with a partition a day, made from the history of a bulk dataset.

`raw/history` is the raw tables of those days, `release/history` what whole runs of them, one by one, have released.
"""

import datetime as dt
import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
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
from orchestration.resources import Hub, OfRun
from orchestration.settings import Settings
from orchestration.translator import OWNER

# Makes the release of the day of its settings, in the run history of an instance.
RunDay = Callable[[Settings, dg.DagsterInstance], object]


def past_days(run_day: RunDay) -> list[dg.AssetsDefinition]:
    """`raw/history` and `release/history`, whose days `run_day` makes; a day that the source lacks stays empty."""
    about_raw = "Raw tables of past days, each from the last commit of that day in HUBSCAPE_BULK_SOURCE."
    about_days = (
        "A whole run for each past day, oldest first, as `hubscape backfill` makes them; only the last day is "
        "published, and only if no later release is there."
    )
    release = functools.partial(_release, run_day)
    with warnings.catch_warnings():
        # When a backfill policy is no longer called beta, this can go.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return [
            _days(_fill, HISTORY, pool="crawl_history", kinds={"huggingface", "parquet"}, description=about_raw),
            _days(
                release, RELEASE_HISTORY, [HISTORY], pool="release_history", kinds={"parquet"}, description=about_days
            ),
        ]


def _days(
    make: Callable[..., Backfill], key: dg.AssetKey, deps: Sequence[dg.AssetKey] = (), **facts: Any
) -> dg.AssetsDefinition:
    """An asset whose days are made, and reported one by one, by `make`."""

    @dg.asset(
        key=key,
        deps=deps,
        group_name=key.path[0],
        partitions_def=DAYS,
        # The source's history is read once for all days, and each day goes on from the one before.
        backfill_policy=dg.BackfillPolicy.single_run(),
        owners=[OWNER],
        output_required=False,
        **facts,
    )
    def history(context: dg.AssetExecutionContext, hub: Hub, settings: OfRun) -> Iterator[dg.MaterializeResult]:
        yield from ()  # a day is reported where it is made: the source may lack some of them
        first, last = map(dt.date.fromisoformat, context.partition_key_range)
        with plain_failures():
            done = make(context, settings, hub, first, last)
        print_days(done, context.log.info)
        if done.failure:  # all other days stand
            raise dg.Failure(done.failure, allow_retries=False)

    return history


def _fill(context: dg.AssetExecutionContext, settings: Settings, hub: HubAccess, *days: dt.date) -> Backfill:
    def filled(day: dt.date, commit: BulkCommit, manifests: list[Manifest]) -> None:
        _report(context, HISTORY, day, {f"{m.table}_rows": m.rows for m in manifests} | {"source_commit": commit.sha})

    return fill_raw(settings, hub, GATE, *days, say=context.log.info, on_day=filled)


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
        for day in (first + dt.timedelta(days=number) for number in range((last - first).days + 1)):
            if stands(settings.model_copy(update={"snapshot_date": day})):
                package = read_datapackage(release_dir(settings.data_dir, day))
                facts = {"tables": len(package.resources), "checks": len(package.checks)}
                facts["dagster/row_count"] = sum(resource.rows for resource in package.resources)
                _report(context, RELEASE_HISTORY, day, facts)


def _report(context: dg.AssetExecutionContext, key: dg.AssetKey, day: dt.date, facts: dict[str, Any]) -> None:
    context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), metadata=facts))
