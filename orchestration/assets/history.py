"""Raw days of the past as one Dagster asset with a partition a day, filled from the history of a bulk dataset."""

import datetime as dt
import warnings
from collections.abc import Iterator

import dagster as dg

from orchestration.backfill import fill_raw, spans
from orchestration.bulk import HubAccess
from orchestration.failures import plain_failures
from orchestration.hub.bulk import BulkCommit
from orchestration.lake.manifest import Manifest
from orchestration.partitions import HISTORY, RAW_DAYS
from orchestration.resources import HubResource, SettingsResource
from orchestration.settings import SettingsError
from orchestration.translator import OWNER


def raw_history() -> dg.AssetsDefinition:
    """`raw/history`: the raw tables of past days. A day that the source does not have stays unmaterialized."""
    with warnings.catch_warnings():
        # A run in one go is what the policy is for; when it is no longer called beta, this can go.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return _history()


def _history() -> dg.AssetsDefinition:
    @dg.asset(
        key=HISTORY,
        partitions_def=RAW_DAYS,
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
