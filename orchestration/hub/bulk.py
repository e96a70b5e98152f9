"""Finds and fetches the files of a bulk dump: a dataset repo shaped like hub-stats, or a folder on this machine.

Belongs here: the repo's history, which commit stands for a day, which files make a table, and fetching them pinned to a
commit and verified. Not: what is inside the files (lake.bulk), or which days are wanted (backfill).
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import put_in_place
from orchestration.hub.client import has_content, transfers
from orchestration.hub.quota import LONGEST_WAIT_SECONDS, asked_wait
from orchestration.hub.session import HubError, HubSession

MAX_FILE_BYTES = 32 * 2**30
_PAGE = 1_000  # the largest that the Hub gives
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}")
_TRIES = 6
_CHUNK = 2**20
_DEADLINE_SECONDS = 3600  # for one file
# A history is not sorted by its dates: a commit may have been made on a machine whose clock was wrong.
_SLACK = timedelta(days=7)


@dataclass(frozen=True)
class BulkCommit:
    """One commit of a dataset repo and its time (UTC)."""

    sha: str
    at: datetime


@dataclass(frozen=True)
class RemoteFile:
    """A file of a commit: its path, bytes, and the hash of its content, SHA-256 for a large file, git's for another."""

    path: str
    bytes: int
    sha256: str | None
    git_oid: str


def is_repo(source: str) -> bool:
    """Whether a bulk source names a dataset repo; otherwise it is a folder. A folder of that name that exists wins."""
    return _REPO.fullmatch(source) is not None and not Path(source).is_dir()


def commits(session: HubSession, repo: str) -> Iterator[BulkCommit]:
    """The commits of a dataset repo's main branch, newest first as the Hub lists them, page by page.

    Raises:
        HubError: as the session; or the Hub's answer is no history.
    """
    place = session.place(f"/api/datasets/{repo}/commits/main", {"limit": _PAGE})
    for answer in session.follow(place, f"The history of {repo}"):
        for row in answer.value:
            yield _commit(row, repo, session)


def _commit(row: Any, repo: str, session: HubSession) -> BulkCommit:
    try:
        at = datetime.fromisoformat(row["date"]).astimezone(UTC)
        sha = row["id"]
        if not _SHA.fullmatch(sha):
            raise ValueError(sha)
    except (TypeError, KeyError, ValueError, OverflowError):
        raise HubError(f"The history of {repo} at {session.origin} cannot be read: check HF_ENDPOINT.") from None
    return BulkCommit(sha, at)


def commits_by_day(found: Iterable[BulkCommit], first: date, last: date) -> dict[date, BulkCommit]:
    """The last commit of each UTC day from `first` to `last`, both included, by day, oldest first.

    `found` are commits newest first, of which no more are taken than needed. A day without a commit is not there.
    """
    days: dict[date, BulkCommit] = {}
    for commit in found:
        day = commit.at.date()
        if day < first - _SLACK:
            break
        if first <= day <= last and (day not in days or commit.at > days[day].at):
            days[day] = commit
    return dict(sorted(days.items()))


def commit_of_day(found: Iterable[BulkCommit], day: date, *, today: date) -> BulkCommit | None:
    """The commit that stands for a day: its last one; for a day that is not over yet, else the newest before it.

    None where there is none. A past day without a commit of its own has none: a gap is never filled from another day.
    """
    first = day if day < today else date.min + _SLACK
    newest: BulkCommit | None = None
    for commit in found:
        if commit.at.date() < first - _SLACK:
            break
        if first <= commit.at.date() <= day and (newest is None or commit.at > newest.at):
            newest = commit
        if day >= today and newest is not None and commit.at < newest.at - _SLACK:
            break
    return newest


def files_at(session: HubSession, repo: str, commit: BulkCommit) -> tuple[list[RemoteFile], bool]:
    """The files of a commit, and whether the Hub says that what it serves is made up.

    Raises:
        HubError: as the session; or the Hub's answer is no list of files.
    """
    place = session.place(f"/api/datasets/{repo}/tree/{commit.sha}", {"recursive": "true"})
    files: list[RemoteFile] = []
    synthetic = False
    for answer in session.follow(place, f"The list of files of {repo}", by_id=False):
        for entry in answer.value:
            try:
                if entry["type"] == "file":
                    sha256 = entry["lfs"]["oid"] if entry.get("lfs") else None
                    files.append(RemoteFile(str(entry["path"]), int(entry["size"]), sha256, str(entry["oid"])))
            except (TypeError, KeyError, ValueError):
                raise HubError(
                    f"The files of {repo} at {session.origin} cannot be listed: check HF_ENDPOINT."
                ) from None
        synthetic = synthetic or answer.synthetic
    return files, synthetic


def files_of_table(paths: Iterable[str], table: str) -> list[str]:
    """The paths that make a table, in order: `models.parquet`, or the shards of it.

    Shards are `models-00000-of-00003.parquet` or any Parquet file of a folder `models`, at the top or in `data/`.
    """
    known = set(paths)
    if f"{table}.parquet" in known:
        return [f"{table}.parquet"]
    shard = re.compile(
        rf"(data/)?{table}(-[0-9]{{1,6}}(-of-[0-9]{{1,6}})?|/[A-Za-z0-9][\w.-]{{0,200}})\.parquet", re.ASCII
    )
    shards = sorted(path for path in known if shard.fullmatch(path))
    return shards or [path for path in (f"data/{table}.parquet",) if path in known]


