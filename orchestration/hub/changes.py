"""Crawls what has changed in the Hub's lists of models, datasets and spaces since an earlier crawl.

Belongs here: which orders are read, how far, and where a crawl of several orders goes on. Not: which fields are asked
for and a whole list (listing), or putting changes and earlier rows together (lake.merge).

The sort keys move while they are read: a row may come twice, or slip by. Who stores the rows keeps the latest of each;
what slips by is caught by the overlap of the next crawl or by the next whole one. A counter outside the first ones
moves without a trace, and what is deleted, or made public long after its last change, shows in a whole list alone.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from orchestration.hub.listing import FIELDS, Kind
from orchestration.hub.page import Page
from orchestration.hub.session import HubError, HubSession

_DATES = ("lastModified", "createdAt")
_COUNTERS = ("downloads", "likes", "trendingScore")


def pages(
    session: HubSession,
    kind: Kind,
    *,
    watermark: datetime,
    overlap: timedelta,
    top: int,
    start: str | None = None,
    page_size: int = 1000,
    may_be_empty: bool = False,
) -> Iterator[Page]:
    """The repos of `kind` that are new or changed since `watermark - overlap`, and the first `top` by each counter.

    `watermark` is when the crawl began whose rows these are to be merged over. The orders are read one after another:
    by `lastModified` and by `createdAt` until a page ends before that instant, then by downloads (which spaces do not
    have), likes and trending score. A page is handed on whole, also with rows beyond the end. `start` is the cursor of
    an earlier page: the order, how many rows of it have been read, and the place in it.

    Raises:
        HubError: as the session; a list is empty where it may not be; or a next link leads elsewhere, round in circles,
            or past the session's cap of pages.
        ValueError: `start` is no cursor of such a crawl.
    """
    floor = watermark - overlap
    orders = [*_DATES, *(sort for sort in _COUNTERS if top and sort in FIELDS[kind])]

    def first_place(sort: str) -> str:
        limit = page_size if sort in _DATES else min(page_size, top)
        return session.place(f"/api/{kind}", {"limit": limit, "sort": sort, "expand": FIELDS[kind]})

    sort, rows, place = _read_cursor(start, orders) if start else (orders[0], 0, first_place(orders[0]))
    while sort:
        following = next(iter(orders[orders.index(sort) + 1 :]), "")
        next_order = (following, 0, first_place(following)) if following else ("", 0, "")
        for answer in session.follow(place, f"The list of {kind}"):
            if not (rows or answer.value or may_be_empty):
                # This is not a day without changes: read from its top a list has rows as long as the Hub has any.
                raise HubError(
                    f"The list of {kind} at {session.origin} is empty, which it was not before: run again later."
                )
            rows += len(answer.value)
            is_read = _ends_before(answer.value, sort, floor) if sort in _DATES else rows >= top
            at = next_order if is_read or answer.next_place is None else (sort, rows, answer.next_place)
            cursor = "{} {} {}".format(*at) if at[0] else None
            yield Page(answer.value, cursor, answer.observed_at, answer.requests, answer.synthetic)
            if is_read:
                break
        sort, rows, place = next_order


def _read_cursor(cursor: str, orders: Sequence[str]) -> tuple[str, int, str]:
    sort, _, rest = cursor.partition(" ")
    rows, _, place = rest.partition(" ")
    if sort not in orders or not rows.isdecimal() or not place:
        raise ValueError(f"{cursor[:100]!r} is no cursor of a crawl of changes")
    return sort, int(rows), place


def _ends_before(rows: Sequence[Any], sort: str, floor: datetime) -> bool:
    """Whether the last row that tells its date is older than `floor`; a page on which none does is no end."""
    for row in reversed(rows):
        instant = _instant(row.get(sort)) if isinstance(row, dict) else None
        if instant is not None:
            return instant < floor
    return False


def _instant(text: Any) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return instant if instant.tzinfo else None
