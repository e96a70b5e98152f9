"""The prompt of `hubscape query`: SQL over a release, line after line, with history and completion of names."""

from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from orchestration.commands import query
from orchestration.ground.errors import HubscapeError

_HELP = """\
A select ends with a semicolon; Enter before it begins a new line. Tab completes the names of tables and columns.
    .tables          all tables and questions; .tables NAME tells one table's columns
    .questions       the questions that come with an answer
    .ask NAME        answers one of them
    .help            this text
    .quit            leaves, as Ctrl-D does; Ctrl-C stops a query or clears the line"""
_WORDS = ("select", "from", "where", "group by", "order by", "limit", "desc", "count(*)")
_COMMANDS = (".tables", ".questions", ".ask", ".help", ".quit")


def run_prompt(release: query.OpenRelease, history: Path, limit: int) -> None:
    """Answers what is typed until the end of the input; an error is told and does not end it."""
    console = query.plain_console()
    console.print(
        f"Release of {release.package.snapshot_date}, {len(release.package.resources)} tables. "
        "End a select with a semicolon; .help says more, Ctrl-D leaves."
    )
    session: PromptSession[str] = PromptSession(
        "hubscape> ",
        history=FileHistory(str(history)),
        completer=WordCompleter([*query.names(release.package), *_WORDS, *_COMMANDS], ignore_case=True, WORD=True),
        complete_while_typing=False,
        multiline=True,
        prompt_continuation="     ...> ",
        key_bindings=_enter_ends_what_is_whole(),
    )
    while True:
        try:
            line = session.prompt().strip()
            if line in {".quit", ".exit"}:
                return
            if line.startswith("."):
                _command(release, line, limit)
            else:
                for statement in release.statements(line):
                    console.print(*release.table(statement, limit), sep="\n")
        except EOFError:
            return
        except KeyboardInterrupt:
            console.print("Interrupted.")
        except HubscapeError as error:
            console.print(str(error))


def _enter_ends_what_is_whole() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        text = buffer.text.strip()
        if not text or text.startswith(".") or text.endswith(";"):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return bindings


def _command(release: query.OpenRelease, line: str, limit: int) -> None:
    word, _, name = line.partition(" ")
    name = name.strip()
    console = query.plain_console()
    if word == ".tables" and name:
        query.print_columns(release.package, name)
    elif word == ".tables":
        query.print_tables(release.folder, release.package)
    elif word == ".questions":
        query.print_questions()
    elif word == ".ask":
        chosen = query.find_question(name)
        console.print(chosen.text, *release.table(chosen.sql, limit, chosen.when_empty), sep="\n")
    elif word == ".help":
        console.print(_HELP)
    else:
        console.print(f"There is no {word}; .help lists what there is.")
