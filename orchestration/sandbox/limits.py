"""What holds for every request to the sandbox Hub: its record, who asks, the quota, the labels on the answer.

A plain ASGI layer in front of the routes; what the routes answer does not belong here.
"""

import time
from collections import deque

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestration.sandbox.answers import HubError, Json
from orchestration.sandbox.catalogue import Catalogue

# Enough for any test or crawl to count its requests, and a bound for a server that runs for weeks.
RECORDED_REQUESTS = 200_000


class Quota:
    """Requests left in fixed windows, one bucket for the API and one for file downloads."""

    def __init__(self, quota: int, window_seconds: int) -> None:
        """Starts both windows with the first request that counts against them."""
        self.quota, self.window = quota, window_seconds
        self._buckets = {"api": (0.0, quota), "resolvers": (0.0, quota)}

    def take(self, bucket: str) -> tuple[bool, dict[str, str]]:
        """Whether the request fits in, and the rate-limit headers of its answer."""
        now = time.monotonic()
        started, left = self._buckets[bucket]
        if not started or now - started >= self.window:
            started, left = now, self.quota
        allowed = left > 0
        left = max(left - 1, 0)
        self._buckets[bucket] = started, left
        reset = max(1, round(self.window - (now - started)))
        return allowed, {
            "RateLimit": f'"{bucket}";r={left};t={reset}',
            "RateLimit-Policy": f'"fixed window";"{bucket}";q={self.quota};w={self.window}',
        }


class Front:
    """Records and labels every request, refuses wrong tokens and used-up quotas, tells the routes who asks."""

    def __init__(
        self, app: ASGIApp, catalogue: Catalogue, requests: deque[tuple[str, str]], token: str, quota: Quota
    ) -> None:
        """Wraps the routes."""
        self._plain = app
        self._gzip = GZipMiddleware(app, compresslevel=1)
        self._token = token
        self._requests = requests
        self._quota = quota
        self._catalogue = catalogue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection event of the server."""
        if scope["type"] != "http":
            return await self._plain(scope, receive, send)
        # The client escapes the slashes of a revision or a path: routes are matched before they are unescaped.
        path = scope["raw_path"].decode("latin-1")
        scope = {**scope, "path": path, "state": {**scope.get("state", {}), "authenticated": False}}
        labels = {"X-Hubscape-Sandbox": self._catalogue.label}
        if self._catalogue.synthetic:
            labels["X-Hubscape-Synthetic"] = "true"

        async def labelled(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(labels)
            await send(message)

        if path.startswith("/_sandbox/"):
            return await self._plain(scope, receive, labelled)
        query = scope["query_string"].decode("latin-1")
        self._requests.append((scope["method"], f"{path}?{query}" if query else path))
        allowed, limits = self._quota.take("resolvers" if "/resolve/" in path else "api")
        labels |= limits
        authorization = Headers(scope=scope).get("authorization")
        error: HubError | None = None
        if not allowed:
            error = HubError(429, "Too many requests: the quota of this window is used up.")
        elif authorization not in (None, f"Bearer {self._token}"):
            error = HubError(401, "Invalid credentials in Authorization header")
        if error is not None:
            return await Json(error.body, error.status, error.headers)(scope, receive, labelled)
        scope["state"]["authenticated"] = authorization is not None
        # A compressed download would lose its length and its ranges.
        return await (self._gzip if path.startswith("/api/") else self._plain)(scope, receive, labelled)
