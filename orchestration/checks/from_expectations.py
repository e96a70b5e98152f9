"""Great Expectations suites as blocking asset checks, one a table, and their verdicts kept for later steps."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import dagster as dg

from expectations import marts
from expectations.outcome import Outcome
from expectations.runner import check_marts, check_raw
from orchestration.checks.build_log import build_subject
from orchestration.checks.gates import last_accepted, mart_rules, raw_rules, raw_subject
from orchestration.checks.verdicts import Verdict, write_verdict
from orchestration.failures import plain_failures
from orchestration.lake import schemas, snapshot
from orchestration.lake.bulk import was_observed
from orchestration.lake.manifest import Manifest
from orchestration.release.contract import read_contract
from orchestration.release.datapackage import CheckResult
from orchestration.release.export import open_warehouse
from orchestration.resources import WAREHOUSE_POOL
from orchestration.settings import Settings

CHECK_NAME = "expectations"


def raw_checks() -> list[dg.AssetChecksDefinition]:
    """One blocking check for each raw table."""
    return [_raw_check(table) for table in schemas.SCHEMAS]


def _raw_check(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=dg.AssetKey(["raw", table]),
        name=CHECK_NAME,
        blocking=True,
        description="Not empty, key unique, and neither ill-typed rows nor lost volume pass a set share.",
    )
    def check(settings: dg.ResourceParam[Settings]) -> dg.AssetCheckResult:
        with plain_failures():
            snapshot.verify(settings.data_dir, table, settings.snapshot_date)
        subject, rules = raw_subject(settings, table), raw_rules(settings, table)
        manifest = snapshot.read_manifest(settings.data_dir, table, settings.snapshot_date)
        if not was_observed(manifest):
            return keep(settings, "raw", table, subject, rules, [_not_observed(table, manifest)])
        previous = last_accepted(settings, table)
        outcomes = check_raw(
            settings.data_dir,
            settings.snapshot_date,
            [table],
            previous_rows={table: previous.rows if previous else None},
            max_drop_share=settings.max_volume_drop,
            max_fault_share=settings.max_fault_share,
            memory_limit=settings.reading_memory_limit,
        )
        return keep(settings, "raw", table, subject, rules, outcomes)

    return check


def mart_checks(manifest: Path) -> dg.AssetChecksDefinition:
    """One blocking check for each published mart, all run in one pass over the warehouse."""
    tables = [table.name for table in read_contract(manifest).tables]

    @dg.multi_asset_check(
        name="marts_expectations",
        pool=WAREHOUSE_POOL,  # a reader keeps the writer out
        can_subset=True,  # or no mart could be materialized alone
        specs=[
            dg.AssetCheckSpec(
                CHECK_NAME,
                asset=dg.AssetKey([table]),
                blocking=True,
                description="Values lie in their domains, the key is unique, and there are rows where there must be.",
            )
            for table in tables
        ],
    )
    def marts_expectations(
        context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.AssetCheckResult]:
        asked = [
            table
            for table in tables
            if dg.AssetCheckKey(dg.AssetKey([table]), CHECK_NAME) in context.selected_asset_check_keys
        ]
        snapshots = {t: snapshot.read_manifest(settings.data_dir, t, settings.snapshot_date) for t in schemas.SCHEMAS}
        warehouse = settings.data_dir / "warehouse.duckdb"
        with plain_failures(), open_warehouse(warehouse, memory_limit=settings.reading_memory_limit) as connection:
            subject = build_subject(connection)
        suites = marts.suites(
            json.loads(manifest.read_text()),
            {table: held.rows for table, held in snapshots.items()},
            settings.max_fault_share,
            [table for table, held in snapshots.items() if not was_observed(held)],
        )
        outcomes = check_marts(
            warehouse, {table: suites[table] for table in asked}, memory_limit=settings.reading_memory_limit
        )
        rules = mart_rules(settings, manifest)
        for table in asked:
            found = [outcome for outcome in outcomes if outcome.table == table]
            yield keep(settings, "marts", table, subject, rules[table], found)

    return marts_expectations


def _not_observed(table: str, manifest: Manifest) -> Outcome:
    """A warning, in the place of all rules: nothing can be asked of a table that its source does not have."""
    return Outcome(
        layer="raw",
        table=table,
        expectation="table_observed",
        column=None,
        severity="warn",
        success=False,
        rows_tested=manifest.rows,
        rows_failing=0,
        threshold="a source that has the table",
        observed=f"none: {', '.join(manifest.not_found)} is not there",
    )


def keep(
    settings: Settings, layer: str, table: str, subject: str, rules: str, outcomes: Sequence[Outcome]
) -> dg.AssetCheckResult:
    """Writes the verdict by the rules of that name for later steps and returns it as Dagster shows it."""
    verdict = Verdict(
        layer=layer,
        table=table,
        snapshot_date=settings.snapshot_date,
        subject=subject,
        rules=rules,
        results=[check_result(outcome) for outcome in outcomes],
    )
    write_verdict(settings.data_dir, verdict)
    return asset_check_result(outcomes, asset_key=["raw", table] if layer == "raw" else [table])


def check_result(outcome: Outcome) -> CheckResult:
    """An outcome as the release's manifest records it."""
    failed = "failed" if outcome.severity == "error" else "warned"
    name = f"{outcome.expectation}:{outcome.column}" if outcome.column else outcome.expectation
    return CheckResult(
        layer=outcome.layer,
        table=outcome.table,
        check=name,
        severity=outcome.severity,
        verdict="passed" if outcome.success else failed,
        rows_tested=outcome.rows_tested,
        rows_failing=outcome.rows_failing,
    )


def asset_check_result(
    outcomes: Iterable[Outcome], *, asset_key: Sequence[str], check_name: str = CHECK_NAME
) -> dg.AssetCheckResult:
    """One check that fails as hard as its worst outcome; what failed comes first in its table."""
    ordered = sorted(outcomes, key=lambda outcome: (outcome.success, outcome.severity))
    failed = [outcome for outcome in ordered if not outcome.success]
    errors = [outcome for outcome in failed if outcome.severity == "error"]
    rows = [
        dg.TableRecord(
            {
                "expectation": outcome.expectation,
                "column": outcome.column or "",
                "verdict": check_result(outcome).verdict,
                "rows_tested": outcome.rows_tested,
                "rows_failing": outcome.rows_failing,
                "threshold": outcome.threshold,
                "observed": outcome.observed,
                "sample_keys": ", ".join(outcome.sample_keys),
            }
        )
        for outcome in ordered
    ]
    return dg.AssetCheckResult(
        asset_key=list(asset_key),
        check_name=check_name,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if errors or not failed else dg.AssetCheckSeverity.WARN,
        description=(errors or failed)[0].summary if failed else f"{len(ordered)} expectations hold.",
        metadata={"expectations": dg.MetadataValue.table(rows, _TABLE), "failed": len(failed)},
    )


_TABLE = dg.TableSchema(
    columns=[
        dg.TableColumn("expectation", "string"),
        dg.TableColumn("column", "string"),
        dg.TableColumn("verdict", "string"),
        dg.TableColumn("rows_tested", "int"),
        dg.TableColumn("rows_failing", "int"),
        dg.TableColumn("threshold", "string"),
        dg.TableColumn("observed", "string"),
        dg.TableColumn("sample_keys", "string"),
    ]
)
