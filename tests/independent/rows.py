"""Raw rows of one snapshot, the rules that a row has to keep, and which rows are kept."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.independent.registry import Row

TABLES = ("models", "datasets", "spaces", "organizations", "daily_papers")
REPO_TABLES = ("models", "datasets", "spaces")
# The Hub filled in the dates of older repositories within a minute.
LEGACY_IMPORT_AT = datetime(2022, 3, 2, 23, 29, 59, tzinfo=UTC)

_TEXTS = (
    "_id", "id", "handle", "author", "sha", "pipeline_tag", "library_name", "sdk", "title", "name", "fullname", "plan",
    "architecture",
)  # fmt: skip
_ORGANIZATION_COUNTERS = ("numUsers", "numModels", "numDatasets", "numSpaces", "numPapers", "numFollowers")
_COUNTERS = (
    "downloads", "downloadsAllTime", "likes", "usedStorage", "upvotes", "numComments", "total", *_ORGANIZATION_COUNTERS,
)  # fmt: skip
_INSTANTS = ("createdAt", "lastModified", "publishedAt", "submittedOnDailyAt")
_LISTS = ("tags", "authors", "models", "datasets")
_STRUCTS = ("safetensors", "gguf", "paper", "organization")
_INSTANT = re.compile(r"(19[7-9]\d|2[01]\d\d)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_FITS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_TEXTS, lambda value: isinstance(value, str)),
    **dict.fromkeys(_COUNTERS, lambda value: type(value) is int and -(2**63) <= value < 2**63),
    **dict.fromkeys(_INSTANTS, lambda value: isinstance(value, str) and bool(_INSTANT.fullmatch(value))),
    **dict.fromkeys(_LISTS, lambda value: isinstance(value, list) and len(value) <= 10_000),
    **dict.fromkeys(_STRUCTS, lambda value: isinstance(value, dict)),
    **dict.fromkeys(("private", "disabled", "isVerified"), lambda value: isinstance(value, bool)),
    "gated": lambda value: isinstance(value, bool | str),
    "trendingScore": lambda value: type(value) in (int, float),
}  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HANDLE = re.compile(r"[A-Za-z0-9._-]{1,96}")
_PAPER_ID = re.compile(r"[A-Za-z0-9._/-]{1,64}")
_ROW_RULES = ("raw_fault", "malformed_id", "control_character", "created_in_future", "created_too_early")
REPO_RULES = (*_ROW_RULES, "private", "negative_counter", "implausible_counter", "duplicate_key")
RULES = {
    "models": REPO_RULES,
    "datasets": REPO_RULES,
    "spaces": REPO_RULES,
    "organizations": (
        "raw_fault", "malformed_id", "control_character", "title_too_long", "negative_counter", "implausible_counter",
        "duplicate_key",
    ),
    "daily_papers": (*_ROW_RULES, "title_too_long", "negative_counter", "implausible_counter", "duplicate_key"),
}  # fmt: skip
"""Names of the rules by raw table; each is reported on, broken or not."""


@dataclass(frozen=True)
class Snapshot:
    """What one crawl found: rows as the Hub gives them, an overview with the handle that it was asked for.

    `asked_handles` counts the overviews asked for, found or not; `sampled` names the tables that hold no whole Hub,
    `unobserved` those that the source does not have.
    """

    date: date
    rows: Mapping[str, list[Row]]
    observed_at: datetime
    synthetic: frozenset[str] = frozenset()
    sampled: frozenset[str] = frozenset()
    asked_handles: int = 0
    unobserved: frozenset[str] = frozenset()


@dataclass
class Kept:
    """Rows that are kept, by table and key, and how many were refused, by table, public key, rule and reason."""

    kept: dict[str, dict[Any, Row]]
    refused: Counter[tuple[str, str, str, str]]
    still_listed: dict[str, dict[str, str]]
    """Ids by key of the repos of each table whose rows are refused, but not for being private: these are not gone."""

    @property
    def raw_rows(self) -> Counter[str]:
        """Rows of each raw table."""
        rows = Counter({table: len(rows) for table, rows in self.kept.items()})
        for (table, *_), count in self.refused.items():
            rows[table] += count
        return rows


def instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def created_date(row: Row) -> date | None:
    created = instant(row.get("createdAt"))
    return created and created.astimezone(UTC).date()


def is_older(row: Row, other: Row | None) -> bool:
    """Whether a row was created before another one, which may not be there."""
    created, other_created = instant(row.get("createdAt")), instant((other or {}).get("createdAt"))
    return created is not None and other_created is not None and created < other_created


def is_legacy(row: Row) -> bool:
    created = instant(row.get("createdAt"))
    return created is not None and created <= LEGACY_IMPORT_AT


def one_line(text: str | None) -> str | None:
    return None if text is None else re.sub(r"[ \t\r\n]+", " ", text).strip(" ")


def repo_key(row: Row) -> str:
    return row.get("_id") or row["id"]


def is_handle(text: str) -> bool:
    return bool(_HANDLE.fullmatch(text))


def hashed(text: str) -> str:
    """What stands in public for text that may be anything."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def settle(snapshot: Snapshot) -> Kept:
    """Which rows are kept, and why the others are not; of rows with one key the one changed last is."""
    settled = Kept({table: {} for table in TABLES}, Counter(), {table: {} for table in REPO_TABLES})
    for table in TABLES:
        good = []
        for row in snapshot.rows.get(table, []):
            if reason := broken_rule(table, row, snapshot.observed_at):
                rule = "raw_fault" if ":" in reason else reason
                settled.refused[table, _public_key(table, row, rule), rule, reason] += 1
                if table in REPO_TABLES and rule != "private" and row.get("id"):
                    settled.still_listed[table][repo_key(row)] = row["id"]
            else:
                good.append(row)
        for row in sorted(good, key=lambda row: _turn(table, row)):
            key = row_key(table, row)
            if settled.kept[table].setdefault(key, row) is not row:
                settled.refused[table, _public_key(table, row, "duplicate_key"), "duplicate_key", "duplicate_key"] += 1
    return settled


