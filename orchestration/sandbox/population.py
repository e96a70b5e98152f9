"""Lives of made-up repositories: when one is born, changes, is renamed or deleted, and how its counters grow.

Everything is drawn once per repository from (seed, kind, number); its state on a day then follows by formula, so that
two days of one seed are two views of the same history. What a repository is about belongs to `models` and `ecosystem`.
"""

import datetime
import hashlib
import math
import random
from collections.abc import Iterator
from dataclasses import InitVar, dataclass, field

DAY = 86_400
DAILY_GROWTH = 0.015 / 7  # new repositories a day as a share of those that there are


def instant(text: str) -> int:
    """Seconds since the epoch of an ISO date or time, in UTC."""
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp())


REFERENCE = instant("2026-11-23")  # the day that the default sizes are of
LEGACY_IMPORT = instant("2022-03-02T23:29:04")


def stamp(seconds: float) -> str:
    """The instant as the Hub writes it: 2025-04-20T21:07:49.000Z."""
    return f"{datetime.datetime.fromtimestamp(int(seconds), datetime.UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def draw(*key: object) -> random.Random:
    """The random numbers of one thing: the same for the same key on every machine and in every process."""
    return random.Random(":".join(map(str, key)))


def heavy(rng: random.Random, power: float = 1.0) -> float:
    """At least 1, mostly near it, now and then in the thousands (a Pareto draw)."""
    return (1.0 - rng.random()) ** -power


def births(total: float, until: int) -> Iterator[tuple[int, int]]:
    """(number, second of birth) of every repository born before `until`, oldest first, `total` of them by `REFERENCE`.

    The population grows by a constant share up to `REFERENCE` and by a constant number a day after it. Whatever would
    be older than the Hub's own records is put on their first instant, which is the spike that the real Hub has.
    """
    number = 0
    while True:
        later = number + 1 - total
        days = later / total if later > 0 else math.log((number + 1) / total)
        born = max(LEGACY_IMPORT, REFERENCE + int(days / DAILY_GROWTH * DAY))
        if born >= until:
            return
        yield number, born
        number += 1


@dataclass(slots=True)
class Repo:
    """One repository over its whole life. Instants in seconds since the epoch."""

    first_id: str
    born: int
    rng: InitVar[random.Random]
    pull: float  # downloads in its first month
    died: float = math.inf
    renamed: float = math.inf
    later_id: str = ""
    tags: list[str] = field(default_factory=list)
    fields: dict = field(default_factory=dict)  # of the row, and not moved by time
    # Lineage, for models alone.
    relation: str | None = None
    parents: list["Repo | str"] = field(default_factory=list)  # text where the parent is no repository
    source: str = "hub"  # where the parents are named: "hub" (baseModels and tags), "tag", "declared" (untyped tag)
    origin: "Repo | None" = None  # the flagship that it goes back to
    size: float = 0.0  # billions of parameters
    family: str = ""
    # Drawn on creation.
    uid: str = field(init=False)
    bend: float = field(init=False)  # above 1 downloads rise, below 1 they fall
    appeal: float = field(init=False)  # likes in its first month
    cadence: float = field(init=False)  # days between two changes
    changes: int = field(init=False)  # at most

    def __post_init__(self, rng: random.Random) -> None:
        """Draw what every repository has."""
        self.uid = f"{self.born:08x}{rng.getrandbits(64):016x}"
        self.bend = 0.75 + 0.6 * rng.random()
        self.appeal = 0.05 * self.pull**0.7 * rng.random()
        self.cadence = 2 + 300 * rng.random() ** 2
        self.changes = min(40, int(heavy(rng)) - 1)

    def ends(self, number: int, rng: random.Random) -> "Repo":
        """The same repository, deleted or renamed one day if its number says so."""
        if number % 17 == 3:
            self.died = self.born + DAY * (1 + rng.expovariate(1 / 120))
        elif number % 30 == 5:
            self.renamed, self.later_id = self.born + DAY * (1 + rng.expovariate(1 / 90)), f"{self.first_id}-v2"
        return self

    def lives(self, at: float) -> bool:
        """Whether it is on the Hub at that instant."""
        return self.born < at < self.died

    def id_at(self, at: float) -> str:
        """What it is called at that instant."""
        return self.later_id if self.renamed <= at else self.first_id

    def row(self, at: int) -> dict:
        """The repository as the Hub's API gives it at that instant; lineage and downloads aside."""
        days = (at - self.born) / DAY
        revision = min(self.changes, int(days / self.cadence))
        likes, week_ago = (int(self.appeal * (d / 30) ** 0.6) for d in (days, max(0.0, days - 7)))
        id = self.id_at(at)
        return {
            "_id": self.uid,
            "id": id,
            "author": id.partition("/")[0],
            "sha": hashlib.sha1(f"{self.uid}:{revision}".encode()).hexdigest(),
            "createdAt": stamp(self.born),
            "lastModified": stamp(self.born + revision * self.cadence * DAY),
            "private": False,
            "disabled": False,
            "likes": likes,
            "trendingScore": likes - week_ago,
            "tags": [*self.tags, "region:us"],
            **self.fields,
        }

    def downloads(self, at: int) -> dict[str, int]:
        """Downloads over all time and of the last 30 days, consistent with each other."""
        months = (at - self.born) / DAY / 30
        total = int(self.pull * months**self.bend)
        return {"downloads": total - int(self.pull * max(0.0, months - 1) ** self.bend), "downloadsAllTime": total}
