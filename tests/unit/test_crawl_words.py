"""What a crawl says while it works."""

from orchestration.crawl.plan import crawl_words
from orchestration.hub.quota import Quota


def test_rows_rate_quota_and_time_to_go():
    quota = Quota()
    quota.learn({"ratelimit": '"api";r=497;t=168', "ratelimit-policy": '"fixed window";"api";q=1000;w=300'})
    assert crawl_words(1_200_000, 2_000.4, 2_900_000, quota) == (
        "1,200,000 rows so far, 2,000 rows/s, 497 of 1,000 requests left in this window, about 0:14:10 to go"
    )


def test_what_is_not_known_is_not_said():
    assert crawl_words(1000, 10, None, Quota()) == "1,000 rows so far, 10 rows/s"
    assert crawl_words(1000, 10, 900, Quota()) == "1,000 rows so far, 10 rows/s"
