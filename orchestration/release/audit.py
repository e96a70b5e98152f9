"""Audits the bytes of a release folder against its own manifest, the dbt contract and the card.

Runs before every publication, whatever was clicked: it trusts nothing but the files it reads.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import sha256_of
from orchestration.release import card, datapackage
from orchestration.release.contract import Contract
from orchestration.release.datapackage import (
    DataPackage,
    ReleaseFile,
    Resource,
    read_datapackage,
)


@dataclass(frozen=True)
class Finding:
    """What the audit found on one question: `problem` is empty where all is well."""

    question: str
    problem: str = ""


def audit(folder: Path, contract: Contract) -> list[Finding]:
    """One finding a question, in the order in which they make sense to read."""
    try:
        package = read_datapackage(folder)
    except HubscapeError as error:
        return [Finding("manifest_readable", str(error))]
    intact = _all_damage(folder, package)
    return [
        Finding("manifest_readable"),
        Finding("facts_agree", _contradiction(folder, package)),
        Finding("files_listed", _unlisted(folder, package)),
        Finding("bytes_as_listed", intact),
        Finding(
            "schema_as_contracted",
            "the files are not as listed"
            if intact
            else _first(_off_contract(folder, r, contract) for r in package.resources),
        ),
        Finding("tables_as_contracted", _tables(package, contract)),
        Finding("card_from_manifest", _card(folder, package)),
        Finding("checks_passed", _first(_failed(package))),
    ]


def require_sound(folder: Path, contract: Contract) -> DataPackage:
    """The manifest of a release that passed the audit.

    Raises:
        HubscapeError: it did not; the text names each problem.
    """
    problems = [f"{finding.question}: {finding.problem}" for finding in audit(folder, contract) if finding.problem]
    if problems:
        raise HubscapeError(
            f"The release in {folder} is refused: {'; '.join(problems)}. Materialize the release again."
        )
    return read_datapackage(folder)


def require_intact(folder: Path) -> DataPackage:
    """The manifest of a release whose files are exactly those that it lists, whichever contract it was made under.

    Raises:
        HubscapeError: there is no manifest of this version; or a file is missing, surplus or another one than listed.
    """
    package = read_datapackage(folder)
    if problem := _first(look(folder, package) for look in (_contradiction, _unlisted, _all_damage)):
        raise HubscapeError(f"The release of {package.snapshot_date} is damaged: {problem}. Fetch or make it again.")
    return package


def release_files(folder: Path) -> list[str]:
    """Paths of all files below a release folder, as a repo names them, sorted."""
    return sorted(
        (Path(parent) / name).relative_to(folder).as_posix() for parent, _, names in os.walk(folder) for name in names
    )


def _first(problems: Iterable[str]) -> str:
    return next((problem for problem in problems if problem), "")


def _contradiction(folder: Path, package: DataPackage) -> str:
    if package.snapshot_date.isoformat() != folder.name:
        return f"the manifest is of {package.snapshot_date}, its folder of {folder.name}"
    if package.synthetic != [source.table for source in package.sources if source.synthetic]:
        return "the manifest calls other tables synthetic than its sources are"
    return ""


def _unlisted(folder: Path, package: DataPackage) -> str:
    listed = {card.FILE_NAME, datapackage.FILE_NAME, *(held.path for held in [*package.resources, *package.files])}
    difference = sorted(listed.symmetric_difference(release_files(folder)))
    return f"{difference[0]} is either not listed or not there" if difference else ""


def _all_damage(folder: Path, package: DataPackage) -> str:
    files = (_other_bytes(folder, file) for file in package.files)
    return _first(_damage(folder, resource) for resource in package.resources) or _first(files)


def _other_bytes(folder: Path, listed: Resource | ReleaseFile) -> str:
    path = folder / listed.path
    if not path.is_file():
        return f"{listed.path} is missing"
    if path.stat().st_size != listed.bytes or sha256_of(path) != listed.sha256:
        return f"{listed.path} is not the file that was listed"
    return ""


def _damage(folder: Path, resource: Resource) -> str:
    path = folder / resource.path
    if problem := _other_bytes(folder, resource):
        return problem
    try:
        rows = pq.ParquetFile(path).metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        return f"{resource.path} is no whole Parquet file ({str(error).splitlines()[0]})"
    if rows != resource.rows or rows == 0:
        return f"{resource.path} has {rows} rows where {resource.rows} are listed"
    return ""


def _off_contract(folder: Path, resource: Resource, contract: Contract) -> str:
    table = next((table for table in contract.tables if table.name == resource.name), None)
    if table is None:
        return f"{resource.name} is not a published table"
    found = pq.read_schema(folder / resource.path).remove_metadata()
    if found != table.schema:
        return f"{resource.path} has columns {found.names} where the contract has {table.schema.names}, or other types"
    return ""


def _tables(package: DataPackage, contract: Contract) -> str:
    found = sorted([*(resource.name for resource in package.resources), *package.empty_tables])
    expected = sorted(table.name for table in contract.tables)
    return "" if found == expected else f"the release has {found} where the contract has {expected}"


def _card(folder: Path, package: DataPackage) -> str:
    path = folder / card.FILE_NAME
    if not path.is_file():
        return f"{card.FILE_NAME} is missing"
    return (
        ""
        if path.read_bytes() == card.render_card(package).encode()
        else "the card says something else than the manifest"
    )


def _failed(package: DataPackage) -> Iterable[str]:
    for check in package.checks:
        if check.verdict == "failed":
            yield f"{check.layer} check {check.check} of {check.table} had failed"
    for layer in ("raw", "dbt", "marts"):
        if not any(check.layer == layer for check in package.checks):
            yield f"no check of layer {layer} is on record"
