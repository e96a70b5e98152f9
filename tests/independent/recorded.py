"""The recorded rows of the real Hub as one snapshot, and the counts of it that are committed."""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from tests.independent.derivatives import DEFINITIONS
from tests.independent.lineage import RELATIONS
from tests.independent.observatory import Observatory
from tests.independent.quality import asked_handles
from tests.independent.registry import Row, make_registry, read_seeds
from tests.independent.rows import REPO_TABLES, TABLES, Snapshot, repo_key
from tests.support import PROJECT

EXPECTED = PROJECT / "tests" / "expected"
SNAPSHOT = date(2026, 8, 22)
PAPERS_DAYS = 731
TOP_HANDLES = 200
SHOWN_HANDLES = ("Qwen", "meta-llama", "google")
SHOWN_FAMILIES = ("Qwen", "Llama", "DeepSeek", "Gemma", "Mistral")
ADVICE = "if this change is meant, run: python -m tests.independent"

Lines = list[tuple[str, ...]]


def recorded_observatory(folder: Path) -> Observatory:
    """Everything recomputed from the recorded rows; they have to be kept whenever they are read."""
    return Observatory(read_recorded(folder, datetime.now(UTC)), read_seeds())


def read_recorded(folder: Path, now: datetime) -> Snapshot:
    """Rows as a crawl of `now` finds them: daily papers of the window that ends on the snapshot's day, keys once."""
    rows: dict[str, dict[Any, Row]] = {table: {} for table in TABLES}
    for table in REPO_TABLES:
        for row in _lines(folder / f"{table}.jsonl.gz"):
            rows[table].setdefault(repo_key(row), row)
    first = SNAPSHOT - timedelta(days=PAPERS_DAYS - 1)
    for file in sorted((folder / "daily_papers").glob("*.jsonl.gz")):
        for line in _lines(file):
            if first <= date.fromisoformat(line["date"]) <= SNAPSHOT:
                row = {**line["item"], "date": line["date"]}
                rows["daily_papers"].setdefault((row["date"], row["paper"]["id"]), row)
    registry = make_registry(read_seeds(), SNAPSHOT)
    overviews = _overviews(folder)
    rows["organizations"] = {
        key: {**overviews[key], "handle": registry.account(key).handle} for key in registry.periods if key in overviews
    }
    asked = asked_handles(rows["models"].values(), registry, TOP_HANDLES)
    listed = {table: list(found.values()) for table, found in rows.items()}
    made_up, sampled = frozenset({"organizations"}), frozenset(TABLES)
    return Snapshot(SNAPSHOT, listed, now, made_up, sampled, asked)


def _lines(file: Path) -> list[Row]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _overviews(folder: Path) -> dict[str, Row]:
    """Overviews by handle in lower case: those that the sandbox makes up, since none are recorded."""
    from orchestration.sandbox.recorded import recorded_catalogue

    return recorded_catalogue(folder).organizations


def expected_files(observatory: Observatory) -> dict[str, Lines]:
    """Lines of each file in tests/expected by its name, the header first."""
    return {
        "recorded_rows": [("table", "rows"), *_rows(observatory)],
        "recorded_derivative_counts": [
            ("subject_type", "subject", "relation", "definition", "value"),
            *_derivative_counts(observatory),
        ],
        "recorded_edges": [("status", "relation", "edges"), *_edges(observatory)],
    }


def _rows(observatory: Observatory) -> Iterator[tuple[str, str]]:
    """Rows of every raw and published table."""
    raw = observatory.settled.raw_rows
    yield from ((f"raw/{table}", f"{raw[table]}") for table in sorted(TABLES))
    yield from ((name, f"{len(rows)}") for name, rows in observatory.tables.items())


def _derivative_counts(observatory: Observatory) -> Iterator[tuple[str, ...]]:
    """Values of some handles and families, whole numbers without a point."""
    subjects = [("handle", handle) for handle in SHOWN_HANDLES] + [("family", family) for family in SHOWN_FAMILIES]
    for subject, relation, definition in product(subjects, ("all", *RELATIONS), (*DEFINITIONS, "tagged")):
        value = observatory.derivative_counts.get((*subject, relation, definition))
        if value is not None:
            yield (*subject, relation, definition, repr(float(value)).removesuffix(".0"))


def _edges(observatory: Observatory) -> Iterator[tuple[str, str, str]]:
    """Edges by status and relation."""
    counts = Counter((edge.status, edge.relation or "untyped") for edge in observatory.lineage.edges)
    yield from ((*key, f"{count}") for key, count in sorted(counts.items()))


def read_expected(name: str) -> Lines:
    with (EXPECTED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [tuple(line) for line in csv.reader(file)]


def write_expected(observatory: Observatory) -> None:
    EXPECTED.mkdir(exist_ok=True)
    for name, lines in expected_files(observatory).items():
        with (EXPECTED / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)
