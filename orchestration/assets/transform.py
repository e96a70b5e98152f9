"""The dbt build as Dagster assets: one invocation writes the warehouse, models and tests together."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation, DbtCliResource, dbt_assets
from dagster_dbt.errors import DagsterDbtCliRuntimeError

from orchestration.checks.build_log import faults, with_facts
from orchestration.dbt import MANIFEST, dbt_project
from orchestration.resources import WAREHOUSE_POOL
from orchestration.settings import Settings
from orchestration.translator import LayerTranslator

_SECONDS_BETWEEN_WORDS = 3


def transform_assets(manifest: Path = MANIFEST) -> dg.AssetsDefinition:
    """All dbt models, seeds and tests as one multi-asset."""

    @dbt_assets(
        manifest=manifest,
        project=dbt_project(),
        name="dbt_build",
        dagster_dbt_translator=LayerTranslator(),
        pool=WAREHOUSE_POOL,
    )
    def dbt_build(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, settings: dg.ResourceParam[Settings]
    ) -> Iterator[Any]:
        # What an earlier build came to must not be read as what this one did.
        (settings.data_dir / "dbt" / "run_results.json").unlink(missing_ok=True)
        # Unit tests are no asset checks; `make test` runs them.
        with dbt_environment(settings):
            invocation = dbt.cli(
                ["build", "--exclude-resource-type", "unit_test"],
                context=context,
                target_path=settings.data_dir / "dbt",
            )
        events, failed = ended(with_progress(invocation.stream(), context.log.info))
        yield from with_facts(events, settings, invocation.manifest, context.log.warning)
        if failed:
            raise dg.Failure(refusal(invocation, settings), allow_retries=False)

    return dbt_build


def ended(events: Iterable[Any]) -> tuple[list[Any], bool]:
    """The events of a build, once it has ended, and whether dbt failed: until then nobody else reads the warehouse."""
    held: list[Any] = []
    try:
        held.extend(events)
    except DagsterDbtCliRuntimeError:
        return held, True
    return held, False


def with_progress(events: Iterable[Any], say: Callable[[str], None]) -> Iterator[Any]:
    """The events as they come, with a word every few seconds on how many models and tests are done."""
    said = time.monotonic()
    counted = {"models and seeds": 0, "tests": 0}
    for event in events:
        counted["tests" if isinstance(event, dg.AssetCheckResult) else "models and seeds"] += 1
        if time.monotonic() - said > _SECONDS_BETWEEN_WORDS:
            said = time.monotonic()
            say(", ".join(f"{count} {name}" for name, count in counted.items()) + " done so far")
        yield event
    say(", ".join(f"{count} {name}" for name, count in counted.items()) + " done")


@contextmanager
def dbt_environment(settings: Settings) -> Iterator[None]:
    """The variables that the dbt profile and sources read, set to the settings of this run."""
    variables = {
        "HUBSCAPE_DATA_DIR": str(settings.data_dir),
        "HUBSCAPE_SNAPSHOT_DATE": settings.snapshot_date.isoformat(),
        "HUBSCAPE_MEMORY_LIMIT": settings.memory_limit,
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def refusal(invocation: DbtCliInvocation, settings: Settings) -> str:
    """One sentence on why a dbt build failed, naming the first nodes that did not pass and the rows they failed on."""
    log = invocation.target_path / "dbt.log"
    try:
        results = invocation.get_artifact("run_results.json")["results"]
    except FileNotFoundError:
        return f"dbt did not come to a result: read {log} and run again."
    failed = [r for r in results if r["status"] in {"fail", "error", "runtime error"}]
    found = faults(settings)
    names = ", ".join(_named(r["unique_id"], *found.get(r["unique_id"], (r["failures"], ""))) for r in failed[:3])
    return (
        f"dbt refused the snapshot: {len(failed)} of {len(results)} nodes failed, first {names}; {log} has the details."
    )


def _named(unique_id: str, failures: int | None, sample: str) -> str:
    name = unique_id.split(".")[2]
    return f"{name} ({failures} rows{': ' + sample if sample else ''})" if failures else name
