"""What fits a single value of each type of the raw tables, and how large a text or a list may be.

Belongs here: the rule of each scalar, once, for all who read: row by row in Python (rows), a page at once by a compiled
decoder (shape), a column of a stranger's Parquet by DuckDB (columns). Not: values inside values, or which columns there
are (schemas). Nothing is rounded, cast or guessed.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
import pyarrow as pa

MAX_TEXT_CHARACTERS = 100_000
MAX_ITEMS = 10_000  # the most tags seen on one model are 2,074

_EPOCH, _END = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_INT64 = range(-(2**63), 2**63)
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
_ZONE = "(Z|[+-][0-9]{2}:[0-9]{2})"
_IS_DAY, _IS_INSTANT = re.compile(_DAY), re.compile(f"{_DAY}T{_TIME}{_ZONE}")
# A day from 1970 to 2199 that exists.
_GOOD_DAY = (
    r"(?:(?:19[7-9][0-9]|2[01][0-9]{2})-"
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:19(?:7[26]|8[048]|9[26])|2000|2[01](?:0[48]|[2468][048]|[13579][26]))-02-29)"
)
# As the Hub writes it; another spelling of an instant is read row by row.
GOOD_INSTANT = rf"{_GOOD_DAY}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}})?Z"


class Misfit(Exception):
    """A value does not fit its column; the text is the kind of fault."""


@dataclass(frozen=True)
class Scalar:
    """What fits one type.

    `fit` turns a JSON value that is not null into what pyarrow takes, or raises `Misfit`. `strict` is the type of JSON
    values that fit for certain, as msgspec knows it. `clothes` are the DuckDB types in which a Parquet file may have
    it, each with the SQL of the value, null where it does not fit, from what is there: {x}.
    """

    fit: Callable[[Any], Any]
    strict: Any
    clothes: Mapping[str, str]


def require(fits: bool, fault: str = "bad_value") -> None:
    """Raises `Misfit` unless a value fits."""
    if not fits:
        raise Misfit(fault)


def scalar(kind: pa.DataType, path: str) -> Scalar:
    """The rule of the column at `path`, which is of a type that holds no others."""
    return _GATED if path == "gated" else _SCALARS.get(kind, _INSTANT)


def _text(value: Any) -> str:
    require(isinstance(value, str))
    require(len(value) <= MAX_TEXT_CHARACTERS, "too_long")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:  # a lone surrogate, which JSON can write and UTF-8 cannot
            raise Misfit("bad_value") from None
    return value


def _gated(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else _text(value)


def _bool(value: Any) -> bool:
    require(isinstance(value, bool))
    return value


def _int(value: Any) -> int:
    require(type(value) is int and value in _INT64)
    return value


def _float(value: Any) -> float:
    require(type(value) is float or (type(value) is int and value in _INT64))
    require(math.isfinite(value))
    return float(value)


def _day(value: Any) -> int:
    """Days since 1970."""
    require(isinstance(value, str) and _IS_DAY.fullmatch(value) is not None)
    return _instant(f"{value}T00:00:00Z") // 86_400_000_000


def _instant(value: Any) -> int:
    """Microseconds since 1970 of an instant with a zone, since without one it is a guess; what is finer is cut off."""
    require(isinstance(value, str) and _IS_INSTANT.fullmatch(value) is not None)
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise Misfit("bad_value") from None
    require(_EPOCH <= instant < _END)
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _within(instant: str) -> str:
    bounds = f"{instant} >= timestamptz '{_EPOCH}' and {instant} < timestamptz '{_END}'"
    return f"case when {bounds} then {instant} end"


def _written(pattern: str) -> str:
    return _within(f"case when regexp_full_match({{x}}, '{pattern}') then try_cast({{x}} as timestamptz) end")


_INTEGERS = ("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger")
_FLOATS = ("float", "double")
_MOMENTS = (
    "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "date", "timestamp with time zone", "timestamptz_ns",
)  # fmt: skip
# The connection's time zone is UTC, which is what a time without a zone is taken for in a file.
_MOMENT = _within("cast({x} as timestamptz)")
_WHOLE = "case when {x} = trunc({x}) then try_cast({x} as bigint) end"
_FINITE = "case when isfinite({x}) then cast({x} as double) end"
_TEXT_STRICT = Annotated[str, msgspec.Meta(max_length=MAX_TEXT_CHARACTERS)]
_TEXT_CLOTHES = {"varchar": "{x}", "blob": "try(decode({x}))"}

_GATED = Scalar(_gated, bool | _TEXT_STRICT, {**_TEXT_CLOTHES, "boolean": "cast({x} as varchar)"})
_INSTANT = Scalar(
    _instant,
    Annotated[str, msgspec.Meta(pattern=rf"^{GOOD_INSTANT}\Z")],
    {**dict.fromkeys(_MOMENTS, _MOMENT), "varchar": _written(f"{_DAY}[T ]{_TIME}{_ZONE}?")},
)
_SCALARS = {
    pa.string(): Scalar(_text, _TEXT_STRICT, _TEXT_CLOTHES),
    pa.bool_(): Scalar(_bool, bool, {"boolean": "{x}"}),
    pa.int64(): Scalar(
        _int,
        Annotated[int, msgspec.Meta(ge=_INT64[0], le=_INT64[-1])],
        dict.fromkeys(_INTEGERS, "cast({x} as bigint)") | dict.fromkeys(("ubigint", "decimal", *_FLOATS), _WHOLE),
    ),
    pa.float64(): Scalar(
        _float,
        Annotated[float, msgspec.Meta(gt=-(2.0**63), lt=2.0**63)],
        dict.fromkeys((*_INTEGERS, "ubigint", "decimal"), "cast({x} as double)") | dict.fromkeys(_FLOATS, _FINITE),
    ),
    pa.date32(): Scalar(
        _day,
        Annotated[str, msgspec.Meta(pattern=rf"^{_GOOD_DAY}\Z")],
        {**dict.fromkeys(_MOMENTS, f"cast({_MOMENT} as date)"), "varchar": f"cast({_written(_DAY)} as date)"},
    ),
}
