"""Crawls the Hub's daily papers. Belongs here: a day at a time, the day's pages. Not: what a paper means."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from orchestration.hub.page import Page
from orchestration.hub.session import Answer, HubError, HubNotFound, HubSession

ADDRESS = "/api/daily_papers"
_PER_REQUEST = 100
_REQUESTS_A_DAY = 50


def pages(session: HubSession, first: date, last: date, *, start: str | None = None, batch: int = 10) -> Iterator[Page]:
    """The daily papers of each day from `first` to `last`, both included, `batch` days a page; a page may be empty.

    A row is the Hub's item with the `date` of its page (ISO). `start` is the cursor of an earlier page: the next day.
    A Hub that has no daily papers at all gives one empty page, with their address as what was not found.

    Raises:
        HubError: as the session; or one day has no end.
        ValueError: `last` is before `first`.
    """
    if last < first:
        raise ValueError(f"the last day {last} is before the first {first}")
    day, before = max(first, date.fromisoformat(start)) if start else first, session.requests
    while day <= last:
        next_day = min(day + timedelta(days=batch), last + timedelta(days=1))
        rows: list[Any] = []
        answers: list[Answer] = []
        while day < next_day:
            try:
                for answer in _answers(session, day):
                    answers.append(answer)
                    stamp = {"date": day.isoformat()}
                    rows += [{**item, **stamp} if isinstance(item, dict) else item for item in answer.value]
            except HubNotFound:
                if day > first or answers:  # it had them a moment ago
                    raise
                yield Page([], None, datetime.now(UTC), session.requests - before, not_found=[ADDRESS])
                return
            day += timedelta(days=1)
        yield Page(
            rows=rows,
            cursor=day.isoformat() if day <= last else None,
            observed_at=answers[-1].observed_at,
            requests=sum(answer.requests for answer in answers),
            synthetic=any(answer.synthetic for answer in answers),
        )


def _answers(session: HubSession, day: date) -> Iterator[Answer]:
    """The pages of a day."""
    before = None
    for number in range(_REQUESTS_A_DAY):
        params = {"date": day.isoformat(), "limit": _PER_REQUEST, "p": number}
        answer = session.get(session.place(ADDRESS, params), list)
        if answer.value and answer.value == before:
            raise HubError(f"The papers of {day} at {session.origin} repeat themselves: report it to whoever runs it.")
        yield answer
        if len(answer.value) < _PER_REQUEST:
            return
        before = answer.value
    raise HubError(f"The papers of {day} at {session.origin} have no end: report it to whoever runs it.")
