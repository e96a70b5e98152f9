"""No control character of a raw row gets as far as a release, whose check would refuse the whole of it."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from expectations.release import released_table
from tests.exactness.seeds import small_seeds
from tests.exactness.warehouse import Project, Warehouse
from tests.independent.rows import Snapshot

DAY = date(2026, 3, 10)
# One of each kind: what people leave in a text, what ends or steers one, and the last of them.
CHARACTERS = ["\n", "\t", "\x00", "\x1f", "\x7f"]
TEXTS = {
    "models": ["id", "author", "sha", "gated", "pipeline_tag", "library_name"],
    "datasets": ["id", "author", "sha", "gated"],
    "spaces": ["id", "author", "sha", "sdk"],
    "organizations": ["handle", "name", "fullname", "plan"],
}
TAGS = [
    "{}", "license:{}", "base_model:Ann/{}", "base_model:finetune:Ann/{}", "base_model:{}:Ann/Lynx", "dataset:Ann/{}",
    "arxiv:2601.0000{}", "region:{}", "modality:{}", "language:{}",
]  # fmt: skip


def rows_with(character: str) -> dict[str, list[dict[str, Any]]]:
    """A good row of each table, and one for each text that it has, with the character in that text alone."""
    odd = f"a{character}b"
    at = "2026-03-01T00:00:00.000Z"
    repo = {"author": "Ann", "createdAt": at, "lastModified": at, "likes": 1, "tags": [], "gated": False}
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in (*TEXTS, "daily_papers")}
    for table, names in TEXTS.items():
        for number, name in enumerate(["", *names]):
            row = {"handle": f"h{number}"} if table == "organizations" else {**repo, "id": f"Ann/{table}-{number}"}
            rows[table].append(row | ({name: odd} if name else {}))
        if table != "organizations":
            rows[table] += [
                {**repo, "id": f"Ann/{table}-tag-{number}", "tags": [tag.format(odd)]}
                for number, tag in enumerate(TAGS)
            ]
            rows[table].append({**repo, "id": f"Ann/{table}-key", "_id": odd})
    nested = {"relation": odd, "models": [{"_id": odd, "id": f"Ann/{odd}"}]}
    rows["models"] += [
        {**repo, "id": "Ann/Lynx", "downloads": 5},
        {**repo, "id": "Ann/gguf", "gguf": {"total": 5, "architecture": odd}},
        {**repo, "id": "Ann/dtype", "safetensors": {"total": 5, "parameters": {odd: 5}}},
        {**repo, "id": "Ann/child", "baseModels": nested},
        {**repo, "id": "Ann/grandchild", "baseModels": {"relation": "finetune", "models": nested["models"]}},
    ]
    rows["spaces"].append({**repo, "id": "Ann/uses", "models": [f"Ann/{odd}", odd], "datasets": [f"Ann/{odd}", odd]})
    paper = {"id": "2601.00001", "title": "A title", "publishedAt": at, "upvotes": 1, "authors": [{"name": odd}]}
    other = {"_id": odd, "name": odd, "fullname": odd}
    rows["daily_papers"] = [
        {"date": "2026-03-02", "paper": paper, "title": "A title"},
        {"date": "2026-03-03", "paper": {**paper, "id": "2601.00002", "title": odd}, "title": odd},
        {"date": "2026-03-04", "paper": {**paper, "id": odd}, "title": "A title"},
        {"date": "2026-03-05", "paper": {**paper, "id": "2601.00003", "organization": other}, "organization": other},
    ]
    return rows


@pytest.mark.parametrize("character", CHARACTERS, ids=ascii)
def test_no_control_character_of_any_text_reaches_a_release(project: Project, tmp_path: Path, character: str) -> None:
    at = datetime(2026, 3, 10, 6, tzinfo=UTC)
    released = Warehouse(project, tmp_path, small_seeds()).release(Snapshot(DAY, rows_with(character), at))
    dirty = set()
    for name, table in released.items():
        with duckdb.connect() as connection:
            connection.register("batch", table)
            columns = {column: kind for column, kind, *_ in connection.sql("describe batch").fetchall()}
            rules = released_table(name, list(columns)[:1], table.num_rows, DAY, columns)
            for rule in rules:
                if rule.expectation == "no_control_characters":
                    query = rule.arguments["unexpected_rows_query"].replace("{batch}", "batch")
                    dirty |= {name} if connection.sql(query).fetchall() else set()
    assert dirty == set()
    assert released["dim_repos"].num_rows > 30 and released["fct_papers"].num_rows >= 2
