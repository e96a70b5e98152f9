"""One session with a Hub: the only door for the pipeline's read requests.

Belongs here: origin, token, timeouts, retries, sleeps, byte and time caps, and turning every failure into one plain
sentence without a secret. Not: which lists exist and how they are paged (listing, organizations, papers), or writing to
a Hub (publication).
"""

import contextlib
import json
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from orchestration.ground.errors import HubscapeError
from orchestration.ground.text import inert, plain, read_json
from orchestration.hub.page import JsonRows, Seen
from orchestration.hub.quota import LONGEST_WAIT_SECONDS, Quota, asked_wait

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5
_SECONDS_WORTH_A_WORD = 5
_LABEL_CHARACTERS = 200
_REASON_BYTES, _REASON_SECONDS = 2**16, 5.0  # for the body of a refusal
_LIMIT = re.compile(r"(?<=[?&]limit=)[0-9]{1,9}(?![^&])")


class HubError(HubscapeError):
    """A Hub did not give or take what it was asked to, and may the next time; `status` is its answer's, if any."""

    worth_a_retry = True

    def __init__(self, sentence: str, status: int | None = None) -> None:
        """Takes the sentence for people."""
        super().__init__(sentence)
        self.status = status


class HubUnauthorized(HubError):
    """The Hub refused the token, or asks for one."""

    worth_a_retry = False


class HubNotFound(HubError):
    """The Hub does not know what was asked for."""


class HubRefused(HubError):
    """The Hub does not take a request as it is, such as a cursor that it has forgotten."""


