"""Crawls the Hub's daily papers. Belongs here: a day at a time, the day's pages. Not: what a paper means."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from orchestration.hub.page import Page
from orchestration.hub.session import HubError, HubSession

_PER_REQUEST = 100
_REQUESTS_A_DAY = 50


def pages(session: HubSession, first: date, last: date, *, start: str | None = None) -> Iterator[Page]:
    """The daily papers of each day from `first` to `last`, both included, one page a day; a day may be empty.

    A row is the Hub's item with the `date` of its page (ISO). `start` is the cursor of an earlier page: the next day.

    Raises:
        HubError: as the session; or one day has no end.
        ValueError: `last` is before `first`.
    """
    if last < first:
        raise ValueError(f"the last day {last} is before the first {first}")
    day = max(first, date.fromisoformat(start)) if start else first
    while day <= last:
        yield _day(session, day, last)
        day += timedelta(days=1)


def _day(session: HubSession, day: date, last: date) -> Page:
    rows: list[Any] = []
    synthetic, requests = False, 0
    for number in range(_REQUESTS_A_DAY):
        params = {"date": day.isoformat(), "limit": _PER_REQUEST, "p": number}
        answer = session.get(session.place("/api/daily_papers", params), list)
        items = [{**item, "date": day.isoformat()} if isinstance(item, dict) else item for item in answer.value]
        synthetic, requests = synthetic or answer.synthetic, requests + answer.requests
        if number and items and items == rows[-len(items) :]:
            raise HubError(f"The papers of {day} at {session.origin} repeat themselves: report it to whoever runs it.")
        rows += items
        if len(items) < _PER_REQUEST:
            cursor = (day + timedelta(days=1)).isoformat() if day < last else None
            return Page(rows, cursor, answer.observed_at, requests, synthetic)
    raise HubError(f"The papers of {day} at {session.origin} have no end: report it to whoever runs it.")
