"""docs/reference.md: every command, option, variable and make target, rendered from where it is defined.

Run as a module it writes the document; a test holds it against what it is rendered from.
"""

import re
from collections.abc import Iterator, Sequence

from pydantic.fields import FieldInfo

from orchestration.settings import PROJECT_DIR, Settings

REFERENCE = PROJECT_DIR / "docs" / "reference.md"
_TARGET = re.compile(r"^([a-z]+):.*?## (.*)$", re.MULTILINE)


def variables() -> Iterator[tuple[str, FieldInfo]]:
    """Each variable that steers Hubscape: its name in the environment, and its field."""
    for name, field in Settings.model_fields.items():
        yield str(field.validation_alias or f"HUBSCAPE_{name.upper()}"), field


def targets() -> dict[str, str]:
    """The make targets that people call, with what each says of itself."""
    return dict(_TARGET.findall((PROJECT_DIR / "Makefile").read_text()))


def commands() -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    """Each command: its name, what it does, and its visible words as (spelling, default, meaning)."""
    import typer

    from orchestration.cli import app

    group = typer.main.get_command(app)
    for name, command in sorted(group.commands.items()):
        words = []
        for word in command.params:
            if getattr(word, "hidden", False) or word.name == "help":
                continue
            is_option = word.param_type_name == "option"
            spelling = ", ".join(word.opts) if is_option else str(word.name).upper()
            shown = "required" if word.required else _default(word.default)
            words.append((spelling, shown, getattr(word, "help", None) or ""))
        yield name, command.help or "", words


def _default(value: object) -> str:
    if callable(value):
        return "today, UTC"
    if value is None or value is False or not str(value):
        return ""
    return f"`{value}`"


def variables_table() -> str:
    """The table of variables, as it also stands in the README."""
    rows = [
        (f"`{name}`", "today, UTC" if field.default_factory else _default(field.default), field.description or "")
        for name, field in variables()
    ]
    return _table(("variable", "default", "meaning"), rows)


def render_reference() -> str:
    """The whole document."""
    parts = [
        "# Reference",
        "Written by `make reference` from the command line, the settings and the Makefile: change it there.",
        "## Commands",
        "Exit codes: 0 done; 1 a check refused or a source failed, with one plain sentence; 2 wrong use.",
    ]
    for name, text, words in commands():
        parts += [f"### hubscape {name}", text]
        if words:
            parts.append(_table(("word", "default", "meaning"), [(f"`{w}`", default, m) for w, default, m in words]))
    parts += ["## Variables", variables_table()]
    parts += ["## Make targets", _table(("target", "what it does"), [(f"`make {n}`", t) for n, t in targets().items()])]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(" ".join(c.split()).replace("|", "\\|") for c in line) + " |" for line in lines)


if __name__ == "__main__":
    REFERENCE.write_text(render_reference())
