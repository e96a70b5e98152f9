"""Suites of the published marts, made from what the YAML beside each model says, as dbt's manifest has it.

The vocabulary of `config.meta`: of a column `values`, `minimum`, `maximum` and `max_length`, of a table `key` (or
`order_by`, where that is the key) and `rules`. A rule has a `name`, what is `wanted`, at most one `column`, and says
`rows` (how many there are at least), `no_row_where` (SQL on one row) or `holds` (SQL on the whole table, with `shown`
for where it does not). `needs` names the raw table, or `table.column`, without which a rule is a warning that says so;
`severity: warn` always makes it one.

A missing value is refused by the contract: dbt creates the table with `not null`. That of a view cannot be held by the
engine, so it is judged here. Relations between tables and between rows (a count never above another one) are tests of
the dbt project.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from expectations.rules import Rule, key_unique, no_rows, row_count_at_least, table_holds

DEFAULT_MAX_QUARANTINED_SHARE = 0.05


def suites(
    manifest: Mapping[str, Any],
    raw_rows: Mapping[str, int],
    max_quarantined_share: float = DEFAULT_MAX_QUARANTINED_SHARE,
    unobserved: Collection[str] = (),
) -> dict[str, list[Rule]]:
    """The rules of every published mart by table, in the order of their names.

    `raw_rows`: rows of each raw table of the snapshot, before quarantine. `unobserved`: raw tables, and `table.column`,
    that the source does not have, so that what rests on them alone may be missing. Raises KeyError for a rule of no
    known kind.
    """
    published = {
        node["name"]: list(_rules(node, unobserved))
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"]["meta"].get("publish")
    }
    if "quarantine" in published:
        published["quarantine"].append(_quarantined_share(raw_rows, max_quarantined_share))
    return dict(sorted(published.items()))


def _rules(node: Mapping[str, Any], unobserved: Collection[str]) -> Iterator[Rule]:
    meta = node["config"]["meta"]
    key = meta.get("key") or meta["order_by"]
    yield key_unique(key)
    for name, column in node["columns"].items():
        if column["constraints"] and node["config"]["materialized"] == "view":
            yield no_rows("values_not_null", f"{name} is null", key, "no null", name)
        is_required = name in key or column["constraints"]
        yield from _values(name, column["config"]["meta"], key, "" if is_required else "null or ")
    for rule in meta.get("rules", ()):
        severity, wanted = rule.get("severity", "error"), rule.get("wanted") or f"at least {rule.get('rows')} rows"
        if rule.get("needs") in unobserved:
            severity, wanted = "warn", f"{wanted} ({rule['needs']}: not observed)"
        if "rows" in rule:
            yield row_count_at_least(rule["rows"], rule["name"], wanted, severity)
        elif "holds" in rule:
            name, column = rule["name"], rule.get("column")
            yield table_holds(name, rule["holds"], rule["shown"], wanted, column, severity)
        else:
            yield no_rows(rule["name"], rule["no_row_where"], key, wanted, rule.get("column"), severity)


def _values(column: str, meta: Mapping[str, Any], key: list[str], null: str) -> Iterator[Rule]:
    """The rules of one column; a missing value breaks none of them."""
    low, high = meta.get("minimum"), meta.get("maximum")
    if "values" in meta:
        listed = ", ".join(str(value) if isinstance(value, int) else f"'{value}'" for value in meta["values"])
        allowed = ", ".join(map(str, meta["values"]))
        yield no_rows("values_in_set", f"{column} not in ({listed})", key, f"{null}one of {allowed}", column)
    if low is not None and high is not None:
        outside = f"{column} not between {low} and {high}"
        yield no_rows("values_between", outside, key, f"{null}from {low} to {high}", column)
    elif low is not None:
        yield no_rows("values_at_least", f"{column} < {low}", key, f"{null}at least {low}", column)
    elif high is not None:
        yield no_rows("values_at_most", f"{column} > {high}", key, f"{null}at most {high}", column)
    if "max_length" in meta:
        wanted = f"at most {meta['max_length']} characters"
        yield no_rows("lengths_at_most", f"length({column}) > {meta['max_length']}", key, wanted, column)


def _quarantined_share(raw_rows: Mapping[str, int], max_share: float) -> Rule:
    counts = {table: f"coalesce(sum(rows_count) filter (where table_name = '{table}'), 0)" for table in raw_rows}
    within = [f"{counts[table]} <= {max_share} * {rows}" for table, rows in raw_rows.items()]
    shown = [f"'{table} ', {counts[table]}, ' of {rows}'" for table, rows in raw_rows.items()] or ["'no raw table'"]
    return table_holds(
        "quarantined_share_at_most",
        " and ".join(within) or "true",
        "concat(" + ", ', ', ".join(shown) + ")",
        f"at most {max_share * 100:g} per cent of each raw table",
    )
