"""Whether all of a page is exactly as its table's schema says, told by one pass of a compiled decoder.

Belongs here: the strict reading of a page, after which DuckDB may take it over as it is. Not: what becomes of a value
that does not fit (rows). The two must agree: what fits here gives no fault and no unknown field there.
"""

import re
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Optional

import msgspec
import pyarrow as pa

from orchestration.lake.rows import MAX_ITEMS, MAX_TEXT_CHARACTERS
from orchestration.lake.schemas import DROPPED_ALIASES, OUR_COLUMNS, REQUIRED, SCHEMAS

# A day from 1970 to 2199 that exists.
_DATE = (
    r"(?:(?:19[7-9][0-9]|2[01][0-9]{2})-"
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:19(?:7[26]|8[048]|9[26])|2000|2[01](?:0[48]|[2468][048]|[13579][26]))-02-29)"
)
_DAY = rf"^{_DATE}\Z"
# As the Hub writes it; another spelling of an instant is read row by row.
_INSTANT = rf"{_DATE}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}})?Z"
_INSTANTS = re.compile(rf"(?:{_INSTANT}(?:\n{_INSTANT})*+)?")
_LONGEST_INSTANT = len("2022-03-02T23:29:04.000000Z")  # so that none holds two and the line break between them


def fits(table: str, body: bytes) -> bool:
    """Whether `body`, the JSON of a page's rows as an array, holds nothing but rows that fit `table` in each value.

    False says nothing of a row: the page has to be read row by row to learn which of them are at fault.
    """
    try:
        rows = _decoder(table).decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    # The instants of a column by one match: a match for each takes as long as all the rest.
    return all(
        _INSTANTS.fullmatch("\n".join(filter(None, map(attrgetter(column), rows)))) for column in _instants(table)
    )


@cache
def _instants(table: str) -> list[str]:
    return [
        field.name for field in SCHEMAS[table] if pa.types.is_timestamp(field.type) and field.name not in OUR_COLUMNS
    ]


@cache
def _decoder(table: str) -> msgspec.json.Decoder:
    fields: list[tuple[str, Any, Any]] = []
    required = {path.partition(".")[0] for path in REQUIRED[table]}
    for field in SCHEMAS[table]:
        if field.name in OUR_COLUMNS:
            continue
        kind = _kind(table, field.type, field.name)
        fields.append((field.name, kind) if field.name in required else (field.name, Optional[kind], None))  # noqa: UP045
    fields += [(name, Any, None) for name in sorted(DROPPED_ALIASES)]
    row = msgspec.defstruct(f"{table}_row", fields, kw_only=True, forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(list[row])


def _kind(table: str, kind: pa.DataType, path: str) -> Any:
    """The Python type that admits what `rows` takes for `kind`, or less."""
    if pa.types.is_struct(kind):
        fields: list[tuple[str, Any, Any]] = []
        for field in kind:
            inner = _kind(table, field.type, f"{path}.{field.name}")
            is_required = f"{path}.{field.name}" in REQUIRED[table]
            fields.append((field.name, inner) if is_required else (field.name, Optional[inner], None))  # noqa: UP045
        return msgspec.defstruct(f"{table}_{path.replace('.', '_')}", fields, kw_only=True, gc=False)
    if pa.types.is_list(kind):
        item = Optional[_kind(table, kind.value_type, path)]  # noqa: UP045
        return Annotated[list[item], msgspec.Meta(max_length=MAX_ITEMS)]
    if pa.types.is_map(kind):
        item = Optional[_kind(table, kind.item_type, path)]  # noqa: UP045
        return Annotated[dict[_text(path), item], msgspec.Meta(max_length=MAX_ITEMS)]
    if path == "gated":
        return bool | _text(path)
    if kind == pa.string():
        return _text(path, min_length=1 if path in REQUIRED[table] else None)
    if kind == pa.date32():
        return Annotated[str, msgspec.Meta(pattern=_DAY)]
    numbers = {
        pa.bool_(): bool,
        pa.int64(): Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
        pa.float64(): Annotated[float, msgspec.Meta(gt=-(2.0**63), lt=2.0**63)],
    }
    if kind in numbers:
        return numbers[kind]
    if "." in path:
        return Annotated[str, msgspec.Meta(pattern=rf"^{_INSTANT}\Z")]
    return Annotated[str, msgspec.Meta(min_length=1, max_length=_LONGEST_INSTANT)]


def _text(path: str, min_length: int | None = None) -> Any:
    return Annotated[str, msgspec.Meta(min_length=min_length, max_length=MAX_TEXT_CHARACTERS)]