def local_files(folder: Path, table: str) -> list[Path]:
    """The files of a table in a folder of this machine, in order; none where it has none.

    Raises:
        HubscapeError: there is no such folder, or its name is one that DuckDB takes for a pattern.
    """
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise HubscapeError(
            f"There is no folder {folder}: set HUBSCAPE_BULK_SOURCE to a folder or a dataset owner/name."
        )
    if set("*?[]{}") & set(str(folder)):
        raise HubscapeError(f"The path of {folder} has one of * ? [ ] {{ }}: rename the folder.")
    paths = [path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet") if path.is_file()]
    return [folder / path for path in files_of_table(paths, table)]


def fetch_files(
    repo: str,
    commit: BulkCommit,
    files: Iterable[RemoteFile],
    *,
    endpoint: str,
    token: str | None,
    folder: Path,
    say: Callable[[str], None],
) -> list[Path]:
    """Downloads files of a commit into `folder`, verified, and returns where they lie; a cut download is gone on with.

    What lies there already counts only if its bytes are the commit's.

    Raises:
        HubError: the Hub cannot be reached, refuses, or sends other bytes than the commit has; or the disk fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fetched: list[Path] = []
    for number, file in enumerate(files):
        path = folder / f"{number:05}.parquet"
        if file.bytes > MAX_FILE_BYTES:
            raise HubscapeError(f"{file.path} of {repo} has {file.bytes:,} bytes, which no dump has: look at it.")
        with transfers(endpoint, token, f"{file.path} of {repo}", "fetched"):
            if not has_content(path, file.bytes, file.sha256, file.git_oid):
                _Download(repo, commit, file, endpoint, token, say).into(path)
        fetched.append(path)
    return fetched


@dataclass(frozen=True)
class _Download:
    """One file on its way."""

    repo: str
    commit: BulkCommit
    file: RemoteFile
    endpoint: str
    token: str | None
    say: Callable[[str], None]

    def into(self, path: Path) -> None:
        """Downloads the file, in as many requests as it takes as long as each brings something."""
        import httpx2

        part = path.with_suffix(".part")

        def size() -> int:
            return part.stat().st_size if part.exists() else -1

        if size() >= self.file.bytes:
            part.unlink()
        failures, ends = 0, time.monotonic() + _DEADLINE_SECONDS
        while (before := size()) < self.file.bytes:
            try:
                wait, reason = self._request(part, max(before, 0), ends)
            except httpx2.TransportError as error:
                wait, reason = None, type(error).__name__
            if reason is None:
                break
            failures = failures + 1 if size() == before else 1
            if failures == _TRIES:
                raise HubError(self._sentence(f"failed {_TRIES} times, lastly with {reason}: run again later"))
            seconds = min(2.0 ** (failures - 1) if wait is None else wait + 1, LONGEST_WAIT_SECONDS)
            if wait is not None:
                self.say(f"waiting {seconds:.0f} s, as the Hub asks of those who have used up their requests")
            time.sleep(seconds)
        if not has_content(part, self.file.bytes, self.file.sha256, self.file.git_oid):
            part.unlink(missing_ok=True)
            raise HubError(self._sentence("gave other bytes than the commit has: run again"))
        put_in_place(part, path)

    def _request(self, part: Path, before: int, ends: float) -> tuple[float | None, str | None]:
        """Appends what one request brings; the wait that the Hub asks for, and why more is needed, if it is."""
        from huggingface_hub.utils import build_hf_headers, get_session

        url = f"{self.endpoint}/datasets/{self.repo}/resolve/{self.commit.sha}/{quote(self.file.path)}"
        # False, not None: with None the client would send whatever token it finds on this machine.
        headers = build_hf_headers(token=self.token or False) | {"accept-encoding": "identity"}
        if before:
            headers["range"] = f"bytes={before}-"
        with get_session().stream("GET", url, headers=headers) as response:
            status = response.status_code
            if status in (408, 429) or status >= 500:
                return asked_wait(status, response.headers), f"status {status}"
            if status not in (200, 206):
                raise HubError(self._sentence(f"was refused with status {status}: check the name and HF_TOKEN"))
            received = before if status == 206 else 0
            with part.open("ab" if status == 206 else "wb") as file:
                for chunk in response.iter_raw(_CHUNK):
                    received += len(chunk)
                    if received > self.file.bytes:
                        raise HubError(self._sentence("sent more bytes than the commit has: check HF_ENDPOINT"))
                    file.write(chunk)
                    if time.monotonic() > ends:
                        raise HubError(self._sentence(f"took over {_DEADLINE_SECONDS} s: run again to go on"))
        return None, None if received == self.file.bytes else "an answer that was cut short"

    def _sentence(self, what: str) -> str:
        return f"{self.file.path} of {self.repo} at {self.commit.sha[:7]} from {self.endpoint} {what}."
