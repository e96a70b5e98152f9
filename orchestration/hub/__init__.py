"""Talks to a Hub over HTTP. Knows no Dagster, no files on disk, no settings: callers pass plain arguments."""
