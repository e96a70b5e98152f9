"""How the sandbox Hub answers: JSON, errors in the Hub's shape, bodies with a cap, links to the next page.

Nothing here knows what is asked for.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

KINDS = ("models", "datasets", "spaces")
PAGE_CAP = 1000


class Json(Response):
    """A JSON document; what JSON has no type for (dates in a card) is written as text."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The document as bytes."""
        return json.dumps(content, separators=(",", ":"), default=str).encode()


class HubError(Exception):
    """An answer that is not a success, with the headers the client tells errors apart by."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> None:
        """Puts the message into the body and, as one line, into a header."""
        super().__init__(message)
        # A stranger may have written it: a header holds ASCII without line breaks.
        line = " ".join(message.split()).encode("ascii", "backslashreplace").decode()
        self.status = status
        self.body = {"error": message, **body}
        self.headers = {"X-Error-Message": line, **({"X-Error-Code": code} if code else {}), **(headers or {})}


def error_answer(request: Request, error: Exception) -> Response:
    """The answer for a HubError raised by a handler."""
    assert isinstance(error, HubError)
    return Json(error.body, error.status, error.headers)


def authenticated(request: Request) -> bool:
    """Whether the request carries the sandbox's token; a wrong one never gets this far."""
    return request.state.authenticated


def require_token(request: Request) -> None:
    """Raises 401 for an anonymous request."""
    if not authenticated(request):
        raise HubError(401, "Invalid username or password.")


async def read_body(request: Request, cap: int = 16 << 20) -> bytes:
    """The whole body; raises 413 beyond `cap` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > cap:
            raise HubError(413, f"The body is larger than the {cap >> 20} MiB this request may have.")
    return bytes(body)


async def read_json(request: Request) -> dict[str, Any]:
    """The body as a JSON object; raises 400 if it is none."""
    try:
        document = json.loads(await read_body(request) or b"{}")
    except ValueError as error:
        raise HubError(400, "The body is not JSON.") from error
    if not isinstance(document, dict):
        raise HubError(400, "The body is not a JSON object.")
    return document


def origin(request: Request) -> str:
    """Scheme, host and port under which the caller reached the server."""
    return str(request.base_url).rstrip("/")


def page_limit(request: Request, cap: int = PAGE_CAP, default: int | None = None) -> int:
    """The asked-for page size, at most `cap`; raises 400 if it is no positive number."""
    text = request.query_params.get("limit", str(default or cap))
    if not text.isdecimal() or len(text) > 18 or int(text) == 0:
        raise HubError(400, '"limit" must be a positive number.')
    return min(int(text), cap)


def read_cursor(request: Request, length: int) -> list[Any] | None:
    """What `next_link` was given when it made this request's cursor, None on a first page; raises 400 if made up."""
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        cursor = json.loads(base64.urlsafe_b64decode(text))
    except (ValueError, binascii.Error) as error:
        raise HubError(400, "Invalid cursor.") from error
    if not isinstance(cursor, list) or len(cursor) != length:
        raise HubError(400, "Invalid cursor.")
    return cursor


def next_link(request: Request, cursor: list[Any]) -> dict[str, str]:
    """The `Link` header to the page after this one: the same request with the given cursor."""
    token = base64.urlsafe_b64encode(json.dumps(cursor, separators=(",", ":")).encode()).decode()
    params = [(key, value) for key, value in request.query_params.multi_items() if key != "cursor"]
    return {"Link": f'<{origin(request)}{request.scope["path"]}?{urlencode([*params, ("cursor", token)])}>; rel="next"'}
