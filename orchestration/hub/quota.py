"""How many requests a crawl may still send: a bucket that the Hub's own headers fill.

Belongs here: reading `RateLimit` and `RateLimit-Policy`, and when the next request may go. Not: sleeping, or asking.
The Hub counts in fixed windows (HUB: 500 requests in 300 s without a token, 1,000 with one), and so does the bucket: in
each window it holds the share of the quota that a crawl allows itself, less what the Hub says is used, by whomever.
"""

import math
import re
import time
from collections.abc import Mapping

_POLICY = re.compile(r";\s*q\s*=\s*([0-9]{1,9})\s*;\s*w\s*=\s*([0-9]{1,9})")
_STATE = re.compile(r";\s*r\s*=\s*([0-9]{1,9})\s*;\s*t\s*=\s*([0-9]{1,9})")


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
        policy = _POLICY.search(headers.get("ratelimit-policy", ""))
        state = _STATE.search(headers.get("ratelimit", ""))
        if policy and int(policy[1]):
            self.limit = int(policy[1])
        if state:
            self.left = int(state[1])
            self._resets_at = time.monotonic() + int(state[2])

    def wait_seconds(self) -> float:
        """Seconds until the next request may go: none while the bucket holds one, else until the window ends."""
        if self.limit is None or self.left is None:
            return 0.0
        reserve = math.ceil(self.limit * (1 - self.share) - 1e-9)
        return 0.0 if self.left > reserve else max(self._resets_at - time.monotonic(), 0.0)
