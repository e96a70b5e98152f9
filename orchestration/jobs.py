"""The one job: everything from a Hub's pages to a verified publication."""

from typing import TYPE_CHECKING

import dagster as dg

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
        selection=dg.AssetSelection.all(),
        executor_def=dg.in_process_executor,
        tags={"dagster/max_runtime": str(MAX_RUNTIME_SECONDS)},
        description="Pulls a snapshot of the Hub, builds and checks the marts, releases and publishes them.",
    )
