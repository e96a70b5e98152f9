"""Builds a release folder: export, manifest and card in a folder beside the final one, then one rename."""

import datetime as dt
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from orchestration.ground.engine import sql_name
from orchestration.ground.files import put_in_place, scratch_folder, write_durably
from orchestration.release import card, citation, datapackage
from orchestration.release.contract import Contract
from orchestration.release.datapackage import (
    CheckResult,
    DataPackage,
    Provenance,
    RawSource,
    ReleaseFile,
    changes,
    coverage,
    describe,
    described,
    read_datapackage,
)
from orchestration.release.export import export_tables
from orchestration.release.views import connect

# What the project says of its numbers goes with them.
_DEFINITIONS = Path(__file__).resolve().parents[2] / "docs" / "definitions.md"
_OLD = ".old-"
# Writes what people look at into a release folder, from its tables and its manifest so far, and describes each file.
Pages = Callable[[duckdb.DuckDBPyConnection, DataPackage, Path], list[ReleaseFile]]
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def release_dir(data_dir: Path, snapshot_date: dt.date) -> Path:
    """Where the release of a snapshot lies."""
    return data_dir / "release" / snapshot_date.isoformat()


def release_days(data_dir: Path) -> list[dt.date]:
    """Snapshot dates of all releases in a data folder, the oldest first."""
    folders = (data_dir / "release").glob("[0-9]*")
    return sorted(dt.date.fromisoformat(folder.name) for folder in folders if _DAY.fullmatch(folder.name))


def build_release(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    *,
    data_dir: Path,
    snapshot_date: dt.date,
    sources: Sequence[RawSource],
    checks: Sequence[CheckResult],
    provenance: Provenance,
    pages: Pages,
    sample: Sequence[str] = (),
    repo_id: str = "",
    report_space: str = "",
) -> DataPackage:
    """Writes the release of a snapshot, in place of an older one, and returns its manifest.

    `sample` names the raw tables that hold a sample, `repo_id` and `report_space` the dataset and the Space that the
    release is meant for; nothing is published.
    """
    final = release_dir(data_dir, snapshot_date)
    final.parent.mkdir(parents=True, exist_ok=True)
    sweep(final.parent)
    building = final.parent / f".building-{snapshot_date}"
    building.mkdir()
    files = export_tables(connection, contract.tables, building)
    package = DataPackage(
        snapshot_date=snapshot_date,
        synthetic=[source.table for source in sources if source.synthetic],
        sample=list(sample),
        provenance=provenance,
        sources=list(sources),
        checks=list(checks),
        empty_tables=[table.name for table in contract.tables if table.name not in files],
        resources=[describe(table, files[table.name], building) for table in contract.tables if table.name in files],
        repo_id=repo_id,
        report_space=report_space,
    )
    package = _completed(package, contract, building, data_dir, pages)
    write_durably(building / datapackage.FILE_NAME, package.text())
    write_durably(building / card.FILE_NAME, card.render_card(package))
    _replace(building, final)
    return package


def _completed(package: DataPackage, contract: Contract, folder: Path, data_dir: Path, pages: Pages) -> DataPackage:
    """The manifest with what is read from the tables just written and from the last release: days, changes, files."""
    days = [day for day in release_days(data_dir) if day < package.snapshot_date]
    dated = [
        r.name for r in package.resources if r.carries_history and r.table_schema.primary_key[0] == "snapshot_date"
    ]
    with (
        scratch_folder(data_dir, "release-") as scratch,
        connect(folder, package.resources, contract.tables, scratch=scratch) as tables,
    ):
        held = {
            day
            for name in dated
            for (day,) in tables.execute(f"select distinct snapshot_date from {sql_name(name)}").fetchall()
        }
        before = read_datapackage(release_dir(data_dir, days[-1])) if days else None
        package = package.model_copy(
            update={
                "coverage": coverage(held | {package.snapshot_date}),
                "changes": changes(before, package.resources) if before else None,
            }
        )
        return package.model_copy(update={"files": [*_texts(package, folder), *pages(tables, package, folder)]})


def _texts(package: DataPackage, folder: Path) -> list[ReleaseFile]:
    """The definitions and the citation, written into a release folder."""
    written = {
        card.DEFINITIONS: (_DEFINITIONS.read_text(), "Definitions", "How the numbers of the tables are counted."),
        citation.FILE_NAME: (
            citation.render_citation(package.snapshot_date, package.repo_id),
            "Citation",
            "How to cite this snapshot.",
        ),
    }
    for name, (text, _, _) in written.items():
        write_durably(folder / name, text)
    return [described(folder / name, folder, title, about) for name, (_, title, about) in written.items()]


def sweep(releases: Path) -> None:
    """Clears what a killed run has left: a release that was being replaced is put back, the rest is removed."""
    for old in releases.glob(f"{_OLD}*"):
        final = releases / old.name.removeprefix(_OLD)
        if final.exists():
            shutil.rmtree(old)
        else:
            old.replace(final)
    for leftover in releases.glob(".building-*"):
        shutil.rmtree(leftover)


def set_aside(folder: Path) -> Path:
    """Moves a release that was refused to where nobody takes it for one, and returns that folder."""
    aside = folder.with_name(f".refused-{folder.name}")
    if aside.exists():
        shutil.rmtree(aside)
    put_in_place(folder, aside)
    return aside


def _replace(building: Path, final: Path) -> None:
    aside = final.with_name(f"{_OLD}{final.name}")
    if final.exists():
        final.replace(aside)
    put_in_place(building, final)
    if aside.exists():
        shutil.rmtree(aside)
