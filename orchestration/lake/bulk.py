"""Turns a stranger's Parquet files of a bulk dump into a snapshot of one raw table.

Belongs here: whether such a file may be read at all, which of its columns becomes which of ours, and how strictly a
value must fit. Not: where files come from (hub.bulk), what a table's columns are (schemas).

A file is read under a memory limit, by a connection that sees nothing else of this machine, in one pass. As with rows
of the API a value that does not fit is left null and named in its row's `fault`; a column that a dump does not have is
null throughout. Values may come in other clothes than the Hub's: counts as whole doubles, instants without a zone (UTC)
or as text, nested values as JSON text, a map as a struct. Nothing is rounded.
"""

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.ground.engine import sql_name, sql_text
from orchestration.lake.engine import closed_engine, duckdb_type
from orchestration.lake.files import LakeError, locked
from orchestration.lake.ingest import ROW_GROUP_ROWS, Typed, drop_repeats
from orchestration.lake.manifest import Manifest
from orchestration.lake.rows import MAX_EXTRA_CHARACTERS, MAX_ITEMS, MAX_TEXT_CHARACTERS, add_unknown_fields
from orchestration.lake.schemas import DROPPED_ALIASES, OUR_COLUMNS, REQUIRED, SCHEMAS
from orchestration.lake.snapshot import listed, new_snapshot, previous_manifest, snapshot_dir, write_manifest

MAX_ROWS = 100_000_000
MAX_BYTES = 64 * 2**30  # of the columns that are read, unpacked
_MAX_FOOTER_BYTES = 64 * 2**20
_MAX_VALUES_A_ROW = 200  # on average in one column; the Hub's models have ten tags each
# What a dump has and the lake leaves out on purpose: text of strangers, kilobytes a row, of which no figure is made.
LEFT_OUT = DROPPED_ALIASES | {
    "cardData", "siblings", "config", "spaces", "childrenModelCount", "evalResults", "inference", "citation",
    "description", "paperswithcode_id", "runtime", "host", "subdomain", "summary", "thumbnail", "mediaUrls",
    "submittedBy", "isAuthorParticipating",
}  # fmt: skip
# Where a dump of daily papers does not tell the day of the page, it is the day on which a paper was put there.
_SUBMITTED = "paper.submittedOnDailyAt"
_INTEGERS = {"tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger"}
_LARGE_NUMBERS = {"ubigint", "hugeint", "uhugeint", "decimal"}
_INSTANTS = {
    "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "date", "timestamp with time zone", "timestamptz_ns",
}  # fmt: skip
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_INSTANT = rf"{_DAY}[T ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]{{1,9}})?(Z|[+-][0-9]{{2}}:[0-9]{{2}})?"


class BulkRefused(LakeError):
    """A bulk file is not taken over: it is damaged, of another schema, too large, or not newer than what is held."""


@dataclass(frozen=True)
class BulkOrigin:
    """Where files come from: the source's name, its commit and that commit's time if it has commits, what it cost.

    `observed_at` (UTC) is when the facts in the files were so at the latest: the time of the commit, else of reading.
    """

    source_label: str
    observed_at: datetime
    synthetic: bool = False
    commit: str | None = None
    commit_at: datetime | None = None
    requests: int = 0


def write_bulk_snapshot(
    files: Sequence[Path],
    data_dir: Path,
    table: str,
    snapshot_date: date,
    origin: BulkOrigin,
    *,
    memory_limit: str = "1500MB",
    max_bytes: int = MAX_BYTES,
) -> Manifest:
    """Types `files` (at least one, in this order) into the snapshot of a table and date, and returns its manifest.

    Replaces a snapshot of that date. Of rows with the same key the first is kept. The same files with the same origin
    give the same bytes.

    Raises:
        BulkRefused: a file is damaged, has no column that names its rows, would unpack to more than `max_bytes` or to
            more than the memory, or is not newer than the snapshot before; nothing is left of it then.
        LakeError: the disk fails, or another run writes.
    """
    if not files:
        raise ValueError("a bulk snapshot needs at least one file")
    require_newer(data_dir, table, snapshot_date, origin)
    for file in files:
        _require_readable(file, table, max_bytes)
    with locked(data_dir / "spool" / table / ".lock"), new_snapshot(data_dir, table, snapshot_date) as folder:
        typed = _type_files(files, table, folder, origin, memory_limit)
        if origin.commit_at is None:
            _require_newer_rows(data_dir, table, snapshot_date, folder)
        return _finish(folder, table, snapshot_date, origin, typed, [])


