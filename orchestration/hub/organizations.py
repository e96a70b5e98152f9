"""Reads organization overviews, one request each. Belongs here: which handles can be asked, and in which order."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from orchestration.ground.text import plain
from orchestration.hub.page import Page
from orchestration.hub.session import HubError, HubNotFound, HubSession

_HANDLE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,95}")
# Answers about one organization that say nothing of the others: closed, gone, withheld by law, broken.
_OF_ONE = frozenset({403, 410, 451, 500})


def pages(
    session: HubSession,
    handles: Sequence[str],
    *,
    start: str | None = None,
    batch: int = 50,
    max_refused_share: float = 0.05,
) -> Iterator[Page]:
    """The overview of each handle, `batch` handles a page, in case-insensitive order; at least one page.

    A row is the overview with the `handle` as it was asked. Handles that differ only in case are asked once. What the
    Hub does not know, what cannot be a handle and so is never requested, and what the Hub refuses to tell of, with the
    status, is listed in `not_found`. `start` is the cursor of an earlier page: how many were refused so far, and the
    last handle done.

    Raises:
        HubError: as the session; or more than one and than `max_refused_share` of the handles are refused.
    """
    todo = sorted({handle.lower(): handle for handle in sorted(handles, reverse=True)}.items())
    most_refused, refused = max(1, int(max_refused_share * len(todo))), 0
    if start is not None:
        before, _, done = start.partition(" ")
        refused = int(before)
        todo = [pair for pair in todo if pair[0] > done.lower()]
    for first in range(0, len(todo) or 1, batch):
        rows: list[dict[str, Any]] = []
        not_found: list[str] = []
        observed_at, synthetic, before = None, False, session.requests
        for _, handle in todo[first : first + batch]:
            if not _HANDLE.fullmatch(handle):
                not_found.append(plain(handle, 100))
                continue
            try:
                answer = session.get(session.place(f"/api/organizations/{quote(handle, safe='')}/overview"), dict)
            except HubNotFound:
                not_found.append(handle)
                continue
            except HubError as error:
                if error.status not in _OF_ONE:
                    raise
                refused += 1
                if refused > most_refused:
                    sentence = (
                        f"{refused} organizations are refused, more than may be left out, the last one so: {error}"
                    )
                    raise HubError(sentence, error.status) from None
                not_found.append(f"{handle} (status {error.status})")
                continue
            rows.append({**answer.value, "handle": handle})
            observed_at, synthetic = answer.observed_at, synthetic or answer.synthetic
        yield Page(
            rows=rows,
            cursor=f"{refused} {todo[first + batch - 1][1]}" if first + batch < len(todo) else None,
            observed_at=observed_at or datetime.now(UTC),
            requests=session.requests - before,
            synthetic=synthetic,
            not_found=not_found,
        )
