"""Great Expectations suites as blocking asset checks, one a table, and their verdicts kept for later steps."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import dagster as dg

from expectations import marts
from expectations.outcome import Outcome, refusals
from expectations.runner import check_marts, check_raw
from orchestration.checks.build_log import build_subject, open_build
from orchestration.checks.gates import last_accepted, mart_rules, raw_rules, raw_subject, raw_suite
from orchestration.checks.verdicts import Verdict, write_verdict
from orchestration.failures import plain_failures
from orchestration.lake import snapshot
from orchestration.lake.bulk import was_observed
from orchestration.lake.manifest import Manifest
from orchestration.lake.schemas import SCHEMAS
from orchestration.metadata import table_of
from orchestration.release.contract import read_contract
from orchestration.release.datapackage import CheckResult
from orchestration.resources import WAREHOUSE_POOL, OfRun
from orchestration.settings import Settings

CHECK_NAME = "expectations"


def raw_checks() -> list[dg.AssetChecksDefinition]:
    """One blocking check for each raw table."""
    return [_raw_check(table) for table in SCHEMAS]


def _raw_check(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=dg.AssetKey(["raw", table]),
        name=CHECK_NAME,
        blocking=True,
        description=(
            "Not empty, key unique, of its own day, read to its end, counters live, and neither ill-typed rows nor lost"
            " volume pass a set share."
        ),
    )
    def check(settings: OfRun) -> dg.AssetCheckResult:
        with plain_failures():
            manifest = snapshot.verify(settings.data_dir, table, settings.snapshot_date)
        subject, rules = raw_subject(settings, table), raw_rules(settings, table)
        outcomes = _raw_outcomes(settings, manifest) if was_observed(manifest) else [_not_observed(table, manifest)]
        return keep(settings, "raw", table, subject, rules, outcomes)

    return check


def _raw_outcomes(settings: Settings, manifest: Manifest) -> list[Outcome]:
    """What the rules of a table find; those of a column that its source does not have are not asked."""
    previous = last_accepted(settings, manifest.table)
    rules = raw_suite(settings, manifest.table, previous.rows if previous else None)
    asked = {manifest.table: [rule for rule in rules if rule.column not in manifest.not_observed]}
    lacking = dict.fromkeys(rule.column for rule in rules if rule.column in manifest.not_observed)
    before = {manifest.table: previous.snapshot_date} if previous else {}
    found = check_raw(
        settings.data_dir, settings.snapshot_date, asked, before=before, memory_limit=settings.reading_memory_limit
    )
    return found + [_not_observed(manifest.table, manifest, column) for column in lacking]


def _not_observed(table: str, manifest: Manifest, column: str | None = None) -> Outcome:
    """A warning, in the place of all rules: nothing can be asked of a table or column that its source does not have."""
    what = "column" if column else "table"
    wanted = f"a source that has the {what}"
    found = f"not observed: {column or ', '.join(manifest.not_found)} is not there"
    return Outcome("raw", table, f"{what}_observed", column, "warn", False, manifest.rows, 0, wanted, found)


def mart_checks(manifest: Path) -> dg.AssetChecksDefinition:
    """One blocking check for each published mart, all run in one pass over the warehouse."""

    @dg.multi_asset_check(
        name="marts_expectations",
        pool=WAREHOUSE_POOL,  # a reader keeps the writer out
        can_subset=True,  # or no mart could be materialized alone
        specs=[
            dg.AssetCheckSpec(
                CHECK_NAME,
                asset=dg.AssetKey([table.name]),
                blocking=True,
                description="Values lie in their domains, the key is unique, and there are rows where there must be.",
            )
            for table in read_contract(manifest).tables
        ],
    )
    def marts_expectations(context: dg.AssetCheckExecutionContext, settings: OfRun) -> Iterator[dg.AssetCheckResult]:
        tables = sorted(check.asset_key.path[-1] for check in context.selected_asset_check_keys)
        with plain_failures():
            subject, outcomes = _mart_outcomes(settings, manifest, tables)
        rules = mart_rules(settings, manifest)
        for table in tables:
            found = [outcome for outcome in outcomes if outcome.table == table]
            yield keep(settings, "marts", table, subject, rules[table], found)

    return marts_expectations


def _mart_outcomes(settings: Settings, manifest: Path, tables: Iterable[str]) -> tuple[str, list[Outcome]]:
    """What names the warehouse, and what the suites find in its tables."""
    with open_build(settings) as connection:
        subject = build_subject(connection)
    held = {table: snapshot.read_manifest(settings.data_dir, table, settings.snapshot_date) for table in SCHEMAS}
    rows, unobserved = {t: m.rows for t, m in held.items()}, [t for t, m in held.items() if not was_observed(m)]
    unobserved += [f"{table}.{column}" for table, manifest in held.items() for column in manifest.not_observed]
    suites = marts.suites(json.loads(manifest.read_text()), rows, settings.max_fault_share, unobserved)
    asked, warehouse = {table: suites[table] for table in tables}, settings.data_dir / "warehouse.duckdb"
    return subject, check_marts(warehouse, asked, memory_limit=settings.reading_memory_limit)


def keep(
    settings: Settings, layer: str, table: str, subject: str, rules: str, outcomes: Sequence[Outcome]
) -> dg.AssetCheckResult:
    """Writes the verdict by the rules of that name for later steps and returns it as Dagster shows it."""
    results = [CheckResult.model_validate(outcome, from_attributes=True) for outcome in outcomes]
    day = settings.snapshot_date
    verdict = Verdict(layer=layer, table=table, snapshot_date=day, subject=subject, rules=rules, results=results)
    write_verdict(settings.data_dir, verdict)
    return asset_check_result(outcomes, ["raw", table] if layer == "raw" else [table])


def asset_check_result(outcomes: Iterable[Outcome], asset_key: Sequence[str]) -> dg.AssetCheckResult:
    """One check that fails as hard as its worst outcome; what failed comes first in its table."""
    ordered = sorted(outcomes, key=lambda outcome: (outcome.success, outcome.severity))
    failed = [outcome for outcome in ordered if not outcome.success]
    errors = refusals(failed)
    rows = [
        {
            "expectation": outcome.expectation,
            "column": outcome.column or "",
            "verdict": outcome.verdict,
            "rows_tested": outcome.rows_tested,
            "rows_failing": outcome.rows_failing,
            "threshold": outcome.threshold,
            "observed": outcome.observed,
            "sample_keys": ", ".join(outcome.sample_keys),
        }
        for outcome in ordered
    ]
    return dg.AssetCheckResult(
        asset_key=list(asset_key),
        check_name=CHECK_NAME,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if errors or not failed else dg.AssetCheckSeverity.WARN,
        description=(errors or failed)[0].summary if failed else f"{len(ordered)} expectations hold.",
        metadata={"expectations": table_of(rows), "failed": len(failed)},
    )
