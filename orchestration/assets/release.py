"""The release of a snapshot and its publication as Dagster assets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.checks.build_log import (
    build_checks,
    build_subject,
    open_build,
    require_built,
    require_built_from,
    sampled_tables,
)
from orchestration.checks.gates import mart_rules, raw_sources, require_publishable
from orchestration.checks.verdicts import require_verdict
from orchestration.commands.docs import write_docs
from orchestration.crawl.source import HubAccess
from orchestration.dbt import MANIFEST
from orchestration.failures import plain_failures
from orchestration.ground.files import scratch_folder, sha256_of
from orchestration.hub.publication import Publication, publish
from orchestration.jobs import FRESH
from orchestration.metadata import picture, preview, source_columns, table_of
from orchestration.release.audit import release_files, require_sound
from orchestration.release.build import build_release, release_dir
from orchestration.release.card import DEFAULT_TABLE
from orchestration.release.contract import read_contract
from orchestration.release.datapackage import DataPackage
from orchestration.release.provenance import provenance
from orchestration.resources import WAREHOUSE_POOL, Hub, OfRun
from orchestration.settings import PROJECT_DIR, Settings
from orchestration.site.report import PICTURES, write_pages
from orchestration.site.space import write_space
from orchestration.translator import OWNER

# Charts that a page of Dagster shows; the report has all of them.
_CHARTS_SHOWN = ("followers", "derivatives")


_SHARED = {"group_name": "release", "owners": [OWNER]}


def release_assets(
    marts: Sequence[str], history_tables: Sequence[str], dbt_manifest: Mapping[str, Any]
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The release, made from the published marts, its publication, and what dbt reads of earlier releases."""
    history = [
        dg.AssetSpec(
            ["release", table],
            kinds={"parquet"},
            metadata=source_columns(dbt_manifest, "release", table),
            description=f"`{table}` of the releases before this snapshot, from which history goes on.",
            **_SHARED,
        )
        for table in history_tables
    ]

    @dg.asset(
        deps=[dg.AssetKey([mart]) for mart in marts],
        kinds={"parquet"},
        pool=WAREHOUSE_POOL,  # a reader keeps the writer out
        description="Published marts as Parquet with datapackage.json and card, in `release/<snapshot date>`.",
        **_SHARED,
    )
    def release(settings: OfRun) -> dg.MaterializeResult:
        with plain_failures():
            package = make_release(settings)
        return dg.MaterializeResult(metadata=release_metadata(package, _folder(settings)))

    publication = _published(
        "publication",
        publish_release,
        deps=[release],
        freshness_policy=FRESH,
        description="The release as one commit on the Hub, read back and tagged; needs HUBSCAPE_PUBLISH_REPO.",
    )
    report_space = _published(
        "report_space",
        publish_space,
        deps=[publication],
        pool=WAREHOUSE_POOL,  # dbt reads the types of columns for its docs
        description="The report and the dbt docs as a static Space; needs HUBSCAPE_REPORT_SPACE.",
    )
    return [*history, release, publication, report_space]


def _published(
    name: str, publish_it: Callable[[Settings, HubAccess], Publication | str], **facts: Any
) -> dg.AssetsDefinition:
    """An asset that is published, or about which a word is said on why it is not."""

    @dg.asset(
        name=name,
        kinds={"huggingface"},
        output_required=False,
        retry_policy=dg.RetryPolicy(max_retries=1, delay=10),
        **_SHARED,
        **facts,
    )
    def published(context: dg.AssetExecutionContext, hub: Hub, settings: OfRun) -> Iterator[dg.MaterializeResult]:
        with plain_failures():
            made = publish_it(settings, hub)
        if isinstance(made, str):
            context.log.info(made)
            return
        change = "published" if made.changed else "already published, no commit made"
        context.log.info(f"{made.url} at {made.commit[:7]}, tag {made.tag}: {change}, read back whole.")
        yield dg.MaterializeResult(metadata=publication_metadata(made))

    return published