class _Passing(Exception):
    """A failure that another try may mend; `wait_seconds` is what the Hub asked to wait, if it did."""

    def __init__(self, reason: str, wait_seconds: float | None = None, status: int | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds, self.status = wait_seconds, status


@dataclass(frozen=True)
class Limits:
    """Bounds of a session: whatever a Hub answers, no request, sleep, page or crawl exceeds them."""

    timeout_seconds: float = 30.0  # for each connect, read and write on the socket
    request_seconds: float = 300.0  # for one request, however slowly its answer drips
    max_page_bytes: int = 64 * 2**20  # after decompression
    max_sleep_seconds: float = LONGEST_WAIT_SECONDS
    deadline_seconds: float = 4 * 3600.0  # for the whole session, from its making
    max_retries: int = 5  # for one request
    max_pages: int = 10_000  # for one list
    retry_base_seconds: float = 1.0  # doubles with each retry up to eightfold
    quota_share: float = 0.8  # of the requests that the Hub allows in a window


_DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Answer:
    """A JSON answer: its `value`, the place of the next page if any, what the Hub said about it, the requests it cost.

    A list comes as `JsonRows`, unread, where it is JSON by the book, else as a list.
    """

    value: Any
    next_place: str | None
    observed_at: datetime
    synthetic: bool
    requests: int


@dataclass(frozen=True)
class _Reply:
    status: int
    headers: Mapping[str, str]
    next_link: str | None
    body: bytes
    reason: str  # why it is a refusal, in brackets, or nothing


class HubSession:
    """Reads JSON from one Hub and from no other host.

    A place is a path with its query on the Hub's origin. Places are what is remembered between runs, not URLs, since a
    Hub on this machine may come back on another port. `requests` counts every request sent, retries included;
    `source_label` is the name that a sandbox gives itself, or the Hub's origin; `quota` is what the Hub said of its
    rate limit, `date` the `Date` of its last answer. `say` is told of waits that are longer than some seconds; set it
    to have them heard.

    Raises:
        HubError: `endpoint` is no http(s) URL.
        HubUnauthorized: `token` cannot be one.
    """

    def __init__(self, endpoint: str, token: str | None, *, limits: Limits = _DEFAULT_LIMITS) -> None:
        """Sends nothing yet; a `token` of None or spaces reads anonymously."""
        import httpx2
        from huggingface_hub.utils import build_hf_headers

        try:
            url = httpx2.URL(endpoint.strip())
        except httpx2.InvalidURL:
            raise HubError("The address of the Hub is not a URL: set HF_ENDPOINT to one like https://host.") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise HubError("The address of the Hub has no http(s) host: set HF_ENDPOINT to one like https://host.")
        token = (token or "").strip()
        if not re.fullmatch(r"[!-~]*", token):
            raise HubUnauthorized("The token holds characters that no token has: set HF_TOKEN to a valid one.")
        self.limits = limits
        self.requests = 0
        self.quota = Quota(limits.quota_share)
        self.date = ""
        self.say: Callable[[str], None] = lambda _: None
        self.origin = origin_of(url)
        self.source_label = self.origin
        self._base = httpx2.URL(self.origin)
        self._prefix = url.path.rstrip("/")
        self._token = token
        # False, not None: with None the client would send whatever token it finds on this machine.
        self._headers = build_hf_headers(token=token or False, library_name="hubscape", library_version="0")
        # One encoding that we unpack ourselves: others, or several on top of each other, inflate past any byte count.
        self._headers |= {"accept": "application/json", "accept-encoding": "gzip"}
        self._ends = time.monotonic() + limits.deadline_seconds

    def identify(self) -> str:
        """The name of this source, at the price of one request: the sandbox's label or the Hub's origin."""
        self.get(self.place("/api/models", {"limit": 1}), list)
        return self.source_label

    def place(self, path: str, params: Mapping[str, str | int | Sequence[str]] | None = None) -> str:
        """The place of an API path (percent-encoded by the caller) with its query; a sequence repeats its name."""
        query = urlencode(params or {}, doseq=True)
        return f"{self._prefix}{path}" + (f"?{query}" if query else "")

    def get(self, place: str, shape: type[list] | type[dict]) -> Answer:
        """The JSON at `place`, which must be a list or an object as `shape` says; retries what may pass.

        Raises:
            HubNotFound: it does not exist.
            HubUnauthorized: the token is refused or needed.
            HubError: anything else, caps and deadline included.
        """
        attempt, before = 0, self.requests
        while True:
            self._await_quota(place)
            try:
                return self._answer(place, shape, before)
            except _Passing as failure:
                if attempt == self.limits.max_retries:
                    raise HubError(
                        f"{self._name(place)} failed {attempt + 1} times, lastly because {failure}: try again later.",
                        failure.status,
                    ) from None
                wait = self.limits.retry_base_seconds * min(2**attempt, 8)
                if failure.wait_seconds is not None:
                    wait = failure.wait_seconds + self.limits.retry_base_seconds
                self._sleep(min(wait, self.limits.max_sleep_seconds), place)
                attempt += 1

    def follow(self, place: str, what: str, *, by_id: bool = True) -> Iterator[Answer]:
        """The list at `place`, page by page along its next links; `what` calls it by name if it has no end.

        `by_id`: a page without a row that is new by its id is taken for an end that is missed. A page as full as was
        asked for and without a next link, where a list may end by chance or have been cut, is asked for once more with
        one row less, and gone on from as it comes then.

        Raises:
            HubError: as `get`; or the links lead round in circles, past the cap of pages, or to a page that is full
                and without a next link whatever its size.
        """
        places: set[str] = set()
        seen = Seen()
        while True:
            if len(places) == self.limits.max_pages:
                raise HubError(f"{what} at {self.origin} has more than {len(places):,} pages: check HF_ENDPOINT.")
            places.add(place)
            answer = self.get(place, list)
            if _is_cut(place, answer):
                smaller = _LIMIT.sub(lambda limit: str(int(limit[0]) - 1), place)
                again = self.get(smaller, list)
                if _is_cut(smaller, again):
                    raise HubError(
                        f"{what} at {self.origin} was interrupted: a page of {len(again.value):,} rows, as many as were"
                        " asked for, comes without a link to the next one; run again to go on from there."
                    )
                answer = replace(again, requests=answer.requests + again.requests)
            has_new = seen.add(answer.value) or not by_id
            if answer.next_place and (answer.next_place in places or not has_new):
                raise HubError(f"{what} at {self.origin} goes round in circles: report it to whoever runs it.")
            yield answer
            if answer.next_place is None:
                return
            place = answer.next_place

    def _await_quota(self, place: str) -> None:
        if wait := self.quota.wait_seconds():
            # A little later than the window's end, which is told in whole seconds.
            self._sleep(min(wait + self.limits.retry_base_seconds, self.limits.max_sleep_seconds), place)
            self.quota.left = None  # a new window

    def _sleep(self, seconds: float, place: str) -> None:
        if time.monotonic() + seconds >= self._ends:
            raise self._late(place)
        if seconds > _SECONDS_WORTH_A_WORD:
            self.say(f"waiting {seconds:.0f} s, as the Hub asks of those who have used up their requests or a busy Hub")
        time.sleep(seconds)

    def _answer(self, place: str, shape: type[list] | type[dict], requests_before: int) -> Answer:
        reply = self._follow_redirects(place)
        name = self._name(place)
        status, told = reply.status, f"status {reply.status}{reply.reason}"
        if status in (401, 403):
            advice = "set HF_TOKEN to a valid token" if self._token else "it needs a token, set HF_TOKEN"
            raise HubUnauthorized(f"{name} was refused with {told}: {advice}.", status)
        if status == 404:
            raise HubNotFound(f"{name} does not exist there{reply.reason}: check the name and HF_ENDPOINT.", status)
        if 400 <= status < 500:
            raise HubRefused(f"{name} was refused with {told}: check that HF_ENDPOINT is a Hub.", status)
        if status != 200:
            raise HubError(f"{name} was answered with {told}: check that HF_ENDPOINT is a Hub.", status)
        value = self._json(reply, name)
        if not isinstance(value, (list, JsonRows) if shape is list else shape):
            wanted = "list" if shape is list else "object"
            raise HubError(f"{name} gave no JSON {wanted} where one is due: check that HF_ENDPOINT is a Hub.")
        self.source_label = plain(reply.headers.get("x-hubscape-sandbox", ""), _LABEL_CHARACTERS) or self.origin
        return Answer(
            value=value,
            next_place=self._here(place, reply.next_link) if reply.next_link else None,
            observed_at=datetime.now(UTC),
            synthetic=reply.headers.get("x-hubscape-synthetic", "").strip().lower() == "true",
            requests=self.requests - requests_before,
        )

    def _json(self, reply: _Reply, name: str) -> Any:
        with contextlib.suppress(ValueError, RecursionError):
            return JsonRows(reply.body)
        try:
            return read_json(reply.body)
        except (ValueError, RecursionError):
            if "json" in reply.headers.get("content-type", "").lower():
                raise _Passing("its JSON is cut short or broken") from None
            raise HubError(f"{name} gave a page that is not JSON: check that HF_ENDPOINT is a Hub.") from None

    def _follow_redirects(self, place: str) -> _Reply:
        for _ in range(_MAX_REDIRECTS + 1):
            reply = self._request(place)
            if reply.status not in _REDIRECTS:
                return reply
            place = self._same_origin(place, reply.headers.get("location", ""))
        raise HubError(f"{self._name(place)} was redirected more than {_MAX_REDIRECTS} times: check HF_ENDPOINT.")

    def _here(self, place: str, link: str) -> str:
        """The place on this Hub that a next link names when met at `place`, whatever host it names.

        A mirror hands on its upstream's links, which know neither its host nor the path that it lies at.
        """
        found = self._url(place, link).raw_path.decode()
        return found if found.startswith(f"{self._prefix}/") else self._prefix + found

    def _same_origin(self, place: str, link: str) -> str:
        """The place that `link` names when met at `place`; raises `HubError` where it leads to another origin."""
        url = self._url(place, link)
        if (origin := origin_of(url)) != self.origin:
            raise HubError(
                f"{self._name(place)} points to another host, {inert(origin, 100)}, which is not followed: check"
                " HF_ENDPOINT."
            )
        return url.raw_path.decode()

    def _url(self, place: str, link: str) -> Any:
        """The whole address that `link` names when met at `place`."""
        import httpx2

        try:
            url = httpx2.URL(link)
            return url if url.is_absolute_url else self._base.copy_with(raw_path=place.encode()).join(url)
        except (httpx2.InvalidURL, ValueError):
            raise HubError(f"{self._name(place)} points to an address that is no URL: check HF_ENDPOINT.") from None

    def _request(self, place: str) -> _Reply:
        """One request, within its time.

        A dripping answer renews the socket's timeout with each byte, in its header too, where no code of ours runs: so
        the request has a thread of its own that can be left behind.
        """
        import httpx2

        now = time.monotonic()
        if now >= self._ends:
            raise self._late(place)
        ends = min(now + self.limits.request_seconds, self._ends)
        self.requests += 1
        future: Future[_Reply] = Future()

        def work() -> None:
            try:
                future.set_result(self._download(place, ends))
            except Exception as error:  # noqa: BLE001 - nothing is swallowed: it is raised again by result()
                future.set_exception(error)

        threading.Thread(target=work, name="hub-request", daemon=True).start()
        try:
            return future.result(timeout=ends - now)
        except TimeoutError:
            reason = f"it was still sending after {ends - now:.0f} s"
        except httpx2.TimeoutException:
            reason = f"nothing came for {self.limits.timeout_seconds:g} s"
        except httpx2.ConnectError:
            reason = "no connection could be made"
        except httpx2.TransportError:
            reason = "the connection broke"
        except OSError:
            # The client's own refusal when HF_HUB_OFFLINE is set, raised before anything is sent.
            raise HubError(f"{self._name(place)} was not asked: unset HF_HUB_OFFLINE to allow requests.") from None
        except (httpx2.InvalidURL, ValueError, OverflowError):
            raise HubError(f"{self._name(place)} is no address that can be asked: check HF_ENDPOINT.") from None
        # Raised out of the except blocks: the client's texts may quote headers, the token among them.
        raise _Passing(reason)

    def _download(self, place: str, ends: float) -> _Reply:
        from huggingface_hub.utils import get_session

        url = self._base.copy_with(raw_path=place.encode())
        with get_session().stream(
            "GET", url, headers=self._headers, timeout=self.limits.timeout_seconds, follow_redirects=False
        ) as response:
            status = response.status_code
            self.quota.learn(response.headers)
            self.date = response.headers.get("date", "")
            reason = self._reason(place, response, ends) if status >= 400 else ""
            if status in (408, 429) or status >= 500:
                wait = asked_wait(status, response.headers)
                raise _Passing(f"it answered with status {status}{reason}", wait, status)
            body = self._body(place, response, ends, self.limits.max_page_bytes) if status == 200 else b""
            return _Reply(status, response.headers, response.links.get("next", {}).get("url"), body, reason)

    def _reason(self, place: str, response: Any, ends: float) -> str:
        """What a refusal says for itself, in a header or in the JSON of its body, in brackets and without the token."""
        import httpx2

        told: Any = response.headers.get("x-error-message")
        if not told:
            ends = min(ends, time.monotonic() + _REASON_SECONDS)
            with contextlib.suppress(HubError, _Passing, ValueError, RecursionError, TimeoutError, httpx2.HTTPError):
                body = read_json(self._body(place, response, ends, _REASON_BYTES))
                body = body if isinstance(body, dict) else {}
                told = next(filter(None, map(body.get, ("error", "message", "detail"))), None)
        return in_brackets(told, self._token)

    def _body(self, place: str, response: Any, ends: float, cap: int) -> bytes:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip"):
            raise HubError(f"{self._name(place)} came in an encoding that was not asked for: check HF_ENDPOINT.")
        chunks, received = [], 0
        too_much = HubError(f"{self._name(place)} sent more than {cap:,} bytes in one page: check HF_ENDPOINT.")
        for chunk in response.iter_raw():
            chunks.append(chunk)
            received += len(chunk)
            if received > cap:
                raise too_much
            if time.monotonic() > ends:
                raise TimeoutError
        body = b"".join(chunks)
        if encoding == "identity":
            return body
        unpack = zlib.decompressobj(wbits=31)
        try:
            body = unpack.decompress(body, cap + 1)
        except zlib.error:
            raise _Passing("its answer could not be unpacked") from None
        if len(body) > cap:
            raise too_much
        if not unpack.eof:
            raise _Passing("its answer was cut short")
        return body

    def _name(self, place: str) -> str:
        """How a place is called in a message: without its query, which may hold a secret."""
        return f"{place.partition('?')[0][:200]} at {self.origin}"

    def _late(self, place: str) -> HubError:
        return HubError(
            f"{self._name(place)} is not asked again, since the whole crawl may take"
            f" {self.limits.deadline_seconds:.0f} s: run again to go on where it stopped."
        )


def _is_cut(place: str, answer: Answer) -> bool:
    """Whether a page may have been cut: as full as was asked for, and without a next link."""
    limit = _LIMIT.search(place)
    return answer.next_place is None and limit is not None and len(answer.value) >= int(limit[0]) > 1


def in_brackets(told: Any, token: str | None) -> str:
    """What a Hub said with a refusal, harmless, without the token and in brackets; nothing where it said nothing."""
    if not told:
        return ""
    text = told if isinstance(told, str) else json.dumps(told)
    text = re.sub(r"hf_\w+", "(a token)", text.replace(token, "(a token)") if token else text)
    return f" ({inert(' '.join(text.split()).rstrip('.'), 200)})"


def origin_of(url: Any) -> str:
    """Scheme, host and port of a parsed URL, the default port left out, user and password dropped."""
    port = url.port if url.port not in (None, {"http": 80, "https": 443}.get(url.scheme)) else None
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.scheme}://{host}" + (f":{port}" if port else "")
