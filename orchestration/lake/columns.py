"""Which columns of a stranger's Parquet file become which of a raw table's, and how: SQL for one pass over the file.

Belongs here: columns, and values inside values. Not: what fits a single value (values), or whether the file may be read
at all (bulk). As with rows of the API a value that does not fit is null and named in its row's `fault`; a column that a
dump does not have is null throughout. Values may come in other clothes than the Hub's: counts as whole doubles,
instants without a zone (UTC) or as text, nested values as JSON text or flat, with a column for each field (`paper_id`,
`paper_organization.name`), a map as a struct, an organization as its handle. Nothing is rounded.
"""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa
from duckdb.sqltypes import DuckDBPyType

from orchestration.ground.engine import sql_name, sql_text
from orchestration.lake.rows import MAX_EXTRA_CHARACTERS
from orchestration.lake.schemas import DROPPED_ALIASES, REQUIRED, SCHEMAS, duckdb_type, hub_columns
from orchestration.lake.values import MAX_ITEMS, MAX_TEXT_CHARACTERS, scalar

# What a dump has and the lake leaves out on purpose: text of strangers, kilobytes a row, of which no figure is made.
LEFT_OUT = DROPPED_ALIASES | {
    "cardData", "siblings", "config", "spaces", "childrenModelCount", "evalResults", "inference", "citation",
    "description", "paperswithcode_id", "runtime", "host", "subdomain", "summary", "thumbnail", "mediaUrls",
    "submittedBy", "isAuthorParticipating",
}  # fmt: skip


class _Fit(NamedTuple):
    """A value as its column takes it, null where it does not fit, and its faults, each null where it is none. SQL."""

    value: str
    faults: Sequence[str] = ()


class Columns:
    """What a raw table is made of from a file whose columns are `have`: `select` is the list of its columns.

    In it the file's rows are called `row`, and each has its `file_row_number`. `unknown` are the columns that none of
    ours takes, `absent` the paths of ours for which there is none. `texts` are the paths of nested values that are JSON
    text, with our type and the SQL of the text: the select list takes them, as `type_texts` types them, from `texts`.
    """

    def __init__(self, table: str, have: dict[str, DuckDBPyType]) -> None:
        """Matches the columns of a table with those of a file that has what it cannot be without."""
        self._have = have
        self._flat = {_flat(name): name for name in have}
        self.absent: set[str] = set()
        self.texts: dict[str, tuple[pa.DataType, str]] = {}
        fits = {column.name: self._column(column.type, column.name) for column in hub_columns(table)}
        if table == "daily_papers" and "date" in self.absent:
            # Where a dump does not tell the day of the page, it is the day on which a paper was put there.
            fits["date"] = _Fit(f'cast(({fits["paper"].value})."submittedOnDailyAt" as date)')
        self.unknown = self._unknown(table)
        self.select = self._select(table, fits)

    def _column(self, kind: pa.DataType, path: str) -> _Fit:
        """The column at `path`, or what there is of it in columns of its fields."""
        if name := self._flat.get(_flat(path)):
            return self._fit(kind, self._have[name], f"row.{sql_name(name)}", path)
        if pa.types.is_struct(kind):
            return _struct(kind, {inner.name: self._column(inner.type, f"{path}.{inner.name}") for inner in kind})
        return self._absent(path)

    def _absent(self, path: str) -> _Fit:
        self.absent.add(path)
        return _Fit("null")

    def _unknown(self, table: str) -> list[str]:
        """The columns that none of ours takes, but for those of a nested value, which are dropped as its others are."""
        flat = [f"{_flat(c.name)}_" for c in SCHEMAS[table] if pa.types.is_struct(c.type) and c.name not in self._have]
        known = {_flat(name) for name in SCHEMAS[table].names}
        return sorted(
            name
            for name in self._have.keys() - LEFT_OUT
            if _flat(name) not in known and not _flat(name).startswith(tuple(flat))
        )

    def _select(self, table: str, fits: dict[str, _Fit]) -> str:
        extra = self._extra()
        faults = [fault for fit in (*fits.values(), extra) for fault in fit.faults]
        faults += [f"case when {_is_missing(fits, path)} then 'missing:{path}' end" for path in REQUIRED[table]]
        values = {name: fit.value for name, fit in fits.items()}
        values |= {"observed_at": "getvariable('observed_at')", "extra": extra.value, "fault": _first(faults)}
        # A column that happens to hold no null would be declared to be without them, and each snapshot have a schema of
        # its own.
        return ", ".join(
            f"cast(case when row.file_row_number >= 0 then {values[column.name]} end as {duckdb_type(column.type)})"
            f" as {sql_name(column.name)}"
            for column in SCHEMAS[table]
        )

    def _extra(self) -> _Fit:
        """The columns that none of ours takes, as a JSON object without the nulls."""
        members = [
            f"case when row.{sql_name(name)} is not null then"
            f" concat({sql_text(json.dumps(name, ensure_ascii=False))}, ':', to_json(row.{sql_name(name)})) end"
            for name in self.unknown
            if self._have[name].id != "blob"  # not text, so not JSON either
        ]
        if not members:
            return _Fit("null")
        text = f"nullif(concat('{{', concat_ws(',', {', '.join(members)}), '}}'), '{{}}')"
        return _limited(text, f"length({text})", MAX_EXTRA_CHARACTERS, "extra")

    def _fit(self, kind: pa.DataType, have: DuckDBPyType, x: str, path: str, depth: int = 0) -> _Fit:
        """How the SQL expression `x`, of the type that we `have`, becomes what the lake takes for `kind`."""
        if not pa.types.is_nested(kind):
            return _scalar(kind, have, x, path)
        if have.id == "varchar" and depth == 0:
            self.texts[path] = (kind, x)
            return _Fit(f"texts.{sql_name(path)}.value", [f"texts.{sql_name(path)}.fault"])
        if have.id == "struct" and not pa.types.is_list(kind):
            fields = {name: (inner, f"{x}.{sql_name(name)}") for name, inner in have.children}
            if pa.types.is_map(kind):
                return self._map_of_fields(kind, fields, path, depth)
            return _struct(kind, {inner.name: self._field(inner, fields, path, depth) for inner in kind})
        if have.id == ("map" if pa.types.is_map(kind) else "list") and not pa.types.is_struct(kind):
            return self._items(kind, have, x, path, depth)
        return _misfit(x, path)

    def _field(self, field: pa.Field, have: dict[str, tuple[DuckDBPyType, str]], path: str, depth: int) -> _Fit:
        path = f"{path}.{field.name}"
        return self._fit(field.type, *have[field.name], path, depth) if field.name in have else self._absent(path)

    def _map_of_fields(
        self, kind: pa.MapType, have: dict[str, tuple[DuckDBPyType, str]], path: str, depth: int
    ) -> _Fit:
        fits = {name: self._fit(kind.item_type, *inner, path, depth) for name, inner in have.items()}
        made = ", ".join(
            f"struct_pack(key := {sql_text(name)}, value := cast({fit.value} as {duckdb_type(kind.item_type)}))"
            for name, fit in fits.items()
        )
        entries = f"list_filter([{made}], lambda entry: entry.value is not null)"
        is_known = " or ".join(f"{x} is not null" for _, x in have.values())
        faults = [fault for fit in fits.values() for fault in fit.faults]
        return _Fit(f"case when {is_known} then map_from_entries({entries}) end", faults)

    def _items(self, kind: pa.ListType | pa.MapType, have: DuckDBPyType, x: str, path: str, depth: int) -> _Fit:
        """A list, or a map as the list of its entries."""
        item, inner = f"item{depth}", have.children[-1][1]
        if pa.types.is_map(kind):
            x, fit = f"map_entries({x})", self._fit(kind.item_type, inner, f"{item}.value", path, depth + 1)
            made = f"struct_pack(key := {item}.key, value := {fit.value})"
            value = f"map_from_entries(list_transform({x}, lambda {item}: {made}))"
        else:
            fit = self._fit(kind.value_type, inner, item, path, depth + 1)
            value = f"list_transform({x}, lambda {item}: {fit.value})"
        limited = _limited(value, f"len({x})", MAX_ITEMS, path)
        if not fit.faults:
            return limited
        found = f"list_transform({x}, lambda {item}: {_first(fit.faults)})"
        of_item = f"list_filter({found}, lambda fault{depth}: fault{depth} is not null)[1]"
        return _Fit(limited.value, (*limited.faults, of_item))


