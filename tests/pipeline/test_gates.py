"""Which snapshot the next one is measured against, over a real lake with real verdicts."""

import datetime as dt
from pathlib import Path

import pytest

from orchestration.gates import is_refused, last_accepted, raw_subject
from orchestration.hub.page import Page
from orchestration.lake.snapshot import write_snapshot
from orchestration.lake.spool import Spool
from orchestration.release.datapackage import CheckResult
from orchestration.release.verdicts import Verdict, write_verdict
from orchestration.settings import Settings, load_settings

DAYS = [dt.date(2026, 1, day) for day in (1, 2, 3, 4)]


def settings(data_dir: Path, day: dt.date) -> Settings:
    return load_settings(data_dir=data_dir, snapshot_date=day)


def snapshot(data_dir: Path, day: dt.date, rows: int, verdict: str | None) -> None:
    names = [{"id": f"a/{number}"} for number in range(rows)]
    page = Page(rows=names, cursor=None, observed_at=dt.datetime(2026, 1, 5, tzinfo=dt.UTC), requests=1)
    with Spool.open(data_dir, "models", day, source="api", source_label="x") as spool:
        spool.append(page)
        write_snapshot(spool)
    if verdict:
        result = CheckResult(layer="raw", table="models", check="volume", severity="error", verdict=verdict)
        subject = raw_subject(settings(data_dir, day), "models")
        write_verdict(
            data_dir, Verdict(layer="raw", table="models", snapshot_date=day, subject=subject, results=[result])
        )


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    for day, rows, verdict in zip(DAYS, (9, 3, 3, 3), ("passed", "failed", None, "passed"), strict=True):
        snapshot(tmp_path, day, rows, verdict)
    return tmp_path


def test_a_refused_or_unjudged_snapshot_is_no_measure_for_the_next_one(lake):
    rows = [last_accepted(settings(lake, day), "models") for day in DAYS]

    assert [manifest and manifest.rows for manifest in rows] == [None, 9, 9, 9]


def test_a_refusal_counts_for_the_bytes_it_was_given_on(lake):
    assert [is_refused(settings(lake, day), "models") for day in DAYS] == [False, True, False, False]

    snapshot(lake, DAYS[1], 8, verdict=None)  # fetched again
    assert not is_refused(settings(lake, DAYS[1]), "models")
