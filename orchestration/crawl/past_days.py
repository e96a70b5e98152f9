"""Raw days of the past, each taken from the commit that a bulk dataset has of it, into a partition of its own.

Belongs here: a range of days, which of them exist, and what is done already. Not: how one table of a day is taken over
(dump), or how a day becomes a release (commands.backfill).
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from orchestration.crawl.dump import fetch_bulk, held_manifests
from orchestration.crawl.source import Gate, HubAccess, Say, source_label
from orchestration.hub.bulk import BulkCommit, commits, commits_by_day, is_repo
from orchestration.lake.bulk import BulkRefused, was_observed
from orchestration.lake.manifest import Manifest
from orchestration.lake.schemas import SCHEMAS
from orchestration.settings import Settings, SettingsError


@dataclass
class Backfill:
    """What became of the days of a range.

    `filled` have a commit of their own and are in the lake; `gaps` have no commit; `refused` have one that cannot be
    used, or that the checks refused, each with a sentence on why. `released` have a release that passed; `published` is
    the day that was published, if any was.
    """

    filled: dict[dt.date, BulkCommit] = field(default_factory=dict)
    gaps: list[dt.date] = field(default_factory=list)
    refused: dict[dt.date, str] = field(default_factory=dict)
    released: list[dt.date] = field(default_factory=list)
    published: dt.date | None = None

    @property
    def failure(self) -> str:
        """A sentence on the days that could not be had though the source has them; nothing if there are none."""
        if not self.refused:
            return ""
        day, why = next(iter(self.refused.items()))
        return f"{len(self.refused)} of the days were refused ({spans(list(self.refused))}), first {day}: {why}"


def fill_raw(
    settings: Settings,
    access: HubAccess,
    gate: Gate,
    first: dt.date,
    last: dt.date,
    *,
    say: Say,
    on_day: Callable[[dt.date, BulkCommit, list[Manifest]], None] = lambda *_: None,
) -> Backfill:
    """Takes the raw tables of every day of a range that the source has into the lake, oldest first.

    `on_day` is told of each day that is in the lake then, with its commit and manifests.

    Raises:
        HubError, LakeError: the source or the disk failed; the days before stand.
        SettingsError: the source is no dataset repo, or the range is empty or ends in the future.
    """
    if settings.source != "bulk" or not is_repo(settings.bulk_source):
        advice = "set HUBSCAPE_SOURCE=bulk, and HUBSCAPE_BULK_SOURCE to a dataset repo owner/name."
        raise SettingsError(f"A backfill needs a source with a history: {advice}")
    if not first <= last <= dt.datetime.now(dt.UTC).date():
        what = "no range of days up to today, UTC"
        raise SettingsError(f"{first} to {last} is {what}: name the first and the last of them.")
    session = access.session(settings)
    session.say = say
    access = replace(access, label=source_label(settings, session))  # asked for once, not for each table of each day
    found = commits_by_day(commits(session, settings.bulk_source), first, last)
    every = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    done = Backfill(gaps=[day for day in every if day not in found])
    for number, (day, commit) in enumerate(found.items(), 1):
        of_day = settings.model_copy(update={"snapshot_date": day})
        place = f"({number} of {len(found)} days)"
        try:
            manifests = _day(of_day, access, gate, commit)
        except BulkRefused as error:
            done.refused[day] = str(error)
            say(f"{day}  refused {place}: {error}")
            continue
        done.filled[day] = commit
        rows = ", ".join(f"{m.rows:,} {m.table}" for m in manifests if was_observed(m))
        say(f"{day}  commit {commit.sha[:7]} of {commit.at:%H:%M} UTC: {rows} {place}")
        on_day(day, commit, manifests)
    return done


def _day(settings: Settings, access: HubAccess, gate: Gate, commit: BulkCommit) -> list[Manifest]:
    """The manifests of a day's tables, all of one commit; without organizations where they are left to a crawl.

    A day that is there is kept. One that was interrupted, before its source made another commit, is of the last commit.
    """
    held = {table: manifest.source_commit for table, manifest in held_manifests(settings).items()}
    shas = set(held.values()) - {None}
    is_there = len(shas) == 1 and SCHEMAS.keys() - held.keys() <= {"organizations"}
    other = set() if is_there else {table for table, sha in held.items() if sha not in (None, commit.sha)}
    fetched = (
        fetch_bulk(table, settings, access, gate, refetch=table in other, progress=lambda _: None, commit=commit)
        for table in SCHEMAS
    )
    return [manifest for manifest in fetched if manifest is not None]


def spans(days: list[dt.date]) -> str:
    """Days as people write them: runs as `from to to`, in order."""
    runs: list[list[dt.date]] = []
    for day in sorted(days):
        if not runs or day != runs[-1][-1] + dt.timedelta(days=1):
            runs.append([day, day])
        runs[-1][-1] = day
    return ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in runs)
