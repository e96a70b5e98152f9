"""The kinds of table rules that suites are put together from, as plain data.

A rule names a class of Great Expectations and its arguments without importing it, so that checks can be declared in
no time. Rules about rows are SQL rather than column expectations: only so can a key be an expression, and only so
does a broken rule return one row (the exact count and the lowest keys) however many rows break it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from expectations.outcome import MAX_SAMPLES, Severity


@dataclass(frozen=True)
class Rule:
    """One expectation on one table; (`expectation`, `column`) is unique within a suite."""

    expectation: str
    gx_class: str
    arguments: dict[str, object]
    threshold: str
    column: str | None = None
    severity: Severity = "error"


def fingerprint(rules: Iterable[Rule]) -> str:
    """What names a set of rules: 16 hexadecimal digits, others as soon as one rule asks for something else."""
    return hashlib.sha256(repr(list(rules)).encode()).hexdigest()[:16]


def row_count_at_least(
    minimum: int, name: str = "row_count_at_least", wanted: str = "", severity: Severity = "error"
) -> Rule:
    """The table has at least `minimum` rows."""
    wanted = wanted or f"at least {minimum} rows"
    return Rule(name, "ExpectTableRowCountToBeBetween", {"min_value": minimum}, wanted, severity=severity)


def row_count_equal(rows: int) -> Rule:
    """The table has exactly `rows` rows."""
    return Rule("row_count_equal", "ExpectTableRowCountToEqual", {"value": rows}, f"exactly {rows} rows")


def key_unique(key: Sequence[str], where: str = "true") -> Rule:
    """Among the rows that meet `where`, no part of the key is null and no key occurs twice."""
    names = [f"k{number}" for number in range(len(key))]
    parts = ", ".join(f"{part} as {name}" for part, name in zip(key, names, strict=True))
    is_null = " or ".join(f"{name} is null" for name in names)
    # By their hashes first: groups of whole keys, millions of texts, are more than a small memory can hold or spill.
    failing = (
        f"with keyed as not materialized (select {parts} from {{batch}} where {where}), "
        f"suspects as (select hash({', '.join(names)}) as hashed from keyed group by hashed "
        f"having count(*) > 1 or bool_or({is_null})) "
        f"select {_shown(names)} as sample_key, count(*) as row_count from keyed "
        f"where hash({', '.join(names)}) in (select hashed from suspects) "
        f"group by {', '.join(names)} having count(*) > 1 or {is_null}"
    )
    return sql_rule("key_unique", _capped(failing), "every key present and once")


def no_rows(
    name: str, where: str, key: Sequence[str], wanted: str, column: str | None = None, severity: Severity = "error"
) -> Rule:
    """No row meets `where`, an SQL condition on one row."""
    failing = f"select {_shown(key)} as sample_key, 1 as row_count from {{batch}} where {where}"
    return sql_rule(name, _capped(failing), wanted, column, severity)


def share_at_most(name: str, where: str, maximum: float, key: Sequence[str], column: str) -> Rule:
    """At most the share `maximum` (0 to 1) of the rows meets `where`."""
    query = (
        f"select count(*) filter (where {where}) as rows_failing, "
        f"min({_shown(key)}, {MAX_SAMPLES}) filter (where {where}) as sample_keys "
        f"from {{batch}} having rows_failing > {maximum!r} * count(*)"
    )
    return sql_rule(name, query, f"at most {maximum * 100:g} per cent of the rows", column)


def table_holds(
    name: str, condition: str, observed: str, wanted: str, column: str | None = None, severity: Severity = "error"
) -> Rule:
    """`condition`, SQL on aggregates of the table, is true; `observed` is the aggregate that is shown if it is not."""
    query = f"select cast({observed} as varchar) as observed from {{batch}} having not coalesce({condition}, false)"
    return sql_rule(name, query, wanted, column, severity)


def sql_rule(name: str, query: str, wanted: str, column: str | None = None, severity: Severity = "error") -> Rule:
    """`query`, in which the table is called {batch}, gives no row; of the one that it gives `observed` is shown."""
    return Rule(name, "NoUnexpectedRows", {"unexpected_rows_query": query}, wanted, column, severity)


def _capped(failing: str) -> str:
    return (
        f"select cast(sum(row_count) as bigint) as rows_failing, min(sample_key, {MAX_SAMPLES}) as sample_keys "
        f"from ({failing}) as failing having count(*) > 0"
    )


def _shown(key: Sequence[str]) -> str:
    return "concat(" + ", ' / ', ".join(f"coalesce(cast({part} as varchar), '(none)')" for part in key) + ")"
