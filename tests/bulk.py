"""Bulk dumps for tests: Parquet files shaped like hub-stats from rows of the API, and a dataset repo with a past.

Papers come flat, as those of hub-stats do, and in two other shapes that dumps have been met in.
"""

import datetime as dt
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.sandbox.catalogue import Catalogue
from orchestration.sandbox.store import Commit, Operation, Store

REPO = "cfahlgren1/hub-stats"
_INSTANT = pa.timestamp("ms", tz="UTC")
_COMMON = {"id": pa.string(), "author": pa.string(), "createdAt": _INSTANT, "lastModified": _INSTANT}
_COUNTS = {
    "downloads": pa.int64(), "downloadsAllTime": pa.int64(), "likes": pa.int64(), "trendingScore": pa.float64(),
}  # fmt: skip
_TAGS = {"tags": pa.list_(pa.string()), "cardData": pa.string()}
_ORGANIZATION = pa.struct([("_id", pa.string()), ("name", pa.string()), ("fullname", pa.string())])
_NAIVE, _TEXTS = pa.timestamp("us"), pa.list_(pa.string())
# As HUB.md tells of hub-stats: no _id, sha, private or gated, and no organizations.
COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "models": {
        **_COMMON, **_COUNTS, **_TAGS,
        "safetensors": pa.struct([
            ("parameters", pa.struct([(name, pa.int64()) for name in ("BF16", "F16", "F32", "sandbox dtype")])),
            ("total", pa.int64()),
        ]),
        "gguf": pa.struct([("total", pa.int64()), ("architecture", pa.string())]),
        "baseModels": pa.struct([
            ("relation", pa.string()),
            ("models", pa.list_(pa.struct([("_id", pa.string()), ("id", pa.string())]))),
        ]),
        "pipeline_tag": pa.string(),
        "library_name": pa.string(),
        "siblings": pa.list_(pa.struct([("rfilename", pa.string())])),
        "config": pa.string(),
    },
    "datasets": {**_COMMON, **_COUNTS, **_TAGS},
    "spaces": {
        **_COMMON, "likes": pa.int64(), "trendingScore": pa.float64(), **_TAGS, "sdk": pa.string(),
        "models": pa.list_(pa.string()), "datasets": pa.list_(pa.string()),
    },
    "daily_papers": {
        "paper": pa.struct([
            ("id", pa.string()), ("title", pa.string()), ("publishedAt", _INSTANT), ("submittedOnDailyAt", _INSTANT),
            ("upvotes", pa.int64()), ("authors", pa.list_(pa.struct([("name", pa.string())]))),
            ("organization", _ORGANIZATION),
        ]),
        "publishedAt": _INSTANT, "title": pa.string(), "numComments": pa.int64(), "organization": _ORGANIZATION,
    },
}  # fmt: skip
# As two public readers of hub-stats name them; times have no zone.
FLAT_PAPERS: dict[str, pa.DataType] = {
    "publishedAt": _NAIVE, "title": pa.string(), "summary": pa.string(), "thumbnail": pa.string(),
    "numComments": pa.int64(), "submittedBy": pa.struct([("name", pa.string()), ("type", pa.string())]),
    "organization": _ORGANIZATION, "isAuthorParticipating": pa.bool_(), "mediaUrls": _TEXTS,
    "paper_id": pa.string(), "paper_authors": pa.list_(pa.struct([("name", pa.string()), ("hidden", pa.bool_())])),
    "paper_publishedAt": _NAIVE, "paper_submittedOnDailyAt": _NAIVE, "paper_title": pa.string(),
    "paper_summary": pa.string(), "paper_upvotes": pa.int64(), "paper_discussionId": pa.string(),
    "paper_ai_summary": pa.string(), "paper_ai_keywords": _TEXTS,
    **{f"paper_submittedOnDailyBy.{name}": pa.string() for name in ("_id", "fullname", "user", "type")},
    **{f"paper_organization.{name}": pa.string() for name in ("_id", "name", "fullname", "avatar")},
    "paper_githubRepo": pa.string(), "paper_githubStars": pa.int64(), "paper_mediaUrls": _TEXTS,
    "paper_projectPage": pa.string(), "paper_withdrawnAt": _NAIVE,
}  # fmt: skip
TEXT_PAPERS = COLUMNS["daily_papers"] | {"paper": pa.string(), "organization": pa.string()}
PAPERS = {"flat": FLAT_PAPERS, "nested": COLUMNS["daily_papers"], "text": TEXT_PAPERS}


