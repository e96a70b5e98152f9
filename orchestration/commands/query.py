"""SQL over a release: its tables as views, nothing else within reach; and the questions that come with an answer.

Belongs here: which tables there are, how an answer is made, shown and written. The prompt is `prompt`.
"""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from orchestration.dbt import DBT_DIR, prepare_manifest
from orchestration.ground.engine import sql_text
from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import filled_durably, scratch_folder, writing
from orchestration.ground.text import for_terminal
from orchestration.release import views
from orchestration.release.build import release_days, release_dir
from orchestration.release.contract import PublishedTable, read_contract
from orchestration.release.datapackage import DataPackage, FieldDescriptor, read_datapackage

ROWS_SHOWN = 50
# What an answer is written as, and the words with which DuckDB does it; a table is drawn here.
FORMATS = {
    "table": "",
    "csv": "format csv, header true",
    "json": "format json, array true",
    "parquet": "format parquet, compression zstd",
}
_SUFFIXES = {".txt": "table", ".csv": "csv", ".json": "json", ".parquet": "parquet"}
_ANALYSES = DBT_DIR / "analyses"


class UnknownName(HubscapeError):
    """There is no table or question of this name; the text lists those that there are."""

    exit_code = 2


@dataclass(frozen=True)
class Question:
    """A question with the SQL that answers it: a file of dbt_project/analyses and its entry in the YAML there.

    `tables` are those that it reads, `when_empty` says what an answer without rows means.
    """

    name: str
    text: str
    when_empty: str
    tables: tuple[str, ...]
    sql: str


def questions() -> dict[str, Question]:
    """All questions by name. What dbt sees as `ref('table')` is the table of that name in a release."""
    import yaml
    from jinja2 import Environment, StrictUndefined

    entries = yaml.safe_load((_ANALYSES / "questions.yml").read_text())["analyses"]
    templates = Environment(undefined=StrictUndefined)
    found = {}
    for entry in entries:
        read: list[str] = []
        template = templates.from_string((_ANALYSES / f"{entry['name']}.sql").read_text())
        sql = template.render(ref=lambda table, read=read: read.append(table) or table)
        found[entry["name"]] = Question(
            name=entry["name"],
            text=" ".join(entry["description"].split()),
            when_empty=entry["config"]["meta"]["when_empty"],
            tables=tuple(sorted(set(read))),
            sql=sql,
        )
    return found


def question(name: str) -> Question:
    """One question.

    Raises:
        UnknownName: there is none of this name.
    """
    known = questions()
    if name not in known:
        raise UnknownName(f"There is no question {name}; there are {', '.join(known)}.")
    return known[name]


def latest_release(data_dir: Path) -> tuple[Path, DataPackage]:
    """The newest release folder and its manifest.

    Raises:
        HubscapeError: there is none, or it is not of this version.
    """
    days = release_days(data_dir)
    if not days:
        raise HubscapeError(f"There is no release in {data_dir}: run `make run` first.")
    folder = release_dir(data_dir, days[-1])
    return folder, read_datapackage(folder)


def connect(
    folder: Path, package: DataPackage, *, scratch: Path | None = None, memory_limit: str = "1GB"
) -> duckdb.DuckDBPyConnection:
    """The published tables of a release, also those without rows, as views of a locked database (release.views).

    Raises:
        HubscapeError: the dbt models, which say what tables there are, cannot be read; or a file is no table.
    """
    tables = _published_tables()
    with _plainly():
        return views.connect(folder, package.resources, tables, scratch=scratch, memory_limit=memory_limit)


def _published_tables() -> tuple[PublishedTable, ...]:
    """What tables a release may have, as the dbt models describe them: names in a manifest are a stranger's."""
    return read_contract(prepare_manifest()).tables


