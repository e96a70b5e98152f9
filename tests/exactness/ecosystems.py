"""Small made-up Hubs that live for some days, full of what is odd in the real one.

Belongs here: raw rows as the Hub gives them, one snapshot a day of the calendar; the same ones for the same number. Not
here: what is counted in them.
"""

import copy
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from tests.independent.lineage import RELATIONS
from tests.independent.registry import Row
from tests.independent.rows import TABLES, Snapshot

LEGACY = "2022-03-02T23:29:04.000Z"
# Seconds that imported repos of each kind carry, the end of that minute, and the first moment that is a creation.
IMPORTS = (LEGACY, LEGACY, "2022-03-02T23:29:22.000Z", "2022-03-02T23:29:59.000Z", "2022-03-02T23:30:00.000Z")
# Around each age at which adoption is told, and on both sides of the year that makes a model young.
AGES = (0, 6, 7, 8, 13, 14, 16, 30, 33, 34, 60, 68, 69, 90, 102, 180, 205, 206, 364, 365, 366, 417)
GAPS = (1, 1, 2, 3, 6, 7, 8, 13, 14, 28, 30, 31, 59, 60, 75)
HANDLES = ("Ann", "Ann", "ann", "ann-old", "bob", "bob", "cy", "dee", "DEE", "eve", "Zed", "zed", "10e0", "0307061430")
NAMES = ("lynx", "Lynx", "lynx-b", "a-lx2", "owl", "owl-7b", "tiny", "10e0", "0307061430", "GGUF", "mix")
NOT_IDS = ("C:\\models\\lynx", "../lynx", "gpt2-local", "a/b/c", "./", "Ann/..", "x y/z", "Ann/lynx\n")
MISSING = ("Ann/gone", "ann/Gone", "zed/gone", "DEE/owl-lost", "dee/Owl-lost", "nobody/thing", "Nobody/Thing")
SIZES = (
    None, 0, 999_999_999, 10**9, 2 * 10**9, 3 * 10**9, 5 * 10**9, 10**10, 5 * 10**10, 10**11, 25 * 10**10, 2 * 10**16,
    -1,
)  # fmt: skip
# A word packs several weights; up to a hundredth of words are buffers.
DTYPES: tuple[Callable[[int], dict[str, int] | None], ...] = (
    lambda size: {"BF16": 1, "made up": 2},
    lambda size: {"BF16": size},
    lambda size: {"BF16": size - size // 100, "I32": size // 100},
    lambda size: {"BF16": 1, "U8": size // 200, "U32": size // 200 + 1},
    lambda size: {},
    lambda size: None,
)
TAGS = (
    "LYNX-2", "a-lx3", "a-lx4", "lynx.cpp", "owls", "ann/Lynx", "BOB", "bob-lab", "diffusers:OwlPipeline", "region:owl",
    "text", "4-bit", "8-bit", "fp8",
)  # fmt: skip
LICENCES = ("mit", "apache-2.0", "gpl-3.0", "cc-by-nc-4.0", "llama3", "other", "my-own", "MIT")


def ecosystem(number: int) -> list[Snapshot]:
    """Two or three snapshots of the Hub of that number."""
    return Hub(Random(number), Random(f"{number}: lists that a source lacks")).live()


class Hub:
    """A Hub whose repos come, change, move, go and come back."""

    def __init__(self, random: Random, lists: Random) -> None:
        self.random, self.lists = random, lists
        self.day = date(2026, 1, 5) + timedelta(random.randrange(120))
        # Where the source gives no keys, none of its rows has one; it may begin or cease to.
        self.has_keys = random.random() < 0.8
        self.changes_keys = random.random() < 0.15
        self.rows: dict[str, dict[str, Row]] = {table: {} for table in ("models", "datasets", "spaces")}
        self.gone: list[tuple[str, str, Row]] = []
        self.former: list[str] = []
        self.count = 0
        self.papers = [f"26{n:02}.0{n:04}" for n in range(random.randrange(1, 12))] + ["2501.00001", "cs/0307061"]
        self.pages = {day: self._page() for day in self._page_days()}
        others = [f"only-{number}" for number in range(random.choice((1, 7)))]
        known = ("ann", "bob", "cy", "dee", "eve", "ZED", "10e0", *others)
        self.followers = {handle: self._count(9) for handle in known}

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def live(self) -> list[Snapshot]:
        snapshots = []
        self._found()
        for _ in range(self.random.choice((2, 2, 3))):
            snapshots.append(self._snapshot())
            self.day += timedelta(self.random.choice(GAPS))
            self._change()
        return snapshots

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _count(self, most: int) -> int | None:
        """A counter: often small, so that there are equals; at times unknown or large."""
        if self.chance(0.08):
            return None
        return self.random.randrange(most) if self.chance(0.8) else self.random.randrange(10**9)

    def _created(self) -> str | None:
        """A creation: on the floor, at an age that matters, at the end of a month, or unknown."""
        pick = self.random.random()
        if pick < 0.05:
            return None
        if pick < 0.13:
            return self.random.choice(IMPORTS)
        day = self.day - timedelta(self.random.choice(AGES) if pick < 0.7 else self.random.randrange(1500))
        if pick > 0.9:
            day = day.replace(day=1)
        hour = self.random.choice(("00:00:00.000", "23:59:59.999", f"{self.random.randrange(24):02}:30:00.000"))
        return f"{min(day, self.day)}T{hour}Z"

    def _id(self, table: str) -> str:
        """An id that no other repo of the table has; models may have no handle."""
        taken = {row["id"] for row in self.rows[table].values()}
        while True:
            name = self.random.choice(NAMES)
            number = f"-{self.random.randrange(60)}" if self.chance(0.6) else ""
            repo_id = f"{self.random.choice(HANDLES)}/{name}{number}"
            if table != "spaces" and self.chance(0.06):
                repo_id = f"gpt{self.random.randrange(9)}"
            if repo_id not in taken and not (not self.has_keys and repo_id in self.former):
                return repo_id

    def _add(self, table: str, **fields: Any) -> str:
        self.count += 1
        repo_id = fields.pop("id", None) or self._id(table)
        row = {"id": repo_id, "createdAt": self._created(), "likes": self._count(6), "tags": self._tags(table)}
        if self.has_keys:
            row["_id"] = f"{self.random.choice('abc')}{self.count:05}"
        row["lastModified"] = self.random.choice((row["createdAt"], f"{self.day}T00:00:00.000Z", LEGACY))
        if table != "spaces":
            row |= {"downloads": self._count(20), "downloadsAllTime": self._count(40)}
        if table == "models":
            row["pipeline_tag"] = self.random.choice((None, "text-generation", "text-to-image", "odd-task"))
            if (size := self.random.choice(SIZES)) is not None or self.chance(0.5):
                row["safetensors"] = {"total": size, "parameters": self.random.choice(DTYPES)(size or 0)}
            if self.chance(0.2):
                row["gguf"] = {"total": self.random.choice(SIZES), "architecture": "lynx"}
            row["library_name"] = self.random.choice((None, None, None, "transformers", "peft"))
        if table == "spaces":
            row |= {"models": self._names("models", 3), "datasets": self._names("datasets", 2), "sdk": "gradio"}
        row |= fields
        self.rows[table][row.get("_id", repo_id)] = {name: value for name, value in row.items() if value is not None}
        return repo_id

    def _tags(self, table: str) -> list[str]:
        tags = [f"arxiv:{paper}" for paper in self._some((*self.papers, "9999.99999"), 2)]
        if table == "models":
            tags += [f"license:{name}" for name in self._some(LICENCES, 2)]
            tags += [f"dataset:{name}" for name in self._names("datasets", 2)]
            tags += [tag for tag in TAGS if self.chance(0.05)]
        if table == "datasets":
            tags += [f"modality:{name}" for name in self._some(("image", "text", "smell"), 2)]
        return tags + (tags[:1] if self.chance(0.1) else [])

    def _some(self, items: Iterable[str], most: int) -> list[str]:
        pool = list(items)
        return self.random.sample(pool, min(len(pool), self.random.randrange(most + 1)))

    def _names(self, table: str, most: int) -> list[str]:
        """Ids of repos of a table as others may name them, and of some that are not there."""
        known = sorted(row["id"] for row in self.rows[table].values())
        names = [*self._some(known, most), *(["nobody/none"] if self.chance(0.1) else [])]
        names += self._some([*self.former, "gpt-data", "gpt9", "ann/old-name"], 1) if self.chance(0.4) else []
        return [self._respelled(name) for name in names]

    def _respelled(self, name: str) -> str:
        change: Callable[[str], str] = self.random.choice((str, str, str, str.upper, str.lower))
        return change(name)

    # --- lineage ------------------------------------------------------------------------------------------------------

    def _parent(self, known: list[str]) -> str:
        pick = self.random.random()
        if pick < 0.1:
            return self.random.choice(MISSING)
        if pick < 0.15:
            return self.random.choice(NOT_IDS)
        if pick < 0.3 and self.former:
            return self._respelled(self.random.choice(self.former))
        return self._respelled(self.random.choice(known))

    def _declare(self, row: Row, parents: list[str]) -> None:
        """Has a model name its parents: in tags, typed or not, or as the Hub resolves them."""
        relation = self.random.choice(RELATIONS)
        keys = {other["id"]: other.get("_id") for other in self.rows["models"].values()}
        if self.chance(0.25):
            named = [{"_id": keys.get(name), "id": name} for name in parents]
            if self.chance(0.2):
                named[0]["id"] = "moved/away"
            row["baseModels"] = {"relation": relation, "models": named}
        for name in parents:
            typed = "" if self.chance(0.15) else f"{relation}:"
            row["tags"].append(f"base_model:{typed}{name}")
            if self.chance(0.3):
                row["tags"].append(f"base_model:{self._respelled(name)}")
            if self.chance(0.1):
                relation = self.random.choice(RELATIONS)

    def _name_parents(self, rows: list[Row]) -> None:
        known = sorted(row["id"] for row in self.rows["models"].values())
        for row in rows:
            if self.chance(0.75):
                self._declare(row, [self._parent(known) for _ in range(self.random.choice((1, 1, 1, 2, 3)))])

    def _found(self) -> None:
        """Fills the Hub on its first day; each shape of lineage turns up in some of the Hubs."""
        for table, count in (("datasets", 12), ("models", 45), ("spaces", 10)):
            for _ in range(self.random.randrange(3, count)):
                self._add(table)
        for repo_id in ("Ann/lynx", "dee/owl", "bob/mix", "zed/tiny"):
            if self.chance(0.7) and repo_id not in {row["id"] for row in self.rows["models"].values()}:
                self._add("models", id=repo_id)
        models = list(self.rows["models"].values())
        self._name_parents(models)
        top = self.random.choice(models)["id"]
        if self.chance(0.3):
            self._chain(top, 75)
        if self.chance(0.3):
            parents = [self._add("models", id=f"bob/part-{n}") for n in range(47)]
            self._add("models", tags=[f"base_model:merge:{name}" for name in parents])
        if self.chance(0.3):
            much_used = self._add("models", id="dee/owl-much-used")
            for number in range(self.random.choice((99, 100, 130))):
                self._add("models", id=f"crowd/{number}", tags=[f"base_model:adapter:{much_used}"])
        if self.chance(0.3):
            for number in range(24):
                old = f"{self.day - timedelta(self.random.choice((7, 30)))}T12:00:00.000Z"
                self._add("models", id=f"Zed/size-{number}", createdAt=old, safetensors={"total": 10**9})

    def _chain(self, top: str, depth: int) -> None:
        """A long line of descent, whose end may close it to a cycle."""
        above = top
        for number in range(depth):
            relation = RELATIONS[number % 4]
            above = self._add("models", id=f"deep/{number}", tags=[f"base_model:{relation}:{above}"])
        if self.chance(0.5):
            first = next(row for row in self.rows["models"].values() if row["id"] == "deep/0")
            first["tags"] = [*first["tags"], f"base_model:merge:{above}"]

    # --- days ---------------------------------------------------------------------------------------------------------

    def _change(self) -> None:
        """What happens between two snapshots."""
        for table, rows in self.rows.items():
            is_frozen = self.chance(0.15)
            for key in list(rows):
                if self.chance(0.06):
                    self.gone.append((table, key, rows.pop(key)))
                elif self.has_keys and self.chance(0.08):
                    self._rename(table, rows[key])
                elif not is_frozen:
                    self._count_on(table, rows[key])
        for gone in self.random.sample(self.gone, min(len(self.gone), 2)):
            table, key, row = gone
            if key not in self.rows[table] and row["id"] not in {other["id"] for other in self.rows[table].values()}:
                self.rows[table][key] = row
                self.gone.remove(gone)
        for table in self.rows:
            before = set(self.rows[table])
            for _ in range(self.random.randrange(6)):
                self._add(table)
            taken = {row["id"] for row in self.rows[table].values()}
            free = [name for name in self.former if name not in taken and (table != "spaces" or "/" in name)]
            if free and self.has_keys and self.chance(0.4):
                self._add(table, id=self.random.choice(free), createdAt=f"{self.day}T00:00:00.000Z")
            if table == "models":
                self._name_parents([row for key, row in self.rows[table].items() if key not in before])
        for handle, count in self.followers.items():
            self.followers[handle] = self._count(9) if self.chance(0.3) else count
        self.pages |= {self.day - timedelta(back): self._page() for back in range(self.random.randrange(3))}

    def _rename(self, table: str, row: Row) -> None:
        """Moves a repo to another id; at times the one that some other repo bore before."""
        taken = {other["id"] for other in self.rows[table].values()}
        free = [name for name in self.former if name not in taken and "/" in name]
        self.former.append(row["id"])
        twin = row["id"].upper()
        if self.chance(0.2) and twin not in taken:
            row["id"] = twin
        else:
            row["id"] = self.random.choice(free) if free and self.chance(0.4) else self._id(table)

    def _count_on(self, table: str, row: Row) -> None:
        for name in ("likes", "downloads", "downloadsAllTime")[: 1 if table == "spaces" else 3]:
            if name == "downloads" and "safetensors" in row and self.chance(0.1):
                row["safetensors"] = {**row["safetensors"], "total": self.random.choice(SIZES)}
            if self.chance(0.5):
                row.pop(name, None)
                if (count := self._count(30)) is not None:
                    row[name] = count

    def _page_days(self) -> list[date]:
        first = self.day - timedelta(self.random.choice((5, 40, 400, 700)))
        days = {first + timedelta(self.random.randrange((self.day - first).days + 1)) for _ in range(8)}
        return sorted(days | {first})

    def _page(self) -> list[Row]:
        names = (None, "Ann", "ann", "BOB", "cy", "dee", "eve", "Zed", "quiet", "no handle!", "10e0")
        page = []
        for paper in self._some(self.papers, 4):
            inner, outer = self.random.choice(names), self.random.choice(names)
            page.append({
                "paper": {
                    "id": paper,
                    "title": self.random.choice(("A  title\nin two lines", "Ünïcode", "")),
                    "publishedAt": f"{self.day - timedelta(800)}T00:00:00.000Z",
                    "submittedOnDailyAt": self.random.choice((None, f"{self.day - timedelta(700)}T01:02:03.000Z")),
                    "upvotes": self._count(5),
                    "authors": [{"name": f"author {n}"} for n in range(self.random.choice((0, 1, 664)))],
                    **({"organization": {"name": inner}} if inner else {}),
                },
                "title": "outer title",
                "numComments": self._count(5),
                **({"organization": {"name": outer}} if outer else {}),
            })  # fmt: skip
        return page

    def _snapshot(self) -> Snapshot:
        rows: dict[str, list[Row]] = {table: list(found.values()) for table, found in self.rows.items()}
        rows["organizations"] = [
            {
                "handle": handle,
                "name": handle,
                "fullname": f" {handle}\t Inc",
                "numUsers": self._count(4),
                "isVerified": self.random.choice((None, True, False)),
                "plan": self.random.choice((None, "team")),
                "numFollowers": count,
            }
            for handle, count in self.followers.items()
        ]
        rows["daily_papers"] = [
            {**row, "date": f"{day}"} for day, page in sorted(self.pages.items()) if day <= self.day for row in page
        ]
        rows = copy.deepcopy(rows)
        if self.changes_keys:
            self._change_keys(rows)
        for row in (row for table in self.rows for row in rows[table]):
            if self.chance(0.02):
                row |= self.random.choice(({"private": True}, {"likes": -1}))
        self._spoil(rows)
        synthetic, sampled = ({table for table in TABLES if self.chance(0.1)} for _ in range(2))
        unobserved = {table for table in TABLES if table != "models" and self.lists.random() < 0.1}
        for table in unobserved:
            rows[table] = []
        if "models" in sampled:  # of what was not observed nobody can say, but it is of the same source
            sampled |= unobserved
        return Snapshot(
            self.day,
            rows,
            datetime.combine(self.day, time(6), UTC),
            frozenset(synthetic),
            frozenset(sampled),
            asked_handles=len(rows["organizations"]) + self.random.randrange(3),
            unobserved=frozenset(unobserved),
        )

    def _change_keys(self, rows: dict[str, list[Row]]) -> None:
        """Has the source give no keys on this day, or not on the next."""
        if self.has_keys:
            for row in (row for table in self.rows for row in rows[table]):
                row.pop("_id", None)
        self.has_keys = not self.has_keys

    def _spoil(self, rows: dict[str, list[Row]]) -> None:
        """Adds rows that have to be refused."""
        later, early = f"{self.day + timedelta(3)}T00:00:00.000Z", "2014-12-31T23:59:59.000Z"
        bad: tuple[Row, ...] = (
            {"private": True},
            {"id": "Ann/a..b"},
            {"id": None},
            {"author": "a\x07b"},
            {"author": "a\nb"},
            {"createdAt": later},
            {"createdAt": early},
            {"likes": -1},
            {"likes": 10**12 + 1},
            {"likes": "many"},
            {"tags": "none"},
            {},
        )
        for table in self.rows:
            for number, fault in enumerate(bad):
                if self.chance(0.15):
                    rows[table].append({"id": f"bad/{table}-{number}", "likes": 1, "tags": [], **fault})
            if rows[table] and self.chance(0.3):
                twin = copy.deepcopy(self.random.choice(rows[table]))
                rows[table].append({**twin, "lastModified": self.random.choice((None, LEGACY, later)), "likes": 77})
        if self.chance(0.3):
            rows["organizations"] += [
                {"handle": "bad handle"},
                {"handle": "ANN", "numFollowers": 5, "fullname": "x" * 1001},
            ]
        if self.chance(0.3):
            paper = {"id": "bad id", "title": "t", "publishedAt": early, "upvotes": 1, "authors": []}
            page: list[Row] = [
                {"paper": paper},
                {"paper": {**paper, "id": "2601.99999", "upvotes": -1}},
                {"paper": {**paper, "id": "2601.99998", "title": "t" * 1001}},
            ]
            rows["daily_papers"] += [{**row, "date": f"{self.day}"} for row in page]