def papers_table(rows: Iterable[Mapping[str, Any]], shape: str) -> pa.Table:
    """Daily papers of the API as a dump of that shape has them: `flat`, `nested` or `text`, which is JSON."""
    if shape == "flat":
        rows = [{**row, **_flattened(row["paper"])} for row in rows]
    elif shape == "text":
        texts = ("paper", "organization")
        rows = [row | {name: json.dumps(row[name]) for name in texts if row.get(name)} for row in rows]
    return bulk_table(rows, PAPERS[shape])


def _flattened(paper: Mapping[str, Any]) -> dict[str, Any]:
    inner = {name: paper.get(name) or {} for name in ("organization", "submittedOnDailyBy")}
    of_inner = {f"paper_{name}.{field}": value for name, fields in inner.items() for field, value in fields.items()}
    return {f"paper_{name}": value for name, value in paper.items()} | of_inner


def bulk_table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, pa.DataType]) -> pa.Table:
    """Rows of the API as a dump has them: in its columns and types, with card data that the lake leaves out."""
    dumped = [
        {**{name: _typed(row.get(name), kind) for name, kind in columns.items()}, **_clutter(row, columns)}
        for row in rows
    ]
    return pa.Table.from_pylist(dumped, schema=pa.schema(list(columns.items())))


def _clutter(row: Mapping[str, Any], columns: Mapping[str, pa.DataType]) -> dict[str, Any]:
    return {"cardData": json.dumps({"tags": row.get("tags")})} if "cardData" in columns else {}


def _typed(value: Any, kind: pa.DataType) -> Any:
    """A JSON value in the type of a column; what the column has no place for is left out."""
    if value is None:
        return None
    if pa.types.is_timestamp(kind):
        instant = dt.datetime.fromisoformat(value).astimezone(dt.UTC)
        return instant if kind.tz else instant.replace(tzinfo=None)
    if pa.types.is_struct(kind):
        return {inner.name: _typed(value.get(inner.name), inner.type) for inner in kind}
    if pa.types.is_list(kind):
        return [_typed(item, kind.value_type) for item in value]
    return float(value) if kind == pa.float64() else value


def parquet(table: pa.Table, **options: Any) -> bytes:
    """The table as the bytes of a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", **options)
    return sink.getvalue()


def bulk_files(catalogue: Catalogue, *, papers: str = "flat") -> dict[str, bytes]:
    """A whole dump of what a catalogue serves, by file name, its papers in that shape."""
    kinds = {"models": catalogue.models, "datasets": catalogue.datasets, "spaces": catalogue.spaces}
    items = [item for day in sorted(catalogue.papers) for item in catalogue.papers[day]]
    tables = {table: bulk_table(rows, COLUMNS[table]) for table, rows in kinds.items()}
    tables["daily_papers"] = papers_table(items, papers)
    return {f"{table}.parquet": parquet(content) for table, content in tables.items()}


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    """The files in a folder of this machine."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def without(content: bytes, *columns: str) -> bytes:
    """A Parquet file without some of its columns."""
    return parquet(pq.read_table(io.BytesIO(content)).drop_columns(columns))


def commit_files(
    store: Store, files: Mapping[str, bytes], at: dt.datetime, *, repo_id: str = REPO, alone: bool = False
) -> Commit:
    """One commit of a dataset repo at a time of the past; the repo is made, a year earlier, if it is not there.

    `alone`: no other file stays.
    """
    repo = store.repo("datasets", repo_id) or store.create_repo("datasets", repo_id, at=at - dt.timedelta(days=365))
    operations: list[Operation] = []
    for path, content in files.items():
        staged, sha256 = store.staging_path(), hashlib.sha256(content).hexdigest()
        staged.write_bytes(content)
        store.adopt(staged, sha256)
        operations.append(Operation("lfsFile", path, sha256=sha256))
    others = store.commit_at(repo, "main").files.keys() - files.keys() if alone else ()
    operations += [Operation("deletedFile", path) for path in others]
    return store.commit(repo, "main", operations, title=f"Update of {at}", at=at)
