"""Which snapshot the next one is measured against, over a real lake with real verdicts."""

import datetime as dt
import json
from pathlib import Path

import pytest

from orchestration.checks.gates import (
    is_refused,
    last_accepted,
    mart_rules,
    raw_rules,
    raw_subject,
    require_one_source,
)
from orchestration.checks.verdicts import Verdict, require_verdict, write_verdict
from orchestration.dbt import prepare_manifest
from orchestration.ground.errors import HubscapeError
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


def snapshot(data_dir: Path, day: dt.date, rows: int, verdict: str | None, rules: str | None = None) -> None:
    names = [{"id": f"a/{number}"} for number in range(rows)]
    page = Page(rows=names, cursor=None, observed_at=dt.datetime(2026, 1, 5, tzinfo=dt.UTC), requests=1)
    with Spool.open(data_dir, "models", day, source="api", source_label="x") as spool:
        spool.append(page)
        write_snapshot(spool)
    if verdict:
        result = CheckResult(layer="raw", table="models", check="volume", severity="error", verdict=verdict)
        now = settings(data_dir, day)
        names = {"subject": raw_subject(now, "models"), "rules": raw_rules(now, "models") if rules is None else rules}
        write_verdict(data_dir, Verdict(layer="raw", table="models", snapshot_date=day, results=[result], **names))


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


def test_a_verdict_by_other_rules_refuses_nothing_and_is_a_measure_all_the_same(tmp_path):
    for day, verdict in zip(DAYS, ("passed", "failed", "failed", "passed"), strict=True):
        snapshot(tmp_path, day, 9, verdict, rules="0123456789abcdef" if day != DAYS[2] else None)

    assert [is_refused(settings(tmp_path, day), "models") for day in DAYS] == [False, False, True, False]
    measures = [last_accepted(settings(tmp_path, day), "models") for day in DAYS]
    assert [manifest and manifest.snapshot_date for manifest in measures] == [None, DAYS[0], DAYS[0], DAYS[0]]


def test_a_verdict_of_before_rules_had_a_name_is_read_as_one_by_other_rules(tmp_path):
    snapshot(tmp_path, DAYS[0], 9, "passed")
    (path,) = (tmp_path / "checks/raw/models").glob("*.json")
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "rules"}))

    assert last_accepted(settings(tmp_path, DAYS[1]), "models").rows == 9
    now = settings(tmp_path, DAYS[0])
    with pytest.raises(HubscapeError, match="was checked by rules of before"):
        require_verdict(
            tmp_path, "raw", "models", DAYS[0], subject=raw_subject(now, "models"), rules=raw_rules(now, "models")
        )


def test_rules_are_named_by_what_they_ask_and_not_by_the_day(tmp_path):
    now = settings(tmp_path, DAYS[0])
    assert raw_rules(now, "models") == raw_rules(settings(tmp_path, DAYS[3]), "models")
    assert raw_rules(now, "models") != raw_rules(now, "spaces")
    assert raw_rules(now, "models") != raw_rules(now.model_copy(update={"max_volume_drop": 0.5}), "models")

    manifest = json.loads(prepare_manifest().read_text())
    named = mart_rules(now, prepare_manifest())
    verdict = manifest["nodes"]["model.hubscape.rpt_claims"]["columns"]["verdict"]
    verdict["config"]["meta"]["values"].append("unheard_of")
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert {t for t, name in mart_rules(now, tmp_path / "manifest.json").items() if name != named[t]} == {"rpt_claims"}


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
