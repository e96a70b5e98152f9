"""What a crawl hands over at a time.

Belongs here: the shape shared by all crawls. Not: how pages are fetched or stored.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Page:
    """One page of a crawl: its rows and the place where the crawl goes on, which belong together.

    `rows` are JSON values as the Hub sent them (an object each, if the Hub behaves), `cursor` is the `start` of the
    rest of the crawl or None when this page is the last, `observed_at` (UTC) is when the page was complete, `requests`
    what it cost, `synthetic` whether the Hub said that any of it is made up, `not_found` the names it does not know.
    """

    rows: list[Any]
    cursor: str | None
    observed_at: datetime
    requests: int
    synthetic: bool = False
    not_found: list[str] = field(default_factory=list)
