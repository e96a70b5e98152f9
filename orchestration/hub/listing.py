"""Crawls the Hub's lists of models, datasets and spaces.

Belongs here: which fields are asked for, and paging. Not: storing or typing rows.
"""

from collections.abc import Iterator
from typing import Literal

from orchestration.hub.page import Page
from orchestration.hub.session import HubSession

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
    first = session.place(f"/api/{kind}", {"limit": page_size, "sort": "createdAt", "expand": FIELDS[kind]})
    for answer in session.follow(start or first, f"The list of {kind}"):
        yield Page(answer.value, answer.next_place, answer.observed_at, answer.requests, answer.synthetic)
