"""Accounts: who they are, what they have, what has changed since, and whom the registry lacks."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date

from tests.independent.derivatives import Counts
from tests.independent.numbers import dense_ranks, total
from tests.independent.registry import Account, Registry, Row
from tests.independent.repos import KINDS, owned
from tests.independent.rows import one_line

WINDOWS = (1, 7, 30)
GAPS_UP_TO = 500
_COMPARED = {"followers": "followers_count", "downloads_30d": "downloads_30d", "likes": "likes"}
_RANKED = {
    "followers_rank": "followers_count",
    "downloads_30d_rank": "downloads_30d",
    "likes_rank": "likes",
    "derivatives_direct_external_rank": "derivatives_direct_external",
}


def account_rows(overviews: Mapping[str, Row], registry: Registry, aliases: Iterable[Row]) -> list[Row]:
    """Rows of dim_organizations; overviews are by handle in lower case."""
    names: dict[str, set[str]] = {}
    for row in aliases:
        names.setdefault(row["company"], set()).add(row["alias"])
    rows = []
    for key in registry.periods.keys() | overviews.keys():
        account, overview = registry.account(key), overviews.get(key)
        seen = overview or {}
        rows.append({
            "handle": account.handle,
            "display_name": one_line(seen.get("fullname")),
            **_identity(account),
            "company_aliases": ", ".join(sorted(names.get(account.company, ()))) or None,
            "account_country": account.account_country,
            "valid_from": account.valid_from,
            "valid_to": account.valid_to,
            "successor_handle": account.successor_handle,
            "confidence": account.confidence,
            "note": account.note,
            "is_overview_observed": overview is not None,
            "is_verified": seen.get("isVerified"),
            "plan": seen.get("plan"),
        })  # fmt: skip
    return rows


def _identity(account: Account) -> Row:
    return {
        "organization": account.organization,
        "company": account.company,
        "country": account.country,
        "category": account.category,
        "is_in_registry": account.is_registered,
    }


def snapshot_rows(
    kept: Mapping[str, Mapping[str, Row]], papers: Iterable[Row], counts: Counts, registry: Registry
) -> list[Row]:
    """Rows of fct_organization_snapshots for one snapshot, changes left out.

    Accounts with an overview, and those of the registry with a repository or a paper.
    """
    overviews = kept["organizations"]
    own = {table: owned(kept, table) for table in KINDS}
    linked: dict[str, list[Row]] = {}
    for paper in papers:
        if paper["handle"]:
            linked.setdefault(paper["handle"].lower(), []).append(paper)
    active = set(linked).union(*own.values())
    rows = {}
    for key in overviews.keys() | (registry.periods.keys() & active):
        account, seen = registry.account(key), overviews.get(key, {})
        repos = {table: own[table].get(key, []) for table in KINDS}
        downloadable = repos["models"] + repos["datasets"]
        rows[key] = {
            "handle": account.handle,
            **_identity(account),
            "followers_count": seen.get("numFollowers"),
            "members_count": seen.get("numUsers"),
            "is_verified": seen.get("isVerified"),
            **{f"{table}_count": len(repos[table]) for table in KINDS},
            "downloads_30d": total(row.get("downloads") for row in downloadable),
            "downloads_all_time": total(row.get("downloadsAllTime") for row in downloadable),
            "likes": total(row.get("likes") for row in downloadable + repos["spaces"]),
            **{
                f"derivatives_{name}": int(counts.get(("handle", account.handle, "all", name), 0))
                for name in ("direct", "direct_external", "transitive")
            },
            "papers_count": len(linked.get(key, [])),
            "papers_upvotes": total(paper["upvotes"] for paper in linked.get(key, [])),
        }
    for rank, column in _RANKED.items():
        for key, place in dense_ranks({key: row[column] for key, row in rows.items()}).items():
            rows[key][rank] = place
    return list(rows.values())


def with_changes(rows: Iterable[Row], history: Iterable[Row], day: date) -> list[Row]:
    """The rows with their changes against earlier snapshots.

    A window looks at the latest earlier snapshot that is at least as old and less than twice as old.
    """
    known = {(row["snapshot_date"], row["handle"].lower()): row for row in history}
    days = {earlier for earlier, _ in known}
    changed = []
    for row in rows:
        changes = {}
        for window in WINDOWS:
            then = max((d for d in days if window <= (day - d).days < 2 * window), default=None)
            before = known.get((then, row["handle"].lower()))
            changes[f"change_{window}d_gap_days"] = (day - then).days if before else None
            for name, column in _COMPARED.items():
                values = (row[column], before and before[column])
                changes[f"{name}_change_{window}d"] = None if None in values else values[0] - values[1]
        changed.append({**row, **changes})
    return changed


def gap_rows(
    kept: Mapping[str, Mapping[str, Row]],
    counts: Counts,
    registry: Registry,
    papers: Iterable[Row],
    unseen: Collection[str] = (),
) -> list[Row]:
    """Rows of rpt_registry_gaps: handles without a registry row among the first of all handles by some number.

    `unseen` are numbers that nobody could know.
    """
    models, datasets = owned(kept, "models"), owned(kept, "datasets")
    overviews = kept["organizations"]
    external = {
        subject.lower(): int(value)
        for (kind, subject, relation, definition), value in counts.items()
        if (kind, relation, definition) == ("handle", "all", "direct_external")
    }
    written = Counter(paper["handle"].lower() for paper in papers if paper["handle"])
    handles = models.keys() | datasets.keys() | overviews.keys() | external.keys() | written.keys()
    numbers = {
        "downloads_30d": {
            key: total(row.get("downloads") for row in models.get(key, []) + datasets.get(key, [])) for key in handles
        },
        "followers_count": {key: overviews.get(key, {}).get("numFollowers") for key in handles},
        "derivatives_direct_external": {key: external.get(key, 0) for key in handles},
        "papers_count": {key: written[key] for key in handles},
    }
    for name in unseen:
        numbers[name] = dict.fromkeys(handles)
    ranks = {name: _first_places(values) for name, values in numbers.items()}
    return [
        {
            "handle": registry.account(key).handle,
            **{name: values[key] for name, values in numbers.items()},
            "downloads_30d_rank": ranks["downloads_30d"].get(key),
            "followers_rank": ranks["followers_count"].get(key),
            "derivatives_direct_external_rank": ranks["derivatives_direct_external"].get(key),
            "papers_rank": ranks["papers_count"].get(key),
        }
        for key in handles - registry.periods.keys()
        if any(key in places for places in ranks.values())
    ]


def _first_places(values: Mapping[str, int | None]) -> dict[str, int]:
    """Places up to the last that is looked at, equals sharing one and leaving gaps; zero and None have none."""
    known = sorted((value for value in values.values() if value), reverse=True)
    places = {key: known.index(value) + 1 for key, value in values.items() if value}
    return {key: place for key, place in places.items() if place <= GAPS_UP_TO}
