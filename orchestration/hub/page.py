"""What a crawl hands over at a time.

Belongs here: the shape shared by all crawls. Not: how pages are fetched or stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, overload

import msgspec

from orchestration.ground.text import read_json


class _Identity(msgspec.Struct, gc=False):
    """What tells a row apart; its other fields are passed over unread."""

    key: str | None = msgspec.field(default=None, name="_id")
    id: str | None = None


_IDENTITIES = msgspec.json.Decoder(list[_Identity])
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])


class JsonRows(Sequence[Any]):
    """The elements of a JSON array of which `body` is the text, read when first looked at.

    Most pages are stored as the bytes that came, and nobody looks at their rows. `keys` are what tells them apart, the
    Hub's `_id` or else the `id` of each, known without reading more than that.

    Raises:
        ValueError, RecursionError: `body` is no JSON array by the book; `read_json` takes more.
    """

    def __init__(self, body: bytes) -> None:
        """Checks that the text is JSON to its last byte."""
        if not body.isascii():
            body.decode()  # the decoders pass over what they need not read
        self.body = body
        self._rows: list[Any] | None = None
        try:
            self._keys: list[Any] | None = [row.key or row.id for row in _IDENTITIES.decode(body)]
            self._count = len(self._keys)
        except msgspec.ValidationError:  # a row is no object, or has an id that is no text
            self._keys = None
            self._count = len(_ELEMENTS.decode(body))

    @property
    def keys(self) -> list[Any]:
        """What tells each row apart, in order; a row that is no object is its own key."""
        return self._keys if self._keys is not None else keys_of(self._read())

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


def keys_of(rows: Sequence[Any]) -> list[Any]:
    """What tells each of `rows` apart, in order: its `_id` or else its `id`; a row that is no object is its own key."""
    if isinstance(rows, JsonRows):
        return rows.keys
    return [(row.get("_id") or row.get("id")) if isinstance(row, dict) else row for row in rows]


class Seen:
    """Which rows a crawl has met, in 16 MiB however many they are: one bit a hash.

    At 3 million rows a new row is taken for an old one 2 times in 100, so a whole page of new rows never is. Exact
    deduplication comes when rows are written.
    """

    _BITS = 2**27

    def __init__(self) -> None:
        """Has met nothing yet."""
        self._bits = bytearray(self._BITS // 8)

    def add(self, rows: Sequence[Any]) -> int:
        """How many of the rows are new."""
        bits, mask, new = self._bits, self._BITS - 1, 0
        for key in keys_of(rows):
            place = hash(key if isinstance(key, str) else repr(key)) & mask
            bit, held = 1 << (place & 7), bits[place >> 3]
            if not held & bit:
                bits[place >> 3] = held | bit
                new += 1
        return new


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