def make_release(settings: Settings) -> DataPackage:
    """Builds the release of the settings' snapshot out of a warehouse that passed all of its checks."""
    contract, date = read_contract(MANIFEST), settings.snapshot_date
    sources, checks = raw_sources(settings)
    with open_build(settings) as connection:
        require_built(connection, contract, date.isoformat())
        require_built_from(connection, sources)
        checks += build_checks(connection)
        subject = build_subject(connection)
        for table, rules in mart_rules(settings, MANIFEST).items():
            checks += require_verdict(settings.data_dir, "marts", table, date, subject=subject, rules=rules).results
        return build_release(
            connection,
            contract,
            data_dir=settings.data_dir,
            snapshot_date=date,
            sources=sources,
            checks=checks,
            provenance=provenance(PROJECT_DIR),
            pages=write_pages,
            sample=sampled_tables(connection),
            repo_id=settings.publish_to,
            report_space=settings.report_space,
        )


def publish_release(settings: Settings, hub: HubAccess) -> Publication | str:
    """Publishes the release of the settings' snapshot after looking at its bytes once more; a word where nobody asks.

    Raises:
        HubscapeError: it must not be published, or the Hub refuses.
    """
    if not settings.publish_to:
        return "HUBSCAPE_PUBLISH_REPO is empty: the release is built and audited, not published."
    require_publishable(settings)
    release = _folder(settings)
    with scratch_folder(settings.data_dir, "publish-") as folder:
        files = {name: release / name for name in release_files(release)}
        return publish(files, repo_id=settings.publish_to, work_dir=folder, **_commit(settings, hub))


def publish_space(settings: Settings, hub: HubAccess) -> Publication | str:
    """Publishes the report of the settings' release, and the dbt docs, to a static Space; a word where nobody asks.

    Raises:
        HubscapeError: the release is not sound, dbt cannot make its pages, or the Hub refuses.
    """
    if not settings.report_space:
        return "HUBSCAPE_REPORT_SPACE is empty: the report lies in the release and is not shown elsewhere."
    release = _folder(settings)
    package = require_sound(release, read_contract(MANIFEST))
    with scratch_folder(settings.data_dir, "space-") as folder:
        pages = {path.relative_to(folder).as_posix(): path for path in write_docs(settings, folder)}
        files = write_space(folder, release, package, pages)
        return publish(files, repo_id=settings.report_space, work_dir=folder, kind="space", **_commit(settings, hub))


def _commit(settings: Settings, hub: HubAccess) -> dict[str, Any]:
    day = settings.snapshot_date.isoformat()
    return {"tag": f"snapshot-{day}", "snapshot_date": day, "endpoint": hub.endpoint, "token": hub.token}


def _folder(settings: Settings) -> Path:
    return release_dir(settings.data_dir, settings.snapshot_date)


def release_metadata(package: DataPackage, folder: Path) -> dict[str, Any]:
    """What Dagster shows of a release: its size, hash, tables and two charts, and ten rows of one table.

    That is the table that most people come for, or the first one where that has no rows.
    """
    held, names = package.resources, [resource.name for resource in package.resources]
    shown = DEFAULT_TABLE if DEFAULT_TABLE in names else next(iter(names), None)
    charts = [folder / PICTURES / f"{name}.png" for name in _CHARTS_SHOWN]
    return {
        "snapshot_date": package.snapshot_date.isoformat(),
        "dagster/row_count": sum(resource.rows for resource in held),
        "bytes": sum(resource.bytes for resource in held),
        "sha256": sha256_of(folder / "datapackage.json"),
        "synthetic": ", ".join(package.synthetic) or "nothing",
        "folder": folder,
        "tables": table_of(
            {"table": r.name, "rows": r.rows, "bytes": r.bytes, "grain": r.grain, "sha256": r.sha256} for r in held
        ),
        "report": folder / "report.html",
        **{f"chart_{path.stem}": picture(path.read_bytes()) for path in charts if path.exists()},
        **({"preview_table": shown, "preview": preview(folder / "data" / shown)} if shown else {}),
    }


def publication_metadata(published: Publication) -> dict[str, Any]:
    """What Dagster shows of a publication."""
    facts = asdict(published)
    repo, url = facts.pop("repo_id"), dg.MetadataValue.url(published.url)
    return {"snapshot_date": published.tag.removeprefix("snapshot-"), "repo": repo, **facts, "url": url}
