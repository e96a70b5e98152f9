"""The published numbers once more, from the recorded rows and the seeds, with sets and dictionaries alone.

Belongs here: a second reading of the documented definitions. Nothing is taken from the SQL or from `orchestration`, so
that an error stays unseen only if both sides make it; the one thing asked of the sandbox is for whom it makes up
organization overviews, since those are not recorded. Not here: comparing (the tests).

    python -m tests.pipeline.independent    rewrites tests/expected/*.csv from the recorded rows
"""

import csv
import gzip
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support import PROJECT, recorded_dir

SEEDS = PROJECT / "dbt_project" / "seeds"
EXPECTED = PROJECT / "tests" / "expected"
SNAPSHOT = date(2026, 8, 22)
PAPERS_DAYS = 731
TOP_HANDLES = 200
MAX_PLAUSIBLE_PARAMETERS = 10**14
SHOWN_HANDLES = ("Qwen", "meta-llama", "google")

RELATIONS = ("finetune", "adapter", "quantized", "merge")
DEFINITIONS = ("edges", "direct", "direct_external", "transitive", "transitive_external", "fractional", "declared")

Row = dict[str, Any]
Subject = tuple[str, str]
"""Subject type and subject."""
Counts = dict[tuple[str, str, str, str], Fraction]
"""Value by subject type, subject, relation and definition."""

_PART = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]{1,96}"
_REPO_ID = re.compile(f"{_PART}/{_PART}")
_HANDLE = re.compile(r"[A-Za-z0-9._-]{1,96}")
_TYPED_TAG = re.compile(rf"base_model:({'|'.join(RELATIONS)}):(.*)", re.DOTALL)


# --- the registry -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """Who is behind a handle; an account that the registry does not have is an organization of its own."""

    handle: str
    organization: str
    company: str | None = None
    country: str | None = None

    @property
    def subjects(self) -> set[Subject]:
        """What a model of the account counts for, itself and its families aside."""
        named = {"handle": self.handle, "organization": self.organization}
        named |= {"company": self.company, "country": self.country}
        return {(kind, name) for kind, name in named.items() if name}


@dataclass(frozen=True)
class Family:
    """Accounts (in lower case) and a pattern by which a model is told to be a root of the family."""

    roots: frozenset[str]
    pattern: re.Pattern[str]

    def has_root(self, repo_id: str) -> bool:
        handle, _, name = repo_id.lower().partition("/")
        return handle in self.roots and bool(self.pattern.search(name) or self.pattern.search(repo_id.lower()))


@dataclass
class Registry:
    """Accounts by handle in lower case, families by name, and how the handles of others are written."""

    accounts: dict[str, Account]
    families: dict[str, Family] = field(default_factory=dict)
    spellings: dict[str, str] = field(default_factory=dict)

    def learn_spellings(self, handles: Iterable[str | None]) -> None:
        """Handles as one source writes them, the least one of several; a source that came before wins."""
        for handle in sorted({handle for handle in handles if handle}):
            self.spellings.setdefault(handle.lower(), handle)

    def account(self, handle: str) -> Account:
        if known := self.accounts.get(handle.lower()):
            return known
        shown = self.spellings.get(handle.lower(), handle)
        return Account(shown, shown)

    def organization(self, repo_id: str) -> str | None:
        return self.account(repo_id.split("/")[0]).organization if "/" in repo_id else None

    def subjects(self, repo_id: str) -> set[Subject]:
        """What a model of that id counts for, the model itself aside."""
        accounts = self.account(repo_id.split("/")[0]).subjects if "/" in repo_id else set()
        return accounts | {("family", name) for name, family in self.families.items() if family.has_root(repo_id)}

    @property
    def all_subjects(self) -> set[Subject]:
        subjects = {("family", name) for name in self.families}
        return subjects.union(*(account.subjects for account in self.accounts.values()))


