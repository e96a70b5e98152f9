"""Which assets have partitions: raw snapshots and releases of past days, one a UTC day, and nothing else.

Everything else is of the one snapshot of a run, and carries the days before in its rows.
"""

import dagster as dg

HISTORY = dg.AssetKey(["raw", "history"])
RELEASE_HISTORY = dg.AssetKey(["release", "history"])
# The day of the Hub's oldest `createdAt`: no history of it reaches further back. The day that is running counts too.
DAYS = dg.DailyPartitionsDefinition(start_date="2022-03-02", end_offset=1)
