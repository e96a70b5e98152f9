"""The session against a Hub that misbehaves, over real HTTP."""

import gzip
import json
import socket
import time
import traceback
import tracemalloc
from dataclasses import replace

import pytest

from orchestration.hub.session import HubError, HubNotFound, HubSession, HubUnauthorized, Limits
from tests.contracts.hostile_server import Ask, Reply, hostile_hub

TOKEN = "hf_very_secret_token"
QUICK = Limits(
    timeout_seconds=2,
    request_seconds=5,
    max_page_bytes=2**20,
    max_sleep_seconds=0.05,
    deadline_seconds=30,
    max_retries=2,
    retry_base_seconds=0.01,
)


def limits(**changes: float) -> Limits:
    return Limits(**{**QUICK.__dict__, **changes})


def read(url: str, token: str | None = TOKEN, shape: type = list, **changes: float):
    session = HubSession(url, token, limits=limits(**changes))
    return session.get(session.place("/api/things", {"secret": "s3cret"}), shape).value


def refused(url: str, *, error: type[HubError] = HubError, **options) -> str:
    """The sentence of the failure, checked for what no sentence may hold."""
    with pytest.raises(error) as caught:
        read(url, **options)
    everything = "".join(traceback.format_exception(caught.value))
    assert TOKEN not in everything and "s3cret" not in str(caught.value)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and url.removeprefix("http://") in text
    return text


def test_a_rate_limit_is_waited_for_until_its_reset():
    start = time.monotonic()

    def answer(ask: Ask) -> Reply:
        if time.monotonic() < start + 0.9:
            return Reply(status=429, headers={"RateLimit": '"api";r=0;t=1', "Retry-After": "0"})
        return Reply(["fine"])

    with hostile_hub(answer) as hub:
        # One retry alone: it only helps if it comes after the reset.
        assert read(hub.url, max_retries=1, max_sleep_seconds=5) == ["fine"]
        assert len(hub.asks) == 2


def test_the_reset_that_every_answer_tells_delays_no_other_retry():
    busy = Reply(status=503, headers={"RateLimit": '"api";r=497;t=168'})
    with hostile_hub(lambda ask: busy if ask.number == 0 else Reply(["fine"])) as hub:
        # Waiting for the reset would pass the deadline, which is refused.
        assert read(hub.url, max_sleep_seconds=330, deadline_seconds=20) == ["fine"]


@pytest.mark.parametrize("asked", ["999999", "9" * 400])
def test_a_rate_limit_without_end_is_given_up(asked):
    with hostile_hub(lambda _: Reply(status=429, headers={"Retry-After": asked})) as hub:
        assert "429" in refused(hub.url)
        assert len(hub.asks) == 1 + QUICK.max_retries


def test_no_sleep_reaches_beyond_the_deadline():
    with hostile_hub(lambda _: Reply(status=429, headers={"Retry-After": "999999"})) as hub:
        assert "run again" in refused(hub.url, max_sleep_seconds=999_999, deadline_seconds=20)
        assert len(hub.asks) == 1


def test_nothing_is_asked_after_the_deadline():
    with hostile_hub(lambda _: Reply()) as hub:
        assert "run again" in refused(hub.url, deadline_seconds=0)
        assert hub.asks == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_a_passing_failure_is_tried_again(status):
    with hostile_hub(lambda ask: Reply(status=status) if ask.number < 2 else Reply(["fine"])) as hub:
        session = HubSession(hub.url, None, limits=QUICK)
        assert session.get("/api/things", list).value == ["fine"]
        assert session.requests == len(hub.asks) == 3


def test_a_refused_connection():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert "no connection" in refused(f"http://127.0.0.1:{unused.getsockname()[1]}")


def test_an_answer_that_never_comes():
    with hostile_hub(lambda _: None) as hub:
        assert "nothing came" in refused(hub.url, timeout_seconds=0.1, max_retries=1)
        assert len(hub.asks) == 2


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(["x" * 5000], drip=True), id="body"),
        pytest.param(Reply(headers={"X-Long": "x" * 5000}, drip=True), id="head"),
    ],
)
def test_an_answer_that_drips_byte_by_byte(reply):
    with hostile_hub(lambda _: reply) as hub:
        assert "still sending" in refused(hub.url, request_seconds=0.4, max_retries=0)


