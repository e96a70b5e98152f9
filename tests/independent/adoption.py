"""Downloads of models at given ages, and how they compare with the most downloaded of their size at that age."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date
from fractions import Fraction

from tests.independent.numbers import as_float, share
from tests.independent.registry import Registry, Row

DAYS = (7, 14, 30, 60, 90, 180, 365)
TOP = 10


def adoption_rows(repos: Iterable[Row], registry: Registry, known: Iterable[Row]) -> list[Row]:
    """Rows of fct_model_adoption that this snapshot adds to the `known` ones."""
    told = {(row["repo_key"], row["adoption_day"]) for row in known}
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for repo in repos:
        if repo["repo_type"] != "model" or repo["is_legacy_import"] is not False:
            continue
        if repo["size_class"] == "unknown" or repo["downloads_all_time"] is None:
            continue
        age = (registry.day - repo["created_at"].astimezone(UTC).date()).days
        account = registry.account_of(repo["repo_id"])
        for day in DAYS:
            if day <= age < day + max(1, day // 7):
                row = {
                    name: repo[name] for name in ("repo_key", "repo_id", "handle", "size_class", "downloads_all_time")
                }
                row |= {"adoption_day": day, "age_days": age, "is_in_registry": bool(account and account.is_registered)}
                groups[repo["size_class"], day].append(row)
    rows = []
    for candidates in groups.values():
        best = sorted(candidates, key=lambda row: (-row["downloads_all_time"], row["repo_key"]))[:TOP]
        rows += [row for row in candidates if row["is_in_registry"] or row in best]
    return [row for row in rows if (row["repo_key"], row["adoption_day"]) not in told]


def relative_rows(adoption: Iterable[Row]) -> list[Row]:
    """Rows of fct_relative_adoption from all rows of fct_model_adoption."""
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in adoption:
        groups[row["size_class"], row["adoption_day"]].append(row)
    rows = []
    for group in groups.values():
        ten = sorted(group, key=lambda row: (-row["downloads_all_time"], row["repo_key"]))[:TOP]
        best = [row["downloads_all_time"] for row in ten]
        enough = len(best) == TOP
        # What is compared rests on the row and on the ten.
        is_synthetic = any(row["is_synthetic"] for row in ten)
        baselines = {
            "tenth": Fraction(best[-1]) if enough else None,
            "median_of_ten": Fraction(best[4] + best[5], 2) if enough else None,
        }
        for row in group:
            for name, baseline in baselines.items():
                rows.append({
                    **{key: value for key, value in row.items() if key not in ("is_in_registry", "snapshot_date")},
                    "observed_snapshot_date": row["snapshot_date"],
                    "baseline": name,
                    "baseline_downloads": as_float(baseline),
                    "relative_adoption": share(row["downloads_all_time"], baseline),
                    "is_synthetic": is_synthetic or row["is_synthetic"],
                })  # fmt: skip
    return rows


def has_two_snapshots(day: date, earlier: Iterable[date]) -> bool:
    return any(other != day for other in earlier)
