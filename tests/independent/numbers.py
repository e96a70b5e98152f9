"""Small arithmetic that every table needs: sums of what is known, dense ranks, shares as floats."""

from collections.abc import Hashable, Iterable, Mapping
from fractions import Fraction
from typing import Any

Number = int | Fraction


def total(values: Iterable[Number | None]) -> Any:
    """The sum of what is known: None where there is something to count and nobody knows how much, else at least 0."""
    counted = list(values)
    known = [value for value in counted if value is not None]
    return sum(known) if known or not counted else None


def dense_ranks(values: Mapping[Any, Number | None]) -> dict[Any, int | None]:
    """Place of each key, the greatest first, equals sharing a place and leaving no gap; None for None."""
    order = {value: rank for rank, value in enumerate(sorted({*values.values()} - {None}, reverse=True), start=1)}
    return {key: order.get(value) for key, value in values.items()}


def share(part: Number | None, whole: Number | None) -> float | None:
    """Part over whole as a float; None where either is unknown or the whole is zero."""
    return None if part is None or not whole else float(Fraction(part) / Fraction(whole))


def as_float(value: Number | None) -> float | None:
    return None if value is None else float(value)


def least_by(items: Iterable[tuple[Hashable, Any]]) -> dict[Any, Any]:
    """By key the least of its values."""
    least: dict[Any, Any] = {}
    for key, value in items:
        least[key] = min(value, least.get(key, value))
    return least
