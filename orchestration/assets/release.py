"""The release of a snapshot and its publication as Dagster assets."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.checks.build_log import build_checks, build_subject, require_built, require_built_from
from orchestration.checks.gates import mart_rules, raw_sources, require_publishable
from orchestration.checks.verdicts import require_verdict
from orchestration.commands.docs import write_docs
from orchestration.crawl.source import HubAccess
from orchestration.dbt import MANIFEST
from orchestration.failures import plain_failures
from orchestration.ground.files import scratch_folder, sha256_of
from orchestration.hub.publication import Publication, publish
from orchestration.jobs import FRESH
from orchestration.metadata import picture, preview, source_columns
from orchestration.release.audit import release_files, require_sound
from orchestration.release.build import build_release, release_dir
from orchestration.release.card import DEFAULT_TABLE
from orchestration.release.contract import read_contract
from orchestration.release.datapackage import DataPackage, Provenance
from orchestration.release.export import open_warehouse
from orchestration.resources import WAREHOUSE_POOL
from orchestration.settings import PROJECT_DIR, Settings
from orchestration.site.report import write_pages
from orchestration.site.space import write_space
from orchestration.translator import OWNER

# What decides the bytes of a release, besides the project's own code.
_PACKAGES = (
    "dagster",
    "dbt-core",
    "dbt-duckdb",
    "duckdb",
    "great-expectations",
    "huggingface_hub",
    "pillow",
    "pyarrow",
    "vl-convert-python",
)
# Charts that a page of Dagster shows; the report has all of them.
_CHARTS_SHOWN = ("followers", "derivatives")


def release_assets(
    marts: Sequence[str], history_tables: Sequence[str], dbt_manifest: Mapping[str, Any]
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The release, made from the published marts, its publication, and what dbt reads of earlier releases."""
    history = [
        dg.AssetSpec(
            ["release", table],
            group_name="release",
            owners=[OWNER],
            kinds={"parquet"},
            metadata=source_columns(dbt_manifest, "release", table),
            description=f"`{table}` of the releases before this snapshot, from which history goes on.",
        )
        for table in history_tables
    ]

    @dg.asset(
        deps=[dg.AssetKey([mart]) for mart in marts],
        group_name="release",
        owners=[OWNER],
        kinds={"parquet"},
        pool=WAREHOUSE_POOL,  # a reader keeps the writer out
        description="Published marts as Parquet with datapackage.json and card, in `release/<snapshot date>`.",
    )
    def release(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult:
        with plain_failures():
            package = make_release(settings)
        folder = release_dir(settings.data_dir, package.snapshot_date)
        return dg.MaterializeResult(metadata=release_metadata(package, folder))

    @dg.asset(
        deps=[release],
        group_name="release",
        owners=[OWNER],
        kinds={"huggingface"},
        output_required=False,
        freshness_policy=FRESH,
        retry_policy=dg.RetryPolicy(max_retries=1, delay=10),
        description="The release as one commit on the Hub, read back and tagged; needs HUBSCAPE_PUBLISH_REPO.",
    )
    def publication(
        context: dg.AssetExecutionContext, hub: dg.ResourceParam[HubAccess], settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult]:
        if not settings.publish_to:
            context.log.info("HUBSCAPE_PUBLISH_REPO is empty: the release is built and audited, not published.")
            return
        with plain_failures():
            published = publish_release(settings, hub)
        change = "published" if published.changed else "already published, no commit made"
        context.log.info(
            f"{published.repo_id} at {published.commit[:7]}, tag {published.tag}: {change}, read back whole."
        )
        yield dg.MaterializeResult(metadata=publication_metadata(published))

    @dg.asset(
        deps=[publication],
        group_name="release",
        owners=[OWNER],
        kinds={"huggingface"},
        output_required=False,
        retry_policy=dg.RetryPolicy(max_retries=1, delay=10),
        pool=WAREHOUSE_POOL,  # dbt reads the types of columns for its docs
        description="The report and the dbt docs as a static Space; needs HUBSCAPE_REPORT_SPACE.",
    )
    def report_space(
        context: dg.AssetExecutionContext, hub: dg.ResourceParam[HubAccess], settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult]:
        if not settings.report_space:
            context.log.info(
                "HUBSCAPE_REPORT_SPACE is empty: the report lies in the release and is not shown elsewhere."
            )
            return
        with plain_failures():
            published = publish_space(settings, hub)
        context.log.info(f"{published.url} at {published.commit[:7]}, read back whole.")
        yield dg.MaterializeResult(metadata=publication_metadata(published))

    return [*history, release, publication, report_space]


def make_release(settings: Settings) -> DataPackage:
    """Builds the release of the settings' snapshot out of a warehouse that passed all of its checks."""
    contract = read_contract(MANIFEST)
    date = settings.snapshot_date
    sources, checks = raw_sources(settings)
    with open_warehouse(
        settings.data_dir / "warehouse.duckdb", memory_limit=settings.reading_memory_limit
    ) as connection:
        require_built(connection, contract, date.isoformat())
        require_built_from(connection, sources)
        subject, rules = build_subject(connection), mart_rules(settings, MANIFEST)
        checks += build_checks(connection)
        for table in contract.tables:
            checks += require_verdict(
                settings.data_dir, "marts", table.name, date, subject=subject, rules=rules[table.name]
            ).results
        return build_release(
            connection,
            contract,
            data_dir=settings.data_dir,
            snapshot_date=date,
            sources=sources,
            checks=checks,
            provenance=provenance(),
            pages=write_pages,
            repo_id=settings.publish_to,
            report_space=settings.report_space,
        )


def provenance() -> Provenance:
    """Which code makes a release now; `unknown` where the project is no git checkout."""
    commit = _git("rev-parse", "HEAD") or "unknown"
    return Provenance(
        hubscape=version("hubscape"),
        git_commit=f"{commit}+changes" if _git("status", "--porcelain") else commit,
        packages={package: version(package) for package in _PACKAGES},
    )


def _git(*words: str) -> str:
    if not (PROJECT_DIR / ".git").exists():  # a checkout further up is another project's
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(PROJECT_DIR), *words], capture_output=True, text=True, check=False, timeout=30
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def publish_release(settings: Settings, hub: HubAccess) -> Publication:
    """Publishes the release of the settings' snapshot after looking at its bytes once more."""
    require_publishable(settings)
    folder = release_dir(settings.data_dir, settings.snapshot_date)
    with scratch_folder(settings.data_dir, "publish-") as work_dir:
        return publish(
            {name: folder / name for name in release_files(folder)},
            repo_id=settings.publish_to,
            tag=f"snapshot-{settings.snapshot_date}",
            snapshot_date=settings.snapshot_date.isoformat(),
            endpoint=hub.endpoint,
            token=hub.token,
            work_dir=work_dir,
        )


