"""The pages of a running crawl, on disk. Belongs here: storing pages so that a crawl can go on after any kill.

Not: fetching pages, or typing them. A page file holds its rows and the cursor to what follows them, and appears whole
or not at all: so the cursor is never ahead of the rows. It is one JSON array, compressed in two frames: a header of
ours on the first line, then the rows as they came.
"""

import io
import json
import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from orchestration.ground.files import put_in_place, write_durably
from orchestration.ground.text import read_json
from orchestration.lake.files import LakeError, disk_errors, locked
from orchestration.lake.schemas import SCHEMAS
from orchestration.lake.shape import fits

HEADER = "hubscape"  # the one field of a page's first element, which no column of a table is called
PAGE_NUMBER = r"page-([0-9]{8})\.json\.zst$"  # of a page file's name
_BROKEN = (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError)


class PageLike(Protocol):
    """What a crawl hands over: rows, the place where it goes on (None: it is finished), and how it got them.

    Rows that have a `body`, the text of the JSON array that they came as, are stored as that text.
    """

    rows: Sequence[Any]
    cursor: str | None
    observed_at: datetime
    requests: int
    synthetic: bool
    not_found: list[str]


@dataclass(frozen=True)
class StoredPage:
    """A page on disk: the file, its rows and bytes of JSON, whether each value fits the table, and how it came."""

    path: Path
    rows: int
    bytes: int
    fits: bool
    cursor: str | None
    observed_at: datetime
    requests: int
    synthetic: bool
    not_found: list[str]


class Spool:
    """The pages of one crawl of one table for one snapshot date, held by one process at a time: open it with `open`.

    `data_dir`, `table`, `snapshot_date`, `source` and `source_label` are what it was opened with.
    """

    def __init__(self, data_dir: Path, table: str, snapshot_date: date, origin: dict[str, str]) -> None:
        """Use `Spool.open`, which holds the lock."""
        self.data_dir, self.table, self.snapshot_date = data_dir, table, snapshot_date
        self.source, self.source_label = origin["source"], origin["source_label"]
        self._origin = origin
        self._pages: list[StoredPage] = []
        self._folder = data_dir / "spool" / table / f"snapshot_date={snapshot_date.isoformat()}"

    @property
    def cursor(self) -> str | None:
        """Where the crawl goes on; None at its start, and when it is finished."""
        return self._pages[-1].cursor if self._pages else None

    @property
    def is_finished(self) -> bool:
        """Whether the last page is there."""
        return bool(self._pages) and self.cursor is None

    @property
    def requests(self) -> int:
        """What the stored pages cost."""
        return sum(page.requests for page in self._pages)

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
        origin = {"source": source, "source_label": source_label, "scope": scope}
        spool = cls(data_dir, table, snapshot_date, origin)
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
        body = getattr(page.rows, "body", None)
        if body is None:
            body = json.dumps(list(page.rows), separators=(",", ":")).encode()
        # A page is about a megabyte: what follows its opening bracket is looked at where it lies, not copied.
        rest = memoryview(body)[body.index(b"[") + 1 :]
        codec = pa.Codec("zstd", compression_level=1)
        stored = codec.compress(rest, asbytes=True)
        header = {
            "cursor": page.cursor,
            "observed_at": page.observed_at.isoformat(),
            "requests": page.requests,
            "synthetic": page.synthetic,
            "not_found": page.not_found,
            "rows": len(page.rows),
            "fits": fits(self.table, body),
            "bytes": len(rest),
            "stored": len(stored),
            "crc32": zlib.crc32(stored),
            **self._origin,
        }
        line = json.dumps({HEADER: header}, separators=(",", ":")).encode()
        first = b"".join((b"[", line, b",\n" if len(page.rows) else b"\n"))
        with disk_errors(f"store a page of {self.table}", self._folder):
            write_durably(self._next_path, codec.compress(first, asbytes=True) + stored)
        self._advance(header)

    def stored(self) -> list[StoredPage]:
        """What is known of each stored page, in order."""
        return list(self._pages)

    def discard(self) -> None:
        """Removes the pages, at once for whoever opens the spool next.

        Raises:
            LakeError: the disk fails.
        """
        with disk_errors(f"remove the pages of {self.table}", self._folder):
            done = self._folder.with_name(f".done-{self.snapshot_date.isoformat()}")
            put_in_place(self._folder, done)
            shutil.rmtree(done)

    def restart(self) -> None:
        """Removes the pages, so that the crawl can start anew in this spool.

        Raises:
            LakeError: the disk fails.
        """
        self.discard()
        with disk_errors(f"open the pages of {self.table}", self._folder):
            self._folder.mkdir()
        self._pages = []

    @property
    def _next_path(self) -> Path:
        return self._folder / f"page-{len(self._pages):08}.json.zst"

    def _resume(self) -> None:
        """Takes up the pages of an earlier run, up to the first that is missing or that the disk did not keep."""
        while not self.is_finished and (header := self._intact_header(self._next_path)) is not None:
            if (header["source"], header["source_label"]) != (self.source, self.source_label):
                raise LakeError(
                    f"The unfinished crawl in {self._folder} comes from {header['source']} ({header['source_label']}), "
                    f"not from {self.source} ({self.source_label}): remove that folder or set another "
                    "HUBSCAPE_DATA_DIR."
                )
            if header["scope"] != self._origin["scope"]:
                break
            self._advance(header)
        for path in sorted(self._folder.glob("page-*"), reverse=True):
            if path >= self._next_path:
                path.unlink()

    def _advance(self, header: dict[str, Any]) -> None:
        told = {field.name: header[field.name] for field in fields(StoredPage) if field.name != "path"}
        told["observed_at"] = datetime.fromisoformat(told["observed_at"])
        self._pages.append(StoredPage(self._next_path, **told))

    @staticmethod
    def _intact_header(path: Path) -> dict[str, Any] | None:
        """The header of a page file if all of its rows are there as they came, else None."""
        try:
            content = path.read_bytes()
            with io.BufferedReader(pa.input_stream(pa.BufferReader(content), compression="zstd")) as file:
                first = file.readline().rstrip(b",\n")
            header = json.loads(first + b"]")[0][HEADER]
            # Of the rows as they are stored: a crawl of thousands of pages is resumed without unpacking them.
            stored = memoryview(content)[-header["stored"] :]
            return header if (header["stored"], header["crc32"]) == (len(stored), zlib.crc32(stored)) else None
        except _BROKEN:
            return None


def read_rows(path: Path) -> list[Any]:
    """The rows of a page file, JSON values as they came.

    Raises:
        LakeError: it cannot be read.
    """
    try:
        with pa.input_stream(str(path), compression="zstd") as file:
            return read_json(file.read())[1:]
    except _BROKEN:
        raise LakeError(f"The page {path} cannot be read: run again to fetch it and what follows it.") from None