def write_unobserved_snapshot(data_dir: Path, table: str, snapshot_date: date, origin: BulkOrigin) -> Manifest:
    """Writes the snapshot of a table that a source does not have: no rows, and a manifest that says so.

    Raises:
        LakeError: the disk fails, or another run writes.
    """
    with locked(data_dir / "spool" / table / ".lock"), new_snapshot(data_dir, table, snapshot_date) as folder:
        part = folder / "part-00000.parquet"
        pq.write_table(SCHEMAS[table].empty_table(), part, compression="zstd")
        return _finish(folder, table, snapshot_date, origin, Typed([part], [0]), [f"{table}.parquet"])


def was_observed(manifest: Manifest) -> bool:
    """False for a snapshot of a table that its bulk source does not have: its emptiness says nothing."""
    return manifest.source != "bulk" or manifest.rows > 0 or manifest.not_found != [f"{manifest.table}.parquet"]


def require_newer(data_dir: Path, table: str, snapshot_date: date, origin: BulkOrigin) -> None:
    """Refuses a commit that is not newer than that of the snapshot before: it would tell an older state as a newer one.

    Raises:
        BulkRefused: it is not. LakeError: the manifest of the snapshot before cannot be read.
    """
    before = previous_manifest(data_dir, table, snapshot_date)
    if before is None or before.source_commit_at is None or origin.commit_at is None:
        return
    if origin.commit_at <= before.source_commit_at:
        how = "the same as" if origin.commit == before.source_commit else "older than"
        raise BulkRefused(
            f"The bulk source {origin.source_label} has nothing newer than the snapshot of {before.snapshot_date}: its "
            f"commit of {origin.commit_at:%Y-%m-%d %H:%M} UTC is {how} that one's, so {table} of {snapshot_date} is "
            "left out; run again after its next commit."
        )


def _finish(
    folder: Path,
    table: str,
    snapshot_date: date,
    origin: BulkOrigin,
    typed: Typed,
    not_found: list[str],
) -> Manifest:
    files = [listed(part, rows) for part, rows in zip(typed.parts, typed.rows, strict=True)]
    manifest = Manifest(
        table=table,
        snapshot_date=snapshot_date,
        source="bulk",
        source_label=origin.source_label,
        synthetic=origin.synthetic,
        complete=True,
        rows=sum(typed.rows),
        faulty_rows=typed.faulty,
        duplicate_rows=typed.duplicates,
        bytes=sum(file.bytes for file in files),
        files=files,
        requests=origin.requests,
        first_observed_at=origin.observed_at,
        last_observed_at=origin.observed_at,
        not_found=not_found,
        unknown_fields=dict(sorted(typed.unknown_fields.items())),
        source_commit=origin.commit,
        source_commit_at=origin.commit_at,
    )
    write_manifest(folder, manifest)
    return manifest


def _require_readable(file: Path, table: str, max_bytes: int) -> None:
    """Judges a file by its footer, before any of its pages is unpacked."""
    damaged = f"The bulk file {file.name} is no whole Parquet file, truncated or damaged: fetch it again."
    try:
        with file.open("rb") as opened:
            opened.seek(-8, os.SEEK_END)
            footer = int.from_bytes(opened.read(4), "little")
        if footer > _MAX_FOOTER_BYTES:
            raise BulkRefused(damaged)
        with pq.ParquetFile(file) as parquet:
            metadata, columns = parquet.metadata, parquet.schema_arrow.names
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise BulkRefused(damaged) from None
    required = {path.partition(".")[0] for path in REQUIRED[table]} - {"date"}
    if missing := sorted(required - set(columns)):
        raise BulkRefused(
            f"The bulk file {file.name} has another schema than a dump of {table}, without a column {missing[0]!r}: "
            "check HUBSCAPE_BULK_SOURCE."
        )
    if len({name.lower() for name in columns}) != len(columns):
        raise BulkRefused(f"The bulk file {file.name} has columns whose names differ only in case: look at it.")
    size: Counter[str] = Counter()
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for index in range(group.num_columns):
            chunk = group.column(index)
            name = chunk.path_in_schema.partition(".")[0]
            if name not in LEFT_OUT:
                size["bytes"] += max(chunk.total_uncompressed_size, 0)
                size[chunk.path_in_schema] += chunk.num_values
    values = max((count for name, count in size.items() if name != "bytes"), default=0)
    if (
        metadata.num_rows > MAX_ROWS
        or size["bytes"] > max_bytes
        or values > max(1_000_000, _MAX_VALUES_A_ROW * metadata.num_rows)
    ):
        raise BulkRefused(
            f"The bulk file {file.name} would unpack to {metadata.num_rows:,} rows, {values:,} values in a column and "
            f"{size['bytes']:,} bytes, which no dump of {table} has: look at it."
        )


