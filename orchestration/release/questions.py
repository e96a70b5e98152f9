"""Questions with the SQL that answers them: files of dbt_project/analyses, each with its words in the YAML beside it.

Whatever asks a release (`hubscape query`, the figures, the charts) reads them here, so that a question is added by
adding two files. Not here: how an answer is shown.
"""

import re
from dataclasses import dataclass
from typing import Any

import duckdb
import yaml

from orchestration.dbt import DBT_DIR

_FOLDER = DBT_DIR / "analyses"
_REF = re.compile(r"\{\{ ref\('(\w+)'\) \}\}")


@dataclass(frozen=True)
class Question:
    """A question about the latest snapshot of a release.

    `tables` are those that it reads, in the order of the SQL: what dbt sees as `ref('table')` is a release's table.
    `when_empty` says what an answer without rows means, `note` what has to be known to read one. `figure` is the place
    among the numbers that a person can check, 0 for none.
    """

    name: str
    text: str
    tables: tuple[str, ...]
    sql: str
    when_empty: str
    title: str = ""
    note: str = ""
    figure: int = 0


@dataclass(frozen=True)
class Answer:
    """What a release answers to a question: `rows` in the question's order, each with a value for each column."""

    question: Question
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def read_questions() -> dict[str, Question]:
    """All questions by name, in the order of the alphabet."""
    found = {}
    for path in sorted(_FOLDER.glob("*.sql")):
        (words,) = yaml.safe_load(path.with_suffix(".yml").read_text())["analyses"]
        sql = path.read_text()
        found[path.stem] = Question(
            name=path.stem,
            text=" ".join(words["description"].split()),
            tables=tuple(dict.fromkeys(_REF.findall(sql))),
            sql=_REF.sub(r"\1", sql),
            **words["config"]["meta"],
        )
    return found


def ask(release: duckdb.DuckDBPyConnection, question: Question) -> Answer:
    """The answer of a release, opened by `release.views`: none where it lacks a table that the question reads."""
    if not set(question.tables) <= {table for (table,) in release.execute("show tables").fetchall()}:
        return Answer(question, (), ())
    result = release.execute(question.sql)
    columns = tuple(column for column, *_ in result.description or ())
    return Answer(question, columns, tuple(result.fetchall()))