def read_registry() -> Registry:
    """The registry as the seeds have it; a country is that of the company's headquarters where there is a company's."""
    accounts = [
        Account(row["handle"], row["organization"], row["company"] or None, row["company_country"] or row["country"])
        for row in _seed("registry_organizations")
    ]
    roots: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in _seed("registry_families"):
        roots[row["family"], row["name_pattern"]].add(row["root_handle"].lower())
    families = {name: Family(frozenset(handles), re.compile(text)) for (name, text), handles in roots.items()}
    return Registry({account.handle.lower(): account for account in accounts}, families)


def _seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- lineage ----------------------------------------------------------------------------------------------------------


class Edge(NamedTuple):
    """A parent that a model names; `parent` is the key of a model or None, `relation` None if it is only declared."""

    child: str
    parent: str | None
    named: str
    relation: str | None
    status: str

    @property
    def is_counted(self) -> bool:
        return self.relation is not None and self.status in ("resolved", "renamed")


def repo_key(row: Row) -> str:
    return row.get("_id") or row["id"]


def named_parents(row: Row) -> Iterator[tuple[str | None, str, str | None]]:
    """`_id` if known, id and relation of each parent that a model names."""
    tags = row.get("tags") or []
    typed = [(match[1], match[2]) for tag in tags if (match := _TYPED_TAG.fullmatch(tag))]
    known = {name.lower() for _, name in typed}
    if base := row.get("baseModels"):
        known |= {parent["id"].lower() for parent in base["models"]}
        yield from ((parent.get("_id"), parent["id"], base["relation"]) for parent in base["models"])
    else:
        yield from ((None, name, relation) for relation, name in typed)
    for tag in tags:
        name = tag.removeprefix("base_model:")
        if name != tag and not _TYPED_TAG.fullmatch(tag) and name.lower() not in known:
            yield None, name, None


def find_edges(models: Mapping[str, Row]) -> list[Edge]:
    """Edges of the models (by key), distinct by child, parent as found or else its name in lower case, and relation."""
    exact = {row["id"]: key for key, row in models.items()}
    any_case: dict[str, str] = {}
    for repo_id in sorted(exact):
        any_case.setdefault(repo_id.lower(), exact[repo_id])
    edges: dict[tuple[str, str, str | None], Edge] = {}
    for child, row in models.items():
        for key, named, relation in named_parents(row):
            parent = key if key in models else exact.get(named) or any_case.get(named.lower())
            if parent == child or (parent is None and named.lower() == row["id"].lower()):
                status = "self_loop"
            elif parent is not None:
                moved = parent == key and models[parent]["id"].lower() != named.lower()
                status = "renamed" if moved else "resolved"
            else:
                status = "unresolved" if _REPO_ID.fullmatch(named) else "not_a_repo_id"
            edge = Edge(child, parent, named, relation, status)
            place = (child, parent or named.lower(), relation)
            # Of several spellings the least one is shown.
            edges[place] = min(edge, edges.get(place, edge), key=lambda edge: edge.named)
    return list(edges.values())


class Lineage:
    """Who derives from whom, by the counted edges."""

    def __init__(self, models: Mapping[str, Row]) -> None:
        self.models = models
        self.edges = find_edges(models)
        self.counted = [edge for edge in self.edges if edge.is_counted]
        self.parents: dict[str, list[Edge]] = defaultdict(list)
        self.children: dict[str, list[Edge]] = defaultdict(list)
        for edge in self.counted:
            self.parents[edge.child].append(edge)
            self.children[edge.parent].append(edge)

    @cached_property
    def derivations(self) -> dict[str, set[tuple[str, str]]]:
        """Descendants of each model that has any, with the relation of every edge by which they come to be one."""
        found = {}
        for ancestor in self.children:
            reached, waiting = {ancestor}, [ancestor]
            while waiting:
                new = {edge.child for edge in self.children.get(waiting.pop(), ())} - reached
                reached |= new
                waiting += new
            found[ancestor] = {
                (edge.child, edge.relation)
                for parent in reached
                for edge in self.children.get(parent, ())
                if edge.child != ancestor
            }
        return found

    @cached_property
    def on_cycles(self) -> set[str]:
        """Models that descend from themselves."""
        descendants = {ancestor: {child for child, _ in found} for ancestor, found in self.derivations.items()}
        return {edge.parent for edge in self.counted if edge.parent in descendants.get(edge.child, ())}


