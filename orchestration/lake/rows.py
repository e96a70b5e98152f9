"""Turns JSON rows into typed record batches.

Belongs here: rows and values inside values, one by one. Not: what fits a single value (values), what it means
(staging), which columns there are (schemas). Whatever a row holds, it becomes one row: a value that does not fit is
left null and named in `fault`, so that a poisoned row stops nothing but itself.

Unknown fields of a row are kept in `extra`. Unknown fields inside a nested value (an author's id, a picture's address)
are dropped: they are many, personal in part, and no figure is made of them.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import pyarrow as pa

from orchestration.ground.text import plain
from orchestration.lake.schemas import DROPPED_ALIASES, REQUIRED, SCHEMAS, hub_columns
from orchestration.lake.values import MAX_ITEMS, Misfit, require, scalar

MAX_EXTRA_CHARACTERS = 65_536
MAX_JSON_BYTES = 2_000_000  # a paper of thousands of authors has hundreds of thousands
TOO_LONG = "too long"  # in the place of a longer text
MAX_UNKNOWN_NAMES = 200
OTHER_NAMES = "(other)"

_HANDLE = re.compile(r"[A-Za-z0-9._-]+")

_Faults = list[str]
_Converter = Callable[[Any, _Faults], Any]


@dataclass(frozen=True)
class TypedRows:
    """Rows of one page: the batch, and how many have which unknown field."""

    batch: pa.RecordBatch
    unknown_fields: Counter[str]


def type_rows(table: str, rows: Sequence[Any], observed_at: datetime) -> TypedRows:
    """Types `rows` (any JSON values) as `table`: one typed row each, in order, all observed at `observed_at`.

    A row's `fault` is its first of: `not_an_object`, `bad_value:<column>`, `too_long:<column>`, `missing:<column>`,
    where a column inside a struct is written with a dot.
    """
    schema, converters = SCHEMAS[table], _converters(table)
    known = converters.keys() | DROPPED_ALIASES
    typed: list[list[Any]] = []
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
        typed.append([*values.values(), extra, faults[0] if faults else None])
    values_of = [list(values) for values in zip(*typed, strict=True)] or [[]] * (len(schema) - 1)
    values_of.insert(-2, [observed_at] * len(typed))
    arrays = [pa.array(values, type=column.type) for values, column in zip(values_of, schema, strict=True)]
    return TypedRows(pa.RecordBatch.from_arrays(arrays, schema=schema), unknown_fields)


def type_texts(kind: pa.DataType, path: str, texts: Iterable[pa.StringScalar]) -> pa.Array:
    """Types texts of JSON as the column at `path`: a struct each, of the `value` and its first `fault`.

    An organization may be told by its handle alone.
    """
    convert, typed, is_organization = _converter(kind, path), [], path.endswith("organization")
    for found in texts:
        faults: _Faults = []
        text, value = found.as_py(), None
        if text == TOO_LONG:
            faults.append(f"too_long:{path}")
        elif is_organization and text != "null" and _HANDLE.fullmatch(text or ""):
            value = {"name": text}
        elif text is not None:
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                faults.append(f"bad_value:{path}")
        typed.append({"value": convert(value, faults), "fault": faults[0] if faults else None})
    return pa.array(typed, pa.struct([("value", kind), ("fault", pa.string())]))


def add_unknown_fields(total: Counter[str], page: Counter[str]) -> None:
    """Adds the counts of a page to `total`, whose names stay few, short and printable: they are a stranger's text."""
    for name, count in sorted(page.items()):
        name = plain(name)
        total[name if name in total or len(total) < MAX_UNKNOWN_NAMES else OTHER_NAMES] += count


def _at(values: dict[str, Any], path: str) -> Any:
    name, _, inner = path.partition(".")
    value = values[name]
    return (value or {}).get(inner) if inner else value


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
    return {column.name: _converter(column.type, column.name) for column in hub_columns(table)}


def _converter(kind: pa.DataType, path: str) -> _Converter:
    """How a JSON value becomes what pyarrow takes for `kind`: null becomes None, a misfit None and a fault."""
    fit = _fit(kind, path)

    def convert(value: Any, faults: _Faults) -> Any:
        if value is None:
            return None
        try:
            return fit(value, faults)
        except Misfit as misfit:
            faults.append(f"{misfit}:{path}")
            return None

    return convert


def _fit(kind: pa.DataType, path: str) -> _Converter:
    """The conversion to `kind` of a value that is not None; raises `Misfit`."""
    if pa.types.is_struct(kind):
        fields = {field.name: _converter(field.type, f"{path}.{field.name}") for field in kind}

        def struct(value: Any, faults: _Faults) -> dict[str, Any]:
            require(isinstance(value, dict))
            return {name: convert(value.get(name), faults) for name, convert in fields.items()}

        return struct
    if pa.types.is_list(kind):
        item = _converter(kind.value_type, path)
        return lambda value, faults: [item(element, faults) for element in _sized(value, list)]
    if pa.types.is_map(kind):
        key, item = _fit(kind.key_type, path), _converter(kind.item_type, path)
        return lambda value, faults: [(key(k, faults), item(v, faults)) for k, v in _sized(value, dict).items()]
    fit = scalar(kind, path).fit
    return lambda value, _: fit(value)


def _sized(value: Any, kind: type) -> Any:
    require(isinstance(value, kind))
    require(len(value) <= MAX_ITEMS, "too_long")
    return value
