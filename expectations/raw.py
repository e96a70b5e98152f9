"""Suites of the raw layer: what must be true of one table of one snapshot, as the Hub gave it.

Rows with a `fault` go to quarantine in staging and are left out of every rule but the one on their share.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from expectations.rules import Rule, key_unique, no_rows, row_count_at_least, share_at_most, table_holds


@dataclass(frozen=True)
class Limits:
    """What the rules of one table are measured against. Shares are from 0 to 1; no rows before: no rule on a drop."""

    previous_rows: int | None = None
    max_drop_share: float = 0.3
    max_fault_share: float = 0.05


def _any_table(limits: Limits, key: tuple[str, ...]) -> list[Rule]:
    rules = [
        row_count_at_least(1),
        key_unique(key, where="fault is null"),
        share_at_most("fault_share_at_most", "fault is not null", limits.max_fault_share, key, "fault"),
        no_rows("values_not_null", "observed_at is null", key, "no null", "observed_at"),
    ]
    if limits.previous_rows is not None:
        # Rounded first, lest 7.000000000000001 ask for 8 rows.
        minimum = math.ceil(round(limits.previous_rows * (1 - limits.max_drop_share), 6))
        wanted = f"at least {minimum} rows, as the snapshot before had {limits.previous_rows}"
        rules.append(row_count_at_least(minimum, "row_count_not_dropped", wanted))
    return rules


def _repos(counters: Sequence[str], limits: Limits) -> list[Rule]:
    """Grain: one row per repo."""
    key = ("coalesce(_id, id)",)
    created = no_rows("values_not_null", 'fault is null and "createdAt" is null', key, "no null", "createdAt")
    counted = [
        no_rows("values_at_least", f"fault is null and {counter} < 0", key, "null or at least 0", counter, "warn")
        for counter in counters
    ]
    # A field that the Hub no longer sends would turn into measured zeros in the marts.
    sent = [_any_value_known(column) for column in ("tags", *counters)]
    return [*_any_table(limits, key), created, *counted, *sent]


def _organizations(limits: Limits) -> list[Rule]:
    """Grain: one row per handle that was asked for and found."""
    return [*_any_table(limits, ("handle",)), _any_value_known("numFollowers")]


def _daily_papers(limits: Limits) -> list[Rule]:
    """Grain: one row per day and paper; a paper may stand on two days."""
    key = ("date", "paper.id")
    where = "fault is null and paper.upvotes is null"
    return [*_any_table(limits, key), no_rows("values_not_null", where, key, "no null", "paper.upvotes", "warn")]


def _any_value_known(column: str) -> Rule:
    known, wanted = f"""concat(count("{column}"), ' of ', count(*), ' rows')""", "a value in at least one row"
    return table_holds("any_value_known", f'count(*) = 0 or count("{column}") > 0', known, wanted, column)


SUITES: dict[str, Callable[[Limits], list[Rule]]] = {
    "models": partial(_repos, ("downloads", "likes")),
    "datasets": partial(_repos, ("downloads", "likes")),
    "spaces": partial(_repos, ("likes",)),  # the Hub counts no downloads of spaces
    "organizations": _organizations,
    "daily_papers": _daily_papers,
}
"""The rules of each raw table."""
