"""Raw snapshots on disk. Knows no Dagster, no Hub, no settings: callers pass plain arguments."""