def row_key(table: str, row: Row) -> Any:
    if table == "daily_papers":
        return row["date"], row["paper"]["id"]
    return row["handle"].lower() if table == "organizations" else repo_key(row)


def _turn(table: str, row: Row) -> tuple[Any, ...]:
    """Of several rows with one key the least is kept; the order of the rows tells between equals."""
    if table == "daily_papers":
        upvotes = row["paper"].get("upvotes")
        return (upvotes is None, -(upvotes or 0))
    if table == "organizations":
        return (row["handle"],)
    modified = instant(row.get("lastModified"))
    return (modified is None, -modified.timestamp() if modified else 0)


def _public_key(table: str, row: Row, rule: str) -> str:
    if rule == "private":
        return "(private)"
    text = _id_of(table, row)
    if not isinstance(text, str):
        return "(missing)"
    return text if _is_well_formed(table, text) else hashed(text)


def _id_of(table: str, row: Row) -> Any:
    if table == "daily_papers":
        return (row.get("paper") or {}).get("id")
    return row.get("handle" if table == "organizations" else "id")


def _is_well_formed(table: str, text: str) -> bool:
    if ".." in text:
        return False
    if table == "daily_papers":
        return bool(_PAPER_ID.fullmatch(text))
    counts = {"organizations": (1,), "spaces": (2,)}.get(table, (1, 2))
    return _listed_id(text, counts)


def _listed_id(text: str, parts: Collection[int]) -> bool:
    return text.count("/") + 1 in parts and all(map(_HANDLE.fullmatch, text.split("/")))


def _fault(row: Row, path: str = "") -> str | None:
    for name, value in row.items():
        if value is not None and not _FITS.get(name, lambda _: True)(value):
            return f"bad_value:{path}{name}"
        if name in _STRUCTS and value and (inner := _fault(value, f"{path}{name}.")):
            return inner
    return None


def broken_rule(table: str, row: Row, now: datetime) -> str | None:
    """The reason to refuse a raw row, by the documented rules in their order; None for a row that is kept."""
    if row.get("private") is True:
        return "private"
    if fault := _fault(row):
        return fault
    if not (text := _id_of(table, row)):
        return {"daily_papers": "missing:paper.id", "organizations": "missing:handle"}.get(table, "missing:id")
    texts, titles, instants, floor, numbers, bounded = _fields(table, row)
    created, latest = instants[0] if instants else None, [text for text in instants if text]
    broken = {
        "malformed_id": not _is_well_formed(table, text),
        "control_character": any(
            (_CONTROL_IN_LINES if text in titles else _CONTROL).search(text) for text in texts if text
        ),
        "title_too_long": any(len(title) > 1000 for title in titles if title),
        "created_in_future": any(instant(text) > now + timedelta(days=1) for text in latest),
        "created_too_early": bool(created) and instant(created) < floor,
        "negative_counter": any(number < 0 for number in numbers if number is not None),
        "implausible_counter": any(number > 10**12 for number in bounded if number is not None),
    }
    return next((rule for rule, is_broken in broken.items() if is_broken), None)


def _fields(table: str, row: Row) -> tuple[list[Any], list[Any], list[Any], datetime, list[Any], list[Any]]:
    """Texts, titles, instants (creation first), the earliest creation, counters, and counters that have a bound."""
    if table == "daily_papers":
        paper = row["paper"]
        titles = [paper.get("title"), row.get("title")]
        instants = [paper.get("publishedAt"), paper.get("submittedOnDailyAt"), f"{row['date']}T00:00:00Z"]
        numbers = [paper.get("upvotes"), row.get("numComments")]
        return titles, titles, instants, datetime(1991, 1, 1, tzinfo=UTC), numbers, numbers
    if table == "organizations":
        texts = [row.get(name) for name in ("name", "fullname", "plan")]
        numbers = [row.get(name) for name in _ORGANIZATION_COUNTERS]
        return texts, [row.get("fullname")], [], datetime.min.replace(tzinfo=UTC), numbers, numbers
    texts = [row.get(name) for name in ("_id", "author", "pipeline_tag", "library_name", "sdk")]
    texts.append(gated if isinstance(gated := row.get("gated"), str) else None)
    texts.append((row.get("gguf") or {}).get("architecture"))
    numbers = [row.get(name) for name in ("downloads", "downloadsAllTime", "likes", "usedStorage")]
    return texts, [], [row.get("createdAt")], datetime(2015, 1, 1, tzinfo=UTC), numbers, numbers[:3]


def tagged(row: Row, prefix: str) -> set[str]:
    """What stands behind the prefix in the tags of a row."""
    return {tag.removeprefix(prefix) for tag in row.get("tags") or [] if tag.startswith(prefix)}


def by_spelling(ids: Iterable[tuple[str, str]]) -> tuple[dict[str, str], dict[str, str]]:
    """Keys by exact id and by id in lower case, from pairs of id and key: of several the least id, then least key."""
    exact: dict[str, str] = {}
    any_case: dict[str, str] = {}
    for repo_id, key in sorted(ids):
        exact.setdefault(repo_id, key)
        any_case.setdefault(repo_id.lower(), key)
    return exact, any_case
