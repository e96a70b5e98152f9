"""Turns JSON rows into typed record batches.

Belongs here: how strictly a JSON value must match its column. Not: what a value means (staging), which columns there
are (schemas). Whatever a row holds, it becomes one row: a value that does not fit is left null and named in `fault`, so
that a poisoned row stops nothing but itself. Nothing is rounded, cast or guessed.

Unknown fields of a row are kept in `extra`. Unknown fields inside a nested value (an author's id, a picture's address)
are dropped: they are many, personal in part, and no figure is made of them.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pyarrow as pa

from orchestration.ground.text import plain
from orchestration.lake.schemas import DROPPED_ALIASES, KEYS, OUR_COLUMNS, REQUIRED, SCHEMAS

MAX_TEXT_CHARACTERS = 100_000
MAX_ITEMS = 10_000  # the most tags seen on one model are 2,074
MAX_EXTRA_CHARACTERS = 65_536
MAX_UNKNOWN_NAMES = 200
OTHER_NAMES = "(other)"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(2200, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY_MICROSECONDS = 86_400_000_000
_INT64 = range(-(2**63), 2**63)
# With a zone, since a time without one is a guess.
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_Faults = list[str]
_Converter = Callable[[Any, _Faults], Any]


@dataclass(frozen=True)
class TypedRows:
    """Rows of one page: the batch, the key of each row (None if it has none), how many have which unknown field."""

    batch: pa.RecordBatch
    keys: list[Hashable | None]
    unknown_fields: Counter[str]


def type_rows(table: str, rows: Sequence[Any], observed_at: datetime) -> TypedRows:
    """Types `rows` (any JSON values) as `table`: one typed row each, in order, all observed at `observed_at`.

    A row's `fault` is its first of: `not_an_object`, `bad_value:<column>`, `too_long:<column>`, `missing:<column>`,
    where a column inside a struct is written with a dot.
    """
    schema, converters = SCHEMAS[table], _converters(table)
    known = converters.keys() | DROPPED_ALIASES
    typed: list[list[Any]] = []
    keys: list[Hashable | None] = []
    unknown_fields: Counter[str] = Counter()
    for row in rows:
        faults: _Faults = []
        if not isinstance(row, dict):
            faults.append("not_an_object")
            row = {}
        values = {name: convert(row.get(name), faults) for name, convert in converters.items()}
        unknown = row.keys() - known
        unknown_fields.update(unknown)
        extra = _extra({name: row[name] for name in unknown}, faults) if unknown else None
        if not faults:
            faults = [f"missing:{path}" for path in REQUIRED[table] if not _at(values, path)]
        keys.append(_key(table, values))
        typed.append([*values.values(), extra, faults[0] if faults else None])
    columns = [list(column) for column in zip(*typed, strict=True)] or [[]] * (len(schema) - 1)
    columns.insert(-2, [observed_at] * len(typed))
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
    return TypedRows(pa.RecordBatch.from_arrays(arrays, schema=schema), keys, unknown_fields)


def add_unknown_fields(total: Counter[str], page: Counter[str]) -> None:
    """Adds the counts of a page to `total`, whose names stay few, short and printable: they are a stranger's text."""
    for name, count in sorted(page.items()):
        name = plain(name)
        total[name if name in total or len(total) < MAX_UNKNOWN_NAMES else OTHER_NAMES] += count


def _at(values: dict[str, Any], path: str) -> Any:
    name, _, inner = path.partition(".")
    value = values[name]
    return (value or {}).get(inner) if inner else value


def _key(table: str, values: dict[str, Any]) -> Hashable | None:
    parts = [next((found for path in paths if (found := _at(values, path))), None) for paths in KEYS[table]]
    return None if None in parts else tuple(parts)


def _extra(unknown: dict[str, Any], faults: _Faults) -> str | None:
    try:
        text = json.dumps(unknown, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        text.encode()
    except (ValueError, RecursionError):
        faults.append("bad_value:extra")
        return None
    if len(text) > MAX_EXTRA_CHARACTERS:
        faults.append("too_long:extra")
        return None
    return text


@cache
def _converters(table: str) -> dict[str, _Converter]:
    schema = SCHEMAS[table]
    return {field.name: _converter(field.type, field.name) for field in schema if field.name not in OUR_COLUMNS}


def _converter(kind: pa.DataType, path: str) -> _Converter:
    """How a JSON value becomes what pyarrow takes for `kind`: null becomes None, a misfit None and a fault."""
    fit = _fit(kind, path)

    def convert(value: Any, faults: _Faults) -> Any:
        if value is None:
            return None
        try:
            return fit(value, faults)
        except _Misfit as misfit:
            faults.append(f"{misfit}:{path}")
            return None

    return convert


def _fit(kind: pa.DataType, path: str) -> _Converter:
    """The conversion to `kind` of a value that is not None; raises `_Misfit`."""
    if pa.types.is_struct(kind):
        fields = {field.name: _converter(field.type, f"{path}.{field.name}") for field in kind}

        def struct(value: Any, faults: _Faults) -> dict[str, Any]:
            _require(isinstance(value, dict))
            return {name: convert(value.get(name), faults) for name, convert in fields.items()}

        return struct
    if pa.types.is_list(kind):
        item = _converter(kind.value_type, path)
        return lambda value, faults: [item(element, faults) for element in _sized(value, list)]
    if pa.types.is_map(kind):
        key, item = _fit(kind.key_type, path), _converter(kind.item_type, path)
        return lambda value, faults: [(key(k, faults), item(v, faults)) for k, v in _sized(value, dict).items()]
    if path == "gated":
        return lambda value, _: str(value).lower() if isinstance(value, bool) else _text(value)
    scalars = {pa.bool_(): _bool, pa.int64(): _int, pa.float64(): _float, pa.date32(): _day, pa.string(): _text}
    scalar = scalars.get(kind, _instant)
    return lambda value, _: scalar(value)


class _Misfit(Exception):
    """A value does not fit its column; the text is the kind of fault."""


def _require(fits: bool, fault: str = "bad_value") -> None:
    if not fits:
        raise _Misfit(fault)


def _sized(value: Any, kind: type) -> Any:
    _require(isinstance(value, kind))
    _require(len(value) <= MAX_ITEMS, "too_long")
    return value


def _text(value: Any) -> str:
    _require(isinstance(value, str))
    _require(len(value) <= MAX_TEXT_CHARACTERS, "too_long")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:  # a lone surrogate, which JSON can write and UTF-8 cannot
            raise _Misfit("bad_value") from None
    return value


def _bool(value: Any) -> bool:
    _require(isinstance(value, bool))
    return value


def _int(value: Any) -> int:
    _require(type(value) is int and value in _INT64)
    return value


def _float(value: Any) -> float:
    _require(type(value) is float or (type(value) is int and value in _INT64))
    _require(math.isfinite(value))
    return float(value)


def _day(value: Any) -> int:
    """Days since 1970."""
    _require(isinstance(value, str) and _DAY.fullmatch(value) is not None)
    return _instant(f"{value}T00:00:00Z") // _DAY_MICROSECONDS


def _instant(value: Any) -> int:
    """Microseconds since 1970 of an instant with a zone; what is finer is cut off."""
    _require(isinstance(value, str) and _INSTANT.fullmatch(value) is not None)
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise _Misfit("bad_value") from None
    _require(_EPOCH <= instant < _END)
    return (instant - _EPOCH) // _MICROSECOND
