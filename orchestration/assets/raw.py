"""Raw tables as Dagster assets: each crawls one part of a Hub into `data/raw/<table>/snapshot_date=...`."""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from orchestration.bulk import HubAccess, fetch_bulk, source_label
from orchestration.failures import plain_failures
from orchestration.gates import held_snapshot, last_accepted
from orchestration.handles import registry_handles, top_handles
from orchestration.hub import changes, listing, organizations, papers
from orchestration.hub.page import Page
from orchestration.hub.quota import Quota
from orchestration.hub.session import HubRefused, HubSession
from orchestration.lake.files import LakeError
from orchestration.lake.manifest import Manifest
from orchestration.lake.merge import merge_snapshot, refresh_base
from orchestration.lake.schemas import SCHEMAS
from orchestration.lake.snapshot import previous_manifest, snapshot_dir, verify, write_snapshot
from orchestration.lake.spool import Spool
from orchestration.metadata import preview, source_columns
from orchestration.resources import HubResource, SettingsResource
from orchestration.schedules import FRESH
from orchestration.settings import Settings
from orchestration.translator import OWNER

_SECONDS_BETWEEN_WORDS = 4
# A source of pages: (session, cursor to start at) -> pages from there on.
Crawl = Callable[[HubSession, str | None], Iterable[Page]]


@dataclass(frozen=True)
class Plan:
    """What is crawled of one table: `scope` names it, and `base` is the snapshot whose rows are carried on, if any."""

    scope: str
    crawl: Crawl
    base: Manifest | None = None


# A plan for these settings, made once it is known that something must be fetched; what it says is for people.
PlanOf = Callable[[Settings, Callable[[str], None]], Plan]


class RawConfig(dg.Config):
    """How one raw table is fetched."""

    refetch: bool = False
    """Fetch again what the lake already holds for this snapshot date."""


