"""`hubscape doctor`: looks at what a run needs and says what is wrong, with one sentence of advice for each finding.

Belongs here: looking and judging. Nothing is mended or written; what a run would clear away by itself is only told.
"""

import datetime as dt
import math
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rich.table import Table
from rich.text import Text

from orchestration.commands.query import plain_console
from orchestration.crawl.source import needs_hub
from orchestration.dbt import is_manifest_stale
from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import is_locked
from orchestration.ground.text import for_terminal
from orchestration.hub import bulk
from orchestration.hub.session import HubError, HubSession, HubUnauthorized, Limits
from orchestration.lake.schemas import SCHEMAS
from orchestration.settings import PROJECT_DIR, Settings

LOCK_FILE = PROJECT_DIR / "requirements.lock"
_ASKED = Limits(timeout_seconds=10, request_seconds=30, deadline_seconds=60, max_retries=0)
_GIB = 2**30
# Room for a first crawl of a Hub of full size: raw Parquet, the warehouse and what it spills, one release.
_FIRST_RUN_BYTES = 20 * _GIB
_SKEW_WORTH_A_WORD, _SKEW_TOO_MUCH = 60, 600  # seconds
_MAY_WRITE = {"admin", "write"}  # roles in an organization


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found, and one sentence of advice unless it is ok."""

    about: str
    verdict: Literal["ok", "warning", "problem"]
    found: str
    advice: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Looks at everything: Hub and token, quota, clock, disk, versions, locks; asks the Hub one question."""
    return [
        Finding("settings", "ok", f"source {settings.source}, refresh {settings.refresh}, data in {settings.data_dir}"),
        *_hub(settings),
        *_dump(settings),
        _snapshot_date(settings.snapshot_date, dt.datetime.now(dt.UTC).date()),
        _disk(settings.data_dir, is_sandbox=settings.source == "sandbox"),
        python_version(sys.version_info[:2]),
        packages(
            LOCK_FILE.read_text() if LOCK_FILE.is_file() else "",
            {canonicalize_name(d.name): d.version for d in metadata.distributions() if d.name},
        ),
        _manifest(),
        *_locks(settings.data_dir),
        *_runs(settings.data_dir),
    ]


def print_findings(findings: list[Finding]) -> None:
    """Prints one line a finding, and below it the advice where there is one."""
    table = Table.grid(padding=(0, 2))
    colours = {"ok": "green", "warning": "yellow", "problem": "red"}
    for finding in findings:
        # A Hub's answer is among what was found.
        table.add_row(finding.about, Text(finding.verdict, colours[finding.verdict]), for_terminal(finding.found))
        if finding.advice:
            table.add_row("", "", f"-> {for_terminal(finding.advice)}")
    plain_console(soft_wrap=True).print(table)


def _hub(settings: Settings) -> Iterator[Finding]:
    if settings.starts_sandbox:
        yield Finding("hub", "ok", "there is no Hub to ask: a run starts a sandbox of its own")
        return
    if not needs_hub(settings):
        yield Finding("hub", "ok", "none is needed: the dump is a folder, and nothing is published")
        return
    place, words, shape = ("/api/whoami-v2", {}, dict) if settings.hub_token else ("/api/models", {"limit": 1}, list)
    try:
        session = HubSession(settings.hub_endpoint, settings.hub_token, limits=_ASKED)
        answer = session.get(session.place(place, words), shape).value
    except HubUnauthorized as error:
        yield Finding("token", "problem", str(error), "Make a new token on the Hub and set HF_TOKEN to it.")
    except HubError as error:
        yield Finding("hub", "problem", str(error), "Check HF_ENDPOINT and the network, or wait for the Hub.")
        if session.quota.left is None:
            return
    else:
        yield Finding("hub", "ok", f"{session.source_label} answers")
        if settings.hub_token:
            yield token_rights(answer, settings.publish_to, is_sandbox=session.source_label != session.origin)
        elif repo := settings.publish_to:
            found = f"none, and {repo} is to be published to"
            yield Finding("token", "problem", found, "Set HF_TOKEN to a write token.")
        else:
            yield Finding("token", "ok", "none: the Hub is read with the smaller quota of those who are unknown")
    yield quota_left(session.quota.limit, session.quota.left, session.quota.share)
    yield clock_skew(session.date, dt.datetime.now(dt.UTC))


