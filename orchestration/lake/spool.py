"""The pages of a running crawl, on disk. Belongs here: storing pages so that a crawl can go on after any kill.

Not: fetching pages, or typing them. A page file holds its rows and the cursor to what follows them, and appears whole
or not at all: so the cursor is never ahead of the rows.
"""

import gzip
import json
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from orchestration.lake.files import LakeError, disk_errors, locked, sync_folder, write_durably
from orchestration.lake.schemas import SCHEMAS

_COMPRESSION_LEVEL = 3
_BROKEN = (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError)


class PageLike(Protocol):
    """What a crawl hands over: rows, the place where it goes on (None: it is finished), and how it got them."""

    rows: list[Any]
    cursor: str | None
    observed_at: datetime
    requests: int
    synthetic: bool
    not_found: list[str]


@dataclass(frozen=True)
class SpooledPage:
    """A page as it was appended."""

    rows: list[Any]
    cursor: str | None
    observed_at: datetime
    requests: int
    synthetic: bool
    not_found: list[str]


@dataclass(frozen=True)
class _Origin:
    source: str
    source_label: str
    scope: str


class Spool:
    """The pages of one crawl of one table for one snapshot date, held by one process at a time.

    Open it with `Spool.open`. `cursor` is where the crawl goes on (None: at its start, or it is finished) and
    `requests` what the stored pages cost. The other attributes are what it was opened with.
    """

    def __init__(self, data_dir: Path, table: str, snapshot_date: date, origin: _Origin) -> None:
        """Use `Spool.open`, which holds the lock."""
        self.data_dir = data_dir
        self.table = table
        self.snapshot_date = snapshot_date
        self.source = origin.source
        self.source_label = origin.source_label
        self.cursor: str | None = None
        self.is_finished = False
        self.requests = 0
        self._origin = origin
        self._count = 0
        self._folder = data_dir / "spool" / table / f"snapshot_date={snapshot_date.isoformat()}"

    @classmethod
    @contextmanager
    def open(
        cls, data_dir: Path, table: str, snapshot_date: date, *, source: str, source_label: str, scope: str = ""
    ) -> Iterator["Spool"]:
        """The spool of a crawl, with the pages that an earlier, unfinished run has left.

        `scope` says what is crawled where that can change between runs (a window of days, a list of handles): pages of
        another scope are dropped and the crawl starts anew.

        Raises:
            LakeError: another run holds it, its pages come from another source, or the disk fails.
        """
        if table not in SCHEMAS:
            raise ValueError(f"no raw table is called {table!r}")
        spool = cls(data_dir, table, snapshot_date, _Origin(source, source_label, scope))
        folder = spool._folder
        with locked(folder.parent / ".lock"):
            with disk_errors(f"open the pages of {table}", folder):
                for leftover in folder.parent.glob(".done-*"):
                    shutil.rmtree(leftover)
                folder.mkdir(exist_ok=True)
                for leftover in folder.glob(".*.tmp"):
                    leftover.unlink()
                spool._resume()
            yield spool

    def append(self, page: PageLike) -> None:
        """Stores a page for good: once this returns, the crawl goes on after it whatever happens.

        Raises:
            LakeError: the crawl is finished already, or the disk fails.
        """
        if self.is_finished:
            raise LakeError(f"The crawl of {self.table} in {self._folder} is finished: nothing can be added to it.")
        header = {
            "cursor": page.cursor,
            "observed_at": page.observed_at.isoformat(),
            "requests": page.requests,
            "synthetic": page.synthetic,
            "not_found": page.not_found,
            "rows": len(page.rows),
            **asdict(self._origin),
        }
        lines = "".join(json.dumps(value, separators=(",", ":")) + "\n" for value in (header, *page.rows))
        with disk_errors(f"store a page of {self.table}", self._folder):
            content = gzip.compress(lines.encode(), _COMPRESSION_LEVEL, mtime=0)
            write_durably(self._path(self._count), content)
        self._advance(header)

    def pages(self) -> Iterator[SpooledPage]:
        """The stored pages in order, one in memory at a time.

        Raises:
            LakeError: a page cannot be read.
        """
        for number in range(self._count):
            try:
                with gzip.open(self._path(number)) as file:
                    header = json.loads(file.readline())
                    rows = [json.loads(line) for line in file]
            except _BROKEN:
                raise LakeError(
                    f"The page {self._path(number)} cannot be read: run again to fetch it and what follows it."
                ) from None
            yield SpooledPage(
                rows=rows,
                cursor=header["cursor"],
                observed_at=datetime.fromisoformat(header["observed_at"]),
                requests=header["requests"],
                synthetic=header["synthetic"],
                not_found=header["not_found"],
            )

    def discard(self) -> None:
        """Removes the pages, at once for whoever opens the spool next.

        Raises:
            LakeError: the disk fails.
        """
        with disk_errors(f"remove the pages of {self.table}", self._folder):
            done = self._folder.with_name(f".done-{self.snapshot_date.isoformat()}")
            self._folder.rename(done)
            sync_folder(done.parent)
            shutil.rmtree(done)

    def restart(self) -> None:
        """Removes the pages, so that the crawl can start anew in this spool.

        Raises:
            LakeError: the disk fails.
        """
        self.discard()
        with disk_errors(f"open the pages of {self.table}", self._folder):
            self._folder.mkdir()
        self.cursor, self.is_finished, self.requests, self._count = None, False, 0, 0

    def _path(self, number: int) -> Path:
        return self._folder / f"page-{number:08}.jsonl.gz"

    def _resume(self) -> None:
        """Takes up the pages of an earlier run, up to the first that is missing or that the disk did not keep."""
        while not self.is_finished and (header := self._intact_header(self._path(self._count))) is not None:
            origin = _Origin(header["source"], header["source_label"], header["scope"])
            if (origin.source, origin.source_label) != (self.source, self.source_label):
                raise LakeError(
                    f"The unfinished crawl in {self._folder} comes from {origin.source} ({origin.source_label}), not"
                    f" from {self.source} ({self.source_label}): remove that folder or set another HUBSCAPE_DATA_DIR."
                )
            if origin.scope != self._origin.scope:
                break
            self._advance(header)
        for path in sorted(self._folder.glob("page-*"), reverse=True):
            if path >= self._path(self._count):
                path.unlink()

    def _advance(self, header: dict[str, Any]) -> None:
        self._count += 1
        self.cursor = header["cursor"]
        self.is_finished = self.cursor is None
        self.requests += header["requests"]

    @staticmethod
    def _intact_header(path: Path) -> dict[str, Any] | None:
        """The header of a page file if all of its rows are there, else None."""
        try:
            with gzip.open(path) as file:
                header = json.loads(file.readline())
                rows = 0
                while chunk := file.read(2**20):  # to the end, where the checksum is
                    rows += chunk.count(b"\n")
        except _BROKEN:
            return None
        return header if rows == header["rows"] else None
