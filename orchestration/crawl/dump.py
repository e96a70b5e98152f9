"""One raw table of one day, taken from a bulk dump into the lake.

Belongs here: which commit a snapshot is pinned to, what is kept, and what becomes of a table that a dump does not have.
Not: the repo's history and its files (hub.bulk), their types (lake.bulk), or a range of days (backfill).
"""

import datetime as dt
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from orchestration.crawl.source import Gate, HubAccess, source_label
from orchestration.hub.bulk import (
    BulkCommit,
    commit_of_day,
    commits,
    fetch_files,
    files_at,
    files_of_table,
    is_repo,
    local_files,
)
from orchestration.hub.session import HubError, HubSession
from orchestration.lake.bulk import (
    BulkOrigin,
    BulkRefused,
    require_newer,
    was_observed,
    write_bulk_snapshot,
    write_unobserved_snapshot,
)
from orchestration.lake.manifest import Manifest
from orchestration.lake.schemas import SCHEMAS
from orchestration.lake.snapshot import read_manifest, snapshots
from orchestration.settings import Settings

_REQUIRED_TABLE = "models"


def fetch_bulk(
    table: str,
    settings: Settings,
    access: HubAccess,
    gate: Gate,
    *,
    refetch: bool,
    progress: Callable[[str], None],
    commit: BulkCommit | None = None,
) -> Manifest | None:
    """Takes one table of the settings' bulk source into the lake and returns its manifest; what the lake holds is kept.

    None for organizations that are to be crawled: no dump has them, but the Hub tells of today's. Those of a past day
    nobody can observe any more, nor those of a Hub that cannot be reached: their snapshot says so, as it does for any
    table but models that the dump does not have. `commit`: the one to take, instead of that which stands for the day.

    Raises:
        BulkRefused: there is no commit for that day, or a file cannot be used. LakeError: the disk failed, or the lake
            holds another source's snapshots. HubError: the Hub failed. HubscapeError: there is no such folder.
    """
    session = access.session(settings)
    session.say = progress
    label = access.label or source_label(settings, session)
    if kept := gate.held_snapshot(settings, table, label, refetch=refetch, say=progress):
        return kept
    if table == "organizations" and _is_observable(settings, access, progress):
        return None
    if is_repo(settings.bulk_source):
        commit = commit or _pinned(table, settings, session, gate)
        manifest = _from_repo(table, settings, access, session, commit, label, progress)
    else:
        manifest = _from_folder(table, settings, label)
    progress(_words(manifest))
    return manifest


def _is_observable(settings: Settings, access: HubAccess, progress: Callable[[str], None]) -> bool:
    """Whether organizations can be asked for as they are on the settings' day: it is today, and the Hub answers."""
    if settings.snapshot_date < dt.datetime.now(dt.UTC).date():
        return False
    try:
        access.session(settings, max_retries=1).identify()
    except HubError as error:
        progress(f"organizations are left out: {error}")
        return False
    return True


def _pinned(table: str, settings: Settings, session: HubSession, gate: Gate) -> BulkCommit:
    """The commit of the day: that of the day's tables in the lake, so that all are of one state, else the last one."""
    of_day = {
        other: read_manifest(settings.data_dir, other, settings.snapshot_date)
        for other in SCHEMAS
        if settings.snapshot_date in snapshots(settings.data_dir, other)
    }
    refused = of_day[table].source_commit if table in of_day else None
    for other, manifest in of_day.items():
        sha, at = manifest.source_commit, manifest.source_commit_at
        if other != table and sha and at and sha != refused and not gate.is_refused(settings, other):
            return BulkCommit(sha, at)
    repo, today = settings.bulk_source, dt.datetime.now(dt.UTC).date()
    commit = commit_of_day(commits(session, repo), settings.snapshot_date, today=today)
    if commit is None:
        raise BulkRefused(
            f"{repo} at {session.origin} has no commit of {settings.snapshot_date}: which leaves a gap that no other "
            "day can fill."
        )
    return commit


def _from_repo(
    table: str,
    settings: Settings,
    access: HubAccess,
    session: HubSession,
    commit: BulkCommit,
    label: str,
    progress: Callable[[str], None],
) -> Manifest:
    day, data_dir, repo = settings.snapshot_date, settings.data_dir, settings.bulk_source
    before = session.requests
    files, synthetic = files_at(session, repo, commit)
    listed = {file.path: file for file in files}
    paths = files_of_table(listed, table)
    _require_models(table, paths, f"{repo} at its commit {commit.sha[:7]}")
    # Not those for the repo's history: a day alone and a day of a range are to give the same bytes.
    requests = session.requests - before + len(paths)
    origin = BulkOrigin(label, commit.at, synthetic, commit.sha, commit.at, requests)
    require_newer(data_dir, table, day, origin)
    if not paths:
        return write_unobserved_snapshot(data_dir, table, day, origin)
    size = sum(listed[path].bytes for path in paths)
    progress(f"{len(paths)} file(s) of {size:,} bytes at commit {commit.sha[:7]} of {commit.at:%Y-%m-%d %H:%M} UTC")
    downloads = data_dir / "bulk" / table
    for other in downloads.glob("*"):
        if other.name != commit.sha:  # of a commit that nobody waits for any more
            shutil.rmtree(other)
    folder = downloads / commit.sha
    fetched = fetch_files(
        repo,
        commit,
        [listed[path] for path in paths],
        endpoint=access.endpoint,
        token=access.token,
        folder=folder,
        say=progress,
    )
    manifest = write_bulk_snapshot(fetched, data_dir, table, day, origin)
    shutil.rmtree(folder)
    return manifest


def _from_folder(table: str, settings: Settings, label: str) -> Manifest:
    now = dt.datetime.now(dt.UTC)
    files = local_files(Path(settings.bulk_source), table)
    _require_models(table, files, f"The folder {settings.bulk_source}")
    origin = BulkOrigin(label, now)
    if not files:
        return write_unobserved_snapshot(settings.data_dir, table, settings.snapshot_date, origin)
    return write_bulk_snapshot(files, settings.data_dir, table, settings.snapshot_date, origin)


def _require_models(table: str, files: Sequence[object], where: str) -> None:
    if table == _REQUIRED_TABLE and not files:
        raise BulkRefused(f"{where} has no {table}.parquet: set HUBSCAPE_BULK_SOURCE to a dump that has one.")


def _words(manifest: Manifest) -> str:
    if not was_observed(manifest):
        return f"{manifest.table} of {manifest.snapshot_date} were not observed: the source does not have them"
    return f"{manifest.rows:,} rows, {manifest.faulty_rows:,} of them with a fault, {manifest.bytes:,} bytes"