def _dump(settings: Settings) -> Iterator[Finding]:
    """The tables that the bulk source has: of its newest commit, or in its folder."""
    if settings.source != "bulk":
        return
    source = settings.bulk_source
    try:
        if bulk.is_repo(source):
            session = HubSession(settings.hub_endpoint, settings.hub_token, limits=_ASKED)
            commit = next(bulk.commits(session, source), None)
            paths = [file.path for file in bulk.files_at(session, source, commit)[0]] if commit else []
            found = {table for table in SCHEMAS if bulk.files_of_table(paths, table)}
        else:
            found = {table for table in SCHEMAS if bulk.local_files(Path(source), table)}
    except HubscapeError as error:
        yield Finding("dump", "problem", str(error), "Set HUBSCAPE_BULK_SOURCE to a dataset owner/name, or a folder.")
        return
    told = f"{source} has {', '.join(table for table in SCHEMAS if table in found) or 'no table'}"
    if "models" in found:
        yield Finding("dump", "ok", told)
    else:
        yield Finding("dump", "problem", told, "Set HUBSCAPE_BULK_SOURCE to a dump that has models.parquet.")


def token_rights(who: Mapping[str, Any], repo: str, *, is_sandbox: bool = False) -> Finding:
    """What the Hub's answer to "who am I" says of the token, against what publishing to `repo` needs.

    A sandbox lets its one user write everywhere; `repo` may be empty where nothing is published.
    """
    token = (who.get("auth") or {}).get("accessToken") or {}
    role, name, owner = str(token.get("role")), str(who.get("name"))[:100], repo.partition("/")[0]
    known = f"valid, of {name}, role {role}"
    if not repo:
        return Finding("token", "ok", f"{known}; nothing is published, reading is enough")
    if role == "read":
        advice = f"Make a token that may write {repo}, and set HF_TOKEN to it."
        return Finding("token", "problem", f"{known}: may not write {repo}", advice)
    if role == "fineGrained":
        for scope in (token.get("fineGrained") or {}).get("scoped") or []:
            entity = str((scope.get("entity") or {}).get("name")).lower()
            if entity in {repo.lower(), owner.lower()} and "repo.write" in (scope.get("permissions") or []):
                return Finding("token", "ok", f"{known}: may write {repo}")
        advice = f"Give it the right to write {repo} in the Hub's settings for tokens."
        return Finding("token", "problem", f"{known}: nothing in it lets it write {repo}", advice)
    if role != "write":
        advice = f"Make sure by a first publication that it may write {repo}."
        return Finding("token", "warning", f"valid, of {name}; the Hub does not tell its role", advice)
    roles = {str(org.get("name")).lower(): org.get("roleInOrg") for org in who.get("orgs") or []}
    if owner.lower() == name.lower() or is_sandbox or roles.get(owner.lower()) in _MAY_WRITE:
        return Finding("token", "ok", f"{known}: may write {repo}")
    if roles.get(owner.lower()) == "contributor":
        advice = f"Let {name} create the repo, or become a writer of {owner}."
        return Finding("token", "warning", f"{known}: may write only repos of {owner} that it created", advice)
    advice = f"Use a token of a writer of {owner}, or publish to another HUBSCAPE_PUBLISH_REPO."
    return Finding("token", "problem", f"{known}: may not write repos of {owner}", advice)


def quota_left(limit: int | None, left: int | None, share: float) -> Finding:
    """Requests left in this window of the Hub's rate limit; a crawl stops at `share` of it and waits for the next."""
    if limit is None or left is None:
        return Finding("quota", "ok", "the Hub told none")
    told = f"{left:,} of {limit:,} requests left in this window"
    if left == 0:
        return Finding("quota", "problem", told, "Wait for the next window, five minutes at most, and look who asks.")
    if left <= math.ceil(limit * (1 - share) - 1e-9):
        return Finding("quota", "warning", told, "A run would wait for the next window: see what else uses the token.")
    return Finding("quota", "ok", told)


def clock_skew(date_header: str, now: dt.datetime) -> Finding:
    """This machine's clock against the `Date` of the Hub's answer."""
    try:
        hub = parsedate_to_datetime(date_header)
    except ValueError:
        return Finding("clock", "warning", "the Hub did not tell its time", "Compare this machine's clock by hand.")
    seconds = round((now - (hub if hub.tzinfo else hub.replace(tzinfo=dt.UTC))).total_seconds())
    told = f"{abs(seconds):,} s {'ahead of' if seconds > 0 else 'behind'} the Hub's" if seconds else "as the Hub's"
    if abs(seconds) < _SKEW_WORTH_A_WORD:
        return Finding("clock", "ok", told)
    verdict = "problem" if abs(seconds) >= _SKEW_TOO_MUCH else "warning"
    advice = "Set the clock by NTP: it labels snapshots and judges what is in the future."
    return Finding("clock", verdict, told, advice)


def _snapshot_date(day: dt.date, today: dt.date) -> Finding:
    if day == today:
        return Finding("snapshot date", "ok", f"{day}, today in UTC")
    advice = "Unset HUBSCAPE_SNAPSHOT_DATE unless that day is meant: every run would make it again."
    return Finding("snapshot date", "warning", f"{day}, while today in UTC is {today}", advice)


