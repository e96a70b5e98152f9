"""One raw table of one day, taken from a bulk dump into the lake.

Belongs here: which commit a snapshot is pinned to, what is kept, and what becomes of a table that a dump does not have.
Not: the repo's history and its files (hub.bulk), their types (lake.bulk), or a range of days (backfill).
"""

import datetime as dt
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from orchestration.crawl.source import Gate, HubAccess, Say, source_label
from orchestration.hub import bulk
from orchestration.hub.bulk import BulkCommit
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


def held_manifests(settings: Settings) -> dict[str, Manifest]:
    """The manifests of the tables that the lake has of the settings' day."""
    data_dir, day = settings.data_dir, settings.snapshot_date
    return {table: read_manifest(data_dir, table, day) for table in SCHEMAS if day in snapshots(data_dir, table)}


def fetch_bulk(
    table: str,
    settings: Settings,
    access: HubAccess,
    gate: Gate,
    *,
    refetch: bool,
    progress: Say,
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
    source, place = settings.bulk_source, (settings.data_dir, table, settings.snapshot_date)
    if bulk.is_repo(source):
        commit = commit or _pinned(table, settings, session, gate)
        where = f"{source} at its commit {commit.sha[:7]}"
        files, origin = _in_repo(table, source, commit, session, label)
    else:
        where = f"The folder {source}"
        files, origin = bulk.local_files(Path(source), table), BulkOrigin(label, dt.datetime.now(dt.UTC))
    if table == "models" and not files:
        raise BulkRefused(f"{where} has no {table}.parquet: set HUBSCAPE_BULK_SOURCE to a dump that has one.")
    require_newer(*place, origin)
    if not files:
        progress(f"{table} of {settings.snapshot_date} were not observed: the source does not have them")
        return write_unobserved_snapshot(*place, origin)
    with _fetched(files, source, commit, access, settings.data_dir / "bulk" / table, progress) as fetched:
        manifest = write_bulk_snapshot(fetched, *place, origin)
    told = f"{manifest.rows:,} rows, {manifest.faulty_rows:,} of them with a fault, {manifest.bytes:,} bytes"
    progress(told if was_observed(manifest) else f"not observed: no row has {manifest.not_found[0]}")
    return manifest


def _is_observable(settings: Settings, access: HubAccess, say: Say) -> bool:
    """Whether organizations can be asked for as they are on the settings' day: it is today, and the Hub answers."""
    if settings.snapshot_date < dt.datetime.now(dt.UTC).date():
        return False
    try:
        access.session(settings, max_retries=1).identify()
    except HubError as error:
        say(f"organizations are left out: {error}")
        return False
    return True


def _pinned(table: str, settings: Settings, session: HubSession, gate: Gate) -> BulkCommit:
    """The commit of the day: that of the day's tables in the lake, so that all are of one state, else the last one."""
    of_day = held_manifests(settings)
    refused = of_day[table].source_commit if table in of_day else None
    for other, manifest in of_day.items():
        sha, at = manifest.source_commit, manifest.source_commit_at
        if sha and at and sha != refused and not gate.is_refused(settings, other):
            return BulkCommit(sha, at)
    repo, today = settings.bulk_source, dt.datetime.now(dt.UTC).date()
    if commit := bulk.commit_of_day(bulk.commits(session, repo), settings.snapshot_date, today=today):
        return commit
    gap = f"no commit of {settings.snapshot_date}: which leaves a gap that no other day can fill."
    raise BulkRefused(f"{repo} at {session.origin} has {gap}")


def _in_repo(
    table: str, repo: str, commit: BulkCommit, session: HubSession, label: str
) -> tuple[list[bulk.RemoteFile], BulkOrigin]:
    """The files that make a table at a commit, none where it has none, and what its snapshot says of them."""
    before = session.requests
    files, synthetic = bulk.files_at(session, repo, commit)
    listed = {file.path: file for file in files}
    wanted = [listed[path] for path in bulk.files_of_table(listed, table)]
    # Not those for the repo's history: a day alone and a day of a range are to give the same bytes.
    requests = session.requests - before + len(wanted)
    return wanted, BulkOrigin(label, commit.at, synthetic, commit.sha, commit.at, requests)


@contextmanager
def _fetched(
    files: Sequence, repo: str, commit: BulkCommit | None, access: HubAccess, downloads: Path, say: Say
) -> Iterator[Sequence[Path]]:
    """The files on this machine: those of a commit are downloaded, and removed when the block has used them."""
    if commit is None:
        yield files
        return
    size = sum(file.bytes for file in files)
    say(f"{len(files)} file(s) of {size:,} bytes at commit {commit.sha[:7]} of {commit.at:%Y-%m-%d %H:%M} UTC")
    for other in downloads.glob("*"):
        if other.name != commit.sha:  # of a commit that nobody waits for any more
            shutil.rmtree(other)
    folder, hub = downloads / commit.sha, {"endpoint": access.endpoint, "token": access.token}
    yield bulk.fetch_files(repo, commit, files, **hub, folder=folder, say=say)
    shutil.rmtree(folder)