def _type_files(files: Sequence[Path], table: str, folder: Path, origin: BulkOrigin, memory_limit: str) -> Typed:
    typed = Typed()
    name = files[0].name
    try:
        with closed_engine(folder, memory_limit=memory_limit, files=files) as connection:
            connection.execute("set variable observed_at = $1::timestamptz", [origin.observed_at])
            for number, file in enumerate(files):
                name = file.name
                _type_file(connection, table, file, folder / f"part-{number:05}.parquet", typed)
            drop_repeats(connection, table, typed)
    except duckdb.OutOfMemoryException:
        raise BulkRefused(
            f"The bulk file {name} unpacks to more than the {memory_limit} of memory that it may take: look at it."
        ) from None
    except duckdb.Error:
        raise BulkRefused(f"The bulk file {name} is damaged inside: fetch it again.") from None
    return typed


def _type_file(connection: duckdb.DuckDBPyConnection, table: str, file: Path, part: Path, typed: Typed) -> None:
    source = f"read_parquet({sql_text(file)}, file_row_number = true)"
    relation = connection.sql(f"select * exclude (file_row_number) from {source}")
    have = dict(zip(relation.columns, map(_have, relation.types), strict=True))
    if not have.keys() >= {path.partition(".")[0] for path in REQUIRED[table]} - {"date"}:
        raise BulkRefused(f"The bulk file {file.name} cannot be read as a dump of {table}: look at it.")
    unknown = sorted(have.keys() - set(SCHEMAS[table].names) - LEFT_OUT)
    select = f"select {_columns(table, have, unknown)} from {source} as row"
    connection.execute(
        f"copy ({select}) to {sql_text(part)} (format parquet, compression zstd, row_group_size {ROW_GROUP_ROWS})"
    )
    rows, faulty = connection.execute(f"select count(*), count(fault) from read_parquet({sql_text(part)})").fetchone()
    typed.parts.append(part)
    typed.rows.append(rows)
    typed.faulty += faulty
    if unknown:
        counts = connection.execute(f"select {', '.join(f'count({sql_name(name)})' for name in unknown)} from {source}")
        found = dict(zip(unknown, counts.fetchone(), strict=True))
        add_unknown_fields(typed.unknown_fields, Counter({name: count for name, count in found.items() if count}))


@dataclass(frozen=True)
class _Have:
    """The type of a value as DuckDB reads it; `inner` are a struct's fields, `item` a list's or a map's values."""

    id: str
    inner: dict[str, "_Have"] = field(default_factory=dict)
    item: "_Have | None" = None


_NOTHING = _Have("nothing")


def _have(kind: Any) -> _Have:
    if kind.id == "struct":
        return _Have("struct", inner={name: _have(inner) for name, inner in kind.children})
    if kind.id in ("list", "array"):
        return _Have("list", item=_have(kind.children[0][1]))
    if kind.id == "map":
        return _Have("map", item=_have(kind.children[1][1]))
    return _Have(kind.id)


@dataclass(frozen=True)
class _Fit:
    """A value as its column takes it, null where it does not fit, and its fault or null; `fault` None: there is none.

    Both are SQL.
    """

    value: str
    fault: str | None = None


