"""Young and new models by country, under three rules."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction

from tests.independent.lineage import Lineage
from tests.independent.numbers import as_float, dense_ranks, share, total
from tests.independent.registry import Registry, Row
from tests.independent.repos import dated

RULES = ("headquarters", "international", "base_model")
NOWHERE = "unattributed"
YOUNG_DAYS = 365

Weights = dict[str, Fraction]
"""Share of a model by country."""


def country_of(rule: str, repo_id: str, registry: Registry, day: date) -> str:
    """The country of an id's account on a day, by one of the rules that look at the account alone."""
    account = registry.account_of(repo_id, day)
    if account is None:
        return NOWHERE
    return (account.country if rule == "international" else account.headquarters_country) or NOWHERE


def weights(rule: str, model: str, lineage: Lineage, registry: Registry, day: date) -> Weights:
    """How a model is spread over countries by the registry of a day."""
    if rule != "base_model":
        return {country_of(rule, lineage.models[model]["id"], registry, day): Fraction(1)}
    roots = lineage.roots[model]
    spread: Weights = defaultdict(Fraction)
    for root in roots:
        country = country_of("headquarters", lineage.models[root]["id"], registry, day)
        spread[country] += Fraction(1, len(roots))
    return spread or {NOWHERE: Fraction(1)}


def country_rows(lineage: Lineage, registry: Registry) -> list[Row]:
    """Rows of fct_country_snapshots for one snapshot."""
    young = [
        (model, row)
        for model, row in lineage.models.items()
        for day, _ in dated([row])
        if (registry.day - day).days < YOUNG_DAYS
    ]
    rows = []
    for rule in RULES:
        counts: dict[str, Fraction] = defaultdict(Fraction, {NOWHERE: Fraction()})
        downloads: dict[str, list[Fraction | None]] = defaultdict(list, {NOWHERE: []})
        for model, row in young:
            for country, weight in weights(rule, model, lineage, registry, registry.day).items():
                counts[country] += weight
                observed = row.get("downloads")
                downloads[country].append(None if observed is None else weight * observed)
        sums = {country: total(values) for country, values in downloads.items()}
        whole = total(sums.values())
        ranks = dense_ranks({country: value for country, value in sums.items() if country != NOWHERE})
        rows += [
            {
                "country_rule": rule,
                "country": country,
                "young_models_count": float(counts[country]),
                "young_downloads_30d": as_float(sums[country]),
                "young_downloads_share": share(sums[country], whole),
                "young_downloads_rank": ranks.get(country),
                "unattributed_share": share(sums[NOWHERE], whole),
            }
            for country in counts
        ]
    return rows


def monthly_rows(lineage: Lineage, registry: Registry, snapshots: Iterable[Row]) -> list[Row]:
    """Rows of fct_country_monthly; `snapshots` are the rows of fct_country_snapshots of all days."""
    found: dict[tuple[date, str], dict[str, Fraction]] = defaultdict(
        lambda: defaultdict(Fraction, {NOWHERE: Fraction()})
    )
    for model, row in lineage.models.items():
        for day, _ in dated([row]):
            for rule in RULES:
                for country, weight in weights(rule, model, lineage, registry, day).items():
                    found[day.replace(day=1), rule][country] += weight
    observed = {(row["snapshot_date"], row["country_rule"], row["country"]): row for row in snapshots}
    return [
        {
            "month": month,
            "country_rule": rule,
            "country": country,
            "new_models_count": float(count),
            "new_models_share": share(count, sum(counts.values())),
            "unattributed_new_models_share": share(counts[NOWHERE], sum(counts.values())),
            **_observed(observed, month, rule, country),
        }
        for (month, rule), counts in found.items()
        for country, count in counts.items()
    ]


def _observed(rows: Mapping[tuple[date, str, str], Row], month: date, rule: str, country: str) -> Row:
    """What the last snapshot of the month says of the country; None where there is none."""
    day = max((day for day, *_ in rows if day.replace(day=1) == month), default=None)
    own, nowhere = rows.get((day, rule, country), {}), rows.get((day, rule, NOWHERE), {})
    return {
        "observed_snapshot_date": day,
        "young_downloads_30d": own.get("young_downloads_30d"),
        "young_downloads_share": own.get("young_downloads_share"),
        "unattributed_downloads_share": nowhere.get("unattributed_share"),
    }