def derivative_counts(lineage: Lineage, registry: Registry) -> Counts:
    """All rows of the derivative counts, zeros of the registry's subjects included."""
    ids = {key: row["id"] for key, row in lineage.models.items()}
    organizations = {key: registry.organization(repo_id) for key, repo_id in ids.items()}

    members: dict[Subject, set[str]] = defaultdict(set)
    for key in lineage.children:
        for subject in {("model", ids[key])} | registry.subjects(ids[key]):
            members[subject].add(key)
    missing = [edge for edge in lineage.edges if edge.status == "unresolved"]
    shown: dict[str, str] = {}
    for edge in missing:
        shown[edge.named.lower()] = min(edge.named, shown.get(edge.named.lower(), edge.named))
    registry.learn_spellings(edge.named.split("/")[0] for edge in missing)
    namings: dict[Subject, set[Edge]] = defaultdict(set)
    for edge in missing:
        for subject in {("model", shown[edge.named.lower()])} | registry.subjects(edge.named):
            namings[subject].add(edge)

    counts: Counts = {}
    always = registry.all_subjects
    for subject in members.keys() | namings.keys() | always:
        own, named = members.get(subject, set()), namings.get(subject, set())
        edges = [edge for parent in own for edge in lineage.children[parent]]
        pairs = [(ancestor, *found) for ancestor in own for found in lineage.derivations[ancestor]]
        for relation in ("all", *RELATIONS):
            wanted = RELATIONS if relation == "all" else (relation,)
            into = [edge for edge in edges if edge.relation in wanted]
            below = [pair for pair in pairs if pair[2] in wanted]
            direct = {edge.child for edge in into}
            values = {
                "edges": len(into),
                "direct": len(direct),
                "direct_external": len(
                    {edge.child for edge in into if organizations[edge.child] != organizations[edge.parent]}
                ),
                "transitive": len({child for _, child, _ in below}),
                "transitive_external": len(
                    {child for ancestor, child, _ in below if organizations[child] != organizations[ancestor]}
                ),
                "fractional": sum((Fraction(1, len(lineage.parents[edge.child])) for edge in into), Fraction()),
                "declared": len(direct | {edge.child for edge in named if relation in ("all", edge.relation)}),
            }
            if subject in always or any(values.values()):
                counts |= {(*subject, relation, name): Fraction(value) for name, value in values.items()}
    for name, family in registry.families.items():
        counts["family", name, "all", "tagged"] = Fraction(
            sum(
                any(family.pattern.search(text.lower()) for text in (row["id"], *(row.get("tags") or [])))
                for row in lineage.models.values()
            )
        )
    return counts


# --- recorded rows and the rules that a row has to keep ---------------------------------------------------------------

