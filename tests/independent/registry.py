"""Who is behind a handle on which day, which models root a family, and the other seeds as they are."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from tests.support import PROJECT

SEEDS = PROJECT / "dbt_project" / "seeds"

Row = dict[str, Any]
Subject = tuple[str, str]
"""Subject type and subject."""
Seeds = Mapping[str, list[dict[str, str]]]
"""Lines of each seed file by its name without `.csv`, empty where a field is."""


def read_seeds(folder: Path = SEEDS) -> Seeds:
    seeds = {}
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            seeds[path.stem] = list(csv.DictReader(file))
    return seeds


@dataclass(frozen=True)
class Account:
    """Who is behind a handle; an account that the registry does not have is an organization of its own."""

    handle: str
    organization: str
    company: str | None = None
    country: str | None = None
    account_country: str | None = None
    category: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    successor_handle: str | None = None
    confidence: str | None = None
    note: str | None = None
    is_registered: bool = False

    @property
    def headquarters_country(self) -> str | None:
        """The country by the rule `headquarters`, in which there is no international bucket."""
        return None if self.country == "INT" else self.country

    @property
    def subjects(self) -> set[Subject]:
        """What a model of the account counts for, itself and its families aside."""
        named = {"handle": self.handle, "organization": self.organization}
        named |= {"company": self.company, "country": self.country}
        return {(kind, name) for kind, name in named.items() if name}

    def holds_on(self, day: date) -> bool:
        return (not self.valid_from or self.valid_from <= day) and (not self.valid_to or day < self.valid_to)


@dataclass(frozen=True)
class Family:
    """Accounts (in lower case) and a pattern by which a model is told to be a root of the family."""

    roots: frozenset[str]
    pattern: re.Pattern[str]
    exception: re.Pattern[str] | None = None

    def is_named(self, text: str) -> bool:
        return bool(self.pattern.search(text)) and not (self.exception and self.exception.search(text))

    def has_root(self, repo_id: str) -> bool:
        handle, _, name = repo_id.lower().partition("/")
        return handle in self.roots and bool(self.pattern.search(name) or self.pattern.search(repo_id.lower()))


@dataclass
class Registry:
    """Accounts by handle in lower case, their periods in order of time; families by name.

    `day` is that of the snapshot; `spellings` tell how the handles of others are written.
    """

    periods: dict[str, list[Account]]
    day: date
    families: dict[str, Family] = field(default_factory=dict)
    spellings: dict[str, str] = field(default_factory=dict)

    def learn_spellings(self, handles: Iterable[str | None]) -> None:
        """Handles as one source writes them, the least one of several; a source that came before wins."""
        for handle in sorted({handle for handle in handles if handle}):
            self.spellings.setdefault(handle.lower(), handle)

    def account(self, handle: str, day: date | None = None) -> Account:
        """Who is behind the handle on a day, else on that of the snapshot."""
        periods = self.periods.get(handle.lower(), [])
        for account in periods:
            if account.holds_on(day or self.day):
                return account
        if periods and periods[-1].valid_to and (day or self.day) >= periods[-1].valid_to:
            return periods[-1]
        shown = self.spellings.get(handle.lower(), handle)
        return Account(shown, shown)

    def account_of(self, repo_id: str, day: date | None = None) -> Account | None:
        """Who is behind a repo; None for an id without a handle."""
        handle = handle_of(repo_id)
        return self.account(handle, day) if handle else None

    def organization(self, repo_id: str) -> str | None:
        account = self.account_of(repo_id)
        return account and account.organization

    def registered_organization(self, repo_id: str, day: date | None = None) -> str:
        """Organization of a repo by the registry, `unattributed` where it has none."""
        account = self.account_of(repo_id, day)
        return account.organization if account and account.is_registered else "unattributed"

    def subjects(self, repo_id: str) -> set[Subject]:
        """What a model of that id counts for, the model itself aside."""
        account = self.account_of(repo_id)
        accounts = account.subjects if account else set()
        return accounts | {("family", name) for name, family in self.families.items() if family.has_root(repo_id)}

    @property
    def accounts(self) -> dict[str, Account]:
        """Who is behind each handle of the registry on the day of the snapshot."""
        return {key: self.account(key) for key in self.periods}

    @property
    def all_subjects(self) -> set[Subject]:
        subjects = {("family", name) for name in self.families}
        return subjects.union(*(account.subjects for account in self.accounts.values()))


def make_registry(seeds: Seeds, day: date) -> Registry:
    """The registry as the seeds have it; a country is that of the company's headquarters where there is a company's."""
    periods: dict[str, list[Account]] = defaultdict(list)
    for row in seeds["registry_organizations"]:
        account = Account(
            row["handle"],
            row["organization"],
            row["company"] or None,
            row["company_country"] or row["country"] or None,
            row["country"] or None,
            row["category"] or None,
            date.fromisoformat(row["valid_from"]) if row["valid_from"] else None,
            date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
            row["successor_handle"] or None,
            row["confidence"] or None,
            row["note"] or None,
            is_registered=True,
        )
        periods[account.handle.lower()].append(account)
    for accounts in periods.values():
        accounts.sort(key=lambda account: account.valid_from or date.min)
    roots: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in seeds["registry_families"]:
        roots[row["family"], row["name_pattern"], row["except_pattern"]].add(row["root_handle"].lower())
    families = {
        name: Family(frozenset(handles), re.compile(text), re.compile(other) if other else None)
        for (name, text, other), handles in roots.items()
    }
    return Registry(dict(periods), day, families)


def handle_of(repo_id: str) -> str | None:
    return repo_id.split("/")[0] if "/" in repo_id else None
