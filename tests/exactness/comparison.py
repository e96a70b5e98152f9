"""Says where a published table differs from the recomputed one."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.independent.observatory import KEYS, Observatory
from tests.independent.registry import Row

# How a check is classed is no number, and so not recomputed.
NOT_RECOMPUTED = {"rpt_data_quality": {"layer", "severity", "verdict"}}
_SHOWN = 3


def differences(table: str, published: Sequence[Row], recomputed: Sequence[Row]) -> list[str]:
    """Rows that only one side has, and values that are not the same; a few of each, since a table has thousands."""
    found, own = _by_key(table, published), _by_key(table, recomputed)
    lines = (
        [f"{table}: {len(published) - len(found)} rows with a key of another"] if len(published) > len(found) else []
    )
    lines += _some(f"{table} lacks", own.keys() - found.keys())
    lines += _some(f"{table} has too much", found.keys() - own.keys())
    left_out = NOT_RECOMPUTED.get(table, set())
    other = [
        f"{key} {name}: published {found[key].get(name)!r}, recomputed {row.get(name)!r}"
        for key, row in own.items()
        if key in found
        for name in (row.keys() | found[key].keys()) - left_out
        if not same(found[key].get(name), row.get(name))
    ]
    return lines + _some(table, other)


def all_differences(published: Mapping[str, Sequence[Row]], observatory: Observatory) -> dict[str, list[str]]:
    """Differences by table, of the tables that have any."""
    found = {table: differences(table, published.get(table, []), observatory.table(table)) for table in KEYS}
    return {table: lines for table, lines in found.items() if lines}


def same(value: Any, other: Any) -> bool:
    """Whether two values are the same; floats may differ as the order of a sum makes them."""
    if isinstance(value, float) and isinstance(other, float):
        return math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-9)
    return value == other and type(value) is type(other)


def _by_key(table: str, rows: Sequence[Row]) -> dict[tuple[Any, ...], Row]:
    return {tuple(row[name] for name in KEYS[table]): row for row in rows}


def _some(title: str, items: Iterable[Any]) -> list[str]:
    """A line a finding, the first few in order, and how many there are."""
    lines = sorted(map(str, items))
    return [f"{title} ({len(lines)}): {line}" for line in lines[:_SHOWN]]
