"""When the job runs by itself."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


def daily_refresh(job: "UnresolvedAssetJobDefinition", cron: str) -> dg.ScheduleDefinition:
    """`daily_refresh`, off until somebody turns it on in the UI, so that a laptop does not crawl by surprise."""
    return dg.ScheduleDefinition(
        name="daily_refresh",
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Refreshes everything once a day.",
    )
