"""A crawl leaves a fifth of the quota to others, whoever used the rest, over real HTTP."""

import time

import pytest

from orchestration.hub.listing import pages
from orchestration.hub.quota import Quota
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
