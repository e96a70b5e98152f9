"""The jobs: `refresh`, everything from a Hub's pages to a verified publication; `backfill`, raw days of the past."""

from typing import TYPE_CHECKING

import dagster as dg

from orchestration.partitions import DAYS, HISTORY, RELEASE_HISTORY

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

# A run that a killed process left behind is ended by run monitoring after this long.
MAX_RUNTIME_SECONDS = 6 * 3600


def refresh_job() -> "UnresolvedAssetJobDefinition":
    """`refresh`: all assets and checks of one snapshot, in one process.

    One process because DuckDB takes one writer, and because importing the checks' library costs seconds each time.
    """
    return dg.define_asset_job(
        "refresh",
        # The days of the past have partitions, which a job has for all of its assets or for none.
        selection=dg.AssetSelection.all() - dg.AssetSelection.assets(HISTORY, RELEASE_HISTORY),
        executor_def=dg.in_process_executor,
        tags={"dagster/max_runtime": str(MAX_RUNTIME_SECONDS)},
        description="Pulls a snapshot of the Hub, builds and checks the marts, releases and publishes them.",
    )


def backfill_job() -> "UnresolvedAssetJobDefinition":
    """`backfill`: the raw tables of a range of past days, in one run."""
    return dg.define_asset_job(
        "backfill",
        selection=dg.AssetSelection.assets(HISTORY),
        partitions_def=DAYS,
        executor_def=dg.in_process_executor,
        tags={"dagster/max_runtime": str(MAX_RUNTIME_SECONDS)},
        description="Takes the raw tables of past days from the history of a bulk dataset, without gaps being filled.",
    )