def _columns(table: str, have: dict[str, _Have], unknown: list[str]) -> str:
    """The select list: every column of the table, in its order and type."""
    fits: dict[str, _Fit] = {}
    for column in SCHEMAS[table]:
        if column.name in OUR_COLUMNS:
            continue
        if column.name in have:
            fits[column.name] = _fit(column.type, have[column.name], f"row.{sql_name(column.name)}", column.name)
        elif (table, column.name) == ("daily_papers", "date"):
            fits["date"] = _Fit(f"cast(({_submitted(fits, have)}) as date)")
        else:
            fits[column.name] = _Fit("null")
    extra = _extra(unknown, have)
    missing = [f"case when {_is_missing(fits, path)} then 'missing:{path}' end" for path in REQUIRED[table]]
    faults = [*(fit.fault for fit in (*fits.values(), extra) if fit.fault), *missing]
    values = {
        **{name: fit.value for name, fit in fits.items()},
        "observed_at": "getvariable('observed_at')",
        "extra": extra.value,
        "fault": f"coalesce({', '.join(faults)}, null)",
    }
    # A column that happens to hold no null would be declared to be without them, and each snapshot have its own schema.
    return ", ".join(
        f"cast(case when row.file_row_number >= 0 then {values[column.name]} end as {duckdb_type(column.type)})"
        f" as {sql_name(column.name)}"
        for column in SCHEMAS[table]
    )


def _is_missing(fits: dict[str, _Fit], path: str) -> str:
    name, _, inner = path.partition(".")
    value = f"({fits[name].value}).{sql_name(inner)}" if inner else fits[name].value
    return f"nullif(cast({value} as varchar), '') is null"


def _submitted(fits: dict[str, _Fit], have: dict[str, _Have]) -> str:
    paper = _fit(SCHEMAS["daily_papers"].field("paper").type, have["paper"], 'row."paper"', "paper")
    return f'({paper.value})."{_SUBMITTED.partition(".")[2]}"'


def _extra(unknown: list[str], have: dict[str, _Have]) -> _Fit:
    """The columns that none of ours takes, as a JSON object without the nulls."""
    if not unknown:
        return _Fit("null")
    members = [
        f"case when row.{sql_name(name)} is not null then"
        f" concat({sql_text(_json_name(name))}, ':', cast(to_json(row.{sql_name(name)}) as varchar)) end"
        for name in unknown
        if have[name].id != "blob"  # not text, so not JSON either
    ]
    text = f"nullif(concat('{{', concat_ws(',', {', '.join(members or ['null'])}), '}}'), '{{}}')"
    return _Fit(
        f"case when length({text}) <= {MAX_EXTRA_CHARACTERS} then {text} end",
        f"case when length({text}) > {MAX_EXTRA_CHARACTERS} then 'too_long:extra' end",
    )


def _fit(kind: pa.DataType, have: _Have, x: str, path: str, depth: int = 0) -> _Fit:
    """How the SQL expression `x`, of the type that we `have`, becomes what the lake takes for `kind`."""
    if have.id == "varchar" and pa.types.is_nested(kind):
        parsed = f"try(cast({x} as json))"
        within = _json(kind, parsed, path, depth)
        broken = f"case when {x} is not null and {parsed} is null then 'bad_value:{path}' end"
        return _Fit(within.value, _first([broken, within.fault]))
    if pa.types.is_struct(kind):
        return _struct(kind, have, x, path, depth)
    if pa.types.is_list(kind):
        return _list(kind, have, x, path, depth)
    if pa.types.is_map(kind):
        return _map(kind, have, x, path, depth)
    if kind == pa.string():
        return _string(have, x, path)
    value = _scalar(kind, have, x)
    return _Fit(value, f"case when {x} is not null and {value} is null then 'bad_value:{path}' end")


def _misfit(x: str, path: str) -> _Fit:
    return _Fit("null", f"case when {x} is not null then 'bad_value:{path}' end")


def _string(have: _Have, x: str, path: str) -> _Fit:
    if have.id == "boolean" and path == "gated":
        return _Fit(f"cast({x} as varchar)")
    if have.id == "enum":
        x = f"cast({x} as varchar)"
    elif have.id == "blob":
        text = f"try(decode({x}))"
        within = _string(_Have("varchar"), text, path)
        return _Fit(within.value, f"case when {x} is not null and {text} is null then 'bad_value:{path}' "
                    f"when length({text}) > {MAX_TEXT_CHARACTERS} then 'too_long:{path}' end")  # fmt: skip
    elif have.id != "varchar":
        return _misfit(x, path)
    return _Fit(
        f"case when length({x}) <= {MAX_TEXT_CHARACTERS} then {x} end",
        f"case when length({x}) > {MAX_TEXT_CHARACTERS} then 'too_long:{path}' end",
    )


