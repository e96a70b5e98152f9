"""SQL over a release: its tables as views, nothing else within reach.

Belongs here: which tables there are, how an answer is made, shown and written. Not here: the questions that come with
their SQL (release.questions), and the prompt.
"""

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from orchestration.dbt import prepare_manifest
from orchestration.ground.engine import sql_text
from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import filled_durably, scratch_folder, writing
from orchestration.ground.text import for_terminal
from orchestration.release import views
from orchestration.release.build import release_days, release_dir
from orchestration.release.contract import PublishedTable, read_contract
from orchestration.release.datapackage import DataPackage, read_datapackage
from orchestration.release.questions import Question, read_questions

ROWS_SHOWN = 50
# What an answer is written as, and the words with which DuckDB does it; a table is drawn here.
FORMATS = {
    "table": "",
    "csv": "format csv, header true",
    "json": "format json, array true",
    "parquet": "format parquet, compression zstd",
}
_SUFFIXES = {".txt": "table", ".csv": "csv", ".json": "json", ".parquet": "parquet"}
# What a release says of a table: a line with grain and rows, its description, and each column's name, type and meaning.
_Words = tuple[str, str, list[tuple[str, str, str]]]


class UnknownName(HubscapeError):
    """There is no table or question of this name; the text lists those that there are."""

    exit_code = 2


def find_question(name: str) -> Question:
    """The question of this name.

    Raises:
        UnknownName: there is none.
    """
    return _find("question", name, read_questions())


