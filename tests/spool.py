"""The pages of a spool as they were appended, for tests."""

from orchestration.hub.page import Page
from orchestration.lake.spool import Spool, read_rows


def pages_of(spool: Spool) -> list[Page]:
    """The stored pages, in order."""
    return [
        Page(read_rows(page.path), page.cursor, page.observed_at, page.requests, page.synthetic, page.not_found)
        for page in spool.stored()
    ]
