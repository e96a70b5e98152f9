"""What a step asks before it goes on, because it may have been launched alone: are these the bytes that passed?"""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

from expectations import marts, raw
from expectations.outcome import Outcome, refusals
from expectations.rules import Rule, fingerprint
from expectations.runner import check_release
from orchestration.checks.verdicts import read_verdict, require_verdict
from orchestration.crawl.source import Gate
from orchestration.dbt import MANIFEST
from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import sha256_of
from orchestration.lake import schemas, snapshot
from orchestration.lake.bulk import was_observed
from orchestration.lake.files import LakeError
from orchestration.lake.manifest import Manifest
from orchestration.lake.snapshot import kept_snapshot, without_day
from orchestration.release.audit import require_sound
from orchestration.release.build import release_days, release_dir
from orchestration.release.contract import read_contract
from orchestration.release.datapackage import CheckResult, DataPackage, RawSource, read_datapackage
from orchestration.settings import Settings


def raw_subject(settings: Settings, table: str) -> str:
    """What names a raw snapshot's bytes: the hash of its manifest, which lists the hashes of its files."""
    folder = snapshot.snapshot_dir(settings.data_dir, table, settings.snapshot_date)
    return sha256_of(folder / "_manifest.json")


# Rows that a table might have, and a day: what names its rules must not differ from day to day.
_SOME_ROWS, _SOME_DAY = 1000, dt.date(2022, 3, 2)


def raw_suite(settings: Settings, table: str, previous_rows: int | None) -> list[Rule]:
    """The rules of a raw table on the settings' day, of which the snapshot before had so many rows."""
    return raw.SUITES[table](
        raw.Limits(
            previous_rows=previous_rows,
            max_drop_share=settings.max_volume_drop,
            max_fault_share=settings.max_fault_share,
            snapshot_date=settings.snapshot_date,
            max_counter_drop_share=settings.max_counter_drop,
            max_tail_share=settings.max_tail_loss,
        )
    )


def raw_rules(settings: Settings, table: str) -> str:
    """What names the rules by which a raw table is judged, whatever its day and whatever the snapshot before had."""
    return fingerprint(raw_suite(settings.model_copy(update={"snapshot_date": _SOME_DAY}), table, _SOME_ROWS))


def mart_rules(settings: Settings, manifest: Path) -> dict[str, str]:
    """What names the rules by which each published mart of a dbt manifest is judged, whatever the raw tables had."""
    rows = dict.fromkeys(schemas.SCHEMAS, _SOME_ROWS)
    suites = marts.suites(json.loads(manifest.read_text()), rows, settings.max_fault_share)
    return {table: fingerprint(rules) for table, rules in suites.items()}


def is_refused(settings: Settings, table: str) -> bool:
    """Whether the checks have refused the raw snapshot that the lake holds now, by the rules of today.

    One that other rules refused is judged anew: what is wrong may have been the rule.
    """
    verdict = read_verdict(settings.data_dir, "raw", table, settings.snapshot_date)
    if verdict is None or not verdict.refused:
        return False
    return (verdict.subject, verdict.rules) == (raw_subject(settings, table), raw_rules(settings, table))


def require_one_source(settings: Settings, source_label: str) -> None:
    """Refuses to go on from releases of another source, so that made-up and real numbers never make one history.

    Raises:
        LakeError: the newest release before this snapshot was made from another source.
    """
    days = [day for day in release_days(settings.data_dir) if day < settings.snapshot_date]
    if not days:
        return
    folder = release_dir(settings.data_dir, days[-1])
    for source in read_datapackage(folder).sources:
        if without_day(source.source_label) != without_day(source_label):
            raise LakeError(
                f"The release in {folder} was made from {source.source_label}, not from {source_label}: "
                "set another HUBSCAPE_DATA_DIR, or remove that folder."
            )