def _struct(kind: pa.StructType, fits: dict[str, _Fit]) -> _Fit:
    made = ", ".join(f"{sql_name(i.name)} := cast({fits[i.name].value} as {duckdb_type(i.type)})" for i in kind)
    # Some writers have no null structs, only structs of nulls.
    is_known = " or ".join(f"({fit.value}) is not null" for fit in fits.values())
    faults = [fault for fit in fits.values() for fault in fit.faults]
    return _Fit(f"case when {is_known} then struct_pack({made}) end", faults)


def _flat(name: str) -> str:
    """What a column is called whether the fields of nested values are told apart by a point or a line."""
    return name.replace(".", "_")


def missing_columns(table: str, names: Iterable[str]) -> list[str]:
    """The columns that a dump of a table cannot be without and that are not among those of a file."""
    have = set(map(_flat, names))
    paths = [path for path in REQUIRED[table] if path != "date"]
    return [path for path in paths if not have & {path.partition(".")[0], _flat(path)}]


def _scalar(kind: pa.DataType, have: DuckDBPyType, x: str, path: str) -> _Fit:
    dressed = scalar(kind, path).clothes.get(have.id)
    if dressed is None:
        return _misfit(x, path)
    value = dressed.replace("{x}", x)
    faults = [] if value == x else [f"case when {x} is not null and {value} is null then 'bad_value:{path}' end"]
    if kind != pa.string():
        return _Fit(value, faults)
    limited = _limited(value, f"length({value})", MAX_TEXT_CHARACTERS, path)
    return _Fit(limited.value, (*faults, *limited.faults))


def _misfit(x: str, path: str) -> _Fit:
    return _Fit("null", [f"case when {x} is not null then 'bad_value:{path}' end"])


def _limited(value: str, size: str, most: int, path: str) -> _Fit:
    """A value whose size may be `most` at most."""
    too_long = f"case when {size} > {most} then 'too_long:{path}' end"
    return _Fit(f"case when {size} <= {most} then {value} end", [too_long])


def _is_missing(fits: dict[str, _Fit], path: str) -> str:
    name, _, inner = path.partition(".")
    value = f"({fits[name].value}).{sql_name(inner)}" if inner else fits[name].value
    return f"nullif(cast({value} as varchar), '') is null"


def _first(faults: Sequence[str]) -> str:
    return f"coalesce({', '.join(faults)}, null)"
