"""Dagster asset checks: they carry what the suites of `expectations` and the audit of `release` find."""