def test_truncated_json_is_tried_again_and_then_refused():
    whole = json.dumps(list(range(1000))).encode()
    with hostile_hub(lambda ask: Reply(whole[:-7] if ask.number == 0 else whole)) as hub:
        assert read(hub.url) == list(range(1000))
    with hostile_hub(lambda _: Reply(whole[:-7])) as hub:
        assert "cut short" in refused(hub.url)


def test_an_answer_shorter_than_declared_is_tried_again():
    with hostile_hub(lambda ask: Reply(["x"], declared_length=900 if ask.number == 0 else None)) as hub:
        assert read(hub.url) == ["x"]


def test_gzip_is_unpacked_and_a_cut_one_is_tried_again():
    packed = gzip.compress(json.dumps(["packed"] * 500).encode())
    without_checksum = gzip.compress(json.dumps(["whole as JSON"]).encode())[:-8]

    def answer(ask: Ask) -> Reply:
        assert ask.headers["accept-encoding"] == "gzip"
        return Reply(without_checksum if ask.number == 0 else packed, headers={"Content-Encoding": "gzip"})

    with hostile_hub(answer) as hub:
        assert read(hub.url) == ["packed"] * 500
        assert len(hub.asks) == 2


def test_a_login_page_with_status_200():
    page = Reply(b"<html>Log in</html>", content_type="text/html")
    with hostile_hub(lambda _: page) as hub:
        assert "not JSON" in refused(hub.url)
        assert len(hub.asks) == 1


@pytest.mark.parametrize(("value", "shape"), [({"error": "x"}, list), ([1], dict), ("text", list), (None, dict)])
def test_the_wrong_shape(value, shape):
    with hostile_hub(lambda _: Reply(value)) as hub:
        assert "where one is due" in refused(hub.url, shape=shape)


def test_json_nested_too_deep():
    with hostile_hub(lambda _: Reply(b"[" * 200_000)) as hub:
        refused(hub.url)


def test_a_number_of_thousands_of_digits_spoils_its_own_value_only():
    with hostile_hub(lambda _: Reply(b'[{"likes": ' + b"9" * 6000 + b"}, 7]")) as hub:
        assert read(hub.url) == [{"likes": "9" * 6000}, 7]


def test_a_gzip_bomb_is_cut_off_while_it_is_unpacked():
    bomb = gzip.compress(b" " * 200_000_000, 1)
    with hostile_hub(lambda _: Reply(bomb, headers={"Content-Encoding": "gzip"})) as hub:
        tracemalloc.start()
        try:
            assert "more than" in refused(hub.url)
            assert tracemalloc.get_traced_memory()[1] < 30_000_000
        finally:
            tracemalloc.stop()
        assert len(hub.asks) == 1


def test_too_many_plain_bytes():
    with hostile_hub(lambda _: Reply(b"[" + b" " * 3_000_000 + b"]")) as hub:
        assert "more than" in refused(hub.url)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate"])
def test_an_encoding_that_was_not_asked_for(encoding):
    with hostile_hub(lambda _: Reply(b"[]", headers={"Content-Encoding": encoding})) as hub:
        assert "encoding" in refused(hub.url)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token(status):
    with hostile_hub(lambda _: Reply({"error": TOKEN}, status=status)) as hub:
        assert "set HF_TOKEN to a valid token" in refused(hub.url, error=HubUnauthorized)
        assert "needs a token" in refused(hub.url, error=HubUnauthorized, token=None)
        assert [ask.headers.get("authorization") for ask in hub.asks] == [f"Bearer {TOKEN}", None]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply({"error": "Access to model a/b is restricted."}), " (Access to model a/b is restricted): "),
        (Reply({"error": "x"}, headers={"X-Error-Message": "Repo is  gated"}), " (Repo is gated): "),
        (Reply({"detail": [{"loc": ["sort"], "msg": "one of likes, downloads"}]}), "one of likes, downloads"),
        (Reply({"message": "<b>\x1b[31m=cmd|[x](http://evil)"}), " (?b???31m?cmd??x?(http://evil)): "),
        (
            Reply({"error": f"Bearer {TOKEN} and hf_another are no good, nor ?secret"}),
            " (Bearer (a token) and (a token) are no good",
        ),
        (Reply({"error": "long " * 1000}), "...): "),
        (Reply({"error": ""}), ""),
        (Reply(["an array"]), ""),
        (Reply(b"<html>not JSON</html>", content_type="text/html"), ""),
        (Reply({"error": "x" * 100_000}), ""),
        (Reply(gzip.compress(b'{"error": "packed"}'), headers={"Content-Encoding": "gzip"}), " (packed): "),
        (Reply(b"[", declared_length=50), ""),
    ],
)
@pytest.mark.parametrize("status", [401, 403, 404, 410, 422, 451, 500, 503])
def test_what_a_refusal_says_for_itself_is_told_and_made_harmless(reply, words, status):
    with hostile_hub(lambda _: replace(reply, status=status)) as hub:
        text = refused(hub.url)
    assert words in text and "hf_" not in text.replace("huggingface", "")
    assert text.isascii() and not set(text) & set("<>[]|`\x1b") and len(text) < 600
    assert status == 404 or f"status {status}" in text or reply.declared_length


