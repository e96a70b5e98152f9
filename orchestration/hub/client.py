"""The Hub's own client, made bounded: time limits, no endless waits, the token for the Hub's own origin only.

Belongs here: how files of a repo travel. Lists and other JSON are paged by `session`.
"""

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from huggingface_hub import HfApi

KEPT_BY_THE_HUB = frozenset({".gitattributes"})  # written by the Hub itself when a repo is made
_DEADLINE_SECONDS = 3600
_LONGEST_WAIT_SECONDS = 330  # a window of the rate limit is 300 s
_TIMEOUTS = {"connect": 10.0, "read": 120.0, "write": 120.0, "pool": 10.0}


class TransferError(RuntimeError):
    """Files could not be sent or fetched; the text says why and what to do."""


@contextmanager
def bounded_client(endpoint: str, token: str | None) -> Iterator["HfApi"]:
    """The Hub's client with time limits, which it has none of, and with plain LFS uploads.

    Uploads through Xet may arrive as several requests that outlive a killed process; LFS blobs are inert until the
    one commit names them.
    """
    import httpx2
    from huggingface_hub import HfApi, constants, set_client_factory
    from huggingface_hub.utils import disable_progress_bars
    from huggingface_hub.utils._http import default_client_factory

    origin = httpx2.URL(endpoint)
    ends = time.monotonic() + _DEADLINE_SECONDS

    class BoundedTransport(httpx2.HTTPTransport):
        """Time limits for each request and for all of them; the token goes to the Hub's own origin only."""

        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            if not any((request.extensions.get("timeout") or {}).values()):
                request.extensions["timeout"] = dict(_TIMEOUTS)
            if time.monotonic() > ends:
                raise TransferError(f"Transfers with {endpoint} took over {_DEADLINE_SECONDS} s: run again.")
            same = (request.url.scheme, request.url.host, request.url.port) == (origin.scheme, origin.host, origin.port)
            if "authorization" in request.headers and not same:
                raise TransferError(f"{endpoint} points to another host for a request with a token: check the address.")
            response = super().handle_request(request)
            _shorten_waits(response.headers)
            return response

    constants.HF_HUB_DISABLE_XET = True  # read from the environment at import, which may have happened long ago
    disable_progress_bars()
    set_client_factory(lambda: httpx2.Client(transport=BoundedTransport(), follow_redirects=True, timeout=None))
    try:
        yield HfApi(endpoint=endpoint, token=token or False)
    finally:
        # The factory is the whole process's, and its deadline is that of this transfer.
        set_client_factory(default_client_factory)


def _shorten_waits(headers: Any) -> None:
    """Caps what a Hub may ask the client to sleep, which does as it is told."""
    after = headers.get("retry-after", "")
    if after.isdigit() and float(after) > _LONGEST_WAIT_SECONDS:
        headers["retry-after"] = str(_LONGEST_WAIT_SECONDS)
    reset = re.search(r";\s*t=([0-9]+)", headers.get("ratelimit", ""))
    if reset and float(reset[1]) > _LONGEST_WAIT_SECONDS:
        headers["ratelimit"] = headers["ratelimit"].replace(reset[0], f";t={_LONGEST_WAIT_SECONDS}")


def has_content(path: Path, size: int, sha256: str | None, git_oid: str) -> bool:
    """Whether `path` is a file with the bytes that the Hub lists: by SHA-256 of a large file, by git's name of another.

    Git's name for a file is the SHA-1 over a header and the content.
    """
    if not path.is_file() or path.stat().st_size != size:
        return False
    with path.open("rb") as file:
        if sha256 is not None:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest() == git_oid


def client_errors() -> tuple[type[Exception], ...]:
    """What the client raises where a Hub is down, refuses, or answers with something that is not its API."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    return HfHubHTTPError, httpx2.HTTPError, OSError, ValueError, TypeError, AttributeError