def held_snapshot(
    settings: Settings, table: str, source_label: str, *, refetch: bool, say: Callable[[str], None]
) -> Manifest | None:
    """The manifest of the day's snapshot if the lake holds it and it is to be kept; None where it must be fetched.

    It is fetched again if its checks have refused it, or if that is asked for.

    Raises:
        LakeError: the lake or its releases are of another source.
    """
    require_one_source(settings, source_label)
    day = settings.snapshot_date
    kept = kept_snapshot(settings.data_dir, table, day, source=settings.source, source_label=source_label)
    if kept and is_refused(settings, table):
        say(f"what the lake holds of {day} was refused by its checks and is fetched again")
        return None
    if kept and not refetch:
        say(f"{kept.rows:,} rows of {day} are in the lake already and are kept")
        return kept
    return None


def last_accepted(settings: Settings, table: str) -> Manifest | None:
    """The manifest of the newest earlier snapshot that the checks did not refuse, None where there is none.

    A refused snapshot is no measure for the next one, or a loss would be accepted on its second day; nor is one of a
    table that its source did not have. By which rules it was accepted does not matter: its rows were counted.
    """
    for day in reversed(snapshot.snapshots(settings.data_dir, table)):
        verdict = read_verdict(settings.data_dir, "raw", table, day)
        if day < settings.snapshot_date and verdict is not None and not verdict.refused:
            manifest = snapshot.read_manifest(settings.data_dir, table, day)
            if was_observed(manifest):
                return manifest
    return None


GATE = Gate(held_snapshot, last_accepted, is_refused)
"""What the checks tell a crawl."""


def raw_sources(settings: Settings) -> tuple[list[RawSource], list[CheckResult]]:
    """Every raw table of the snapshot with what its checks found.

    Raises:
        HubscapeError: a table was not checked as it is and by the rules of today, was refused, or is missing,
            or its files are not what its manifest lists.
    """
    sources, checks = [], []
    data_dir, day = settings.data_dir, settings.snapshot_date
    for table in schemas.SCHEMAS:
        manifest = snapshot.verify(data_dir, table, day)
        subject, rules = raw_subject(settings, table), raw_rules(settings, table)
        checks += require_verdict(data_dir, "raw", table, day, subject=subject, rules=rules).results
        facts = manifest.model_dump(include=RawSource.model_fields.keys() - {"manifest_sha256"})
        sources.append(RawSource(manifest_sha256=subject, **facts))
    return sources, checks


def release_outcomes(settings: Settings, package: DataPackage) -> list[Outcome]:
    """What the release's suite finds in the files themselves."""
    folder = release_dir(settings.data_dir, settings.snapshot_date)
    tables = {resource.name: (resource.table_schema.primary_key, resource.rows) for resource in package.resources}
    return check_release(folder, tables, settings.snapshot_date, memory_limit=settings.reading_memory_limit)


def require_publishable(settings: Settings) -> DataPackage:
    """The manifest of a release whose bytes pass the audit and the suite, made from the lake's present raw snapshot.

    Raises:
        HubscapeError: it must not be published; the text says why.
    """
    folder = release_dir(settings.data_dir, settings.snapshot_date)
    package = require_sound(folder, read_contract(MANIFEST))
    sources, _ = raw_sources(settings)
    if sources != package.sources:
        raise HubscapeError(
            f"The release of {settings.snapshot_date} was made from another raw snapshot than the lake holds now: "
            "run the job `refresh` from the start."
        )
    meant_for = {package.repo_id, package.report_space} - {""}
    if not meant_for <= {settings.publish_to, settings.report_space}:
        raise HubscapeError(
            f"The release in {folder} names {' and '.join(sorted(meant_for))}, and is to be published elsewhere: "
            "materialize the release again."
        )
    refused = refusals(release_outcomes(settings, package))
    if refused:
        raise HubscapeError(f"The release in {folder} is refused: {refused[0].summary} Materialize the release again.")
    return package
