"""The dbt build as Dagster assets: one invocation writes the warehouse, models and tests together."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.checks.build_log import faults, with_facts
from orchestration.dbt import dbt_project, run_dbt
from orchestration.failures import plain_failures
from orchestration.resources import WAREHOUSE_POOL, OfRun
from orchestration.settings import Settings
from orchestration.translator import LayerTranslator

if TYPE_CHECKING:
    from dbt.contracts.results import NodeResult
    from dbt_common.events.base_types import EventMsg

_SECONDS_BETWEEN_WORDS = 3
_ID = "dagster_dbt/unique_id"  # what dagster-dbt notes on every asset and check


def transform_assets(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """All dbt models, seeds and tests as one multi-asset."""

    @dbt_assets(manifest=manifest, project=dbt_project(), dagster_dbt_translator=LayerTranslator(), pool=WAREHOUSE_POOL)
    def dbt_build(context: dg.AssetExecutionContext, settings: OfRun, dbt: dg.ResourceParam[Future]) -> Iterator[Any]:
        # Unit tests are no asset checks; `make test` runs them.
        words = ["build", "--exclude-resource-type", "unit_test", *selection(context, manifest)]
        with plain_failures():
            done = run_dbt(settings, *words, on_event=progress(context.log.info), parsed=dbt.result())
        results = list(done.result.results) if done.result else []
        context.log.info(f"{_counted(result.node.resource_type for result in results)} done")
        yield from with_facts(events(results, context), settings, manifest, context.log.warning)
        if not done.success:
            raise dg.Failure(refusal(results, settings), allow_retries=False)

    return dbt_build


def selection(context: dg.AssetExecutionContext, manifest: Mapping[str, Any]) -> list[str]:
    """What dbt is told to build where Dagster was asked for a part, by the names that dbt gives its nodes.

    Tests come along with their models, those of other models that look at them too; if Dagster leaves some out, only
    those that it asks for.
    """
    checks = context.assets_def.node_check_specs_by_output_name.values()
    every, asked = [*context.assets_def.specs, *checks], context.selected_asset_keys | context.selected_asset_check_keys
    wanted = [spec for spec in every if spec.key in asked]
    if len(wanted) == len(every):
        return []
    left_out = any(check.asset_key in asked and check.key not in asked for check in checks)
    names = [".".join(manifest["nodes"][spec.metadata[_ID]]["fqn"]) for spec in wanted]
    return [*(["--indirect-selection", "empty"] if left_out else []), "--select", *names]


def progress(say: Callable[[str], None]) -> Callable[["EventMsg"], None]:
    """Counts nodes as dbt ends them, with a word every few seconds."""
    said, kinds = time.monotonic(), list[str]()

    def hear(event: "EventMsg") -> None:
        nonlocal said
        if event.info.name != "NodeFinished":
            return
        kinds.append(event.data.node_info.resource_type)
        if time.monotonic() - said > _SECONDS_BETWEEN_WORDS:
            said = time.monotonic()
            say(f"{_counted(kinds)} done so far")

    return hear


def _counted(kinds: Iterable[str]) -> str:
    found = Counter(kinds)
    return f"{found['model'] + found['seed']} models and seeds, {found['test']} tests"


def events(
    results: Iterable["NodeResult"], context: dg.AssetExecutionContext
) -> Iterator[dg.Output | dg.AssetCheckResult]:
    """A materialization for each model and seed that was built, a check result for each test that ran."""
    assets = {spec.metadata[_ID]: spec.key for spec in context.assets_def.specs}
    checks = {spec.metadata[_ID]: spec for spec in context.assets_def.check_specs}
    for result in results:
        name, status = result.node.unique_id, str(result.status)
        told = {"unique_id": name, "status": status, "Execution Duration": result.execution_time}
        if name in assets and status == "success":
            yield dg.Output(None, output_name=assets[name].to_python_identifier(), metadata=told)
        elif name in checks and status != "skipped":
            check, severity = checks[name], dg.AssetCheckSeverity["WARN" if status == "warn" else "ERROR"]
            key = {"asset_key": check.asset_key, "check_name": check.name}
            yield dg.AssetCheckResult(passed=status == "pass", severity=severity, metadata=told, **key)


def refusal(results: Sequence["NodeResult"], settings: Settings) -> str:
    """One sentence on why a dbt build failed, naming the first nodes that did not pass and the rows they failed on."""
    log = settings.data_dir / "dbt" / "dbt.log"
    if not results:
        return f"dbt did not come to a result: read {log} and run again."
    failed = [(r.node.unique_id, r.failures) for r in results if r.status in {"fail", "error", "runtime error"}]
    found = faults(settings)
    names = ", ".join(_named(name, *found.get(name, (failures, ""))) for name, failures in failed[:3])
    said = f"{len(failed)} of {len(results)} nodes failed, first {names}"
    return f"dbt refused the snapshot: {said}; {log} has the details."


def _named(unique_id: str, failures: int | None, sample: str) -> str:
    name = unique_id.split(".")[2]
    return f"{name} ({failures} rows{': ' + sample if sample else ''})" if failures else name