def _scalar(kind: pa.DataType, have: _Have, x: str) -> str:
    """The value of a number, a boolean, a day or an instant; null where it does not fit."""
    is_number = have.id in _INTEGERS | _LARGE_NUMBERS
    is_float = have.id in ("float", "double")
    if kind == pa.bool_():
        return x if have.id == "boolean" else "null"
    if kind == pa.int64():
        if have.id in _INTEGERS:
            return f"cast({x} as bigint)"
        if have.id == "decimal":
            return f"case when {x} = trunc({x}) then try_cast({x} as bigint) end"
        if is_float:
            return f"case when isfinite({x}) and {x} = trunc({x}) then try_cast({x} as bigint) end"
        return f"try_cast({x} as bigint)" if is_number else "null"
    if kind == pa.float64() and is_number:
        return f"cast({x} as double)"
    if kind == pa.float64():
        return f"case when isfinite({x}) then cast({x} as double) end" if is_float else "null"
    if kind == pa.date32() and have.id == "varchar":
        return f"cast({_within(_instant(have, x, pattern=_DAY))} as date)"
    within = _within(_instant(have, x))
    return f"cast({within} as date)" if kind == pa.date32() else within


def _instant(have: _Have, x: str, pattern: str = _INSTANT) -> str:
    if have.id == "varchar":
        return f"case when regexp_full_match({x}, '{pattern}') then try_cast({x} as timestamptz) end"
    # The connection's time zone is UTC, which is what a time without a zone is taken for.
    return f"cast({x} as timestamptz)" if have.id in _INSTANTS else "null"


def _within(instant: str) -> str:
    if instant == "null":
        return "null"
    return (
        f"case when {instant} >= timestamptz '1970-01-01' and {instant} < timestamptz '2200-01-01' then {instant} end"
    )


def _struct(kind: pa.StructType, have: _Have, x: str, path: str, depth: int) -> _Fit:
    if have.id != "struct":
        return _misfit(x, path)
    fits = {
        inner.name: _fit(
            inner.type, have.inner[inner.name], f"{x}.{sql_name(inner.name)}", f"{path}.{inner.name}", depth
        )
        if inner.name in have.inner
        else _Fit("null")
        for inner in kind
    }
    known = " or ".join(f"({fit.value}) is not null" for fit in fits.values())
    # Some writers have no null structs, only structs of nulls.
    return _Fit(f"case when {known} then {_packed(kind, fits)} end", _first([fit.fault for fit in fits.values()]))


def _packed(kind: pa.StructType, fits: dict[str, _Fit]) -> str:
    return "struct_pack({})".format(
        ", ".join(f"{sql_name(i.name)} := cast({fits[i.name].value} as {duckdb_type(i.type)})" for i in kind)
    )


def _list(kind: pa.ListType, have: _Have, x: str, path: str, depth: int) -> _Fit:
    if have.id != "list" or have.item is None:
        return _misfit(x, path)
    return _list_of(x, _fit(kind.value_type, have.item, f"item{depth}", path, depth + 1), path, depth)


def _list_of(x: str, item: _Fit, path: str, depth: int) -> _Fit:
    """A list whose items, each called item<depth>, become what `item` says."""
    faults = [f"case when len({x}) > {MAX_ITEMS} then 'too_long:{path}' end"]
    if item.fault:
        found = f"list_transform({x}, lambda item{depth}: {item.fault})"
        faults.append(f"list_filter({found}, lambda fault{depth}: fault{depth} is not null)[1]")
    value = f"list_transform({x}, lambda item{depth}: {item.value})"
    return _Fit(f"case when len({x}) <= {MAX_ITEMS} then {value} end", _first(faults))


def _map(kind: pa.MapType, have: _Have, x: str, path: str, depth: int) -> _Fit:
    if have.id == "struct":
        items = [
            (name, _fit(kind.item_type, inner, f"{x}.{sql_name(name)}", path, depth))
            for name, inner in have.inner.items()
        ]
        made = ", ".join(
            f"struct_pack(key := {sql_text(name)}, value := cast({fit.value} as {duckdb_type(kind.item_type)}))"
            for name, fit in items
        )
        entries = f"list_filter([{made}], lambda entry: entry.value is not null)" if items else "[]"
        is_known = " or ".join(f"{x}.{sql_name(name)} is not null" for name, _ in items) or "false"
        return _Fit(
            f"case when {is_known} then map_from_entries({entries}) end", _first([fit.fault for _, fit in items])
        )
    if have.id != "map" or have.item is None:
        return _misfit(x, path)
    return _map_of(x, _fit(kind.item_type, have.item, f"entry{depth}.value", path, depth + 1), path, depth)


