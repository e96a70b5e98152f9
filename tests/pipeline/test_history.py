"""A second snapshot carries the first on and tells what has changed, as the two states of the Hub themselves say."""

import datetime as dt
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from orchestration.sandbox.catalogue import Catalogue
from orchestration.sandbox.ecosystem import synthetic_catalogue
from tests.hubscape import hubscape
from tests.sandbox import TOKEN, running_sandbox

FIRST, SECOND = dt.date(2026, 11, 12), dt.date(2026, 11, 20)
TABLE = "fct_organization_snapshots"


def snapshots(data_dir: Path, date: dt.date) -> list[dict]:
    return pq.read_table(data_dir / "release" / f"{date}" / "data" / TABLE / f"{TABLE}.parquet").to_pylist()


def totals(catalogue: Catalogue) -> dict[str, tuple[int | None, int, int]]:
    """Followers, downloads and likes of each handle, in lower case, counted from the rows of the Hub."""
    downloads, likes = Counter(), Counter()
    for rows in (catalogue.models, catalogue.datasets, catalogue.spaces):
        for row in rows:
            handle = row["id"].partition("/")[0].lower()
            downloads[handle] += row.get("downloads", 0)
            likes[handle] += row["likes"]
    followers = {handle: overview["numFollowers"] for handle, overview in catalogue.organizations.items()}
    return {h: (followers.get(h), downloads[h], likes[h]) for h in {*downloads, *likes, *followers}}


def test_the_next_snapshot_holds_the_earlier_one_and_the_changes_since(tmp_path):
    states = {}
    for date in (FIRST, SECOND):
        catalogue = synthetic_catalogue(seed=7, scale=0.02, date=date)
        states[date] = totals(catalogue)
        with running_sandbox(catalogue, tmp_path / "hub") as hub:
            environment = {
                "HUBSCAPE_SOURCE": "api",
                "HF_ENDPOINT": hub.url,
                "HF_TOKEN": TOKEN,
                "HUBSCAPE_DATA_DIR": str(tmp_path / "data"),
                "HUBSCAPE_SNAPSHOT_DATE": f"{date}",
                "HUBSCAPE_PUBLISH_REPO": "somebody/observatory",
                "HUBSCAPE_PAPERS_DAYS": "20",
                "HUBSCAPE_TOP_HANDLES": "5",
            }
            done = hubscape("run", environment)
            assert done.returncode == 0, done.stderr[-3000:]

    first, both = snapshots(tmp_path / "data", FIRST), snapshots(tmp_path / "data", SECOND)
    carried = [row for row in both if row["snapshot_date"] == FIRST]
    current = [row for row in both if row["snapshot_date"] == SECOND]
    assert carried == first
    assert len(current) > 150
    assert all(row["change_1d_gap_days"] is row["change_30d_gap_days"] is None for row in current)

    earlier = {row["handle"]: row for row in first}
    compared = 0
    for row in current:
        if row["handle"] not in earlier:
            assert row["change_7d_gap_days"] is row["likes_change_7d"] is None
            continue
        then, now = (states[date].get(row["handle"].lower(), (None, 0, 0)) for date in (FIRST, SECOND))
        known = then[0] is not None and now[0] is not None
        assert row["change_7d_gap_days"] == 8
        assert row["followers_change_7d"] == (now[0] - then[0] if known else None), row["handle"]
        assert row["downloads_30d_change_7d"] == now[1] - then[1], row["handle"]
        assert row["likes_change_7d"] == now[2] - then[2], row["handle"]
        compared += known and now[0] != then[0]
    assert compared > 100, "hardly anything has changed, so nothing was tested"
