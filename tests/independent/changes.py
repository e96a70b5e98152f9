"""What differs from the release before: renamed repos, missing ones, entries into the top tens."""

from collections.abc import Iterable, Mapping
from datetime import date

from tests.independent.registry import Registry, Row, Seeds

TOP = 10

Repos = Mapping[tuple[str, str], Row]
"""Rows of dim_repos by kind and key."""


def same_repos(repos: Repos, before: Repos) -> dict[tuple[str, str], tuple[str, str]]:
    """Kind and key before by kind and key now, of the repos that both snapshots have.

    Where only one of the two has a key of the Hub, equal ids are the same repo.
    """
    by_id = {(kind, repo["repo_id"]): (kind, key) for (kind, key), repo in before.items()}
    found = {}
    for (kind, key), repo in repos.items():
        if (kind, key) in before:
            found[kind, key] = (kind, key)
            continue
        then = by_id.get((kind, repo["repo_id"]))
        if then and (key == repo["repo_id"]) != (then[1] == repo["repo_id"]):
            found[kind, key] = then
    return found


def rename_rows(repos: Repos, before: Repos, previous: date) -> list[Row]:
    """Rows of fct_renames for one snapshot."""
    return [
        {
            "repo_type": kind,
            "repo_key": key,
            "former_id": before[kind, key]["repo_id"],
            "repo_id": repo["repo_id"],
            "previous_snapshot_date": previous,
        }
        for (kind, key), repo in repos.items()
        if (kind, key) in before and before[kind, key]["repo_id"] != repo["repo_id"]
    ]


def former_ids(kind: str, renames: Iterable[Row], seeds: Seeds, rows: Mapping[str, Row]) -> dict[str, str]:
    """From the ids in lower case that repos of the snapshot (rows by key) bore once to the keys of those that bore
    them last, by renames that snapshots saw, else by those of the registry."""
    known = [row for row in renames if row["repo_type"] == kind and row["repo_key"] in rows]
    known.sort(key=lambda row: (rows[row["repo_key"]]["id"], row["repo_key"]))
    known.sort(key=lambda row: row["snapshot_date"], reverse=True)
    found: dict[str, str] = {}
    for row in known:
        found.setdefault(row["former_id"].lower(), row["repo_key"])
    for key, row in sorted(rows.items(), key=lambda item: (item[1]["id"], item[0])):
        for rename in seeds["registry_renames"]:
            if rename["repo_type"] == kind and rename["repo_id"].lower() == row["id"].lower():
                found.setdefault(rename["former_id"].lower(), key)
    return found


def tombstone_rows(
    repos: Repos, still_listed: Mapping[str, Mapping[str, str]], before: Repos, previous: date, registry: Registry
) -> list[Row]:
    """Rows of fct_tombstones for one snapshot; a repo that is listed with a row that is refused has none."""
    refused = {
        (table.removesuffix("s"), key): {"repo_id": repo_id}
        for table, ids in still_listed.items()
        for key, repo_id in ids.items()
    }
    still_there = {*same_repos(repos, before).values(), *same_repos(refused, before).values()}
    counters = ("repo_id", "handle", "created_at", "downloads_30d", "downloads_all_time", "likes")
    return [
        {
            "repo_type": kind,
            "repo_key": key,
            **{name: repo[name] for name in counters},
            "organization": _organization(repo, registry),
            "last_seen_date": previous,
        }
        for (kind, key), repo in before.items()
        if (kind, key) not in still_there
    ]


def _organization(repo: Row, registry: Registry) -> str | None:
    """Organization by the registry of today; else the handle as it was written when the repo was seen last."""
    account = registry.account_of(repo["repo_id"])
    return account.organization if account and account.is_registered else repo["handle"]


def top_ten(ranked: Mapping[str, tuple[str, int | None]]) -> list[tuple[str, str, int]]:
    """The ten greatest as key, name and value, from name and value by key; ties by name."""
    known = [(key, name, value) for key, (name, value) in ranked.items() if value is not None]
    return sorted(known, key=lambda item: (-item[2], item[1], item[0]))[:TOP]


def entry_rows(
    ranking: str,
    now: Mapping[str, tuple[str, int | None]],
    before: Mapping[str, tuple[str, int | None]],
    previous: date,
) -> list[Row]:
    """Rows of fct_top_ten_entries of one ranking: who is in the top ten or the first now and was not before.

    None where nobody was ranked before.
    """
    former = [key for key, *_ in top_ten(before)]
    rows = []
    for rank, (key, name, value) in enumerate(top_ten(now) if former else [], start=1):
        is_new_first = rank == 1 and former[:1] != [key]
        if key not in former or is_new_first:
            rows.append({
                "ranking": ranking,
                "subject": name,
                "subject_rank": rank,
                "value": value,
                "previous_snapshot_date": previous,
                "is_new_entry": key not in former,
                "is_new_first": is_new_first,
            })  # fmt: skip
    return rows
