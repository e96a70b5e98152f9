"""Public claims beside what is measured, and what becomes of them."""

import calendar
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tests.independent.numbers import as_float, dense_ranks, least_by, share
from tests.independent.registry import Row, handle_of
from tests.independent.repos import dated
from tests.independent.rows import REPO_TABLES, by_spelling, repo_key

if TYPE_CHECKING:
    from tests.independent.observatory import Observatory

NEAR_DAYS = 45
TOP_PAPERS = 100
YEAR = 365
AFTER_R1 = date(2025, 1, 20)
_UNLINKED = "share of all papers of that time that name no organization"
_YEAR_BEFORE = "repositories created in the year before"


@dataclass
class Measure:
    """What is measured: a number or a text, at which snapshot; `is_found` is False where the subject is not there."""

    value: Fraction | int | float | None = None
    text: str | None = None
    day: date | None = None
    is_found: bool = True
    is_synthetic: bool | None = None
    context_value: float | None = None
    context: str | None = None
    looked_at: date | None = None
    """The snapshot nearest to the time of the claim, where it is not this one."""
    gap: str | None = None
    """Why the pages or lists do not reach over the time of the claim."""


NOT_FOUND = Measure(is_found=False)


def period(as_of: str) -> tuple[date, date]:
    """First and last day of a year, a month or a day."""
    parts = [int(part) for part in as_of.split("-")]
    year, month, day = (*parts, None, None)[:3]
    last_month = month or 12
    last = day or calendar.monthrange(year, last_month)[1]
    return date(year, month or 1, day or 1), date(year, last_month, last)


def subjects(text: str) -> list[list[tuple[str, str]]]:
    """Types and names on each side of a ratio; one side where there is no ratio."""
    sides = []
    for side in text.split(" / "):
        names = []
        for part in side.split(" + "):
            kind, _, name = part.partition(":")
            split = [one.strip() for one in name.split(",")] if kind == "companies" else [name]
            names += [("company" if kind == "companies" else kind, one) for one in split]
        sides.append(names)
    return sides


def claim_rows(observatory: "Observatory") -> list[Row]:
    """Rows of rpt_claims."""
    metrics = {row["metric"]: row for row in observatory.seeds["registry_claim_metrics"]}
    return [_claim(observatory, claim, metrics[claim["metric"]]) for claim in observatory.seeds["registry_claims"]]


def _claim(observatory: "Observatory", claim: Row, metric: Row) -> Row:
    rests_on = metric["rests_on"]
    measure = _Measurer(observatory, claim).measure() if rests_on else Measure()
    made_up = bool(rests_on) and observatory.is_synthetic(*rests_on.split())
    is_synthetic = made_up if measure.is_synthetic is None else measure.is_synthetic
    elsewhere = _elsewhere(observatory, claim)
    if _is_unseen(observatory, metric, measure):
        measure = replace(measure, value=None, text=None, day=None, context_value=None)
    verdict, reason = "external", None
    if is_synthetic:
        verdict = "sandbox"
    elif rests_on:
        reason = _never(observatory, claim, metric, measure)
        if reason:
            verdict = "cannot_be_covered"
        else:
            reason = _gap(observatory, claim, metric, measure)
            verdict = "outside_snapshot" if reason else _compare(claim, measure)
    copied = (
        "claim_id",
        "source",
        "publisher",
        "source_title",
        "source_url",
        "as_of",
        "kind",
        "subject",
        "metric",
        "comparator",
        "claimed_value",
        "unit",
        "statement",
        "sentence",
        "wording",
        "note",
    )
    return {
        "snapshot_date": observatory.day,
        **{name: claim[name] or None for name in copied},
        "definition": metric["definition"],
        "published_date": date.fromisoformat(claim["published_date"]),
        "tolerance": float(_tolerance(claim)),
        "measured_value": as_float(measure.value),
        "measured_text": measure.text,
        "measured_snapshot_date": measure.day,
        "context_value": measure.context_value,
        "context": measure.context,
        "verdict": verdict,
        "reason": reason,
        "external_value": float(elsewhere["external_value"]) if elsewhere else None,
        "external_source": elsewhere["source"] if elsewhere else None,
        "is_synthetic": is_synthetic,
    }


