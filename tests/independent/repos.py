"""Repos of all kinds with their classes, their releases by month, and how downloads concentrate."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction
from math import ceil
from typing import Any

from tests.independent.numbers import share
from tests.independent.registry import Registry, Row, Seeds, handle_of
from tests.independent.rows import REPO_TABLES, created_date, instant, is_legacy, tagged
from tests.independent.sizes import Size

KINDS = {table: table.removesuffix("s") for table in REPO_TABLES}
_THOUSAND_MILLION = 10**9
_STRICTNESS = ("permissive", "copyleft", "other", "restricted", "noncommercial")
_SIZES = (
    (250, "over_250b"), (100, "100b_to_250b"), (50, "50b_to_100b"), (10, "10b_to_50b"), (5, "5b_to_10b"),
    (1, "1b_to_5b"), (0, "under_1b"),
)  # fmt: skip
TOP_SHARES = {
    "top_0_01_percent_share": Fraction(1, 10_000),
    "top_1_5_percent_share": Fraction(15, 1000),
    "top_10_percent_share": Fraction(10, 100),
}


def size_class(count: int | None) -> str:
    if count is None:
        return "unknown"
    return next(name for least, name in _SIZES if count >= least * _THOUSAND_MILLION)


class Classes:
    """Modalities and licences as the registry sorts them."""

    def __init__(self, seeds: Seeds) -> None:
        self.modalities = {row["tag"]: row["modality"] for row in seeds["registry_modalities"]}
        self.licences = {row["licence"]: row["licence_class"] for row in seeds["registry_licences"]}

    def modality(self, kind: str, row: Row) -> str:
        if kind == "space":
            return "space"
        if kind == "model":
            return self.modalities.get(row.get("pipeline_tag"), "unknown")
        tags = tagged(row, "modality:")
        if len(tags) > 1:
            return "multimodal"
        return self.modalities.get(f"modality:{tags.pop()}", "unknown") if tags else "unknown"

    def licence_class(self, licence: str | None) -> str:
        return self.licences.get(licence, "other") if licence else "none"

    def licence(self, licences: Iterable[str]) -> str | None:
        """The one that leaves least freedom, the least one of several."""
        return min(licences, key=lambda name: (-_STRICTNESS.index(self.licence_class(name)), name), default=None)


def repo_rows(
    kept: Mapping[str, Mapping[str, Row]], registry: Registry, classes: Classes, sizes: Mapping[str, Size]
) -> dict[tuple[str, str], Row]:
    """Rows of dim_repos by kind and key, but for what all tables have and when a row was observed."""
    rows = {}
    for table, kind in KINDS.items():
        for key, row in kept[table].items():
            account = registry.account_of(row["id"])
            is_model = kind == "model"
            licences = tagged(row, "license:") if is_model else set()
            licence = classes.licence(licences)
            size = sizes[key] if is_model else Size(None, None, None)
            rows[kind, key] = {
                "repo_type": kind,
                "repo_key": key,
                "repo_id": row["id"],
                "handle": account and account.handle,
                "created_at": instant(row.get("createdAt")),
                "is_legacy_import": is_legacy(row) if row.get("createdAt") else None,
                "downloads_30d": None if kind == "space" else row.get("downloads"),
                "downloads_all_time": None if kind == "space" else row.get("downloadsAllTime"),
                "likes": row.get("likes"),
                "pipeline_tag": row.get("pipeline_tag") if is_model else None,
                "modality": classes.modality(kind, row),
                "last_modified_at": instant(row.get("lastModified")),
                "stored_parameters_count": size.stored,
                "parameters_count": size.count,
                "parameters_source": size.source,
                "size_class": size_class(size.count) if is_model else "none",
                "licence": licence,
                "has_several_licences": len(licences) > 1 if is_model else None,
                "licence_class": classes.licence_class(licence),
            }
    return rows


def dated(rows: Iterable[Row]) -> Iterable[tuple[date, Row]]:
    """Raw rows that say when they were created, legacy imports left out, with the day."""
    return ((created_date(row), row) for row in rows if row.get("createdAt") and not is_legacy(row))


def release_rows(
    kept: Mapping[str, Mapping[str, Row]], repos: Mapping[tuple[str, str], Row], registry: Registry
) -> list[Row]:
    """Rows of fct_organization_releases_monthly."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for table, kind in KINDS.items():
        for key, row in kept[table].items():
            for day, _ in dated([row]):
                repo = repos[kind, key]
                organization = registry.registered_organization(row["id"], day)
                account = registry.account_of(row["id"], day)
                company = (account and account.is_registered and account.company) or organization
                classes = (repo["modality"], repo["size_class"], repo["licence_class"])
                counts[(day.replace(day=1), organization, company, kind, *classes)] += 1
    names = ("month", "organization", "company", "repo_type", "modality", "size_class", "licence_class")
    return [{**dict(zip(names, key, strict=True)), "repos_count": count} for key, count in counts.items()]


def concentration(downloads: list[int]) -> Row:
    """Shares of the most downloaded repos and the Gini coefficient of the counters."""
    rising, whole, count = sorted(downloads), sum(downloads), len(downloads)
    tops = {name: sum(rising[count - ceil(part * count) :]) for name, part in TOP_SHARES.items()}
    weighted = sum(place * value for place, value in enumerate(rising, start=1))
    gini = Fraction(2 * weighted, count * whole) - Fraction(count + 1, count) if whole else None
    return {
        "repos_count": count,
        "downloads_sum": whole,
        **{name: share(top, whole) for name, top in tops.items()},
        "gini": None if gini is None else float(gini),
    }


def concentration_rows(repos: Iterable[Row]) -> list[Row]:
    """Rows of fct_download_concentration for one snapshot."""
    rows, all_repos = [], list(repos)
    for kind in ("model", "dataset"):
        for metric in ("downloads_30d", "downloads_all_time"):
            values = [repo[metric] for repo in all_repos if repo["repo_type"] == kind and repo[metric] is not None]
            if values:
                rows.append({"repo_type": kind, "metric": metric, **concentration(values)})
    return rows


def owned(kept: Mapping[str, Mapping[str, Row]], table: str) -> dict[str, list[Row]]:
    """Rows of a table by handle in lower case."""
    found: dict[str, list[Row]] = {}
    for row in kept[table].values():
        if handle := handle_of(row["id"]):
            found.setdefault(handle.lower(), []).append(row)
    return found
