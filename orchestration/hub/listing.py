"""Crawls the Hub's lists of models, datasets and spaces.

Belongs here: which fields are asked for, and paging. Not: storing or typing rows.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from orchestration.hub.page import Page
from orchestration.hub.session import HubError, HubSession

Kind = Literal["models", "datasets", "spaces"]
THE_HUB = "https://huggingface.co"
# The minute that the Hub gave to repos which were older than its dates: the end of each of its lists, newest first.
_FLOOR = "2022-03-02T23:29"

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
        HubError: as the session; a next link leads round in circles, or past the session's cap of pages; or the list
            ends early, its last page then not among those handed on.
    """
    first = session.place(f"/api/{kind}", {"limit": page_size, "sort": "createdAt", "expand": FIELDS[kind]})
    for answer in session.follow(start or first, f"The list of {kind}"):
        if answer.next_place is None and session.origin == THE_HUB and not _is_at_floor(answer.value):
            raise HubError(
                f"The list of {kind} at {session.origin} was interrupted: its last page does not end in the minute"
                f" {_FLOOR}, in which the Hub's own lists do; run again to go on from there."
            )
        yield Page(answer.value, answer.next_place, answer.observed_at, answer.requests, answer.synthetic)


def _is_at_floor(rows: Sequence[Any]) -> bool:
    created = rows[-1].get("createdAt") if rows and isinstance(rows[-1], dict) else None
    return isinstance(created, str) and created.startswith(_FLOOR)