def _elsewhere(observatory: "Observatory", claim: Row) -> Row | None:
    """What another source says of the same metric and region."""
    if not claim["metric"].startswith("external."):
        return None
    wanted = (claim["metric"].removeprefix("external."), claim["subject"].partition(":")[2])
    rows = observatory.seeds["registry_infrastructure"]
    return next((row for row in rows if (row["metric"], row["region"]) == wanted), None)


def _is_unseen(observatory: "Observatory", metric: Row, measure: Measure) -> bool:
    """Whether the claim rests on a list that today's source does not have, and no earlier day tells."""
    is_of_earlier_day = measure.day is not None and measure.day < observatory.day
    return bool(observatory.snapshot.unobserved.intersection(metric["rests_on"].split())) and not is_of_earlier_day


def _tolerance(claim: Row) -> Fraction:
    return Fraction(claim["tolerance"] or 0)


def _never(observatory: "Observatory", claim: Row, metric: Row, measure: Measure) -> str | None:
    """Why no snapshot will ever cover the claim; None where one may."""
    if metric["gap"]:
        return metric["gap"]
    start, end = period(claim["as_of"])
    is_far = _distance(measure.looked_at or observatory.day, start, end) > NEAR_DAYS
    if metric["timing"] == "near" and is_far and (observatory.day - end).days > NEAR_DAYS:
        return f"no snapshot within {NEAR_DAYS} days of {claim['as_of']}, and a day of the past cannot be crawled"
    return None


def _gap(observatory: "Observatory", claim: Row, metric: Row, measure: Measure) -> str | None:
    """Why the snapshots do not cover the claim; None where they do."""
    start, end = period(claim["as_of"])
    if _is_unseen(observatory, metric, measure):
        unseen = min(observatory.snapshot.unobserved.intersection(metric["rests_on"].split()))
        return f"the list of {unseen.replace('_', ' ')} was not observed"
    if metric["needs_whole_hub"] == "true" and observatory.is_sample(*metric["rests_on"].split()):
        return "the snapshot is a sample of the Hub"
    if metric["timing"] == "near":
        if _distance(measure.looked_at or observatory.day, start, end) > NEAR_DAYS:
            return f"no snapshot within {NEAR_DAYS} days of {claim['as_of']}"
    elif start > observatory.day:
        return f"the snapshot is older than {claim['as_of']}"
    if measure.gap:
        return measure.gap
    if not measure.is_found:
        return "the subject is not in the snapshot"
    return "nothing to compare with" if measure.value is None and measure.text is None else None


def _compare(claim: Row, measure: Measure) -> str:
    claimed = claim["claimed_value"]
    if claim["metric"] == "lineage.ancestor_handle":
        holds = measure.value == 1
    elif claim["metric"] == "organizations.releases_from_none":
        holds = measure.value >= int(claimed) and not measure.context_value
    elif measure.value is None:
        holds = measure.text.lower() == claimed.lower()
    else:
        value, wanted = Fraction(measure.value), Fraction(claimed)
        at_least, about = value >= wanted, abs(value - wanted) <= _tolerance(claim) * wanted
        holds = at_least if claim["comparator"] == ">=" else about
    return "reproduced" if holds else "contradicted"


def _distance(day: date, start: date, end: date) -> int:
    return max((start - day).days, (day - end).days, 0)


