"""Types of the raw tables: the truth that Parquet files, dbt sources and typing follow.

Belongs here: columns, their order and types, keys. Not: what fits a type (values), how a JSON value becomes it (rows).
"""

import pyarrow as pa

from orchestration.ground.engine import sql_name

TIMESTAMP = pa.timestamp("us", tz="UTC")

_TEXT, _COUNT = pa.string(), pa.int64()
_ORGANIZATION = pa.struct([("_id", _TEXT), ("name", _TEXT), ("fullname", _TEXT)])

_ID = [("_id", _TEXT), ("id", _TEXT), ("author", _TEXT), ("sha", _TEXT)]
_STATE = [("createdAt", TIMESTAMP), ("lastModified", TIMESTAMP), ("private", pa.bool_())]
# "false", "true", "auto" or "manual": the Hub mixes booleans and text.
_GATED = [("gated", _TEXT)]
# downloads are those of the last 30 days.
_DOWNLOADS = [("downloads", _COUNT), ("downloadsAllTime", _COUNT)]
_POPULARITY = [("likes", _COUNT), ("trendingScore", pa.float64()), ("tags", pa.list_(_TEXT))]
_STORAGE = [("usedStorage", _COUNT)]  # bytes

# The end of each table: when the row was fetched, unknown fields as a JSON object (null if none), and why the row is
# not well typed (null if it is).
OUR_COLUMNS = ("observed_at", "extra", "fault")
_OURS = [("observed_at", TIMESTAMP), ("extra", _TEXT), ("fault", _TEXT)]

MODELS = pa.schema([
    *_ID, *_STATE, *_GATED, ("disabled", pa.bool_()), *_DOWNLOADS, *_POPULARITY,
    ("pipeline_tag", _TEXT),
    ("library_name", _TEXT),
    # `total` counts parameters, not bytes; the keys of `parameters` are dtypes as the uploader calls them.
    ("safetensors", pa.struct([("total", _COUNT), ("parameters", pa.map_(_TEXT, _COUNT))])),
    ("gguf", pa.struct([("total", _COUNT), ("architecture", _TEXT)])),
    ("baseModels", pa.struct([
        ("relation", _TEXT),
        ("models", pa.list_(pa.struct([("_id", _TEXT), ("id", _TEXT)]))),
    ])),
    *_STORAGE, *_OURS,
])  # fmt: skip
"""One row a model repo."""

DATASETS = pa.schema([
    *_ID, *_STATE, *_GATED, ("disabled", pa.bool_()), *_DOWNLOADS, *_POPULARITY, *_STORAGE, *_OURS,
])  # fmt: skip
"""One row a dataset repo."""

SPACES = pa.schema([
    *_ID, *_STATE, ("disabled", pa.bool_()), *_POPULARITY,
    ("sdk", _TEXT),
    ("models", pa.list_(_TEXT)),
    ("datasets", pa.list_(_TEXT)),
    *_STORAGE, *_OURS,
])  # fmt: skip
"""One row a Space."""

ORGANIZATIONS = pa.schema([
    ("handle", _TEXT),  # as it was asked for
    ("_id", _TEXT), ("name", _TEXT), ("fullname", _TEXT), ("isVerified", pa.bool_()), ("plan", _TEXT),
    ("numUsers", _COUNT), ("numModels", _COUNT), ("numDatasets", _COUNT), ("numSpaces", _COUNT),
    ("numPapers", _COUNT), ("numFollowers", _COUNT),
    *_OURS,
])  # fmt: skip
"""One row an organization that was asked for and exists."""

DAILY_PAPERS = pa.schema([
    ("date", pa.date32()),  # the day of the page
    ("paper", pa.struct([
        ("id", _TEXT), ("title", _TEXT), ("publishedAt", TIMESTAMP), ("submittedOnDailyAt", TIMESTAMP),
        ("upvotes", _COUNT), ("authors", pa.list_(pa.struct([("name", _TEXT)]))), ("organization", _ORGANIZATION),
    ])),
    ("publishedAt", TIMESTAMP), ("title", _TEXT), ("numComments", _COUNT), ("organization", _ORGANIZATION),
    *_OURS,
])  # fmt: skip
"""One row a paper and day of the daily page."""

SCHEMAS: dict[str, pa.Schema] = {
    "models": MODELS,
    "datasets": DATASETS,
    "spaces": SPACES,
    "organizations": ORGANIZATIONS,
    "daily_papers": DAILY_PAPERS,
}
"""Schema of each raw table, by its name on disk."""


def hub_columns(table: str) -> list[pa.Field]:
    """The columns of a raw table but for our own: the fields of the Hub's rows that have one."""
    return [column for column in SCHEMAS[table] if column.name not in OUR_COLUMNS]


_REPO_KEY = (("_id", "id"),)
KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "models": _REPO_KEY,
    "datasets": _REPO_KEY,
    "spaces": _REPO_KEY,
    "organizations": (("handle",),),
    "daily_papers": (("date",), ("paper.id",)),
}
"""Key of each table: its parts, each with the columns that may give it; the first one with a value does."""

REQUIRED: dict[str, tuple[str, ...]] = {
    "models": ("id",),
    "datasets": ("id",),
    "spaces": ("id",),
    "organizations": ("handle",),
    "daily_papers": ("date", "paper.id"),
}
"""Columns without which a row has the fault `missing:<column>`."""

DROPPED_ALIASES: frozenset[str] = frozenset({"modelId"})
"""Fields that repeat another one, and so are neither a column nor unknown."""


def duckdb_type(kind: pa.DataType) -> str:
    """What DuckDB calls a type of the schemas."""
    if pa.types.is_struct(kind):
        return "struct(" + ", ".join(f"{sql_name(inner.name)} {duckdb_type(inner.type)}" for inner in kind) + ")"
    if pa.types.is_list(kind):
        return f"{duckdb_type(kind.value_type)}[]"
    if pa.types.is_map(kind):
        return f"map({duckdb_type(kind.key_type)}, {duckdb_type(kind.item_type)})"
    names = {pa.bool_(): "boolean", pa.int64(): "bigint", pa.float64(): "double", pa.date32(): "date"}
    return names.get(kind) or ("varchar" if kind == pa.string() else "timestamptz")


def key_sql(table: str) -> str:
    """The key of a row in SQL, null where a part of it is missing."""
    parts = []
    for paths in KEYS[table]:
        columns = [".".join(map(sql_name, path.split("."))) for path in paths]
        parts.append("coalesce(" + ", ".join(f"nullif(cast({column} as varchar), '')" for column in columns) + ")")
    if len(parts) == 1:
        return parts[0]
    return "case when " + " and ".join(f"{part} is not null" for part in parts) + f" then [{', '.join(parts)}] end"