_TEXTS = ("_id", "id", "author", "sha", "pipeline_tag", "library_name", "sdk", "title", "name", "fullname")
_COUNTERS = ("downloads", "downloadsAllTime", "likes", "usedStorage", "upvotes", "numComments", "total")
_INSTANTS = ("createdAt", "lastModified", "publishedAt", "submittedOnDailyAt")
_LISTS = ("tags", "authors", "models", "datasets")
_STRUCTS = ("safetensors", "paper", "organization")
_INSTANT = re.compile(r"(19[7-9]\d|2[01]\d\d)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_FITS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_TEXTS, lambda value: isinstance(value, str)),
    **dict.fromkeys(_COUNTERS, lambda value: type(value) is int and -(2**63) <= value < 2**63),
    **dict.fromkeys(_INSTANTS, lambda value: isinstance(value, str) and bool(_INSTANT.fullmatch(value))),
    **dict.fromkeys(_LISTS, lambda value: isinstance(value, list) and len(value) <= 10_000),
    **dict.fromkeys(_STRUCTS, lambda value: isinstance(value, dict)),
    **dict.fromkeys(("private", "disabled"), lambda value: isinstance(value, bool)),
    "gated": lambda value: isinstance(value, bool | str),
    "trendingScore": lambda value: type(value) in (int, float),
}  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
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


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _fault(row: Row, path: str = "") -> str | None:
    for name, value in row.items():
        if value is not None and not _FITS.get(name, lambda _: True)(value):
            return f"bad_value:{path}{name}"
        if name in _STRUCTS and value and (inner := _fault(value, f"{path}{name}.")):
            return inner
    return None


def _listed_id(text: str, parts: Collection[int]) -> bool:
    return text.count("/") + 1 in parts and ".." not in text and all(map(_HANDLE.fullmatch, text.split("/")))


def broken_rule(table: str, row: Row, now: datetime) -> str | None:
    """The reason to refuse a raw row, by the documented rules in their order; None for a row that is kept."""
    if row.get("private") is True:
        return "private"
    if fault := _fault(row):
        return fault
    paper = row["paper"] if table == "daily_papers" else {}
    repo_id = paper.get("id") if paper else row.get("id")
    if not repo_id:
        return "missing:paper.id" if paper else "missing:id"
    if paper:
        is_well_formed = re.fullmatch(r"[A-Za-z0-9._/-]{1,64}", repo_id) and ".." not in repo_id
        texts, titles = [paper.get("title"), row.get("title")], [paper.get("title"), row.get("title")]
        created, floor = paper.get("publishedAt"), datetime(1991, 1, 1, tzinfo=UTC)
        latest = [created, paper.get("submittedOnDailyAt"), f"{row['date']}T00:00:00Z"]
        numbers = [paper.get("upvotes"), row.get("numComments")]
    else:
        is_well_formed = _listed_id(repo_id, (2,) if table == "spaces" else (1, 2))
        texts, titles = [row.get(name) for name in ("author", "pipeline_tag", "library_name", "sdk")], []
        created, floor = row.get("createdAt"), datetime(2015, 1, 1, tzinfo=UTC)
        latest = [created]
        numbers = [row.get(name) for name in ("downloads", "downloadsAllTime", "likes", "usedStorage")]
    broken = {
        "malformed_id": not is_well_formed,
        "control_character": any(_CONTROL.search(text) for text in texts if text),
        "title_too_long": any(len(title) > 1000 for title in titles if title),
        "created_in_future": any(instant(text) > now + timedelta(days=1) for text in latest if text),
        "created_too_early": bool(created) and instant(created) < floor,
        "negative_counter": any(number < 0 for number in numbers if number is not None),
        "implausible_counter": any(row.get(name, 0) > 10**12 for name in ("downloads", "downloadsAllTime", "likes"))
        or any(number > 10**12 for number in (paper.get("upvotes", 0), row.get("numComments", 0))),
    }
    return next((rule for rule, is_broken in broken.items() if is_broken), None)


@dataclass
class Recorded:
    """Recorded rows of a folder: those kept, by table and key, and how many of each table were refused for what."""

    kept: dict[str, dict[Any, Row]]
    refused: Counter[tuple[str, str]]

    @property
    def raw_rows(self) -> Counter[str]:
        """Rows of each raw table."""
        rows = Counter({table: len(rows) for table, rows in self.kept.items()})
        for (table, _), count in self.refused.items():
            rows[table] += count
        return rows


