"""Wires assets, checks, jobs, schedule, sensors and resources together. The only place where that happens."""

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.dbt import MANIFEST, prepare_manifest
from orchestration.settings import Settings, load_settings


def build_definitions(
    settings: Settings | None = None, *, overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Everything Dagster knows of Hubscape.

    Args:
        settings: those of every run; None has each run read the environment's at its start.
        overrides: resources by name (`settings`, `hub`, `dbt`), in place of the ones wired here, for all that use them.

    Raises:
        HubscapeError: the dbt manifest is missing; `make install` writes it.
        SettingsError: a variable cannot be used.
    """
    from dagster_dbt.dbt_project import using_dagster_dev

    from orchestration.assets.history import past_days
    from orchestration.assets.raw import raw_assets
    from orchestration.assets.release import release_assets
    from orchestration.assets.transform import transform_assets
    from orchestration.checks.from_expectations import mart_checks, raw_checks
    from orchestration.checks.from_release import release_checks
    from orchestration.commands.run import run_refresh
    from orchestration.console import progress_lines
    from orchestration.jobs import backfill_job, daily_refresh, refresh_job
    from orchestration.release.contract import read_contract
    from orchestration.resources import dbt_resource, hub_resource, settings_resource
    from orchestration.sensors import alert_sensors

    if using_dagster_dev():  # elsewhere the manifest is a part of the installation
        prepare_manifest()
    contract = read_contract(MANIFEST)
    dbt_manifest = json.loads(MANIFEST.read_text())
    marts = [table.name for table in contract.tables]
    now = settings or load_settings()
    job = refresh_job()
    return dg.Definitions(
        assets=[
            *raw_assets(dbt_manifest),
            *past_days(lambda of_day, instance: run_refresh(of_day, build_definitions, instance)),
            transform_assets(dbt_manifest),
            *release_assets(marts, contract.history, dbt_manifest),
        ],
        asset_checks=[*raw_checks(), mart_checks(MANIFEST), release_checks()],
        jobs=[job, backfill_job()],
        schedules=[daily_refresh(job, now.schedule_cron, runs=now.runs_by_itself)],
        sensors=alert_sensors(runs=now.runs_by_itself),
        resources={
            "settings": settings_resource(settings),
            "hub": hub_resource,
            "dbt": dbt_resource,
            **(overrides or {}),
        },
        loggers={"console": progress_lines},
        # One process a run, also for what is clicked in the UI: settings and sandbox belong to a run, not to a step.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What workspace.yaml loads."""
    return build_definitions()
