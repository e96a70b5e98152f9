"""How many requests a crawl may still send: a bucket that the Hub's own headers fill.

Belongs here: what those headers say, read by the Hub's client, and when the next request may go. Not: sleeping, asking.
The Hub counts in fixed windows (HUB: 500 requests in 300 s without a token, 1,000 with one), and so does the bucket: in
each window it holds the share of the quota that a crawl allows itself, less what the Hub says is used, by whomever.
"""

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huggingface_hub.utils import RateLimitInfo

LONGEST_WAIT_SECONDS = 330  # a window of the rate limit is 300 s
_MOST = 10**9  # of requests or seconds; a Hub that tells more tells nonsense


def rate_limit(headers: Mapping[str, str]) -> "RateLimitInfo | None":
    """What an answer says of the quota, None where it says nothing or nonsense."""
    from huggingface_hub.utils import parse_ratelimit_headers

    try:
        told = parse_ratelimit_headers(headers)
    except ValueError:  # a number of thousands of digits
        return None
    return told if told and max(told.remaining, told.reset_in_seconds, told.limit or 0) <= _MOST else None


def asked_wait(status: int, headers: Mapping[str, str]) -> float | None:
    """Seconds until the rate limit's reset or, failing that, `Retry-After` in its form as a number; None if not told.

    However many, to infinity: the caller caps them.
    """
    # Every answer of the Hub tells the reset; it matters to the one that was refused for it.
    if status == 429 and (told := rate_limit(headers)):
        return float(told.reset_in_seconds)
    digits = headers.get("retry-after", "").strip()
    return float(digits) if digits.isdecimal() else None


class Quota:
    """Keeps requests below `share` of what the Hub allows; until the Hub has told its quota, nothing is held back.

    `limit` is the Hub's quota a window, `left` how many requests of it were left at the last answer, None if unknown.
    """

    def __init__(self, share: float = 0.8) -> None:
        """Knows of no quota yet."""
        self.share = share
        self.limit: int | None = None
        self.left: int | None = None
        self._resets_at = 0.0

    def learn(self, headers: Mapping[str, str]) -> None:
        """Takes over what an answer says of the quota; headers that say nothing, or nonsense, change nothing."""
        if told := rate_limit(headers):
            self.limit = told.limit or self.limit
            self.left = told.remaining
            self._resets_at = time.monotonic() + told.reset_in_seconds

    def wait_seconds(self) -> float:
        """Seconds until the next request may go: none while the bucket holds one, else until the window ends."""
        if self.limit is None or self.left is None:
            return 0.0
        reserve = math.ceil(self.limit * (1 - self.share) - 1e-9)
        return 0.0 if self.left > reserve else max(self._resets_at - time.monotonic(), 0.0)
