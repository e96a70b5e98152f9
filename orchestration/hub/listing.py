"""Crawls the Hub's lists of models, datasets and spaces.

Belongs here: which fields are asked for, and paging. Not: storing or typing rows.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from orchestration.hub.page import Page, keys_of
from orchestration.hub.session import HubError, HubSession

Kind = Literal["models", "datasets", "spaces"]

_COMMON = ("author", "createdAt", "disabled", "lastModified", "likes", "private", "sha", "tags", "trendingScore")
# `expand` returns these fields, `id` and `_id` alone. cardData, siblings and config are left out: they cost up to 34 kB
# a row and hold free text of strangers.
FIELDS: dict[Kind, tuple[str, ...]] = {
    "models": (
        *_COMMON, "baseModels", "downloads", "downloadsAllTime", "gated", "gguf", "library_name", "pipeline_tag",
        "safetensors", "usedStorage",
    ),
    "datasets": (*_COMMON, "downloads", "downloadsAllTime", "gated", "usedStorage"),
    "spaces": (*_COMMON, "datasets", "models", "sdk", "usedStorage"),
}  # fmt: skip


def pages(session: HubSession, kind: Kind, *, start: str | None = None, page_size: int = 1000) -> Iterator[Page]:
    """The whole list of `kind`, newest first, a page at a time; `start` is the cursor of an earlier page.

    Sorted by `createdAt`, the one sort key that does not move during a crawl. A cursor is the next link's path and
    query, not its full URL, since a Hub on this machine may come back on another port. Rows may repeat across pages.

    Raises:
        HubError: as the session; or a next link leads elsewhere, round in circles, or past the session's cap of pages.
    """
    place: str | None = start or session.place(
        f"/api/{kind}", {"limit": page_size, "sort": "createdAt", "expand": FIELDS[kind]}
    )
    places: set[str] = set()
    rows_seen = Seen()
    while place is not None:
        if len(places) == session.limits.max_pages:
            raise HubError(
                f"The list of {kind} at {session.origin} has more than {len(places):,} pages: check HF_ENDPOINT."
            )
        places.add(place)
        before = session.requests
        answer = session.get(place, list)
        new_rows = rows_seen.add(answer.value)
        place = answer.next_place
        if place is not None and (place in places or not new_rows):
            raise HubError(
                f"The list of {kind} at {session.origin} goes round in circles: report it to whoever runs it."
            )
        yield Page(
            rows=answer.value,
            cursor=place,
            observed_at=answer.observed_at,
            requests=session.requests - before,
            synthetic=answer.synthetic,
        )


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
