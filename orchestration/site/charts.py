"""The charts of a release: a question's answer as a sentence, a table and a drawing.

Each file of `vega_lite` is one chart, named as its picture and its section of the page. Not here: how anything is
counted, which the question and the models say; nor the page, its colours and what all charts have in common (report).
"""

import datetime as dt
import itertools
import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import yaml

from orchestration.release.questions import Answer, ask, read_questions

_FOLDER = Path(__file__).parent / "vega_lite"
_CHARACTERS = 300  # of a text that somebody else wrote
_SENTENCES = jinja2.Environment(undefined=jinja2.StrictUndefined)


@dataclass(frozen=True)
class Chart:
    """One chart: `text` says what it shows, `columns` and `rows` are its numbers, `spec` is its Vega-Lite.

    `spec` is None where the release has nothing to draw. `table` is the published table that the numbers lie in, whose
    description says how they are counted.
    """

    name: str
    title: str
    text: str
    table: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    spec: dict[str, Any] | None = None


@dataclass(frozen=True)
class Drawing:
    """A file of `vega_lite`: which question is drawn, and how.

    `place` is that in the report. `sentence` tells the answer, in Jinja over its `rows`. `vega_lite` draws them, but
    for data and width, `first_vega_lite` those of one snapshot. Rows without the column `drawn` stand in the table
    alone. `spread` makes the table wide: a column for each of `names` in the rows, with its `values`.
    """

    question: str
    place: int
    sentence: str
    vega_lite: dict[str, Any]
    first_vega_lite: dict[str, Any] | None = None
    drawn: str = ""
    spread: dict[str, str] | None = None


def read_drawings() -> dict[str, Drawing]:
    """All drawings by the name of their chart, in the order of the report."""
    found = {path.stem: Drawing(**yaml.safe_load(path.read_text())) for path in _FOLDER.glob("*.yml")}
    return dict(sorted(found.items(), key=lambda item: item[1].place))


def charts(release: duckdb.DuckDBPyConnection) -> list[Chart]:
    """All charts of a release, opened by `release.views`, in the order of the report."""
    questions = read_questions()
    return [_chart(name, how, ask(release, questions[how.question])) for name, how in read_drawings().items()]


def _chart(name: str, how: Drawing, answer: Answer) -> Chart:
    question = answer.question
    rows = [dict(zip(answer.columns, map(_one_line, row), strict=True)) for row in answer.rows]
    if not rows:
        return Chart(name, question.title, question.when_empty, question.tables[0])
    text = " ".join(_SENTENCES.from_string(how.sentence).render(rows=rows).split())
    shown = _spread(rows, **how.spread) if how.spread else rows
    numbers = tuple(tuple(row.values()) for row in shown)
    chart = Chart(name, question.title, text, question.tables[0], tuple(shown[0]), numbers)
    drawn = [row for row in rows if not how.drawn or row[how.drawn] is not None]
    if not drawn:
        return chart
    is_first = len({row[answer.columns[0]] for row in drawn}) == 1
    spec = how.first_vega_lite if how.first_vega_lite and is_first else how.vega_lite
    values = [{key: str(v) if isinstance(v, dt.date) else v for key, v in row.items()} for row in drawn]
    return replace(
        chart,
        spec={
            **spec,
            "description": f"{chart.title}. {chart.text}",
            "data": {"name": "answer"},
            "datasets": {"answer": values},
            "width": "container",
            "autosize": {"type": "fit-x", "contains": "padding"},
        },
    )


def _spread(rows: Sequence[dict[str, Any]], names: str, values: str) -> list[dict[str, Any]]:
    """Rows of the same first column as one, with a column for each of `names`; words that differ are joined."""
    first, *others = (column for column in rows[0] if column not in (names, values))
    spread = []
    for key, group in itertools.groupby(rows, key=operator.itemgetter(first)):
        together = list(group)
        said = {column: list(dict.fromkeys(r[column] for r in together if r[column] is not None)) for column in others}
        rest = {column: "; ".join(v) if len(v) > 1 else next(iter(v), None) for column, v in said.items()}
        spread.append({first: key, **{row[names]: row[values] for row in together}, **rest})
    return spread


def _one_line(value: Any) -> Any:
    """A text as one line that does not outgrow its place; anything else as it is."""
    if not isinstance(value, str):
        return value
    line = " ".join(value.split())
    return line if len(line) <= _CHARACTERS else f"{line[: _CHARACTERS - 1]}…"


def cell_text(value: object) -> str:
    """A value as a cell of a table shows it: thousands apart, at most three decimals, nothing for null."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.0f}" if value.is_integer() else f"{value:,.3f}" if abs(value) >= 0.1 else f"{value:.3g}"
    return str(value)


_SENTENCES.filters["number"] = cell_text
