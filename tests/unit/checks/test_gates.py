"""Which snapshot the next one is measured against, over a real lake with real verdicts."""

import datetime as dt
from pathlib import Path

import pytest

from orchestration.checks.gates import is_refused, last_accepted, raw_subject, require_one_source
from orchestration.checks.verdicts import Verdict, write_verdict
from orchestration.hub.page import Page
from orchestration.lake.files import LakeError
from orchestration.lake.snapshot import write_snapshot
from orchestration.lake.spool import Spool
from orchestration.release.build import release_dir
from orchestration.release.datapackage import CheckResult, DataPackage, Provenance, RawSource
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


def test_history_of_another_source_is_not_gone_on_with(tmp_path):
    made_up = RawSource(
        table="models",
        source="api",
        source_label="synthetic; seed=7; scale=1.0; date=2026-01-02",
        synthetic=True,
        rows=1,
        faulty_rows=0,
        first_observed_at=None,
        last_observed_at=None,
        manifest_sha256="0" * 64,
    )
    package = DataPackage(
        snapshot_date=DAYS[1],
        synthetic=["models"],
        provenance=Provenance(hubscape="0", git_commit="unknown", packages={}),
        sources=[made_up],
        checks=[],
        empty_tables=[],
        resources=[],
    )
    folder = release_dir(tmp_path, DAYS[1])
    folder.mkdir(parents=True)
    (folder / "datapackage.json").write_text(package.text())

    require_one_source(settings(tmp_path, DAYS[2]), "synthetic; seed=7; scale=1.0; date=2026-01-03")
    require_one_source(settings(tmp_path, DAYS[1]), "https://huggingface.co")  # the day itself is made again
    with pytest.raises(LakeError, match="was made from synthetic; seed=7"):
        require_one_source(settings(tmp_path, DAYS[2]), "https://huggingface.co")
