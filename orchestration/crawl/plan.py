"""How one raw table of one day is crawled: what is asked for, from where on, and how that goes on after a stop.

Belongs here: the plan of each table, and a crawl from its first page to the snapshot. Not: how a list is paged (hub),
how pages are stored and typed (lake), or a table that is taken from a dump (dump).
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from time import monotonic

from orchestration.crawl.handles import handles_to_read
from orchestration.crawl.source import Gate, Say, source_label
from orchestration.hub import changes, listing, organizations, papers
from orchestration.hub.page import Page
from orchestration.hub.quota import Quota
from orchestration.hub.session import HubRefused, HubSession
from orchestration.lake.files import LakeError
from orchestration.lake.manifest import Manifest
from orchestration.lake.merge import merge_snapshot, refresh_base
from orchestration.lake.snapshot import previous_manifest, verify, write_snapshot
from orchestration.lake.spool import Spool
from orchestration.settings import Settings, SettingsError

_SECONDS_BETWEEN_WORDS = 4
# A source of pages: (session, cursor to start at) -> pages from there on.
Crawl = Callable[[HubSession, str | None], Iterable[Page]]


@dataclass(frozen=True)
class Plan:
    """What is crawled of one table: `scope` names it, and `base` is the snapshot whose rows are carried on, if any."""

    scope: str
    crawl: Crawl
    base: Manifest | None = None


def fetch(table: str, settings: Settings, session: HubSession, gate: Gate, *, refetch: bool, progress: Say) -> Manifest:
    """Crawls one table into the lake, going on where an interrupted crawl stopped, and returns its manifest.

    A snapshot that the lake already holds is kept, so that running a day again gives the same numbers; one that its
    checks have refused is fetched again.

    Raises:
        HubError: the Hub failed. LakeError: the disk failed, or the lake holds another source's snapshots.
        SettingsError: the day is over, and the Hub is a live one, which shows what is there now.
    """
    label = source_label(settings, session)
    day, data_dir = settings.snapshot_date, settings.data_dir
    if kept := gate.held_snapshot(settings, table, label, refetch=refetch, say=progress):
        return kept
    _require_today(settings, session, datetime.now(UTC))
    plan = PLANS[table](settings, gate, progress)
    with Spool.open(data_dir, table, day, source=settings.source, source_label=label, scope=plan.scope) as spool:
        before = previous_manifest(data_dir, table, day) if plan.base is None else None  # how many change, nobody knows
        session.say = progress
        crawl_into(spool, plan.crawl, session, before.rows if before else None, progress)
        manifest = merge_snapshot(spool, plan.base) if plan.base else write_snapshot(spool)
    progress(f"{manifest.rows:,} rows in {manifest.requests:,} requests, {manifest.bytes:,} bytes")
    return manifest


def _require_today(settings: Settings, session: HubSession, now: datetime) -> None:
    """Refuses to crawl a day that is over, unless the Hub is a sandbox, which says so: its days are made up.

    A crawl that began on its day may go on past midnight for as long as a crawl may take.
    """
    end = datetime.combine(settings.snapshot_date + timedelta(days=1), time(), UTC)
    if session.source_label == session.origin and now >= end + timedelta(seconds=settings.crawl_deadline_seconds):
        raise SettingsError(
            f"A crawl of {session.origin} shows the Hub of today, {now:%Y-%m-%d}, not that of {settings.snapshot_date}:"
            " leave HUBSCAPE_SNAPSHOT_DATE unset, or take a day of the past from a dump with HUBSCAPE_SOURCE=bulk and"
            " `hubscape backfill`."
        )


def crawl_into(spool: Spool, crawl: Crawl, session: HubSession, expected: int | None, progress: Say) -> None:
    """Fills a spool to its end, from where an earlier run has left it; `expected` rows, as far as known."""
    if spool.is_finished:
        return
    if cursor := spool.cursor:
        progress("going on where the last crawl stopped")
    try:
        _append(spool, crawl(session, cursor), session, expected, progress)
    except HubRefused:
        if cursor is None or spool.cursor != cursor:  # the cursor was good: what is refused is another page
            raise
        progress("the Hub has forgotten where that was: starting anew")
        spool.restart()
        _append(spool, crawl(session, None), session, expected, progress)


def _append(spool: Spool, pages: Iterable[Page], session: HubSession, expected: int | None, progress: Say) -> None:
    stored = sum(page.rows for page in spool.stored())
    rows, began = 0, monotonic()
    said = began
    for page in pages:
        spool.append(page)
        rows += len(page.rows)
        if monotonic() - said > _SECONDS_BETWEEN_WORDS:
            said = monotonic()
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


def _listing(kind: listing.Kind, settings: Settings, gate: Gate, say: Say) -> Plan:
    base, overlap, top = _base(kind, settings, gate, say), timedelta(hours=settings.overlap_hours), settings.top_repos
    if base is None:
        return Plan("all", lambda session, start: listing.pages(session, kind, start=start))
    reach = {"watermark": base.first_observed_at, "overlap": overlap, "top": top, "may_be_empty": base.rows == 0}
    return Plan(
        # An unfinished crawl over another base, or that reads less far, cannot be gone on with.
        f"changes after {base.snapshot_date} since {base.first_observed_at - overlap}, top {top}",
        lambda session, start: changes.pages(session, kind, **reach, start=start),
        base,
    )


def _base(kind: listing.Kind, settings: Settings, gate: Gate, say: Say) -> Manifest | None:
    """The snapshot that an incremental day is merged over, None where everything is crawled."""
    if settings.refresh == "full":
        return None
    day, days, now = settings.snapshot_date, settings.full_crawl_days, datetime.now(UTC)
    accepted, why = gate.last_accepted(settings, kind), f"no whole crawl of the last {days} days can be gone on from"
    base = refresh_base(accepted, source=settings.source, snapshot_date=day, now=now, full_crawl_days=days)
    try:
        if base:
            verify(settings.data_dir, kind, base.snapshot_date)
            say(f"{kind} that changed are crawled, over the snapshot of {base.snapshot_date}")
            return base
    except LakeError as error:
        why = str(error)
    say(f"all {kind} are crawled: {why}")
    return None


def _organizations(settings: Settings, gate: Gate, say: Say) -> Plan:
    handles = handles_to_read(settings.data_dir, settings.snapshot_date, settings.top_handles)
    # An unfinished crawl of other handles cannot be gone on with: it may have passed some of these by.
    scope = hashlib.sha256("\n".join(sorted(handles)).encode()).hexdigest()
    share = settings.max_fault_share
    return Plan(
        scope, lambda session, start: organizations.pages(session, handles, start=start, max_refused_share=share)
    )


def _papers(settings: Settings, gate: Gate, say: Say) -> Plan:
    last = settings.snapshot_date
    first = last - timedelta(days=settings.papers_days - 1)
    return Plan(f"{first} to {last}", lambda session, start: papers.pages(session, first, last, start=start))


# Each plan is made once it is known that something must be fetched; what it says is for people.
PLANS: dict[str, Callable[[Settings, Gate, Say], Plan]] = {
    **{kind: partial(_listing, kind) for kind in listing.FIELDS},
    "organizations": _organizations,
    "daily_papers": _papers,
}