class _Measurer:
    """Measures one claim by the definition of its metric."""

    def __init__(self, observatory: "Observatory", claim: Row) -> None:
        self.observatory, self.claim = observatory, claim
        self.registry = observatory.registry
        self.start, self.end = period(claim["as_of"])
        self.sides = [[self._named(*subject) for subject in side] for side in subjects(claim["subject"])]
        self.kind, self.name = self.sides[0][0]
        self.nearest: date | None = None

    def measure(self) -> Measure:
        measure = self._measured()
        return replace(measure, looked_at=self.nearest)

    def _measured(self) -> Measure:
        metric = self.claim["metric"]
        measures: dict[str, Callable[[], Measure]] = {
            "concentration.share_of_downloads_by_top_1.5_percent": self._concentration,
            "countries.download_share_1y": lambda: NOT_FOUND,
            "countries.new_model_downloads_rank": lambda: self._country("young_downloads_rank"),
            "derivatives.direct_external": lambda: self._derivatives("direct_external"),
            "derivatives.direct_external.ratio": self._ratio,
            "derivatives.rank_within_handle": self._rank_within_handle,
            "derivatives.tagged": lambda: self._derivatives("tagged"),
            "lineage.ancestor_handle": self._ancestor,
            "models.license": self._licence,
            "models.likes_rank": self._likes_rank,
            "organizations.followers_rank": self._followers_rank,
            "organizations.license_share.apache-2.0": self._licence_share,
            "organizations.releases_growth": self._growth,
            "organizations.releases_from_none": self._releases,
            "papers.upvotes_share_of_top": self._papers,
        }
        if metric.startswith("repos.count."):
            return Measure(len(self.observatory.kept[metric.rpartition(".")[2]]), day=self.observatory.day)
        return measures[metric]()

    def _named(self, kind: str, name: str) -> tuple[str, str]:
        """The subject; a company by its own name, though it be named by an organization of it."""
        accounts = self.registry.accounts.values()
        if kind != "company" or any(account.company == name for account in accounts):
            return kind, name
        companies = [account.company for account in accounts if account.organization == name and account.company]
        companies += [row["company"] for row in self.observatory.seeds["registry_aliases"] if row["alias"] == name]
        return kind, companies[0] if companies else name

    def _nearest(self, rows: Iterable[Row]) -> list[Row]:
        """Rows of the snapshot nearest to the period: the latest within it."""
        rows = list(rows)
        days = {row["snapshot_date"] for row in rows}
        day = min(days, key=lambda day: (_distance(day, self.start, self.end), -day.toordinal()), default=None)
        self.nearest = day
        return [row for row in rows if row["snapshot_date"] == day]

    @staticmethod
    def _of(rows: list[Row], column: str) -> Measure:
        if not rows:
            return NOT_FOUND
        return Measure(rows[0][column], day=rows[0]["snapshot_date"], is_synthetic=rows[0]["is_synthetic"])

    # --- tables with history ------------------------------------------------------------------------------------------

    def _counts(self, definition: str) -> dict[tuple[str, str], Row]:
        rows = self._nearest(self.observatory.fct_derivative_counts)
        wanted = (definition, "all")
        return {
            (row["subject_type"], row["subject"]): row for row in rows if (row["definition"], row["relation"]) == wanted
        }

    def _derivatives(self, definition: str) -> Measure:
        row = self._counts(definition).get((self.kind, self.name))
        return self._of([row] if row else [], "value")

    def _ratio(self) -> Measure:
        counts = self._counts("direct_external")
        above, below = (
            sum(Fraction(counts[subject]["value"]) for subject in side) if counts.keys() >= set(side) else None
            for side in self.sides
        )
        if above is None:
            return NOT_FOUND
        measure = self._of([counts[self.sides[0][0]]], "value")
        # Without one of the denominators there is nothing to compare with.
        measure.value = above / below if below else None
        return measure

    def _country(self, column: str) -> Measure:
        rows = self._nearest(self.observatory.fct_country_snapshots)
        wanted = ("base_model", self.name)
        return self._of([row for row in rows if (row["country_rule"], row["country"]) == wanted], column)

    def _concentration(self) -> Measure:
        rows = [
            row
            for row in self.observatory.fct_download_concentration
            if (row["repo_type"], row["metric"]) == ("model", "downloads_all_time")
        ]
        return self._of(self._nearest(rows), "top_1_5_percent_share")

    def _followers_rank(self) -> Measure:
        rows = self._nearest(self.observatory.fct_organization_snapshots)
        found = [row for row in rows if row["handle"].lower() == self.name.lower()]
        measure = self._of(found, "followers_rank")
        if found:
            measure.is_synthetic = found[0]["is_followers_synthetic"]
        return measure

    # --- this snapshot ------------------------------------------------------------------------------------------------

    def _now(self, value: Any = None, text: str | None = None) -> Measure:
        return Measure(value, text, self.observatory.day)

    def _model(self) -> str | None:
        """Key of the model that the claim names."""
        models = self.observatory.kept["models"]
        exact, any_case = by_spelling((row["id"], key) for key, row in models.items())
        return exact.get(self.name) or any_case.get(self.name.lower())

    def _rank_within_handle(self) -> Measure:
        key, lineage = self._model(), self.observatory.lineage
        if key is None:
            return NOT_FOUND
        handle = (handle_of(lineage.models[key]["id"]) or "").lower()
        direct = {
            model: len({edge.child for edge in lineage.children.get(model, ())})
            for model, row in lineage.models.items()
            if (handle_of(row["id"]) or "").lower() == handle
        }
        return self._now(dense_ranks(direct)[key])

    def _likes_rank(self) -> Measure:
        models = self.observatory.kept["models"]
        key = self._model()
        return self._now(dense_ranks({k: row.get("likes") for k, row in models.items()})[key]) if key else NOT_FOUND

    def _licence(self) -> Measure:
        key = self._model()
        return self._now(text=self.observatory.repos["model", key]["licence"]) if key else NOT_FOUND

    def _ancestor(self) -> Measure:
        key, lineage = self._model(), self.observatory.lineage
        if key is None:
            return NOT_FOUND
        above = lineage.ancestors(key)
        named = {lineage.models[ancestor]["id"] for ancestor in above}
        for edge in lineage.edges:
            if edge.child in {key, *above} and edge.status not in ("self_loop", "not_a_repo_id"):
                named.add(lineage.models[edge.parent]["id"] if edge.parent else edge.named)
        shown = least_by(
            (handle.lower(), self.registry.account(handle).handle) for name in named if (handle := handle_of(name))
        )
        handles = set(shown.values())
        wanted = self.claim["claimed_value"].lower()
        is_among = wanted in {handle.lower() for handle in handles}
        return self._now(int(is_among), ", ".join(sorted(handles)) or None)

    def _created_in(self, year: int) -> int:
        count = 0
        for table in REPO_TABLES:
            for day, row in dated(self.observatory.kept[table].values()):
                account = self.registry.account_of(row["id"], day)
                count += day.year == year and account is not None and account.company == self.name
        return count

    def _is_company(self) -> bool:
        return any(account.company == self.name for rows in self.registry.periods.values() for account in rows)

    def _releases(self) -> Measure:
        if not self._is_company():
            return NOT_FOUND
        measure = self._now(self._created_in(self.start.year))
        measure.context, measure.context_value = _YEAR_BEFORE, float(self._created_in(self.start.year - 1))
        return measure

    def _growth(self) -> Measure:
        if not self._is_company():
            return NOT_FOUND
        return self._now(share(self._created_in(self.start.year), self._created_in(self.start.year - 1)))

    def _licence_share(self) -> Measure:
        licences = [
            self.observatory.repos["model", repo_key(row)]["licence"]
            for day, row in dated(self.observatory.kept["models"].values())
            if AFTER_R1 <= day <= self.end
            and (account := self.registry.account_of(row["id"], day))
            and account.headquarters_country == self.name
        ]
        return self._now(share(licences.count("apache-2.0"), len(licences))) if licences else NOT_FOUND

    def _papers(self) -> Measure:
        papers = self.observatory.papers.values()
        first = self.end - timedelta(YEAR)
        of_year = [paper for paper in papers if first < paper["first_daily_date"] <= self.end]
        linked = [paper for paper in of_year if paper["organization"] is not None]
        linked.sort(key=lambda paper: (paper["upvotes"] is None, -(paper["upvotes"] or 0), paper["paper_id"]))
        top = linked[:TOP_PAPERS]
        names = {name for _, name in self.sides[0]}
        measure = self._now(share(sum(paper["company"] in names for paper in top), len(top)))
        measure.context = _UNLINKED
        measure.context_value = share(len(of_year) - len(linked), len(of_year))
        pages = [paper["first_daily_date"] for paper in papers]
        if not pages or min(pages) > first or max(pages) < self.end:
            measure.gap = f"the daily pages do not cover the {YEAR} days up to {self.end}"
        elif 2 * len(linked) < len(of_year):
            measure.gap = "over half of the papers of that time name no organization"
        return measure
