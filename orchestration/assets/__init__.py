"""Dagster assets, a module a layer: raw tables, the dbt build, the release and its publication."""