def _map_of(x: str, item: _Fit, path: str, depth: int) -> _Fit:
    """A map whose entries are called entry<depth>, with values that become what `item` says."""
    faults = [f"case when cardinality({x}) > {MAX_ITEMS} then 'too_long:{path}' end"]
    if item.fault:
        found = f"list_transform(map_entries({x}), lambda entry{depth}: {item.fault})"
        faults.append(f"list_filter({found}, lambda fault{depth}: fault{depth} is not null)[1]")
    entry = f"struct_pack(key := entry{depth}.key, value := {item.value})"
    value = f"map_from_entries(list_transform(map_entries({x}), lambda entry{depth}: {entry}))"
    return _Fit(f"case when cardinality({x}) <= {MAX_ITEMS} then {value} end", _first(faults))


def _json(kind: pa.DataType, x: str, path: str, depth: int) -> _Fit:
    """A value inside JSON text, as strictly as rows of the API are read."""
    given = f"nullif(json_type({x}), 'NULL')"
    if pa.types.is_struct(kind):
        fits = {i.name: _json(i.type, f"({x} -> '$.{sql_name(i.name)}')", f"{path}.{i.name}", depth) for i in kind}
        fault = _first([fit.fault for fit in fits.values()])
        return _of_type(given, "OBJECT", _packed(kind, fits), fault, path)
    if pa.types.is_list(kind):
        items = f"""case when {given} = 'ARRAY' then from_json({x}, '["JSON"]') end"""
        fit = _list_of(items, _json(kind.value_type, f"item{depth}", path, depth + 1), path, depth)
        return _of_type(given, "ARRAY", fit.value, fit.fault, path)
    if pa.types.is_map(kind):
        entries = f"""case when {given} = 'OBJECT' then from_json({x}, '"MAP(VARCHAR, JSON)"') end"""
        fit = _map_of(entries, _json(kind.item_type, f"entry{depth}.value", path, depth + 1), path, depth)
        return _of_type(given, "OBJECT", fit.value, fit.fault, path)
    if kind == pa.string():
        fit = _string(_Have("varchar"), f"({x} ->> '$')", path)
        return _of_type(given, "VARCHAR", fit.value, fit.fault, path)
    # All nested numbers of the lake are counts.
    value = f"case when {given} in ('BIGINT', 'UBIGINT') then try_cast(({x} ->> '$') as bigint) end"
    return _Fit(value, f"case when {given} is not null and {value} is null then 'bad_value:{path}' end")


def _of_type(given: str, wanted: str, value: str, fault: str | None, path: str) -> _Fit:
    is_other = f"case when {given} <> '{wanted}' then 'bad_value:{path}' end"
    return _Fit(f"case when {given} = '{wanted}' then {value} end", _first([is_other, fault]))


def _first(faults: Sequence[str | None]) -> str | None:
    known = [fault for fault in faults if fault]
    return f"coalesce({', '.join(known)})" if len(known) > 1 else known[0] if known else None


def _json_name(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _require_newer_rows(data_dir: Path, table: str, snapshot_date: date, folder: Path) -> None:
    """Refuses files without a commit whose newest repo is days older than the newest of the snapshot before."""
    before = previous_manifest(data_dir, table, snapshot_date)
    if before is None or "createdAt" not in SCHEMAS[table].names:
        return
    held = _newest(snapshot_dir(data_dir, table, before.snapshot_date), before.snapshot_date)
    found = _newest(folder, snapshot_date)
    # A day's grace, as the newest of all may have been deleted since.
    if held and (found is None or found < held - timedelta(days=1)):
        raise BulkRefused(
            f"The bulk file of {table} is older than the snapshot of {before.snapshot_date}: its newest repo is of "
            f"{f'{found:%Y-%m-%d}' if found else 'no day'}, that one's of {held:%Y-%m-%d}; take a newer file."
        )


def _newest(folder: Path, snapshot_date: date) -> datetime | None:
    """When the newest repo was created, those aside that claim to be of a time after the snapshot."""
    end = datetime(snapshot_date.year, snapshot_date.month, snapshot_date.day, tzinfo=UTC) + timedelta(days=2)
    newest = []
    for part in folder.glob("*.parquet"):
        created = pq.read_table(part, columns=["createdAt"])["createdAt"]
        newest.append(pc.max(created.filter(pc.less(created, pa.scalar(end, created.type)))).as_py())
    return max(filter(None, newest), default=None)
