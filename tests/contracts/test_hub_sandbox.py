"""From a Hub to the lake: the crawls against the sandbox Hub, over real HTTP, into real snapshots."""

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from orchestration.hub import listing, organizations, papers
from orchestration.hub.session import HubSession, HubUnauthorized
from orchestration.lake.snapshot import snapshot_dir, verify, write_snapshot
from orchestration.lake.spool import Spool
from orchestration.sandbox.recorded import recorded_catalogue
from tests.sandbox import TOKEN, running_sandbox, small_catalogue
from tests.support import recorded_dir

DAY = date(2026, 1, 2)


def opened(data_dir: Path, table: str, session: HubSession):
    return Spool.open(data_dir, table, DAY, source="sandbox", source_label=session.identify())


def rows_of(data_dir: Path, table: str) -> list[dict]:
    return pq.read_table(snapshot_dir(data_dir, table, DAY)).to_pylist()


def test_an_interrupted_crawl_of_models_asks_for_each_page_once(tmp_path):
    catalogue = small_catalogue(models=2_500)
    with running_sandbox(catalogue, tmp_path / "store") as hub:
        session = HubSession(hub.url, TOKEN)
        with opened(tmp_path, "models", session) as spool:
            for page in listing.pages(session, "models", page_size=400):
                spool.append(page)
                if spool.requests == 3:
                    break
    # The sandbox comes back on another port.
    with running_sandbox(catalogue, tmp_path / "store") as hub:
        session = HubSession(hub.url, None)
        with opened(tmp_path, "models", session) as spool:
            for page in listing.pages(session, "models", start=spool.cursor):
                spool.append(page)
            manifest = write_snapshot(spool)
        assert len([path for _, path in hub.requests if path.startswith("/api/models")]) == 1 + 4  # identify, the rest
    assert verify(tmp_path, "models", DAY) == manifest
    assert (manifest.rows, manifest.duplicate_rows, manifest.faulty_rows, manifest.requests) == (2_500, 0, 0, 7)
    assert (manifest.source_label, manifest.synthetic, manifest.unknown_fields) == (catalogue.label, True, {})
    rows = {row["_id"]: row for row in rows_of(tmp_path, "models")}
    for expected in catalogue.models:
        row = rows[expected["_id"]]
        for name in ("id", "author", "downloads", "likes", "tags", "private", "sha", "usedStorage", "trendingScore"):
            assert row[name] == expected[name]


def test_overviews_and_papers(tmp_path):
    with running_sandbox(small_catalogue(), tmp_path / "store") as hub:
        session = HubSession(hub.url, TOKEN)
        with opened(tmp_path, "organizations", session) as spool:
            for page in organizations.pages(session, ["Qwen", "no-such"]):
                spool.append(page)
            overviews = write_snapshot(spool)
        with opened(tmp_path, "daily_papers", session) as spool:
            for page in papers.pages(session, date(2026, 1, 1), DAY):
                spool.append(page)
            days = write_snapshot(spool)
    assert (overviews.rows, overviews.faulty_rows, overviews.not_found) == (1, 0, ["no-such"])
    assert (days.rows, days.faulty_rows) == (1, 0)
    (overview,) = rows_of(tmp_path, "organizations")
    assert (overview["handle"], overview["numModels"], overview["isVerified"]) == ("Qwen", 3, True)
    (paper,) = rows_of(tmp_path, "daily_papers")
    assert (paper["date"], paper["paper"]["id"], paper["paper"]["upvotes"]) == (DAY, "2601.00001", 3)


def test_a_wrong_token(tmp_path):
    with (
        running_sandbox(small_catalogue(models=1), tmp_path) as hub,
        pytest.raises(HubUnauthorized, match="HF_TOKEN") as caught,
    ):
        HubSession(hub.url, "hf_wrong").identify()
    assert "hf_wrong" not in str(caught.value)


@pytest.mark.parametrize("table", ["models", "datasets", "spaces"])
def test_recorded_rows_arrive_whole(tmp_path, table):
    catalogue = recorded_catalogue(recorded_dir())
    with running_sandbox(catalogue, tmp_path / "store") as hub:
        session = HubSession(hub.url, None)
        with opened(tmp_path, table, session) as spool:
            for page in listing.pages(session, table):
                spool.append(page)
            manifest = write_snapshot(spool)
    expected = getattr(catalogue, table)
    assert (manifest.rows, manifest.duplicate_rows, manifest.faulty_rows) == (len(expected), 0, 0)
    assert (manifest.source_label, manifest.synthetic, manifest.unknown_fields) == ("recorded", False, {})
    assert sorted(row["id"] for row in rows_of(tmp_path, table)) == sorted(row["id"] for row in expected)
