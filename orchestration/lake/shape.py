"""Whether all of a page is exactly as its table's schema says, told by one pass of a compiled decoder.

Belongs here: the strict reading of a page, after which DuckDB may take it over as it is. Not: what becomes of a value
that does not fit (rows). The two must agree: what fits here gives no fault and no unknown field there.
"""

import re
from collections.abc import Iterable
from functools import cache
from operator import attrgetter
from typing import Annotated, Any

import msgspec
import pyarrow as pa

from orchestration.lake.schemas import DROPPED_ALIASES, REQUIRED, hub_columns
from orchestration.lake.values import GOOD_INSTANT, MAX_ITEMS, scalar

_INSTANTS = re.compile(rf"(?:{GOOD_INSTANT}(?:\n{GOOD_INSTANT})*+)?")
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
        _INSTANTS.fullmatch("\n".join(filter(None, map(attrgetter(column.name), rows))))
        for column in hub_columns(table)
        if pa.types.is_timestamp(column.type)
    )


@cache
def _decoder(table: str) -> msgspec.json.Decoder:
    aliases = [(name, Any, None) for name in sorted(DROPPED_ALIASES)]
    members = [*_members(table, hub_columns(table)), *aliases]
    row = msgspec.defstruct(f"{table}_row", members, kw_only=True, forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(list[row])


def _members(table: str, fields: Iterable[pa.Field], within: str = "") -> list[tuple[Any, ...]]:
    """The fields of an object, as msgspec takes them: without a default where a row cannot be without them."""
    members: list[tuple[Any, ...]] = []
    for field in fields:
        path = within + field.name
        kind = _kind(table, field.type, path)
        is_required = any(f"{required}.".startswith(f"{path}.") for required in REQUIRED[table])
        members.append((field.name, kind) if is_required else (field.name, kind | None, None))
    return members


def _kind(table: str, kind: pa.DataType, path: str) -> Any:
    """The Python type that admits what `rows` takes for `kind`, or less."""
    if pa.types.is_struct(kind):
        name = f"{table}_{path.replace('.', '_')}"
        return msgspec.defstruct(name, _members(table, kind, f"{path}."), kw_only=True, gc=False)
    if pa.types.is_list(kind):
        return Annotated[list[_kind(table, kind.value_type, path) | None], msgspec.Meta(max_length=MAX_ITEMS)]
    if pa.types.is_map(kind):
        key, item = (_kind(table, inner, path) for inner in (kind.key_type, kind.item_type))
        return Annotated[dict[key, item | None], msgspec.Meta(max_length=MAX_ITEMS)]
    if pa.types.is_timestamp(kind) and "." not in path:
        return Annotated[str, msgspec.Meta(min_length=1, max_length=_LONGEST_INSTANT)]
    strict = scalar(kind, path).strict
    is_required_text = kind == pa.string() and path in REQUIRED[table]
    return Annotated[strict, msgspec.Meta(min_length=1)] if is_required_text else strict