class Asked:
    """A release that is being asked."""

    def __init__(self, folder: Path, package: DataPackage, scratch: Path, memory_limit: str) -> None:
        """Opens it; `scratch` is an empty folder that nobody else writes to."""
        self.folder, self.package = folder, package
        self._scratch = scratch
        self._connection = connect(folder, package, scratch=scratch, memory_limit=memory_limit)

    def statements(self, sql: str) -> list[str]:
        """The statements of a text.

        Raises:
            HubscapeError: it is no SQL, or one of them is something else than a select.
        """
        with _plainly():
            statements = self._connection.extract_statements(sql)
        if any(statement.type != duckdb.StatementType.SELECT for statement in statements):
            raise HubscapeError("DuckDB refused the query: only select is allowed, a release is not to be changed.")
        return [_without_end(statement.query) for statement in statements]

    def _only(self, sql: str) -> str:
        statements = self.statements(sql)
        if len(statements) != 1:
            raise HubscapeError(f"One select is answered at a time, and here are {len(statements)}.")
        return statements[0]

    def table(self, sql: str, limit: int, when_empty: str = "") -> Iterator[Table | str]:
        """An answer to be printed: the first `limit` rows, 0 for all, and a remark where there are more or none.

        Raises:
            HubscapeError: the SQL is refused.
        """
        shown = f"select * from ({self._only(sql)}\n)" + (f" limit {limit + 1}" if limit else "")
        rows = self._answer(shown)
        drawn = Table()
        for name, data_type, *_ in self._connection.description or []:
            is_number = str(data_type).partition("(")[0] in _NUMBERS
            drawn.add_column(for_terminal(name), justify="right" if is_number else "left")
        for row in rows[: limit or None]:
            drawn.add_row(*("" if value is None else for_terminal(value) for value in row))
        yield drawn
        if not rows:
            yield f"No rows. {when_empty}".strip()
        if limit and len(rows) > limit:
            yield f"The first {limit} rows; `--limit 0` shows all, a where clause others."

    def write(self, sql: str, form: str, output: Path | None) -> None:
        """Writes a whole answer as csv, json or parquet, to a file that is there whole or not at all, or prints it.

        Raises:
            HubscapeError: the SQL is refused, or the file cannot be written.
        """
        answer = self._scratch / f"answer.{form}"
        try:
            self._answer(f"copy ({self._only(sql)}\n) to {sql_text(answer)} ({FORMATS[form]})")
            if output:
                _put(answer, output)
                return
            with answer.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        finally:
            answer.unlink(missing_ok=True)

    def _answer(self, statement: str) -> list[tuple[Any, ...]]:
        """All rows of one statement; Ctrl-C stops it."""
        # Python looks at signals in its main thread and only between steps of its own, of which DuckDB's work has
        # none for as long as an operator takes. So DuckDB works in another thread while this one waits.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="query") as pool:
            running = pool.submit(lambda: self._connection.execute(statement).fetchall())
            try:
                with _plainly():
                    return running.result()
            except KeyboardInterrupt:
                while not running.done():  # said again, since one that comes before the work begins is forgotten
                    self._connection.interrupt()
                    wait([running], timeout=0.1)
                raise


_NUMBERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "UINTEGER", "FLOAT", "DOUBLE", "DECIMAL"}


@contextlib.contextmanager
def asked(folder: Path, package: DataPackage, data_dir: Path, memory_limit: str) -> Iterator[Asked]:
    """A release to be asked while the block lasts; what spills or is being written lies in `data_dir/tmp`."""
    with scratch_folder(data_dir, "query-") as scratch:
        yield Asked(folder, package, scratch, memory_limit)


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """DuckDB's refusals in one sentence."""
    try:
        yield
    except duckdb.Error as error:
        raise HubscapeError(f"DuckDB refused the query: {for_terminal(str(error).splitlines()[0])}") from None


def _without_end(statement: str) -> str:
    """A statement without its semicolon and what follows that, so that it can stand in parentheses."""
    code = statement.encode()  # tokens are told by their place in bytes
    ends = (
        at for at, kind in duckdb.tokenize(statement) if kind == duckdb.token_type.operator and code[at] == ord(";")
    )
    return code[: next(ends, None)].decode()


def _put(answer: Path, output: Path) -> None:
    with writing(output), filled_durably(output) as part:
        shutil.copyfile(answer, part)


