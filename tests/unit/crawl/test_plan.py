"""Which days are crawled and which tables a Hub may be without, over real HTTP; what a crawl says while it works."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from orchestration.crawl import plan
from orchestration.crawl.plan import crawl_words, fetch
from orchestration.crawl.source import Gate
from orchestration.hub.quota import Quota
from orchestration.hub.session import HubError, HubSession
from orchestration.lake.bulk import was_observed
from orchestration.lake.manifest import Manifest
from orchestration.lake.snapshot import snapshot_dir, snapshots
from orchestration.settings import SettingsError, load_settings
from tests.contracts.hostile_server import Ask, Reply, hostile_hub
from tests.contracts.test_hub_session import QUICK

GATE = Gate(held_snapshot=lambda *_, **__: None, last_accepted=lambda *_: None, is_refused=lambda *_: False)
TODAY = dt.datetime.now(dt.UTC).date()
SANDBOX = {"X-Hubscape-Sandbox": "recorded"}


def crawl(data_dir: Path, url: str, table: str, day: dt.date = TODAY, **more: Any) -> Manifest:
    settings = load_settings(source="api", endpoint=url, data_dir=data_dir, snapshot_date=day, papers_days=3, **more)
    session = HubSession(url, None, limits=QUICK)
    return fetch(table, settings, session, GATE, refetch=False, progress=lambda _: None)


def small_hub(ask: Ask) -> Reply:
    """A model, no daily papers, and an organization in ten that it refuses to tell of."""
    if ask.path.startswith("/api/models"):
        return Reply([{"_id": "1", "id": "a/b", "createdAt": "2026-01-01T00:00:00.000Z"}])
    if ask.path.startswith("/api/organizations/"):
        name = ask.path.split("/")[3]
        return Reply({"error": "closed"}, status=410) if sum(name.encode()) % 10 == 0 else Reply({"name": name})
    return Reply({"error": "no such page"}, status=404)


@pytest.mark.parametrize("back", [1, 2, 190])
def test_a_live_hub_is_crawled_for_no_other_day_than_the_present(tmp_path, monkeypatch, back):
    monkeypatch.setattr(plan, "datetime", _Noon)
    with hostile_hub(small_hub) as hub:
        with pytest.raises(
            SettingsError, match=f"the Hub of today, {TODAY}, not that of .*`hubscape backfill`"
        ) as caught:
            crawl(tmp_path, hub.url, "models", TODAY - dt.timedelta(days=back))
        assert str(TODAY - dt.timedelta(days=back)) in str(caught.value) and not caught.value.worth_a_retry
        assert snapshots(tmp_path, "models") == [] and not (tmp_path / "spool").exists()
        assert crawl(tmp_path, hub.url, "models").rows == 1


def test_a_crawl_that_began_on_its_day_may_pass_midnight(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "datetime", _Noon)
    with hostile_hub(small_hub) as hub:
        yesterday = TODAY - dt.timedelta(days=1)
        assert crawl(tmp_path, hub.url, "models", yesterday, crawl_deadline_seconds=12 * 3600 + 1).rows == 1


def test_a_sandbox_serves_any_day(tmp_path):
    with hostile_hub(lambda ask: Reply(small_hub(ask).body, headers=SANDBOX)) as hub:
        assert crawl(tmp_path, hub.url, "models", dt.date(2026, 5, 21)).rows == 1


class _Noon(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
        return cls(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=tz)


def test_a_hub_without_daily_papers_has_a_snapshot_that_says_so(tmp_path):
    with hostile_hub(small_hub) as hub:
        manifest = crawl(tmp_path, hub.url, "daily_papers")
    assert not was_observed(manifest)
    assert (manifest.rows, manifest.not_found, manifest.complete) == (0, ["/api/daily_papers"], True)
    (part,) = snapshot_dir(tmp_path, "daily_papers", TODAY).glob("*.parquet")
    assert pq.read_table(part).num_rows == 0


def test_organizations_that_are_refused_are_counted_up_to_the_share_that_is_set(tmp_path, monkeypatch):
    handles = [f"org-{number:03}" for number in range(100)]
    monkeypatch.setattr(plan, "handles_to_read", lambda *_: handles)
    gone = [name for name in handles if sum(name.encode()) % 10 == 0]
    with hostile_hub(small_hub) as hub:
        with pytest.raises(HubError, match="6 organizations are refused, more than may be left out"):
            crawl(tmp_path, hub.url, "organizations")
        manifest = crawl(tmp_path, hub.url, "organizations", max_fault_share=0.1)
    assert len(gone) == 10 and was_observed(manifest)
    assert (manifest.rows, manifest.not_found) == (90, [f"{name} (status 410)" for name in gone])


def test_rows_rate_quota_and_time_to_go():
    quota = Quota()
    quota.learn({"ratelimit": '"api";r=497;t=168', "ratelimit-policy": '"fixed window";"api";q=1000;w=300'})
    assert crawl_words(1_200_000, 2_000.4, 2_900_000, quota) == (
        "1,200,000 rows so far, 2,000 rows/s, 497 of 1,000 requests left in this window, about 0:14:10 to go"
    )


def test_what_is_not_known_is_not_said():
    assert crawl_words(1000, 10, None, Quota()) == "1,000 rows so far, 10 rows/s"
    assert crawl_words(1000, 10, 900, Quota()) == "1,000 rows so far, 10 rows/s"