def _find(what: str, name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise UnknownName(f"There is no {what} {name}; there are {', '.join(known)}.")
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


@dataclass(frozen=True)
class OpenRelease:
    """A release that can be asked; `scratch` is a folder that nobody else writes to."""

    folder: Path
    package: DataPackage
    connection: duckdb.DuckDBPyConnection
    scratch: Path

    def statements(self, sql: str) -> list[str]:
        """The statements of a text.

        Raises:
            HubscapeError: it is no SQL, or one of them is something else than a select.
        """
        with _plainly():
            statements = self.connection.extract_statements(sql)
        if any(statement.type != duckdb.StatementType.SELECT for statement in statements):
            raise HubscapeError("DuckDB refused the query: only select is allowed, a release is not to be changed.")
        return [statement.query for statement in statements]

    def table(self, sql: str, limit: int, when_empty: str = "") -> Iterator[Table | str]:
        """An answer to be printed: the first `limit` rows, 0 for all, and a remark where there are more or none.

        Raises:
            HubscapeError: the SQL is refused.
        """
        rows = self._answer(sql, "from answer" + (f" limit {limit + 1}" if limit else ""))
        yield draw([name for name, *_ in self.connection.description or []], rows[: limit or None])
        if not rows:
            yield f"No rows. {when_empty}".strip()
        if limit and len(rows) > limit:
            yield f"The first {limit} rows; `--limit 0` shows all, a where clause others."

    def write(self, sql: str, form: str, output: Path | None, limit: int, when_empty: str = "") -> None:
        """Writes an answer to a file that is there whole or not at all, or prints it; `limit` is for tables alone.

        Raises:
            HubscapeError: the SQL is refused, or the file cannot be written.
        """
        if form == "table" and not output:
            plain_console().print(*self.table(sql, limit, when_empty), sep="\n")
            return
        written = self.scratch / f"answer.{form}"
        if form == "table":
            with written.open("w") as file:
                plain_console(file).print(*self.table(sql, limit, when_empty), sep="\n")
        else:
            self._answer(sql, f"copy answer to {sql_text(written)} ({FORMATS[form]})")
        if output:
            with writing(output), filled_durably(output) as part:
                shutil.copyfile(written, part)
        else:
            with written.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()

    def _answer(self, sql: str, what: str) -> list[tuple[Any, ...]]:
        """All rows of what is done with `answer`, which is the one select of a text; Ctrl-C stops it."""
        statements = self.statements(sql)
        if len(statements) != 1:
            raise HubscapeError(f"One select is answered at a time, and here are {len(statements)}.")

        def work() -> list[tuple[Any, ...]]:
            # A view takes a select as it stands, whatever comment or semicolon it ends with.
            self.connection.execute(f"create or replace temp view answer as {statements[0]}")
            return self.connection.execute(what).fetchall()

        # Python looks at signals in its main thread and only between steps of its own, of which DuckDB's work has
        # none for as long as an operator takes. So DuckDB works in another thread while this one waits.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="query") as pool:
            running = pool.submit(work)
            try:
                with _plainly():
                    return running.result()
            except KeyboardInterrupt:
                while not running.done():  # said again, since one that comes before the work begins is forgotten
                    self.connection.interrupt()
                    wait([running], timeout=0.1)
                raise


@contextlib.contextmanager
def open_release(folder: Path, package: DataPackage, data_dir: Path, memory_limit: str) -> Iterator[OpenRelease]:
    """A release to be asked while the block lasts; what spills or is being written lies in `data_dir/tmp`."""
    with scratch_folder(data_dir, "query-") as scratch:
        connection = connect(folder, package, scratch=scratch, memory_limit=memory_limit)
        yield OpenRelease(folder, package, connection, scratch)


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """DuckDB's refusals in one sentence."""
    try:
        yield
    except duckdb.Error as error:
        raise HubscapeError(f"DuckDB refused the query: {for_terminal(str(error).splitlines()[0])}") from None


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


def draw(columns: Sequence[str], rows: Sequence[Sequence[Any]], text: Callable[[Any], object] | None = None) -> Table:
    """Rows as a table, numbers flush right; `text` says how a value is shown, else as it is, and null as nothing."""
    table = Table()
    for number, column in enumerate(columns):
        is_number = any(type(row[number]) in (int, float, Decimal) for row in rows)
        table.add_column(for_terminal(column), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(for_terminal(text(value) if text else "" if value is None else value) for value in row))
    return table


def _listed(package: DataPackage) -> dict[str, _Words]:
    """The published tables by name; the columns of those that the release has a file of are as its manifest says."""
    resources = {resource.name: resource for resource in package.resources}
    listed = {}
    for table in _published_tables():
        resource = resources.get(table.name)
        columns = [(c.name, c.table_schema_type, c.description) for c in table.columns]
        if resource:
            columns = [(f.name, f.type, f.description) for f in resource.table_schema.fields]
        rows = f"{resource.rows:,} rows" if resource else "no rows in this release"
        listed[table.name] = (f"{table.name}: one row per {table.grain}; {rows}", table.description, columns)
    return listed


def names(package: DataPackage) -> list[str]:
    """Tables and columns of a release, each once: what somebody may want to type."""
    listed = _listed(package)
    return sorted({*listed, *(name for *_, columns in listed.values() for name, *_ in columns)})


def print_tables(folder: Path, package: DataPackage) -> None:
    """Prints the tables of a release with their grain, rows and columns, and the questions that can be asked."""
    console = plain_console()
    for head, _, columns in _listed(package).values():
        console.print(head)
        console.print("    " + ", ".join(for_terminal(name) for name, *_ in columns))
    console.print("\nQuestions, each answered by `hubscape query --ask NAME`:")
    print_questions()
    console.print(f'\nhubscape query "select * from {package.resources[0].name} limit 5" reads {folder}.')


def print_questions() -> None:
    """Prints the name and the text of each question."""
    plain_console().print(*(f"    {known.name}: {known.text}" for known in read_questions().values()), sep="\n")


def print_columns(package: DataPackage, name: str) -> None:
    """Prints one table of a release: what a row is, and each column with its type and meaning.

    Raises:
        UnknownName: the release has no such table.
    """
    head, description, columns = _find("table", name, _listed(package))
    plain_console().print(head, description, draw(("column", "type", "meaning"), columns), sep="\n")


def plain_console(file: Any = None, **options: Any) -> Console:
    """Writes plain text; as wide as the table needs where it goes to a file or a pipe."""
    width = None if file is None and sys.stdout.isatty() else 1_000
    return Console(markup=False, highlight=False, emoji=False, width=width, file=file, **options)