def publish_space(settings: Settings, hub: HubAccess) -> Publication:
    """Publishes the report of the settings' release, and the dbt docs, to a static Space.

    Raises:
        HubscapeError: the release is not sound, dbt cannot make its pages, or the Hub refuses.
    """
    release = release_dir(settings.data_dir, settings.snapshot_date)
    package = require_sound(release, read_contract(MANIFEST))
    with scratch_folder(settings.data_dir, "space-") as folder:
        pages = {path.relative_to(folder).as_posix(): path for path in write_docs(settings, folder)}
        return publish(
            write_space(folder, release, package, pages),
            repo_id=settings.report_space,
            tag=f"snapshot-{settings.snapshot_date}",
            snapshot_date=settings.snapshot_date.isoformat(),
            endpoint=hub.endpoint,
            token=hub.token,
            work_dir=folder,
            kind="space",
        )


def release_metadata(package: DataPackage, folder: Path) -> dict[str, dg.MetadataValue]:
    """What Dagster shows of a release: size, hash of the manifest, and a line for each table."""
    tables = [
        dg.TableRecord({"table": r.name, "rows": r.rows, "bytes": r.bytes, "grain": r.grain, "sha256": r.sha256})
        for r in package.resources
    ]
    return {
        "snapshot_date": dg.MetadataValue.text(package.snapshot_date.isoformat()),
        "dagster/row_count": dg.MetadataValue.int(sum(resource.rows for resource in package.resources)),
        "bytes": dg.MetadataValue.int(sum(resource.bytes for resource in package.resources)),
        "sha256": dg.MetadataValue.text(sha256_of(folder / "datapackage.json")),
        "synthetic": dg.MetadataValue.text(", ".join(package.synthetic) or "nothing"),
        "folder": dg.MetadataValue.path(str(folder)),
        "tables": dg.MetadataValue.table(tables),
        "report": dg.MetadataValue.path(str(folder / "report.html")),
        **_shown_charts(package, folder),
        **_shown_table(package, folder),
    }


def _shown_charts(package: DataPackage, folder: Path) -> dict[str, dg.MetadataValue]:
    files = {Path(file.path).stem: folder / file.path for file in package.files if file.path.endswith(".png")}
    return {f"chart_{name}": picture(files[name].read_bytes()) for name in _CHARTS_SHOWN if name in files}


def _shown_table(package: DataPackage, folder: Path) -> dict[str, dg.MetadataValue]:
    """Ten rows of the table that most people come for, or of the first one where that has no rows."""
    names = [resource.name for resource in package.resources]
    name = DEFAULT_TABLE if DEFAULT_TABLE in names else next(iter(names), None)
    if name is None:
        return {}
    return {"preview_table": dg.MetadataValue.text(name), "preview": preview(folder / "data" / name)}


def publication_metadata(published: Publication) -> dict[str, dg.MetadataValue]:
    """What Dagster shows of a publication."""
    return {
        "snapshot_date": dg.MetadataValue.text(published.tag.removeprefix("snapshot-")),
        "repo": dg.MetadataValue.text(published.repo_id),
        "url": dg.MetadataValue.url(published.url),
        "commit": dg.MetadataValue.text(published.commit),
        "tag": dg.MetadataValue.text(published.tag),
        "changed": dg.MetadataValue.bool(published.changed),
        "files": dg.MetadataValue.int(published.files),
        "bytes": dg.MetadataValue.int(published.bytes),
    }
