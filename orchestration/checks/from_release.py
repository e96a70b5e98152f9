"""The audit of a release as blocking asset checks: its bytes against manifest, contract and card, and its values."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import dagster as dg

from orchestration.checks.from_expectations import CHECK_NAME, asset_check_result
from orchestration.checks.gates import release_outcomes
from orchestration.dbt import MANIFEST
from orchestration.ground.errors import HubscapeError
from orchestration.metadata import table_of
from orchestration.release.audit import audit
from orchestration.release.build import release_dir, set_aside
from orchestration.release.contract import read_contract
from orchestration.release.datapackage import read_datapackage
from orchestration.resources import OfRun
from orchestration.settings import Settings

_DESCRIPTIONS = {
    "audit": "Every file is listed and is byte for byte what is listed; schemas are the contract's; the card says what "
    "the manifest says; no check had failed.",
    CHECK_NAME: "The files hold the rows and dates that the manifest promises, and no control character.",
}


def release_checks() -> dg.AssetChecksDefinition:
    """Two blocking checks of the release: `audit` and `expectations`."""

    @dg.multi_asset_check(
        name="release_audit",
        specs=[
            dg.AssetCheckSpec(name, asset=dg.AssetKey(["release"]), blocking=True, description=description)
            for name, description in _DESCRIPTIONS.items()
        ],
    )
    def release_audit(settings: OfRun) -> Iterator[dg.AssetCheckResult]:
        folder = release_dir(settings.data_dir, settings.snapshot_date)
        found = [audited(folder), suited(settings, folder)]
        if not all(result.passed for result in found) and folder.exists():
            # History and queries read what lies in the release folder.
            found[0] = found[0]._replace(description=f"{found[0].description} It lies in {set_aside(folder)}.")
        yield from found

    return release_audit


def audited(folder: Path) -> dg.AssetCheckResult:
    """What the audit found, question by question."""
    findings = audit(folder, read_contract(MANIFEST))
    problems = [finding for finding in findings if finding.problem]
    return dg.AssetCheckResult(
        asset_key=["release"],
        check_name="audit",
        passed=not problems,
        description=problems[0].problem if problems else f"{len(findings)} questions answered well.",
        metadata={
            "findings": table_of(asdict(finding) for finding in findings),
            "failed": len(problems),
            "threshold": "every question is answered without a problem",
            "observed": f"{len(problems)} of {len(findings)} questions have a problem",
        },
    )


def suited(settings: Settings, folder: Path) -> dg.AssetCheckResult:
    """What the release's suite found in the files."""
    try:
        return asset_check_result(release_outcomes(settings, read_datapackage(folder)), asset_key=["release"])
    except HubscapeError as error:
        return dg.AssetCheckResult(asset_key=["release"], check_name=CHECK_NAME, passed=False, description=str(error))
