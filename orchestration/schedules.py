"""When the job runs by itself, and when what it makes counts as old."""

from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.jobs import MAX_RUNTIME_SECONDS

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition


# A run may start a day after the last one and take as long as run monitoring lets it: until then, what is there is the
# newest that can be. Later than that a day is missing, or late. Partitions of the past and marts have no such hour.
FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=1, seconds=MAX_RUNTIME_SECONDS))


def daily_refresh(job: "UnresolvedAssetJobDefinition", cron: str, *, runs: bool) -> dg.ScheduleDefinition:
    """`daily_refresh`; unless it `runs` by itself it is off until somebody turns it on in the UI."""
    return dg.ScheduleDefinition(
        name="daily_refresh",
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING if runs else dg.DefaultScheduleStatus.STOPPED,
        description="Refreshes everything once a day, at HUBSCAPE_SCHEDULE_CRON; on by itself in production only.",
    )