def _disk(data_dir: Path, *, is_sandbox: bool) -> Finding:
    existing = next(folder for folder in (data_dir, *data_dir.parents) if folder.is_dir())
    if not os.access(existing, os.W_OK):
        return Finding("disk", "problem", f"{existing} cannot be written", "Change its owner or HUBSCAPE_DATA_DIR.")
    newest = [max(table.glob("snapshot_date=*"), default=None) for table in data_dir.glob("raw/*")]
    newest += [max(data_dir.glob("release/[0-9]*"), default=None), data_dir / "warehouse.duckdb"]
    last = sum(_size(path) for path in newest if path)
    return disk_space(shutil.disk_usage(existing).free, last, _GIB if is_sandbox else _FIRST_RUN_BYTES)


def disk_space(free: int, last: int, first: int) -> Finding:
    """Free bytes against those of the last snapshot, release and warehouse, or against `first` where there is none.

    A run writes its snapshot and release beside the old ones and lets the warehouse spill: twice as much is enough,
    four times leaves room for the days until somebody looks again.
    """
    told = f"{free / _GIB:,.1f} GiB free; " + (f"the last day takes {last / _GIB:,.3f} GiB" if last else "no day yet")
    need = 2 * last or first
    if free < need:
        return Finding("disk", "problem", told, "Free some space, or set HUBSCAPE_DATA_DIR to a larger disk.")
    if free < 2 * need:
        return Finding("disk", "warning", told, "Free some space soon: a few more days and a run will not fit.")
    return Finding("disk", "ok", told)


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def python_version(version: tuple[int, ...]) -> Finding:
    """Whether this Python is one that the project is tested on."""
    told = ".".join(map(str, version))
    if (3, 11) <= version < (3, 13):
        return Finding("python", "ok", told)
    return Finding("python", "problem", told, "Make .venv anew with Python 3.11 or 3.12.")


def packages(lock: str, present: Mapping[str, str]) -> Finding:
    """Installed packages against the text of requirements.lock; packages beyond the lock are nobody's business."""
    asked = [Requirement(line.rstrip(" \\")) for line in lock.splitlines() if line[:1].isalnum()]
    locked = {
        canonicalize_name(r.name): next(iter(r.specifier)).version for r in asked if not r.marker or r.marker.evaluate()
    }
    if not locked:
        return Finding("packages", "warning", f"there is no {LOCK_FILE.name} to compare with", "Install from a clone.")
    other = [f"{n} {present[n]} instead of {v}" for n, v in locked.items() if present.get(n, v) != v]
    if wrong := [*other, *(f"{name} is missing" for name in locked if name not in present)]:
        told = "; ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        return Finding("packages", "problem" if other else "warning", told, "Run `make install`.")
    return Finding("packages", "ok", f"all {len(locked)} as in {LOCK_FILE.name}")


def _manifest() -> Finding:
    if is_manifest_stale():
        return Finding("dbt manifest", "warning", "missing or older than the models", "Run `make install`.")
    return Finding("dbt manifest", "ok", "newer than the models")


def _locks(data_dir: Path) -> Iterator[Finding]:
    run, warehouse = data_dir / "run.lock", data_dir / "warehouse.duckdb"
    at_work = is_locked(run)
    if at_work:
        yield Finding("run lock", "warning", f"a run is at work in {data_dir}", "Wait for it to end before the next.")
    else:
        yield Finding("run lock", "ok", "free")
    if is_locked(warehouse) and not at_work:
        advice = "Close the program that has it open; whoever only reads can read the release's Parquet."
        yield Finding("warehouse", "problem", f"another process holds {warehouse}", advice)
    left = [path for pattern in ("tmp/*", "release/.building-*", "release/.old-*") for path in data_dir.glob(pattern)]
    if left and not at_work:
        told = f"{len(left)} leftovers of killed runs, {sum(map(_size, left)) / 2**20:,.1f} MiB"
        yield Finding("leftovers", "warning", told, "The next query or publication clears tmp, the next run the rest.")


def _runs(data_dir: Path) -> Iterator[Finding]:
    home = Path(os.environ.get("DAGSTER_HOME") or data_dir / "dagster")
    if not (home / "dagster.yaml").is_file():
        yield Finding("runs", "ok", "no run history yet")
        return
    import dagster as dg
    from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

    with dg.DagsterInstance.from_config(str(home)) as instance:
        open_runs = instance.get_runs(filters=dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES)), limit=5)
    if not open_runs:
        yield Finding("runs", "ok", "none unfinished")
    elif is_locked(data_dir / "run.lock"):
        yield Finding("runs", "ok", f"{len(open_runs)} at work")
    else:
        told = ", ".join(f"{run.run_id[:8]} {run.status.value}" for run in open_runs)
        advice = "If nobody is running it, terminate it in the Dagster UI; `hubscape run` ends its own dead runs."
        yield Finding("runs", "warning", f"unfinished: {told}", advice)