def raw_assets(dbt_manifest: Mapping[str, Any]) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The five raw tables, and their manifests, written beside them; dbt describes their columns."""
    return [
        dg.AssetSpec(
            ["raw", "manifests"],
            deps=[dg.AssetKey(["raw", table]) for table in SCHEMAS],
            group_name="raw",
            owners=[OWNER],
            kinds={"json"},
            metadata=source_columns(dbt_manifest, "raw", "manifests"),
            description="`_manifest.json` of each raw snapshot: rows, bytes, hashes, requests, source, times observed.",
        ),
        *(
            _raw_asset(kind, f"All {kind} as the Hub lists them, newest first.", _listing(kind), dbt_manifest)
            for kind in listing.FIELDS
        ),
        _raw_asset(
            "organizations",
            "Overviews of the registry's handles and of the handles with most model downloads.",
            _organizations,
            dbt_manifest,
            deps=[dg.AssetKey(["raw", "models"])],
        ),
        _raw_asset(
            "daily_papers", "The Hub's daily papers pages, HUBSCAPE_PAPERS_DAYS of them.", _papers, dbt_manifest
        ),
    ]


def _raw_asset(
    table: str,
    description: str,
    plan_of: PlanOf,
    dbt_manifest: Mapping[str, Any],
    deps: Iterable[dg.AssetKey] = (),
) -> dg.AssetsDefinition:
    @dg.asset(
        key=["raw", table],
        deps=list(deps),
        group_name="raw",
        owners=[OWNER],
        kinds={"huggingface", "parquet"},
        description=description,
        metadata=source_columns(dbt_manifest, "raw", table, SCHEMAS[table]),
        freshness_policy=FRESH,
        # The session waits out a busy Hub by itself; this is for a Hub that comes back minutes later.
        retry_policy=dg.RetryPolicy(max_retries=1, delay=10),
        pool=f"crawl_{table}",
    )
    def raw_table(
        context: dg.AssetExecutionContext, config: RawConfig, hub: HubResource, settings: SettingsResource
    ) -> dg.MaterializeResult:
        with plain_failures():
            now, options = settings.value, {"refetch": config.refetch, "progress": context.log.info}
            manifest = (
                fetch_bulk(table, now, HubAccess(hub.endpoint, hub.token), **options) if now.source == "bulk" else None
            )
            if manifest is None:
                manifest = fetch(table, plan_of, hub.session(), now, **options)
        return dg.MaterializeResult(metadata=raw_metadata(settings.value, manifest))

    return raw_table


def fetch(
    table: str,
    plan_of: PlanOf,
    session: HubSession,
    settings: Settings,
    *,
    refetch: bool,
    progress: Callable[[str], None],
) -> Manifest:
    """Crawls one table into the lake, going on where an interrupted crawl stopped, and returns its manifest.

    A snapshot that the lake already holds is kept, so that running a day again gives the same numbers; one that its
    checks have refused is fetched again.

    Raises:
        HubError: the Hub failed. LakeError: the disk failed, or the lake holds another source's snapshots.
    """
    label = source_label(settings, session)
    day, data_dir = settings.snapshot_date, settings.data_dir
    if kept := held_snapshot(settings, table, label, refetch=refetch, say=progress):
        return kept
    plan = plan_of(settings, progress)
    with Spool.open(data_dir, table, day, source=settings.source, source_label=label, scope=plan.scope) as spool:
        before = previous_manifest(data_dir, table, day) if plan.base is None else None  # how many change, nobody knows
        session.say = progress
        crawl_into(spool, plan.crawl, session, before.rows if before else None, progress)
        manifest = merge_snapshot(spool, plan.base) if plan.base else write_snapshot(spool)
    progress(f"{manifest.rows:,} rows in {manifest.requests:,} requests, {manifest.bytes:,} bytes")
    return manifest


def crawl_into(
    spool: Spool, crawl: Crawl, session: HubSession, expected: int | None, progress: Callable[[str], None]
) -> None:
    """Fills a spool to its end, from where an earlier run has left it; `expected` rows, as far as known."""
    if spool.is_finished:
        return
    if not spool.cursor:
        return _append(spool, crawl(session, None), session, expected, progress)
    progress("going on where the last crawl stopped")
    cursor = spool.cursor
    try:
        _append(spool, crawl(session, cursor), session, expected, progress)
    except HubRefused:
        if spool.cursor != cursor:  # the cursor was good: what is refused is another page
            raise
        progress("the Hub has forgotten where that was: starting anew")
        spool.restart()
        _append(spool, crawl(session, None), session, expected, progress)


def _append(
    spool: Spool, pages: Iterable[Page], session: HubSession, expected: int | None, progress: Callable[[str], None]
) -> None:
    stored = sum(page.rows for page in spool.stored())
    rows, began = 0, time.monotonic()
    said = began
    for page in pages:
        spool.append(page)
        rows += len(page.rows)
        if time.monotonic() - said > _SECONDS_BETWEEN_WORDS:
            said = time.monotonic()
            progress(crawl_words(stored + rows, rows / (said - began), expected, session.quota))


def crawl_words(rows: int, rows_a_second: float, expected: int | None, quota: Quota) -> str:
    """One line on how a crawl goes: rows, rate, what is left of the Hub's quota, and the time to go.

    The Hub does not tell how long a list is: `expected` is how many rows it had last time, None if never crawled.
    """
    words = [f"{rows:,} rows so far", f"{rows_a_second:,.0f} rows/s"]
    if quota.limit is not None and quota.left is not None:
        words.append(f"{quota.left:,} of {quota.limit:,} requests left in this window")
    if expected and rows < expected and rows_a_second > 0:
        words.append(f"about {timedelta(seconds=round((expected - rows) / rows_a_second))} to go")
    return ", ".join(words)


def _listing(kind: listing.Kind) -> PlanOf:
    def plan(settings: Settings, say: Callable[[str], None]) -> Plan:
        base = _base(kind, settings, say)
        if base is None:
            return Plan("all", lambda session, start: listing.pages(session, kind, start=start))
        overlap = timedelta(hours=settings.overlap_hours)
        return Plan(
            # An unfinished crawl over another base, or that reads less far, cannot be gone on with.
            f"changes after {base.snapshot_date} since {base.first_observed_at - overlap}, top {settings.top_repos}",
            lambda session, start: changes.pages(
                session,
                kind,
                watermark=base.first_observed_at,
                overlap=overlap,
                top=settings.top_repos,
                start=start,
                may_be_empty=base.rows == 0,
            ),
            base,
        )

    return plan


def _base(kind: listing.Kind, settings: Settings, say: Callable[[str], None]) -> Manifest | None:
    """The snapshot that an incremental day is merged over, None where everything is crawled."""
    if settings.refresh == "full":
        return None
    base = refresh_base(
        last_accepted(settings, kind),
        source=settings.source,
        snapshot_date=settings.snapshot_date,
        now=datetime.now(UTC),
        full_crawl_days=settings.full_crawl_days,
    )
    if base is None:
        say(f"all {kind} are crawled: no whole crawl of the last {settings.full_crawl_days} days can be gone on from")
        return None
    try:
        verify(settings.data_dir, kind, base.snapshot_date)
    except LakeError as error:
        say(f"all {kind} are crawled: {error}")
        return None
    say(f"{kind} that changed are crawled, over the snapshot of {base.snapshot_date}")
    return base


def _organizations(settings: Settings, _: Callable[[str], None]) -> Plan:
    handles = registry_handles() + top_handles(settings.data_dir, settings.snapshot_date, settings.top_handles)
    # An unfinished crawl of other handles cannot be gone on with: it may have passed some of these by.
    scope = hashlib.sha256("\n".join(sorted(handles)).encode()).hexdigest()
    return Plan(scope, lambda session, start: organizations.pages(session, handles, start=start))


def _papers(settings: Settings, _: Callable[[str], None]) -> Plan:
    last = settings.snapshot_date
    first = last - timedelta(days=settings.papers_days - 1)
    return Plan(f"{first} to {last}", lambda session, start: papers.pages(session, first, last, start=start))


def raw_metadata(settings: Settings, manifest: Manifest) -> dict[str, dg.MetadataValue]:
    """What Dagster shows of a raw snapshot: the same facts as its manifest, and ten rows."""
    folder = snapshot_dir(settings.data_dir, manifest.table, manifest.snapshot_date)
    return {
        "dagster/row_count": dg.MetadataValue.int(manifest.rows),
        "bytes": dg.MetadataValue.int(manifest.bytes),
        "sha256": dg.MetadataValue.text(" ".join(file.sha256 for file in manifest.files)),
        "snapshot_date": dg.MetadataValue.text(manifest.snapshot_date.isoformat()),
        "requests": dg.MetadataValue.int(manifest.requests),
        "faulty_rows": dg.MetadataValue.int(manifest.faulty_rows),
        "source": dg.MetadataValue.text(manifest.source_label),
        "synthetic": dg.MetadataValue.bool(manifest.synthetic),
        "folder": dg.MetadataValue.path(str(folder)),
        "preview": preview(folder),
    }
