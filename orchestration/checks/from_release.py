"""The audit of a release as blocking asset checks: its bytes against manifest, contract and card, and its values."""

from collections.abc import Iterator

import dagster as dg

from orchestration.checks.from_expectations import CHECK_NAME, asset_check_result
from orchestration.dbt import MANIFEST
from orchestration.gates import release_outcomes
from orchestration.release.audit import audit
from orchestration.release.build import release_dir
from orchestration.release.contract import read_contract
from orchestration.release.datapackage import DataPackageError, read_datapackage
from orchestration.resources import SettingsResource


def release_checks() -> dg.AssetChecksDefinition:
    """Two blocking checks of the release: `audit` and `expectations`."""

    @dg.multi_asset_check(
        name="release_audit",
        specs=[
            dg.AssetCheckSpec(
                "audit",
                asset=dg.AssetKey(["release"]),
                blocking=True,
                description="Every file is listed and is byte for byte what is listed; schemas are the contract's; "
                "the card says what the manifest says; no check had failed.",
            ),
            dg.AssetCheckSpec(
                CHECK_NAME,
                asset=dg.AssetKey(["release"]),
                blocking=True,
                description="The files hold the rows, keys and dates that the manifest promises.",
            ),
        ],
    )
    def release_audit(settings: SettingsResource) -> Iterator[dg.AssetCheckResult]:
        now = settings.value
        folder = release_dir(now.data_dir, now.snapshot_date)
        findings = audit(folder, read_contract(MANIFEST))
        problems = [finding for finding in findings if finding.problem]
        rows = [dg.TableRecord({"question": f.question, "problem": f.problem}) for f in findings]
        yield dg.AssetCheckResult(
            asset_key=["release"],
            check_name="audit",
            passed=not problems,
            description=problems[0].problem if problems else f"{len(findings)} questions answered well.",
            metadata={"findings": dg.MetadataValue.table(rows)},
        )
        try:
            outcomes = release_outcomes(now, read_datapackage(folder))
        except DataPackageError as error:
            yield dg.AssetCheckResult(
                asset_key=["release"], check_name=CHECK_NAME, passed=False, description=str(error)
            )
        else:
            yield asset_check_result(outcomes, asset_key=["release"])

    return release_audit