def read_recorded(folder: Path, now: datetime) -> Recorded:
    """Rows as a crawl of `now` finds them: daily papers of the window that ends on the snapshot's day, keys once."""
    raw: dict[str, dict[Any, Row]] = defaultdict(dict)
    for table in ("models", "datasets", "spaces"):
        for row in _lines(folder / f"{table}.jsonl.gz"):
            raw[table].setdefault(repo_key(row), row)
    first = SNAPSHOT - timedelta(days=PAPERS_DAYS - 1)
    for file in sorted((folder / "daily_papers").glob("*.jsonl.gz")):
        for line in _lines(file):
            if first <= date.fromisoformat(line["date"]) <= SNAPSHOT:
                row = {**line["item"], "date": line["date"]}
                raw["daily_papers"].setdefault((row["date"], row["paper"]["id"]), row)
    recorded = Recorded(defaultdict(dict), Counter())
    for table, rows in raw.items():
        for key, row in rows.items():
            if reason := broken_rule(table, row, now):
                recorded.refused[table, reason] += 1
            else:
                recorded.kept[table][key] = row
    return recorded


def _lines(file: Path) -> list[Row]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def overview_handles(folder: Path) -> set[str]:
    """Handles, in lower case, for which the sandbox makes up an overview; they are in no recorded file."""
    from orchestration.sandbox.recorded import recorded_catalogue

    return set(recorded_catalogue(folder).organizations)


# --- the marts --------------------------------------------------------------------------------------------------------


def _handle(repo_id: str) -> str | None:
    return repo_id.split("/")[0] if "/" in repo_id else None


def _linked(organization: Row | None) -> str | None:
    name = (organization or {}).get("name")
    return name if name and _HANDLE.fullmatch(name) else None


def _ranks(values: Mapping[Any, int | None]) -> dict[Any, int | None]:
    order = {value: rank for rank, value in enumerate(sorted({*values.values()} - {None}, reverse=True), start=1)}
    return {key: order.get(value) for key, value in values.items()}


def _total(values: Iterable[int | None]) -> int | None:
    """None where there is something to count and nobody knows how much; zero where there is nothing."""
    counted = list(values)
    known = [value for value in counted if value is not None]
    return sum(known) if known or not counted else None