def form_of(name: str | None, output: Path | None) -> str:
    """What an answer is written as: as named, else by the suffix of the file, else a table.

    Raises:
        ValueError: that cannot be told, or cannot be printed; the text says why.
    """
    suffix = output.suffix.lower() if output else ".txt"
    form = name or _SUFFIXES.get(suffix, "")
    if form not in FORMATS:
        known = ", ".join(FORMATS)
        raise ValueError(f"there is no format {name}, use {known}" if name else f"name a format for {output}: {known}")
    if form == "parquet" and not output:
        raise ValueError("parquet needs a file, name one with --output")
    return form


def answer(release: Asked, sql: str, form: str, output: Path | None, limit: int, when_empty: str = "") -> None:
    """Prints or writes one answer.

    Raises:
        HubscapeError: the SQL is refused, or the file cannot be written.
    """
    if form != "table":
        release.write(sql, form, output)
    elif output:
        with tempfile.TemporaryDirectory() as folder:
            drawn = Path(folder) / "answer"
            with drawn.open("w") as file:
                show(release.table(sql, limit, when_empty), plain_console(file))
            _put(drawn, output)
    else:
        show(release.table(sql, limit, when_empty), plain_console())


def show(lines: Iterator[Table | str], console: Console) -> None:
    """Prints what an answer is made of."""
    for line in lines:
        console.print(line)


@dataclass(frozen=True)
class _Listed:
    name: str
    grain: str
    rows: int
    description: str
    fields: Sequence[FieldDescriptor]


def _listed(package: DataPackage) -> list[_Listed]:
    """The published tables, those that the release has a file of as its manifest describes them."""
    resources = {resource.name: resource for resource in package.resources}
    listed = []
    for table in _published_tables():
        if r := resources.get(table.name):
            listed.append(_Listed(r.name, r.grain, r.rows, r.description, r.table_schema.fields))
        else:
            fields = [
                FieldDescriptor(name=c.name, type=c.table_schema_type, description=c.description) for c in table.columns
            ]
            listed.append(_Listed(table.name, table.grain, 0, table.description, fields))
    return sorted(listed, key=lambda table: table.name)


def names(package: DataPackage) -> list[str]:
    """Tables and columns of a release, each once: what somebody may want to type."""
    tables = _listed(package)
    return sorted({table.name for table in tables} | {field.name for table in tables for field in table.fields})


def print_tables(folder: Path, package: DataPackage) -> None:
    """Prints the tables of a release with their grain, rows and columns, and the questions that can be asked."""
    console = plain_console()
    for table in _listed(package):
        console.print(f"{table.name}: one row per {table.grain}; {_rows(table)}")
        console.print("    " + ", ".join(field.name for field in table.fields))
    console.print("\nQuestions, each answered by `hubscape query --ask NAME`:")
    print_questions(console)
    console.print(f'\nhubscape query "select * from {package.resources[0].name} limit 5" reads {folder}.')


def print_questions(console: Console) -> None:
    """Prints the name and the text of each question."""
    for asked_for in questions().values():
        console.print(f"    {asked_for.name}: {asked_for.text}")


def print_columns(package: DataPackage, name: str) -> None:
    """Prints one table of a release: what a row is, and each column with its type and meaning.

    Raises:
        UnknownName: the release has no such table.
    """
    tables = {table.name: table for table in _listed(package)}
    if name not in tables:
        raise UnknownName(f"There is no table {name}; there are {', '.join(tables)}.")
    table = tables[name]
    console = plain_console()
    console.print(f"{name}: one row per {table.grain}; {_rows(table)}\n{table.description}")
    drawn = Table("column", "type", "meaning")
    for field in table.fields:
        drawn.add_row(field.name, field.type, for_terminal(field.description))
    console.print(drawn)


def _rows(table: _Listed) -> str:
    return f"{table.rows:,} rows" if table.rows else "no rows in this release"


def plain_console(file: Any = None) -> Console:
    """Writes plain text; as wide as the table needs where it goes to a file or a pipe."""
    is_screen = file is None and sys.stdout.isatty()
    return Console(markup=False, highlight=False, emoji=False, width=None if is_screen else 1_000, file=file)
