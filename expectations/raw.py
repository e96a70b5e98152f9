"""Suites of the raw layer: what must be true of one table of one snapshot, as the Hub gave it.

Rows with a `fault` go to quarantine in staging and are left out of every rule but the one on their share. Rules that
compare call the rows of the snapshot before `<table>_before`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from expectations.rules import Rule, key_unique, no_rows, row_count_at_least, share_at_most, sql_rule, table_holds

# Of so many repos on the Hub some counter moves every day; a smaller one, or a recording, may stand still.
_NEVER_STANDS_STILL = 100_000
# What no repo and no counter of the Hub goes beyond: rows that do are quarantined, and would upset a comparison.
_CREATED = "fault is null and \"createdAt\" >= timestamptz '2015-01-01'"
_COUNTED = "between 0 and 1000000000000"


@dataclass(frozen=True)
class Limits:
    """What the rules of one table are measured against. Shares are from 0 to 1.

    Without rows before there is no rule that compares, without a date none on what was created after it.
    """

    previous_rows: int | None = None
    max_drop_share: float = 0.3
    max_fault_share: float = 0.05
    snapshot_date: date | None = None
    max_counter_drop_share: float = 0.5
    max_tail_share: float = 0.0


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


def _repos(table: str, counters: Sequence[str], limits: Limits) -> list[Rule]:
    """Grain: one row per repo."""
    key = ("coalesce(_id, id)",)
    created = no_rows("values_not_null", 'fault is null and "createdAt" is null', key, "no null", "createdAt")
    counted = [
        no_rows("values_at_least", f"fault is null and {counter} < 0", key, "null or at least 0", counter, "warn")
        for counter in counters
    ]
    # A field that the Hub no longer sends would turn into measured zeros in the marts.
    sent = [_any_value_known(column) for column in ("tags", *counters)]
    rules = [*_any_table(limits, key), created, *counted, *sent]
    if limits.previous_rows is not None:
        moving = (*counters, "downloadsAllTime") if "downloads" in counters else counters
        rules += [_tail_kept(f"{table}_before", limits), _counters_live(f"{table}_before", moving, limits)]
    if limits.snapshot_date is not None:
        # A crawl that began on its day may have passed midnight; what was created after it was looked at is a bad row.
        after = f"fault is null and \"createdAt\" >= timestamptz '{limits.snapshot_date + timedelta(days=2)}'"
        wanted = "no repo of a later day than the snapshot"
        rules.append(
            no_rows("created_until_snapshot", f'{after} and "createdAt" <= observed_at', key, wanted, "createdAt")
        )
    return rules


def _tail_kept(before: str, limits: Limits) -> Rule:
    """No rows are missing from the old end of a list: there it is that a list, newest first, is cut.

    One may be, the oldest of all, which somebody has deleted.
    """
    place = 'row("createdAt", coalesce(_id, id))'
    most = max(1, int(limits.max_tail_share * (limits.previous_rows or 0)))
    query = (
        f'with oldest as (select min({place}) as place, min("createdAt") as created from {{batch}} where {_CREATED}) '
        f"select concat('an interrupted list, of which the ', count(*), ' oldest of {limits.previous_rows} rows are "
        f"missing: they are older than all that is left, which begins on ', cast(any_value(created) as date)) "
        f"as observed from {before}, oldest where {_CREATED} and {place} < oldest.place having count(*) > {most}"
    )
    return sql_rule("tail_kept", query, f"at most {most} of the oldest rows missing since the snapshot before")


def _counters_live(before: str, counters: Sequence[str], limits: Limits) -> Rule:
    """No counter has collapsed, or stands still, over all repos that were there before."""
    facts, problems = [], []
    for counter in counters:
        now, then = f'late."{counter}"', f'early."{counter}"'
        known = f"filter ({now} {_COUNTED} and {then} {_COUNTED})"
        facts.append(
            f'coalesce(sum({now}) {known}, 0) as "{counter} now", '
            f'coalesce(sum({then}) {known}, 0) as "{counter} then", '
            f'count(*) filter ({now} <> {then}) as "{counter} moved"'
        )
        # Where others move for one repo in twenty; likes are too few to move with the downloads, which count every use.
        others = [f'"{other} moved" * 20 > repos' for other in counters if "downloads" in counter and other != counter]
        still = " or ".join([f"repos >= {_NEVER_STANDS_STILL}", *others])
        problems += [
            f'case when "{counter} now" < {1 - limits.max_counter_drop_share!r} * "{counter} then" then '
            f"concat('{counter} of the same repos fell from ', \"{counter} then\", ' to ', \"{counter} now\") end",
            f'case when "{counter} then" > 0 and "{counter} moved" = 0 and ({still}) '
            f"then concat('{counter} of ', repos, ' repos are all what they were') end",
        ]
    query = (
        f"with compared as (select count(*) as repos, {', '.join(facts)} from {{batch}} as late join {before} as early "
        "on hash(coalesce(late._id, late.id)) = hash(coalesce(early._id, early.id)) "
        "where late.fault is null and early.fault is null) "
        f"select concat_ws(', ', {', '.join(problems)}) as observed from compared where observed <> ''"
    )
    wanted = (
        f"sums of counters down by {limits.max_counter_drop_share * 100:g} per cent at most, and not standing still"
    )
    return sql_rule("counters_live", query, wanted)


def _organizations(limits: Limits) -> list[Rule]:
    """Grain: one row per handle that was asked for and found."""
    return [*_any_table(limits, ("handle",)), _any_value_known("numFollowers")]


def _daily_papers(limits: Limits) -> list[Rule]:
    """Grain: one row per day and paper; a paper may stand on two days."""
    key = ("date", "paper.id")
    where = "fault is null and paper.upvotes is null"
    told, own = 'count(paper."submittedOnDailyAt")', 'cast(paper."submittedOnDailyAt" as date) = date'
    # A paper that came back bears one day of two; alone on an old page it is no proof, on the newest nobody put it yet.
    is_proof = f"({told} > 1 or date >= (select max(date) - 1 from {{batch}}))"
    of_others = f"select date from {{batch}} where fault is null group by date having 2 * countif({own}) < {told}"
    return [
        *_any_table(limits, key),
        no_rows("values_not_null", where, key, "no null", "paper.upvotes", "warn"),
        no_rows(
            "papers_of_their_day",
            f"date in ({of_others} and {is_proof})",
            key,
            "no day that shows the papers of another",
            "date",
        ),
    ]


def _any_value_known(column: str) -> Rule:
    known, wanted = f"""concat(count("{column}"), ' of ', count(*), ' rows')""", "a value in at least one row"
    return table_holds("any_value_known", f'count(*) = 0 or count("{column}") > 0', known, wanted, column)


SUITES: dict[str, Callable[[Limits], list[Rule]]] = {
    "models": partial(_repos, "models", ("downloads", "likes")),
    "datasets": partial(_repos, "datasets", ("downloads", "likes")),
    "spaces": partial(_repos, "spaces", ("likes",)),  # the Hub counts no downloads of spaces
    "organizations": _organizations,
    "daily_papers": _daily_papers,
}
"""The rules of each raw table."""