class Observatory:
    """Every recomputed number of the snapshot; tables are dictionaries from a row's key to its columns."""

    def __init__(self, folder: Path, now: datetime | None = None) -> None:
        self.recorded = read_recorded(folder, now or datetime.now(UTC))
        self.overviews = overview_handles(folder)
        self.registry = read_registry()
        kept = self.recorded.kept
        for table in ("models", "datasets", "spaces"):
            self.registry.learn_spellings(_handle(row["id"]) for row in kept[table].values())
        papers = kept["daily_papers"].values()
        self.registry.learn_spellings(_linked(row["paper"].get("organization")) for row in papers)
        self.registry.learn_spellings(_linked(row.get("organization")) for row in papers)
        self.lineage = Lineage(kept["models"])

    @cached_property
    def derivative_counts(self) -> Counts:
        return derivative_counts(self.lineage, self.registry)

    @cached_property
    def papers(self) -> dict[str, Row]:
        """By paper id; a paper that is listed on several days is as the last of them shows it."""
        listings: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(self.recorded.kept["daily_papers"].values(), key=lambda row: row["date"]):
            listings[row["paper"]["id"]].append(row)
        links = {table: Counter[str]() for table in ("models", "datasets", "spaces")}
        for table, counter in links.items():
            for row in self.recorded.kept[table].values():
                counter.update({tag.removeprefix("arxiv:") for tag in row["tags"] if tag.startswith("arxiv:")})
        papers = {}
        for paper_id, rows in listings.items():
            paper = rows[-1]["paper"]
            inner, outer = _linked(paper.get("organization")), _linked(rows[-1].get("organization"))
            linked = inner or outer
            papers[paper_id] = {
                "first_daily_date": date.fromisoformat(rows[0]["date"]),
                "daily_page_count": len(rows),
                "published_at": instant(paper["publishedAt"]),
                "upvotes": paper.get("upvotes"),
                "comments_count": rows[-1].get("numComments"),
                "authors_count": len(paper["authors"]),
                "handle": self.registry.account(linked).handle if linked else None,
                "organization": self.registry.account(linked).organization if linked else None,
                "organization_link": "inner" if inner else "outer" if outer else None,
                **{f"{table}_count": counter[paper_id] for table, counter in links.items()},
            }
        return papers

    @cached_property
    def papers_monthly(self) -> dict[tuple[date, str], Row]:
        """By month of the first daily page and handle."""
        linked: dict[tuple[date, str], dict[str, Row]] = defaultdict(dict)
        listed, unlinked = Counter[date](), Counter[date]()
        for paper_id, paper in self.papers.items():
            month = paper["first_daily_date"].replace(day=1)
            listed[month] += 1
            if paper["handle"] is None:
                unlinked[month] += 1
            else:
                linked[month, paper["handle"]][paper_id] = paper
        table = {}
        for (month, handle), papers in linked.items():
            best = min(papers, key=lambda paper_id: (-papers[paper_id]["upvotes"], paper_id))
            table[month, handle] = {
                "papers_count": len(papers),
                "upvotes": sum(paper["upvotes"] for paper in papers.values()),
                "best_paper_id": best,
                "best_paper_upvotes": papers[best]["upvotes"],
                "unlinked_papers_share": unlinked[month] / listed[month],
            }
        for month in listed:
            of_month = {key: row for key, row in table.items() if key[0] == month}
            for rank, column in (("papers_rank", "papers_count"), ("upvotes_rank", "upvotes")):
                for key, value in _ranks({key: row[column] for key, row in of_month.items()}).items():
                    table[key][rank] = value
        return table

    @cached_property
    def organization_snapshots(self) -> dict[str, Row]:
        """By handle: accounts with an overview, and those of the registry with a repository or a paper."""
        repos: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for table in ("models", "datasets", "spaces"):
            for row in self.recorded.kept[table].values():
                if handle := _handle(row["id"]):
                    repos[handle.lower()][table].append(row)
        papers: dict[str, list[Row]] = defaultdict(list)
        for paper in self.papers.values():
            if paper["handle"]:
                papers[paper["handle"].lower()].append(paper)
        table = {}
        for handle in self.overviews | (self.registry.accounts.keys() & (repos.keys() | papers.keys())):
            account, own = self.registry.account(handle), repos[handle]
            downloadable = own["models"] + own["datasets"]
            owned = downloadable + own["spaces"]
            counts = {
                f"derivatives_{name}": int(self.derivative_counts.get(("handle", account.handle, "all", name), 0))
                for name in ("direct", "direct_external", "transitive")
            }
            table[account.handle] = {
                "organization": account.organization,
                "company": account.company,
                "country": account.country,
                "is_in_registry": handle in self.registry.accounts,
                **{f"{kind}_count": len(own[kind]) for kind in ("models", "datasets", "spaces")},
                "downloads_30d": _total(row.get("downloads") for row in downloadable) if downloadable else 0,
                "downloads_all_time": _total(row.get("downloadsAllTime") for row in downloadable)
                if downloadable
                else 0,
                "likes": _total(row.get("likes") for row in owned) if owned else 0,
                **counts,
                "papers_count": len(papers[handle]),
                "papers_upvotes": sum(paper["upvotes"] for paper in papers[handle]),
            }
        for column in ("downloads_30d", "likes", "derivatives_direct_external"):
            for handle, rank in _ranks({handle: row[column] for handle, row in table.items()}).items():
                table[handle][f"{column}_rank"] = rank
        return table

    @cached_property
    def quality(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Rows tested and rows at fault, by check and table."""
        recorded, edges, models = self.recorded, self.lineage.edges, self.recorded.kept["models"]
        raw = recorded.raw_rows + Counter(organizations=len(self.overviews))
        checks = {}
        for table, rules in RULES.items():
            by_rule = Counter[str]()
            for (refused, reason), count in recorded.refused.items():
                if refused == table:
                    by_rule["raw_fault" if ":" in reason else reason] += count
            checks |= {(f"quarantined_{rule}", table): (raw[table], by_rule[rule]) for rule in rules}
            checks["raw_rows_kept_or_quarantined", table] = checks["raw_table_complete", table] = (raw[table], 0)
        downloads = Counter[str]()
        for row in models.values():
            downloads[_handle(row["id"]) or ""] += row["downloads"]
        del downloads[""]
        top = sorted(downloads, key=lambda handle: (-downloads[handle], handle))[:TOP_HANDLES]
        asked = self.registry.accounts.keys() | {handle.lower() for handle in top}
        checks["organization_not_found", "organizations"] = (len(asked), len(asked - self.overviews))
        claimed = [row["safetensors"].get("total") for row in models.values() if row.get("safetensors")]
        implausible = [count for count in claimed if count is not None and not 0 <= count <= MAX_PLAUSIBLE_PARAMETERS]
        checks["parameter_count_implausible", "models"] = (len(models), len(implausible))
        checks["model_in_lineage_cycle", "models"] = (len(models), len(self.lineage.on_cycles))
        for table in ("models", "datasets", "spaces"):
            rows = recorded.kept[table].values()
            early = [row for row in rows if instant(row["lastModified"]) < instant(row["createdAt"])]
            checks["updated_before_created", table] = (len(rows), len(early))
        for status in ("self_loop", "unresolved", "not_a_repo_id"):
            failing = sum(edge.status == status for edge in edges)
            checks[f"edge_{status}", "lineage_edges"] = (len(edges), failing)
        declared = sum(edge.relation is None for edge in edges)
        checks["edge_declared_without_relation", "lineage_edges"] = (len(edges), declared)
        counted = self.lineage.counted
        younger = [e for e in counted if models[e.parent]["createdAt"] > models[e.child]["createdAt"]]
        checks["parent_created_after_child", "lineage_edges"] = (len(counted), len(younger))
        return checks

    @cached_property
    def rows(self) -> dict[str, int]:
        """Rows of every raw and published table."""
        raw = self.recorded.raw_rows + Counter(organizations=len(self.overviews))
        return {
            **{f"raw/{table}": raw[table] for table in sorted(RULES)},
            "dim_organizations": len(self.registry.accounts.keys() | self.overviews),
            "fct_derivative_counts": len(self.derivative_counts),
            "fct_milestones": len(_seed("registry_milestones")),
            "fct_organization_papers_monthly": len(self.papers_monthly),
            "fct_organization_snapshots": len(self.organization_snapshots),
            "fct_papers": len(self.papers),
            "quarantine": self.recorded.refused.total(),
            "rpt_data_quality": len(self.quality),
        }

    def expected_rows(self) -> list[tuple[str, ...]]:
        """Lines of `recorded_rows.csv`."""
        return [("table", "rows"), *((table, str(rows)) for table, rows in self.rows.items())]

    def expected_derivative_counts(self) -> list[tuple[str, ...]]:
        """Lines of `recorded_derivative_counts.csv`: values of three handles, whole numbers without a point."""
        keys = product(("handle",), SHOWN_HANDLES, ("all", *RELATIONS), DEFINITIONS)
        lines = [(*key, repr(float(self.derivative_counts[key])).removesuffix(".0")) for key in keys]
        return [("subject_type", "subject", "relation", "definition", "value"), *lines]


def main() -> None:
    """Rewrites the expected counts."""
    try:
        observatory = Observatory(recorded_dir())
    except pytest.skip.Exception as absent:
        sys.exit(str(absent))
    EXPECTED.mkdir(exist_ok=True)
    for name, lines in (
        ("recorded_rows", observatory.expected_rows()),
        ("recorded_derivative_counts", observatory.expected_derivative_counts()),
    ):
        with (EXPECTED / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)


if __name__ == "__main__":
    main()
