"""Makes harmless what strangers wrote: `inert` wherever it may end, each of the others for one kind of place."""

import json
import re
from typing import Any

_NOT_PLAIN = re.compile(r"[^ -~]")
_NOT_INERT = re.compile(r"[^A-Za-z0-9 ._/,:()'-]")
# What HTML, Markdown, a template, a table or a chat would act upon.
_ACTIVE = re.compile(r"[<>&`*\[\]|\\{}$!~@]")
# A spreadsheet takes a text that begins like this for a formula.
_FORMULA = re.compile(r"^\s*[=+\-]")
# Whatever starts markup, a table cell, a link, a mention or a template. An underscore inside a word starts nothing.
_MARKUP = re.compile(r"[\\`*{}\[\]#|<>&~$@]|:(?=//)|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def read_json(text: bytes) -> Any:
    """The JSON value that `text` holds; raises ValueError or RecursionError where it holds none.

    A number of thousands of digits would fail the whole of it: it stays text, which its own row is blamed for.
    """
    return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 40 else digits)


def inert(text: object, limit: int = 80) -> str:
    """At most `limit` characters of printable ASCII that no page, card, chat, terminal or sheet acts upon."""
    shown = _NOT_INERT.sub("?", str(text).replace('"', "'"))
    shown = f"?{shown[1:]}" if shown.startswith("-") else shown
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def plain(text: str, limit: int = 80) -> str:
    """Its first `limit` characters in printable ASCII, to be kept in files of ours and made inert where shown."""
    return _NOT_PLAIN.sub("?", text[:limit])


def legible(value: object, limit: int = 80) -> str:
    """A value, lists and objects too, in whatever script, that no page, chat or sheet acts upon; for previews."""
    text = _ACTIVE.sub("?", "".join(c if c.isprintable() else "?" for c in _flat(value)[:limit]))
    return f"?{text[1:]}" if _FORMULA.match(text) and not isinstance(value, int | float) else text


def _flat(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(map(_flat, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_flat(item)}" for name, item in value.items())
    return "" if value is None else str(value)


def for_terminal(value: object) -> str:
    """All of it; what would steer a terminal or change the direction of what follows is shown by its code."""
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def for_markdown(value: object, limit: int = 200) -> str:
    """Text that stays text wherever Markdown or HTML is rendered: its first `limit` characters, escaped.

    What a source says of itself is kept short; what our own documentation says is shown whole.
    """
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(str(value).split())[:limit])
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", line)
