"""The jobs, when they run by themselves, what has partitions, and when what they make counts as old.

`refresh` is everything from a Hub's pages to a verified publication; `backfill` is raw days of the past. Only past days
have partitions, one a UTC day: all else is of the one snapshot of a run, and carries the days before in its rows.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

HISTORY = dg.AssetKey(["raw", "history"])
RELEASE_HISTORY = dg.AssetKey(["release", "history"])
# The day of the Hub's oldest `createdAt`: no history of it reaches further back. The day that is running counts too.
DAYS = dg.DailyPartitionsDefinition(start_date="2022-03-02", end_offset=1)
# A run that a killed process left behind is ended by run monitoring after this long.
MAX_RUNTIME_SECONDS = 6 * 3600
# A run may start a day after the last one and take as long as run monitoring lets it: until then, what is there is the
# newest that can be. Later than that a day is missing, or late. Partitions of the past and marts have no such hour.
FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=1, seconds=MAX_RUNTIME_SECONDS))


def refresh_job() -> "UnresolvedAssetJobDefinition":
    """`refresh`: all assets and checks of one snapshot."""
    return dg.define_asset_job(
        "refresh",
        # The days of the past have partitions, which a job has for all of its assets or for none.
        selection=dg.AssetSelection.all() - dg.AssetSelection.assets(HISTORY, RELEASE_HISTORY),
        tags={"dagster/max_runtime": str(MAX_RUNTIME_SECONDS)},
        description="Pulls a snapshot of the Hub, builds and checks the marts, releases and publishes them.",
    )


def backfill_job() -> "UnresolvedAssetJobDefinition":
    """`backfill`: the raw tables of a range of past days, in one run."""
    return dg.define_asset_job(
        "backfill",
        selection=dg.AssetSelection.assets(HISTORY),
        partitions_def=DAYS,
        tags={"dagster/max_runtime": str(MAX_RUNTIME_SECONDS)},
        description="Takes the raw tables of past days from the history of a bulk dataset, without gaps being filled.",
    )


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