def test_a_refusal_that_drips_is_waited_for_no_longer_than_an_answer():
    slow = Reply({"error": "x" * 60_000}, status=403, drip=True)
    with hostile_hub(lambda _: slow) as hub:
        assert "still sending" in refused(hub.url, request_seconds=0.4, max_retries=0)


@pytest.mark.parametrize("status", [403, 404, 410, 418, 500])
def test_a_failure_knows_the_status_of_its_answer(status):
    with hostile_hub(lambda _: Reply(status=status)) as hub, pytest.raises(HubError) as caught:
        read(hub.url)
    assert caught.value.status == status


def test_a_missing_thing():
    with hostile_hub(lambda _: Reply(status=404)) as hub:
        refused(hub.url, error=HubNotFound)


def test_another_status():
    with hostile_hub(lambda _: Reply(status=418)) as hub:
        assert "418" in refused(hub.url)
        assert len(hub.asks) == 1


def test_reading_anonymously_sends_no_token_found_on_the_machine(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_machine")
    with hostile_hub(lambda _: Reply()) as hub:
        for token in (None, "", " \n"):
            read(hub.url, token=token)
        assert all("authorization" not in ask.headers for ask in hub.asks)


@pytest.mark.parametrize("token", [f"{TOKEN}\nX-Evil: 1", f"{TOKEN}é"])
def test_a_token_that_cannot_be_one(token):
    with pytest.raises(HubUnauthorized) as caught:
        HubSession("http://127.0.0.1:1", token)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("endpoint", ["", "huggingface.co", "ftp://host", "http://", "http://[::1", "http://h:port"])
def test_an_endpoint_that_is_no_address(endpoint):
    with pytest.raises(HubError, match="HF_ENDPOINT"):
        HubSession(endpoint, None)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:99999999", f"http://{'a' * 300}"])
def test_an_endpoint_that_cannot_be_reached(endpoint):
    refused(endpoint)


def test_a_redirect_on_the_same_origin_is_followed():
    replies = [Reply(status=307, headers={"Location": "/api/other?x=1"}), Reply(["there"])]
    with hostile_hub(lambda ask: replies[ask.number]) as hub:
        assert read(hub.url) == ["there"]
        assert hub.asks[1].path == "/api/other?x=1"


def test_a_redirect_without_end():
    with hostile_hub(lambda _: Reply(status=307, headers={"Location": "/again"})) as hub:
        assert "redirected" in refused(hub.url)
        assert len(hub.asks) < 10


@pytest.mark.parametrize(
    "to", ["{other}/api", "//{netloc}/api", "http://user@{netloc}/", "https://127.0.0.1/", "http://["]
)
def test_no_redirect_leads_to_another_origin(to):
    with hostile_hub(lambda _: Reply()) as other:
        location = to.format(other=other.url, netloc=other.url.removeprefix("http://"))
        with hostile_hub(lambda _: Reply(status=307, headers={"Location": location})) as hub:
            assert "points to" in refused(hub.url)
            assert len(hub.asks) == 1
        assert other.asks == []


def test_who_answers_and_whether_it_is_made_up():
    label = "synthetic; seed=7; scale=1.0; date=2026-11-23"
    with hostile_hub(lambda _: Reply(headers={"X-Hubscape-Sandbox": label, "X-Hubscape-Synthetic": "true"})) as hub:
        session = HubSession(hub.url, None)
        assert session.identify() == session.source_label == label
        assert session.get("/api/x", list).synthetic
        assert session.requests == 2
    with hostile_hub(lambda _: Reply()) as hub:
        session = HubSession(hub.url + "/", None)
        assert session.identify() == hub.url
        assert not session.get("/api/x", list).synthetic


def test_an_endpoint_with_a_path_keeps_it():
    with hostile_hub(lambda _: Reply()) as hub:
        HubSession(f"{hub.url}/mirror/", None).identify()
        assert hub.asks[0].path == "/mirror/api/models?limit=1"
