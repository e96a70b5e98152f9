"""The Hub's own client, made bounded: time limits, no endless waits, the token for the Hub's own origin only.

Belongs here: how files of a repo travel. Lists and other JSON are paged by `session`.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from orchestration.ground.errors import HubscapeError
from orchestration.ground.files import sha256_of
from orchestration.hub.quota import LONGEST_WAIT_SECONDS, asked_wait, rate_limit
from orchestration.hub.session import HubError, HubNotFound, HubUnauthorized, in_brackets, origin_of

if TYPE_CHECKING:
    from huggingface_hub import HfApi

KEPT_BY_THE_HUB = frozenset({".gitattributes"})  # written by the Hub itself when a repo is made
_DEADLINE_SECONDS = 3600
_TIMEOUTS = {"connect": 10.0, "read": 120.0, "write": 120.0, "pool": 10.0}


@contextmanager
def bounded_client(endpoint: str, token: str | None) -> Iterator["HfApi"]:
    """The Hub's client with time limits, which it has none of, and with plain LFS uploads.

    Uploads through Xet may arrive as several requests that outlive a killed process; LFS blobs are inert until the
    one commit names them.

    Raises:
        HubError: what is asked through it leads to another host, or takes too long altogether.
    """
    import httpx2
    from huggingface_hub import HfApi, constants, set_client_factory
    from huggingface_hub.utils import disable_progress_bars
    from huggingface_hub.utils._http import default_client_factory

    origin = origin_of(httpx2.URL(endpoint))
    ends = time.monotonic() + _DEADLINE_SECONDS

    class BoundedTransport(httpx2.HTTPTransport):
        """Time limits for each request and for all of them; the token goes to the Hub's own origin only."""

        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            if not any((request.extensions.get("timeout") or {}).values()):
                request.extensions["timeout"] = dict(_TIMEOUTS)
            if time.monotonic() > ends:
                raise HubError(f"Transfers with {endpoint} took over {_DEADLINE_SECONDS} s: run again.")
            if "authorization" in request.headers and origin_of(request.url) != origin:
                raise HubError(f"{endpoint} points to another host for a request with a token: check the address.")
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


@contextmanager
def transfers(
    endpoint: str, token: str | None, what: str, deed: Literal["published", "fetched"], revision: str = ""
) -> Iterator["HfApi"]:
    """The bounded client for one deed; whatever fails in the block is one sentence on `what`, and holds no token.

    `revision`: what is fetched of it, named if it does not exist.

    Raises:
        HubUnauthorized: the token may not write. HubNotFound: there is no such dataset, or it has no such revision.
        HubError: the Hub is down, refuses, or answers with what is not its API. HubscapeError: the disk fails.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    with bounded_client(endpoint, token) as api:
        try:
            yield api
        except (HfHubHTTPError, httpx2.HTTPError, OSError, ValueError, TypeError, AttributeError) as error:
            # Their own texts may quote headers, and Dagster keeps whole chains, so the chain ends here.
            raise _failure(error, endpoint, token, what, deed, revision) from None


def _failure(error: Exception, endpoint: str, token: str | None, what: str, deed: str, revision: str) -> HubscapeError:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    status, reason = None, ""
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        # What a store says that files are uploaded to may quote an address that is signed.
        if origin_of(error.response.request.url) == origin_of(httpx2.URL(endpoint)):
            reason = in_brackets(error.server_message, token)
    if deed == "published" and status in {401, 403}:
        advice = "set HF_TOKEN to a token that may write it"
        return HubUnauthorized(f"{endpoint} refused to let {what} be written (HTTP {status}){reason}: {advice}.")
    if revision and isinstance(error, RevisionNotFoundError):
        return HubNotFound(f"{what} at {endpoint} has no revision {revision}: name a branch, a tag or a commit of it.")
    if revision and isinstance(error, RepositoryNotFoundError):
        advice = "check the name and HF_TOKEN"
        return HubNotFound(f"There is no dataset {what} at {endpoint} that this token may read: {advice}.")
    if status:
        return HubError(f"{endpoint} answered HTTP {status}{reason} while {what} was being {deed}: run again.")
    if isinstance(error, httpx2.TransportError):
        return HubError(f"{endpoint} could not be reached while {what} was being {deed}: run again when it is.")
    reason = getattr(error, "strerror", None)  # the disk's, which says the same the next time
    kind, reason = (HubscapeError, reason) if reason else (HubError, type(error).__name__)
    return kind(f"{what} at {endpoint} could not be {deed} ({reason}): mend that and run again.")


def _shorten_waits(headers: Any) -> None:
    """Caps what a Hub may ask the client to sleep, which does as it is told; a quota that is nonsense is left out."""
    told = rate_limit(headers)
    if told is None or told.reset_in_seconds > LONGEST_WAIT_SECONDS:
        headers.pop("ratelimit", None)
    if (asked_wait(0, headers) or 0) > LONGEST_WAIT_SECONDS:
        headers["retry-after"] = str(LONGEST_WAIT_SECONDS)


def has_content(path: Path, size: int, sha256: str | None, git_oid: str) -> bool:
    """Whether `path` is a file with the bytes that the Hub lists: by SHA-256 of a large file, by git's name of another.

    Git's name for a file is the SHA-1 over a header and the content.
    """
    if not path.is_file() or path.stat().st_size != size:
        return False
    if sha256 is not None:
        return sha256_of(path) == sha256
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest() == git_oid
