"""A crawl leaves a fifth of the quota to others, whoever used the rest, over real HTTP."""

import time

import pytest

from orchestration.hub.client import transfers
from orchestration.hub.listing import pages
from orchestration.hub.quota import Quota, asked_wait
from orchestration.hub.session import HubError, HubSession, Limits
from tests.contracts.hostile_server import Ask, Reply, hostile_hub

QUOTA, WINDOW = 10, 1


class Window:
    """A Hub's fixed window: counts requests, refuses those over the quota."""

    def __init__(self) -> None:
        self.started, self.used, self.most = time.monotonic(), 0, 0

    def headers(self) -> dict[str, str]:
        now = time.monotonic()
        if now - self.started >= WINDOW:
            self.started, self.used = now, 0
        self.used += 1
        self.most = max(self.most, self.used)
        left = max(QUOTA - self.used, 0)
        return {
            "RateLimit": f'"api";r={left};t={max(round(WINDOW - (now - self.started)), 1)}',
            "RateLimit-Policy": f'"fixed window";"api";q={QUOTA};w={WINDOW}',
        }


def test_a_crawl_keeps_below_its_share_of_each_window():
    window = Window()

    def answer(ask: Ask) -> Reply:
        headers = window.headers()
        if ask.number < 19:
            headers["Link"] = f'</api/models?n={ask.number}>; rel="next"'
        return Reply([{"_id": str(ask.number), "id": "a/b"}], headers=headers)

    with hostile_hub(answer) as hub:
        session = HubSession(hub.url, None, limits=Limits(retry_base_seconds=0.05, deadline_seconds=30))
        assert len(list(pages(session, "models"))) == 20
        assert len(hub.asks) == 20
    assert window.most <= 0.8 * QUOTA
    assert session.quota.limit == QUOTA


def test_a_quota_used_up_by_others_is_waited_for_and_said():
    headers = {"RateLimit": '"api";r=1;t=7', "RateLimit-Policy": '"fixed window";"api";q=10;w=300'}
    words: list[str] = []
    with hostile_hub(lambda _: Reply([], headers=headers)) as hub:
        session = HubSession(hub.url, None, limits=Limits(deadline_seconds=5))
        session.say = words.append
        session.get("/api/models", list)
        with pytest.raises(HubError, match="run again to go on"):
            session.get("/api/models", list)  # the wait would pass the deadline
        assert len(hub.asks) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"ratelimit": "nonsense", "ratelimit-policy": "q=;w="},
        {"ratelimit": '"api";r=0;t=9'},
        {"ratelimit-policy": '"fixed window";"api";q=10;w=300'},
        {"ratelimit": '"api";r=0;t=9', "ratelimit-policy": '"fixed window";"api";q=0;w=300'},
        *(
            {"ratelimit": f'"api";r={r};t={t}', "ratelimit-policy": f'"fixed window";"api";q={q};w=300'}
            for digits in ("9" * 12, "9" * 400, "9" * 5000)
            for r, t, q in ((digits, 9, 10), (0, digits, 10), (0, 9, digits))
        ),
    ],
)
def test_a_hub_that_tells_no_quota_holds_nothing_back(headers):
    quota = Quota()
    quota.learn(headers)
    assert quota.wait_seconds() == 0


def test_the_last_request_of_the_share_is_allowed_and_no_more():
    quota = Quota(0.8)
    policy = '"fixed window";"api";q=500;w=300'
    quota.learn({"ratelimit": '"api";r=101;t=60', "ratelimit-policy": policy})
    assert quota.wait_seconds() == 0
    quota.learn({"ratelimit": '"api";r=100;t=60', "ratelimit-policy": policy})
    assert 59 < quota.wait_seconds() <= 60


def test_a_refused_request_waits_for_the_reset_and_any_other_for_what_it_is_told():
    told = {"ratelimit": '"api";r=0;t=60', "retry-after": "7"}
    assert (asked_wait(429, told), asked_wait(503, told), asked_wait(503, {})) == (60, 7, None)
    assert asked_wait(429, {"ratelimit": f'"api";r=0;t={"9" * 5000}', "retry-after": "7"}) == 7
    assert asked_wait(429, {"retry-after": "9" * 5000}) == float("inf")
    assert asked_wait(429, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) is None


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"RateLimit": '"api";r=0;t=7'}, 8),
        ({"RateLimit": f'"api";r=0;t={10**6}', "Retry-After": str(10**6)}, 331),
        ({"RateLimit": f'"api";r=3;t={"9" * 5000}', "Retry-After": "9" * 5000}, 331),
        ({"RateLimit": f'"api";r={"9" * 5000};t=7'}, 1),
    ],
)
def test_the_client_sleeps_no_longer_than_a_window_whatever_a_hub_tells(monkeypatch, told, seconds):
    slept: list[float] = []
    busy = Reply(status=429, headers=told)
    with (
        hostile_hub(lambda _: Reply([]) if slept else busy) as hub,
        transfers(hub.url, None, "a/b", "fetched", "main") as api,
    ):
        monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", slept.append)
        assert list(api.list_repo_tree("a/b", repo_type="dataset", revision="main")) == []
        monkeypatch.undo()
    assert slept == [seconds]
