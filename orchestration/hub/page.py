"""What a crawl hands over at a time.

Belongs here: the shape shared by all crawls. Not: how pages are fetched or stored.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, overload


def read_json(text: bytes) -> Any:
    """The JSON value that `text` holds; raises ValueError or RecursionError where it holds none.

    A number of thousands of digits would fail the whole page: it stays text, which its own row is blamed for.
    """
    return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 40 else digits)


class JsonRows(Sequence[Any]):
    """The elements of a JSON array of `count` elements, of which `body` is the text; read when first looked at.

    Most pages are stored as the bytes that came, and nobody looks at their rows.
    """

    def __init__(self, body: bytes, count: int) -> None:
        """Takes over the text of an array that is known to be JSON."""
        self.body = body
        self._count = count
        self._rows: list[Any] | None = None

    def _read(self) -> list[Any]:
        if self._rows is None:
            self._rows = read_json(self.body)
        return self._rows

    def __len__(self) -> int:
        """How many elements there are, known without reading them."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...

    def __getitem__(self, index: int | slice) -> Any:
        """An element, or a list of them."""
        return self._read()[index]

    def __eq__(self, other: object) -> bool:
        """Whether the elements are those of another sequence."""
        return self._read() == (other._read() if isinstance(other, JsonRows) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """The elements, as a list shows them."""
        return repr(self._read())


@dataclass(frozen=True)
class Page:
    """One page of a crawl: its rows and the place where the crawl goes on, which belong together.

    `rows` are JSON values as the Hub sent them (an object each, if the Hub behaves), be they read or not. `cursor` is
    the `start` of the rest of the crawl or None when this page is the last, `observed_at` (UTC) is when the page was
    complete, `requests` what it cost, `synthetic` whether the Hub said that any of it is made up, `not_found` the names
    it does not know.
    """

    rows: Sequence[Any]
    cursor: str | None
    observed_at: datetime
    requests: int
    synthetic: bool = False
    not_found: list[str] = field(default_factory=list)
